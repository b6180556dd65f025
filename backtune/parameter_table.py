"""The parameter table of an instrument: every control as a host numbers, names and scales it."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from backtune.control import Control, Value, place_of
from backtune.panel import Panel

NRPN_NUMBERS = 16384 - 128  # the highest 128 are left to the null parameter and its neighbours


@dataclass(frozen=True)
class Parameter:
    """One control as a host sees it.

    - `id`: 31 bits made from the name, so that it never changes. `nrpn`: made from it; `cc` as the map in use says.
    - `value`, `default`, `minimum`, `maximum` in `unit`; choices are counted from 0 and told by `texts`. A file is
      its own text, and has no place between them: `normalised` is None.
    - `normalised`, `normalised_default`: 0..1 on the control's curve. `skew`: the exponent that a host needs which
      knows no other curves: ((value - minimum) / (maximum - minimum))^skew is exact at the ends and the default.
    - `steps`: between the ends, 0 = continuous.
    """

    id: int
    name: str
    short_name: str
    group: str
    unit: str
    minimum: float
    maximum: float
    default: float
    normalised_default: float
    value: float | str
    normalised: float | None
    curve: str
    skew: float
    steps: int
    texts: tuple[str, ...]
    cc: int | None
    nrpn: int
    smoothing_s: float
    description: str
    moves: str


def parameter_id(name: str) -> int:
    """Return the number, 31 bits, by which hosts know a control for ever."""
    return zlib.crc32(f"backtune/{name}".encode()) & 0x7FFFFFFF


def parameter_nrpn(name: str) -> int:
    """Return the non-registered parameter number, 14 bits, of a control."""
    return parameter_id(name) % NRPN_NUMBERS


def parameter_table(panel: Panel, controllers: Mapping[str, int]) -> tuple[Parameter, ...]:
    """Return the parameters of an instrument; `controllers`: the MIDI controller that moves each control."""
    return tuple(_parameter(one, panel.value(name), controllers.get(name)) for name, one in panel.controls.items())


def _parameter(control: Control, value: Value, cc: int | None) -> Parameter:
    at = control.normalised(control.default)
    file = value if isinstance(value, str) and value not in control.choices else None
    return Parameter(
        id=parameter_id(control.name),
        name=control.name,
        short_name=control.short,
        group=control.group,
        unit=control.unit,
        minimum=control.low,
        maximum=control.high,
        default=_number(control, control.default),
        normalised_default=at,
        value=_number(control, value) if file is None else file,
        normalised=control.normalised(value) if file is None else None,
        curve=control.curve,
        skew=_skew(control, at),
        steps=control.steps,
        texts=control.choices,
        cc=cc,
        nrpn=parameter_nrpn(control.name),
        smoothing_s=control.smoothing_s,
        description=control.sentence,
        moves=control.moves,
    )


def _number(control: Control, value: Value) -> float:
    return float(place_of(value, control.choices, control.name)) if isinstance(value, str) else value


def _skew(control: Control, at: float) -> float:
    if control.curve != "log" or not 0.0 < at < 1.0:
        return 1.0
    way = (float(control.default) - control.low) / (control.high - control.low)
    return math.log(at) / math.log(way)
