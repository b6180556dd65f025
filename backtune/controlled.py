"""The fold under controls: how settings, still or moving, act on a note, on layers and on the voice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from backtune.control import Control, Value
from backtune.errors import InputError
from backtune.layer import Layer
from backtune.made_control import MadeControl
from backtune.notes import NoteEvent
from backtune.panel import Panel
from backtune.units import LOG_POWER_DB
from backtune.voice import Floats, Voice

Course = Callable[[Floats], Any]  # times in s since the onset of the note -> values, or one choice
PACES = ("partial_hz", "mode_decay_s", "partial_release_db_s", "noise_release_db_s", "mode_release_db_s")


@dataclass(frozen=True)
class Stand:
    """Where the controls stand for one note: those that differ from their default, still or on a course."""

    panel: Panel
    courses: Mapping[str, Course]

    def value(self, name: str, times_s: Floats) -> Any:
        """Return a control's own value at times (T,): numbers (T,), or a choice."""
        if name in self.courses:
            return self.courses[name](times_s)
        value = self.panel.value(name)
        return value if isinstance(value, str) else np.full(len(times_s), value)

    def moved(self, name: str, times_s: Floats) -> Any:
        """Return a control's value with what controls of the player's own add to it; InputError beyond its range."""
        value, control = self.value(name, times_s), self.panel.controls[name]
        movers = self._movers(name)
        for made, move in movers:
            value = move.applied(value, made.position(self.value(made.control.name, times_s)))
        if not isinstance(value, str):
            for end in (float(np.min(value)), float(np.max(value))):
                if not control.low - 1e-9 <= end <= control.high + 1e-9:
                    made_by = f"{', '.join(made.control.name for made, _ in movers)}: " if movers else ""
                    reach = f"{control.low:g}..{control.high:g} {control.unit}".rstrip()
                    raise InputError(f"controls.{made_by}{name}: {end:g} is outside {reach}")
        return value

    def active(self) -> list[Control]:
        """Return the controls that may do something, in the order they act."""
        movers = {move.target for made in self._standing() for move in made.moves}
        names = {*self.panel.values, *self.courses, *movers}
        return [one for name, one in self.panel.controls.items() if name in names]

    def layers(self, layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
        """Return the layers with the laws that controls of the player's own move, as they stand at the onset.

        Raises InputError, naming the controls, for a law moved beyond its range.
        """
        out = []
        for layer in layers:
            laws, movers = dict(layer.laws), []
            for made in self._standing():
                for move in made.moves:
                    kind, _, law = move.target.partition(".")
                    if kind == layer.kind and law in laws:
                        position = made.position(self.value(made.control.name, np.zeros(1)))[0]
                        values = move.applied(laws[law].values, float(position))
                        laws[law] = laws[law].with_values(values, "edited")
                        movers.append(made.control.name)
            try:
                out.append(type(layer)(laws) if movers else layer)
            except InputError as error:
                raise InputError(f"controls.{', '.join(dict.fromkeys(movers))}: {error}") from None
        return tuple(out)

    def _standing(self) -> list[MadeControl]:
        moving = {*self.panel.values, *self.courses}
        return [made for name, made in self.panel.made.items() if name in moving]

    def _movers(self, name: str) -> list[tuple[MadeControl, Any]]:
        return [(made, move) for made in self._standing() for move in made.moves if move.target == name]


def check_ends(layers: tuple[Layer, ...], panel: Panel, name: str) -> None:
    """Raise InputError when an end of a control of the player's own leads what it moves out of range, as all stands."""
    made = panel.made[name]
    for end in (made.control.low, made.control.high):
        stand = Stand(panel, {name: partial(np.full_like, fill_value=end)})
        stand.layers(layers)
        for move in made.moves:
            if move.target in panel.controls:
                stand.moved(move.target, np.zeros(1))


def fold(layers: tuple[Layer, ...], note: NoteEvent, times_s: Floats, seed: Callable[[float], int]) -> Voice:
    """Return the voice of a note without any control: the fold of all layers."""
    voice = Voice.silent(note, times_s, seed(note.midi))
    for layer in layers:
        voice = layer.shape(voice)
    return voice


def controlled_fold(
    layers: tuple[Layer, ...], note: NoteEvent, times_s: Floats, seed: Callable[[float], int], stand: Stand
) -> Voice:
    """Return the voice of a note under controls: exactly that of `fold` when all stand at their defaults.

    `times_s` (T,): frames. `seed` of a played pitch. Raises InputError when moves together leave a range.
    """
    active = stand.active()
    if not active:
        return fold(layers, note, times_s, seed)
    onset = np.zeros(1)
    played, clock = note, times_s
    for control in active:
        if control.play is not None:
            played = control.play(played, _at_once(stand.moved(control.name, onset)))
        if control.clock is not None:
            clock = control.clock(clock, _at_once(stand.moved(control.name, onset)))
    voice = Voice.silent(played, clock, seed(played.midi))
    for layer in stand.layers(layers):
        before, voice = voice, layer.shape(voice)
        for control in active:
            if control.weighs is not None and control.weighs(type(layer)):
                weight = stand.moved(control.name, times_s)
                now = int(np.searchsorted(times_s, 0.0))
                voice = (added if layer.adds_sound else blended)(before, voice, weight, min(now, len(times_s) - 1))
    voice = voice.with_(times_s=times_s)
    for control in active:
        if control.shape is not None:
            value = stand.moved(control.name, times_s)
            if control.partners:
                value = (value, *(stand.moved(partner, times_s) for partner in control.partners))
            voice = control.shape(voice, note, value)
    return voice


def added(before: Voice, after: Voice, gain_db: Floats, onset: int) -> Voice:
    """Return `after` with what it adds to `before` by `gain_db` (T,) louder; modes as at frame `onset`."""
    old, struck = len(before.partial_hz), len(before.mode_hz)
    partials, modes = after.partial_db.copy(), after.mode_db.copy()
    partials[old:] += gain_db
    modes[struck:] += gain_db[onset]
    power = np.exp(after.noise_db * LOG_POWER_DB) - np.exp(before.noise_db * LOG_POWER_DB)
    total = np.exp(before.noise_db * LOG_POWER_DB) + np.maximum(power, 0.0) * np.exp(gain_db * LOG_POWER_DB)
    return after.with_(partial_db=partials, mode_db=modes, noise_db=np.log(np.maximum(total, 1e-20)) / LOG_POWER_DB)


def blended(before: Voice, after: Voice, amount: Floats, onset: int) -> Voice:
    """Return the voice `amount` (T,) of the way from `before` to `after`, in dB and cents; 1 is `after`.

    Partials and modes that only `after` has come in by `amount` as a gain.
    """
    still = float(amount[onset])
    gain_db = 20.0 * np.log10(np.maximum(amount, 1e-10))

    def way(name: str, share: Any) -> Floats:
        one, other = getattr(before, name), getattr(after, name)
        out: Floats = other.copy()
        out[: len(one)] = one + share * (other[: len(one)] - one)
        return out

    partials, modes = way("partial_db", amount), way("mode_db", still)
    partials[len(before.partial_hz) :] += gain_db
    modes[len(before.mode_hz) :] += gain_db[onset]
    return after.with_(
        **{name: _by_ratio(getattr(before, name), getattr(after, name), still) for name in PACES},
        partial_db=partials,
        bend_cents=way("bend_cents", amount),
        noise_db=way("noise_db", amount),
        mode_db=modes,
    )


def _by_ratio(before: Floats, after: Floats, amount: float) -> Floats:
    """Return numbers `amount` of the way, by their ratio; by their difference where one of them is 0: it rings on."""
    out: Floats = after.copy()
    one, other = before, after[: len(before)]
    both = (one > 0.0) & (other > 0.0)
    ratio = np.divide(other, one, out=np.ones(len(one)), where=both)
    out[: len(one)] = np.where(both, one * ratio**amount, np.maximum(one + amount * (other - one), 0.0))
    return out


def _at_once(value: Value | Floats) -> Any:
    return value if isinstance(value, str) else float(np.asarray(value).ravel()[0])
