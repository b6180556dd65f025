"""SFZ regions: what the opcodes mean for one sample - keys, velocities, pitch, level, stretch, conditions."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from backtune.errors import InputError
from backtune.reading.sfz_text import SfzText
from backtune.units import parse_note

Opcodes = Mapping[str, str]

# Controllers before anyone moves them (MIDI recommended practice); all others stand at 0
_INITIAL_CC = {7: 100 / 127, 10: 64 / 127, 11: 1.0}
# Built-in curves of ARIA: 0 rising, 1 bipolar, 2 falling, 3 bipolar falling, 4 squared, 5 square root, 6 inverse root
_CURVES = {
    0: lambda x: x,
    1: lambda x: 2.0 * x - 1.0,
    2: lambda x: 1.0 - x,
    3: lambda x: 1.0 - 2.0 * x,
    4: lambda x: x * x,
    5: lambda x: math.sqrt(x),
    6: lambda x: math.sqrt(1.0 - x),
}
PLAIN_TRIGGERS = ("attack", "first")
HIGHEST_CC = 127  # numbers above are not controllers but velocity, key, random...
FILTERING = re.compile(r"cutoff\d?")
LOUDEST_DB = 60.0


@dataclass(frozen=True)
class Region:
    """One sample as a sampler would play it when a key is struck.

    - `sample`: name as written, with its default path. `keys`, `velocities`: inclusive ranges.
    - `sounding`: pitch (MIDI, with a fraction) that the designer says the sample has.
    - `gain_db(velocity)` through `level_db`, `velocity_share`, `velocity_curve`.
    - `start_frame`, `stop_frame`: stretch of the file. `turn`: round robin position. `filtered`: not played plain.
    """

    sample: str
    keys: tuple[int, int]
    velocities: tuple[int, int]
    sounding: float
    level_db: float = 0.0
    velocity_share: float = 1.0
    velocity_curve: tuple[tuple[float, float], ...] = ()
    start_frame: int = 0
    stop_frame: int | None = None
    turn: tuple[int, float] = (1, 0.0)
    filtered: bool = False

    @property
    def reached(self) -> bool:
        """Whether any key at any velocity sounds it: some texts switch regions off by ranges that hold nothing."""
        return self.keys[0] <= self.keys[1] and self.velocities[0] <= self.velocities[1]

    def gain_db(self, velocity: float) -> float:
        """Return the level at which a note of this velocity is played, dB (sfizz: 1 - t + t (v/127)^2)."""
        curve = (velocity / 127.0) ** 2
        for (low, low_gain), (high, high_gain) in itertools.pairwise(self.velocity_curve):
            if low <= velocity <= high:
                curve = low_gain + (high_gain - low_gain) * (velocity - low) / max(high - low, 1e-9)
        share = min(abs(self.velocity_share), 1.0)
        gain = 1.0 - share * (1.0 - curve) if self.velocity_share >= 0 else 1.0 - share * curve
        return min(LOUDEST_DB, self.level_db + 20.0 * math.log10(max(gain, 1e-5)))


class Controllers:
    """The controllers as the instrument sets them, and the curves that bend them."""

    def __init__(self, text: SfzText, where: str) -> None:
        """Read set_ccN, set_hdccN and <curve>; raise InputError for values that are no numbers."""
        self.values = dict(_INITIAL_CC)
        for name, value in text.control.items():
            if match := re.fullmatch(r"set_(hd)?cc(\d{1,3})", name):
                number = _number({name: value}, name, 0.0, where)
                self.values[int(match[2])] = number if match[1] else number / 127.0
        self.curves: dict[int, list[tuple[float, float]]] = {}
        for index, opcodes in enumerate(text.curves):
            points = {int(name[1:]): _number(opcodes, name, 0.0, where) for name in opcodes if _POINT.fullmatch(name)}
            number = int(_number(opcodes, "curve_index", index, where))
            self.curves[number] = sorted({0: 0.0, 127: 1.0, **points}.items())

    def value(self, number: int) -> float:
        """Return where a controller stands, 0..1."""
        return min(max(self.values.get(number, 0.0), 0.0), 1.0)

    def curved(self, number: int, curve: int) -> float:
        """Return a controller's value through a curve."""
        value = self.value(number)
        if curve in self.curves:
            points = self.curves[curve]
            for (low, start), (high, stop) in itertools.pairwise(points):
                if low <= value * 127.0 <= high:
                    return start + (stop - start) * (value * 127.0 - low) / (high - low)
        return _CURVES.get(curve, _CURVES[0])(value)


_POINT = re.compile(r"v\d{1,3}")
_ON_CC = re.compile(r"(amplitude|volume|gain|amp_veltrack|tune|pitch)_?(?:on)?cc(\d{1,3})")


def silent_reason(opcodes: Opcodes, controllers: Controllers, switch: str, where: str) -> str:
    """Return why a struck key does not sound this region as the instrument stands, "" when it does.

    `switch` is the value of sw_default (or the lowest sw_last) that keyswitched regions are compared with.
    """
    trigger = opcodes.get("trigger", "attack")
    if trigger not in PLAIN_TRIGGERS:
        return f"sound at trigger={trigger[:20]}"
    if not opcodes.get("sample") or opcodes["sample"].startswith("*"):
        return "have no sample file"
    if opcodes.get("pitch_keytrack", "100").strip() == "0":
        return "sound the same pitch on every key"
    if opcodes.get("end", "").strip() == "-1" or opcodes.get("hikey", "").strip() == "-1":
        return "are switched off"
    for name, value in opcodes.items():
        match = re.fullmatch(r"(on_)?(lo|hi)(hd)?cc(\d{1,3})", name)
        if match and match[1]:
            return "are started by a controller"
        if match and int(match[4]) <= HIGHEST_CC:
            limit = _number({name: value}, name, 0.0, where) / (1.0 if match[3] else 127.0)
            stands = controllers.value(int(match[4]))
            if (match[2] == "lo" and stands < limit - 1e-6) or (match[2] == "hi" and stands > limit + 1e-6):
                return "are switched off by a controller as the instrument stands"
    if "sw_last" in opcodes and switch and _key(opcodes["sw_last"], where) != _key(switch, where):
        return "belong to another keyswitch"
    return ""


