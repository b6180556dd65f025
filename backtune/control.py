"""A control: something a player may move, its range, and what it does to notes, to layers and to voices."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from backtune.errors import InputError, nearest
from backtune.layer import Layer
from backtune.notes import NoteEvent
from backtune.voice import Floats, Voice

Value = float | str


@dataclass(frozen=True)
class Control:
    """A playable surface; at its default it does nothing at all.

    - `name`, `short` (at most 12 characters, for small displays), `group`, `unit`, `low`..`high`, `default`.
    - `curve`: "linear", or "log" for factors: equal ways of the knob are equal ratios.
    - `cc`: the MIDI controller it listens to by default. `smoothing_s`: steps take this long.
    - `sentence`: for the player. `moves`: which laws it moves, and how.
    - `choices`: for a control that is a choice of names (then `low`..`high` count them). `files`: endings of files that
      it may stand at instead, also several joined by "+"; `opens(value)` raises InputError for those it cannot.

    What it does, in this order; a value is a number, or a choice:
    - `play(note, value)`: the note that is played instead. `clock(times_s, value)`: when the fold is asked instead.
    - `weighs(layer type)`: layers it moves: what they add by `value` dB, how they shape by the factor `value`.
    - `shape(voice, note, value)`: the voice that sounds instead; `value` (T,) follows the frames. With `partners`
      it gets a tuple of values, its own first.
    `offered(layer types, struck)`: whether an instrument has it.
    """

    name: str
    short: str
    group: str
    unit: str
    low: float
    high: float
    default: Value
    sentence: str
    moves: str
    cc: int | None = None
    curve: str = "linear"
    smoothing_s: float = 0.02
    choices: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    opens: Callable[[Any], object] | None = None
    play: Callable[[NoteEvent, Any], NoteEvent] | None = None
    clock: Callable[[Floats, float], Floats] | None = None
    weighs: Callable[[type[Layer]], bool] | None = None
    shape: Callable[[Voice, NoteEvent, Any], Voice] | None = None
    partners: tuple[str, ...] = ()
    offered: Callable[[tuple[type[Layer], ...], bool], bool] = lambda kinds, struck: True

    def check(self, value: Any, where: str) -> Value:
        """Return `value` if it is allowed; raise InputError, beginning with `where`, with the range if not."""
        if self.choices:
            if isinstance(value, str) and (value in self.choices or value.lower().endswith(self.files or ("\0",))):
                return value
            if not isinstance(value, str):
                raise InputError(f"{where}: {value!r}; one of {', '.join(self.choices)} is needed")
            also = f", or a file ({self.endings})" if self.files else ""
            raise InputError(f"{where}: '{value[:60]}'; {nearest(value[:60], self.choices)}{also}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise InputError(f"{where}: {value!r}; a number in {self.low:g}..{self.high:g} {self.unit}".rstrip())
        if not self.low <= value <= self.high:
            side, limit = ("below", self.low) if value < self.low else ("above", self.high)
            raise InputError(f"{where}: {value:g} is {side} the allowed {limit:g} {self.unit}".rstrip())
        return float(value)

    def normalised(self, value: Value) -> float:
        """Return where on the way from `low` to `high` a value lies, 0..1, exact at both ends.

        Raises InputError for a file, which lies nowhere on it.
        """
        if isinstance(value, str):
            return place_of(value, self.choices, self.name) / (len(self.choices) - 1)
        if value in (self.low, self.high):
            return float(value == self.high)
        if self.curve == "log":
            at = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            at = (value - self.low) / (self.high - self.low)
        return min(max(at, 0.0), 1.0)  # rounding alone can leave it by 1e-16

    def real(self, normalised: float) -> Value:
        """Return the value at a way 0..1 from `low` to `high`, exact at both ends; the nearest choice of a choice.

        Raises InputError for a number outside 0..1.
        """
        if not 0.0 <= normalised <= 1.0:
            raise InputError(f"{self.name}: {normalised} is outside 0..1")
        if self.choices:
            return self.choices[math.floor(normalised * (len(self.choices) - 1) + 0.5)]
        if normalised in (0.0, 1.0):
            return self.high if normalised else self.low
        if self.curve == "log":
            value = self.low * (self.high / self.low) ** normalised
        else:
            value = self.low + (self.high - self.low) * normalised
        return min(max(value, self.low), self.high)  # rounding alone can leave it

    def from_controller(self, step: int, steps: int = 127) -> Value:
        """Return the value of a controller at `step` of `steps`; the step nearest to the default is the default.

        Raises InputError for a step outside 0..`steps`.
        """
        return self.default if step == self.to_controller(self.default, steps) else self.real(step / steps)

    def to_controller(self, value: Value, steps: int = 127) -> int:
        """Return the step of a controller with 0..`steps` nearest to a value."""
        return math.floor(self.normalised(value) * steps + 0.5)

    def text(self, value: Value) -> str:
        """Return a value as a display shows it."""
        return value if isinstance(value, str) else f"{value:.4g} {self.unit}".rstrip()

    def files_in(self, value: Any) -> list[str]:
        """Return the files that a value names, none for a number or one of the choices."""
        if not isinstance(value, str) or value in self.choices or not self.files:
            return []
        joints = "|".join(rf"(?<={re.escape(ending)})\+" for ending in self.files)  # a name may hold a + elsewhere
        return re.split(joints, value, flags=re.IGNORECASE)

    @property
    def endings(self) -> str:
        """Which files it may stand at, in words."""
        return f"{', '.join(self.files)} or {'+'.join(self.files)}"

    @property
    def steps(self) -> int:
        """How many steps there are between the ends; 0 = continuous."""
        return len(self.choices) - 1 if self.choices else 0


def place_of(value: str, choices: tuple[str, ...], name: str) -> int:
    """Return which of `choices` a value is; raise InputError, beginning with `name`, for a file, which is none."""
    if value not in choices:
        raise InputError(f"{name}: '{value}' is a file, which has no place between the named choices")
    return choices.index(value)


def at_onset(voice: Voice, value: Floats) -> float:
    """Return the value that holds at the perceived onset of the note."""
    return float(value[min(int(np.searchsorted(voice.times_s, 0.0)), len(value) - 1)])
