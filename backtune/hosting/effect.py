"""A built-in effect: its parameters with their ranges, and how pedalboard makes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from backtune.errors import InputError, nearest
from backtune.reading.audio_files import audio_facts
from backtune.units import amplitude_to_db

Setting = float | str
IR_LEVEL = 0.125  # JUCE scales an impulse response to this energy (root of the sum of squares)
LONGEST_IR_S = 30.0
FEWEST_FRAMES = 3  # pedalboard takes (2, 1) for one channel of two frames, and cannot tell (2, 2)


def unit_of(name: str) -> str:
    """Return the unit that the name of a setting ends in, "" when it has none."""
    return {"db": "dB", "hz": "Hz", "ms": "ms", "s": "s"}.get(name.rpartition("_")[2], "")


@dataclass(frozen=True)
class Knob:
    """One parameter of a built-in effect.

    - `name` ends in its unit. `low`, `high`, `initial`: in that unit. `sentence`: what turning it does.
    - `attribute`: pedalboard's name for it. `moves`: whether it can be automated.
    """

    name: str
    low: float
    high: float
    initial: float
    sentence: str
    attribute: str = ""
    moves: bool = True


@dataclass(frozen=True)
class Effect:
    """A kind of built-in effect: `mix` is its usual share of wet sound, `choices` its settings that are names,
    the usual one first. `file`: the name of the setting that is a file's path, if it has one."""

    kind: str
    sentence: str
    knobs: tuple[Knob, ...]
    make: Callable[[Any, Mapping[str, Setting]], Any]
    mix: float = 1.0
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    file: str = ""

    @property
    def names(self) -> list[str]:
        """Names of everything that can be set."""
        return [*(knob.name for knob in self.knobs), *self.choices, *([self.file] if self.file else [])]

    @property
    def usual(self) -> dict[str, Setting]:
        """The settings that hold where nothing else is said."""
        return {knob.name: knob.initial for knob in self.knobs} | {name: c[0] for name, c in self.choices.items()}

    def check(self, name: str, value: Any, where: str) -> Setting:
        """Return a setting that is allowed; raise InputError with the range or the nearest name otherwise."""
        if name == self.file and isinstance(value, str):
            return value
        if name in self.choices:
            if str(value) not in self.choices[name]:
                raise InputError(f"{where}.{name}: '{value}'; {nearest(str(value), self.choices[name])}")
            return str(value)
        knobs = {knob.name: knob for knob in self.knobs}
        if name not in knobs:
            raise InputError(f"{where}.{name}: '{self.kind}' has no such parameter; {nearest(name, self.names)}")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"{where}.{name}: '{value}' is no number")
        knob = knobs[name]
        if not knob.low <= value <= knob.high:
            side, bound = ("below", knob.low) if value < knob.low else ("above", knob.high)
            raise InputError(f"{where}.{name}: {value:g} is {side} the allowed {bound:g}")
        return float(value)


Maker = Callable[[Effect, Mapping[str, Setting]], Any]


def from_class(name: str, **fixed: Any) -> Maker:
    """Return how to make pedalboard's class `name` from the settings of an effect's knobs."""

    def make(effect: Effect, settings: Mapping[str, Setting]) -> Any:
        import pedalboard

        values = {knob.attribute or knob.name: settings[knob.name] for knob in effect.knobs}
        return getattr(pedalboard, name)(**values, **fixed)

    return make


def make_ladder(effect: Effect, settings: Mapping[str, Setting]) -> Any:
    """Return a ladder filter of a shape and slope."""
    import pedalboard

    names = {"low_pass": "LPF", "high_pass": "HPF", "band_pass": "BPF"}
    mode = getattr(pedalboard.LadderFilter.Mode, f"{names[str(settings['shape'])]}{settings['slope']}"[:5])
    values: dict[str, Any] = {knob.attribute or knob.name: settings[knob.name] for knob in effect.knobs}
    return pedalboard.LadderFilter(mode=mode, **values)


def make_resample(effect: Effect, settings: Mapping[str, Setting]) -> Any:
    """Return a way down to another rate and back."""
    import pedalboard

    quality = {"clean": "WindowedSinc32", "linear": "Linear", "steps": "ZeroOrderHold"}[str(settings["quality"])]
    return pedalboard.Resample(float(settings["rate_hz"]), getattr(pedalboard.Resample.Quality, quality))


def make_convolution(effect: Effect, settings: Mapping[str, Setting]) -> Any:
    """Return a convolution with the impulse response in `file`."""
    import pedalboard

    response, own_rate = read_response(Path(str(settings["file"])))
    convolution = pedalboard.Convolution(response, 1.0, float(own_rate))
    return pedalboard.Pedalboard([convolution, pedalboard.Gain(float(-amplitude_to_db(IR_LEVEL)))])


def read_response(path: Path) -> tuple[Any, int]:
    """Return (impulse response (2, frames) float32, rate in Hz); raise InputError when it cannot be one."""
    import soundfile

    facts = audio_facts(path)
    if facts.frames > LONGEST_IR_S * facts.rate or facts.channels > 2:
        given = f"{facts.frames / facts.rate:.1f} s, {facts.channels} channels"
        raise InputError(f"{path}: {given}; allowed: {LONGEST_IR_S:g} s, 1 or 2 channels")
    try:
        audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise InputError(f"{path}: not readable as audio ({error})") from None
    if not np.all(np.isfinite(audio)) or not np.any(audio):
        raise InputError(f"{path}: the impulse response is silent or holds samples that are not finite")
    audio = np.pad(audio, ((0, max(0, FEWEST_FRAMES - len(audio))), (0, 0)))
    return np.ascontiguousarray(np.broadcast_to(audio.T, (2, len(audio)))), int(rate)