def read_region(opcodes: Opcodes, control: Opcodes, controllers: Controllers, where: str) -> Region:
    """Return what a region's opcodes mean; raise InputError for values that are no numbers."""

    def number(name: str, default: float) -> float:
        return _number(opcodes, name, default, where)

    shift = int(_number(control, "note_offset", 0, where)) + 12 * int(_number(control, "octave_offset", 0, where))
    key = opcodes.get("key", "")
    low, high = (_key(opcodes.get(name, key) or default, where) for name, default in (("lokey", "0"), ("hikey", "127")))
    centre = opcodes.get("pitch_keycenter", "") or key or "60"
    tuning = {name: number(name, 0.0) + _modulated(opcodes, controllers, name, where) for name in ("tune", "pitch")}
    cents = 100.0 * number("transpose", 0.0) + tuning["tune"] + tuning["pitch"]
    velocities = (
        max(number("lovel", 1), (number("xfin_lovel", 0) + number("xfin_hivel", 0)) / 2, 1),
        min(number("hivel", 127), (number("xfout_lovel", 127) + number("xfout_hivel", 127)) / 2, 127),
    )
    share = (number("amp_veltrack", 100.0) + _modulated(opcodes, controllers, "amp_veltrack", where)) / 100.0
    points = {int(name.rsplit("_", 1)[1]): number(name, 0.0) for name in opcodes if _VELCURVE.fullmatch(name)}
    stop = int(number("end", 0))
    return Region(
        sample=(opcodes.get("default_path", "") + opcodes["sample"]).replace("\\", "/"),
        keys=(low + shift, high + shift),
        velocities=(math.ceil(velocities[0]), math.floor(velocities[1])),
        sounding=_key(centre, where) + shift - cents / 100.0,
        level_db=_level_db(opcodes, controllers, where),
        velocity_share=share,
        velocity_curve=tuple(sorted({0: 0.0, 127: 1.0, **points}.items())) if points else (),
        start_frame=max(0, int(number("offset", 0))),
        stop_frame=stop + 1 if stop > 0 else None,
        turn=(int(number("seq_position", 1)), number("lorand", 0.0)),
        filtered=any(FILTERING.fullmatch(name) for name in opcodes),
    )


def joined(one: Region, other: Region) -> Region:
    """Return the region that plays the sample of both: their ranges together, the plain one's other opcodes."""
    plain, rest = (other, one) if one.filtered and not other.filtered else (one, other)
    if rest.filtered and not plain.filtered:
        return plain
    return replace(
        plain,
        keys=(min(one.keys[0], other.keys[0]), max(one.keys[1], other.keys[1])),
        velocities=(min(one.velocities[0], other.velocities[0]), max(one.velocities[1], other.velocities[1])),
    )


_VELCURVE = re.compile(r"amp_velcurve_\d{1,3}")


def _level_db(opcodes: Opcodes, controllers: Controllers, where: str) -> float:
    names = ("volume", "group_volume", "master_volume", "global_volume", "gain")
    total = sum(_number(opcodes, name, 0.0, where) for name in names)
    total += _modulated(opcodes, controllers, "volume", where) + _modulated(opcodes, controllers, "gain", where)
    amplitude = _number(opcodes, "amplitude", 100.0, where) / 100.0
    for name, value in opcodes.items():
        match = _ON_CC.fullmatch(name)
        if match and match[1] == "amplitude":
            depth = _number({name: value}, name, 0.0, where) / 100.0
            amplitude *= depth * _through_curve(opcodes, controllers, "amplitude", int(match[2]), where)
    return total + 20.0 * math.log10(amplitude) if amplitude > 0 else -math.inf


def _modulated(opcodes: Opcodes, controllers: Controllers, target: str, where: str) -> float:
    """Return what the controllers as they stand add to an opcode (X_onccN, X_ccN with X_curveccN)."""
    total = 0.0
    for name, value in opcodes.items():
        match = _ON_CC.fullmatch(name)
        if match and match[1] == target and int(match[2]) <= HIGHEST_CC:
            depth = _number({name: value}, name, 0.0, where)
            total += depth * _through_curve(opcodes, controllers, target, int(match[2]), where)
    return total


def _through_curve(opcodes: Opcodes, controllers: Controllers, target: str, number: int, where: str) -> float:
    curve = int(_number(opcodes, f"{target}_curvecc{number}", 0, where))
    return controllers.curved(number, curve)


def _key(text: str, where: str) -> int:
    try:
        return int(parse_note(text[:20]))
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _number(opcodes: Opcodes, name: str, default: float, where: str) -> float:
    text = opcodes.get(name, "")
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or abs(value) > 1e12:
        raise InputError(f"{where}: {name} is '{text[:40]}'; allowed: a number")
    return value
