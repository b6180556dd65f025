"""Units of numbers in a DAWproject session: what they are called there, and values told in another than their own."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from backtune.control import Control, Value
from backtune.errors import InputError
from backtune.units import amplitude_to_db

LINEAR, NORMALIZED = "linear", "normalized"
UNITS = {"dB": "decibel", "Hz": "hertz", "s": "seconds"}  # of the schema; all else is "linear"
CENTS = 100.0  # a semitone
FACTORS, WHOLE = ("", "x"), 100.0  # units of controls that percent tell, and percent of 1


@dataclass(frozen=True)
class Told:
    """How a number in a session becomes the value of a control; raises InputError, beginning with a place.

    `bent`: what is a straight line between numbers is none between values.
    """

    value: Callable[[float, str], Value]
    bent: bool = False


def unit_named(unit: str) -> str:
    """Return what the schema calls the unit of a control."""
    return UNITS.get(unit, LINEAR)


def told_in(unit: str | None, control: Control, where: str) -> Told:
    """Return how to read numbers in a unit of the schema, None = the control's own.

    Raises InputError, beginning with `where`, for a unit that tells nothing of the control.
    """

    def as_choice(number: float, at: str) -> Value:
        if not 0 <= number < len(control.choices):
            raise InputError(f"{at}: choice {number:g}; allowed: 0..{len(control.choices) - 1}")
        return control.choices[int(number)]

    def along_the_way(number: float, at: str) -> Value:
        if not 0.0 <= number <= 1.0:
            raise InputError(f"{at}: {number:g} normalized; allowed: 0..1")
        return control.real(number)

    own = LINEAR if control.choices else unit_named(control.unit)
    known = {own: Told(as_choice if control.choices else control.check)}
    known[NORMALIZED] = Told(along_the_way, control.curve == "log")
    if own == "decibel":  # a gain is a factor there, as on the faders of the schema
        known[LINEAR] = Told(lambda factor, at: control.check(_decibels(factor), at), bent=True)
    if control.unit in FACTORS and not control.choices:
        known["percent"] = Told(lambda percent, at: control.check(percent / WHOLE, at))
    if control.unit == "cents":
        known["semitones"] = Told(lambda semitones, at: control.check(CENTS * semitones, at))
    if unit is not None and unit not in known:
        raise InputError(f"{where}: its points are in '{unit[:60]}'; allowed: {', '.join(sorted(known))}")
    return known[unit or own]


def _decibels(factor: float) -> float:
    return float(amplitude_to_db(factor)) if factor > 0.0 else -math.inf
