"""Scala files: scales (.scl) and keyboard mappings (.kbm), read and written."""

from __future__ import annotations

import contextlib
import math
import re
from fractions import Fraction
from pathlib import Path

from backtune.errors import InputError
from backtune.tuning import KeyMap, Scale, Tuning, on_a4
from backtune.units import ratio_to_cents
from backtune.whole_file import read_whole, write_beside

LARGEST = 4096  # notes in a scale or keys in a mapping: more is a broken file
LARGEST_BYTES = 1 << 20
RATIO = re.compile(r"[+-]?[0-9]+(/[0-9]+)?")  # the form itself: Fraction would work out 1e-400888888888888883 too
LONGEST_WORD = 200  # of a ratio: exact arithmetic on more digits than that takes longer than the music
FARTHEST_CENTS = 24_000.0  # twenty octaves: twice what can be heard


def read_scl(path: Path | str) -> Scale:
    """Return the scale of a Scala .scl file (https://www.huygens-fokker.org/scala/scl_format.html).

    A pitch with a point is in cents, one without is a ratio. Raises InputError with the line that is wrong, and for
    the scale of no notes that the format allows: every key would play its one pitch, 1/1.
    """
    path = Path(path)
    lines = _lines(path)
    if len(lines) < 2:
        raise InputError(f"{path}: a scale file has a line of description and a number of notes; it has {len(lines)}")
    count = _whole(path, *lines[1], low=1, high=LARGEST, what="number of notes")
    pitches = [line for line in lines[2:] if line[1].strip()]
    if len(pitches) < count:
        raise InputError(f"{path}: {count} notes are announced, {len(pitches)} given")
    cents = tuple(_cents(path, number, text) for number, text in pitches[:count])
    return Scale(lines[0][1].strip() or path.stem, cents)


def write_scl(path: Path | str, scale: Scale) -> None:
    """Write a scale as a Scala .scl file, in cents with 5 decimals."""
    path = Path(path)
    pitches = "".join(f" {cents:.5f}\n" for cents in scale.cents)
    name = " ".join(scale.name.split()).lstrip("! ")  # one line, and no comment
    _write(path, f"! {path.name}\n!\n{name}\n {len(scale.cents)}\n!\n{pitches}")


def read_kbm(path: Path | str) -> KeyMap:
    """Return the keyboard mapping of a Scala .kbm file (https://www.huygens-fokker.org/scala/help.htm#mappings).

    Raises InputError with the line that is wrong.
    """
    path = Path(path)
    lines = [line for line in _lines(path) if line[1].strip()]
    if len(lines) < 7:
        raise InputError(f"{path}: a keyboard mapping has 7 numbers before its keys; it has {len(lines)} lines")
    size = _whole(path, *lines[0], low=0, high=LARGEST, what="size of the map")
    first, last, middle, reference = (
        _whole(path, *line, low=0, high=127, what=what)
        for line, what in zip(lines[1:5], ("first key", "last key", "middle key", "reference key"), strict=True)
    )
    number, text = lines[5]
    try:
        reference_hz = float(text.split()[0])
    except ValueError:
        raise InputError(f"{path}, line {number}: '{text.strip()}' is no frequency") from None
    octave = _whole(path, *lines[6], low=0, high=LARGEST, what="degree of the octave")
    keys: list[int | None] = []
    for line in lines[7 : 7 + size]:
        unmapped = line[1].strip().lower().startswith("x")
        keys.append(None if unmapped else _whole(path, *line, low=0, high=LARGEST, what="degree"))
    keys += [None] * (size - len(keys))  # the format lets trailing unmapped keys be left out
    return KeyMap(middle, reference, reference_hz, tuple(keys), octave, first, last)


def write_kbm(path: Path | str, keys: KeyMap) -> None:
    """Write a keyboard mapping as a Scala .kbm file."""
    path = Path(path)
    lines = [
        f"! {path.name}",
        "! Size of map",
        f"{len(keys.degrees)}",
        "! First and last key to retune",
        f"{keys.first}",
        f"{keys.last}",
        "! Key of degree 0",
        f"{keys.middle}",
        "! Reference key and its frequency in Hz",
        f"{keys.reference_key}",
        f"{keys.reference_hz:.6f}",
        "! Degree of the octave",
        f"{keys.octave_degree}",
        "! Degrees",
        *("x" if degree is None else f"{degree}" for degree in keys.degrees),
    ]
    _write(path, "\n".join(lines) + "\n")


def read_tuning(scale: Path | str, keys: Path | str | None = None) -> Tuning:
    """Return the tuning of a .scl file on a .kbm mapping; without one, C4 is degree 0 and A4 sounds 440 Hz.

    Raises InputError when one of them cannot be read, or the mapping has no reference.
    """
    if keys is None:  # the format's own C4 at 261.63 Hz would put the A4 of just intonation 16 cents beside others
        return on_a4(read_scl(scale))
    return Tuning(read_scl(scale), read_kbm(keys))


def _lines(path: Path) -> list[tuple[int, str]]:
    """Return the lines that are no comments, with their numbers."""
    text = read_whole(path, LARGEST_BYTES, "a Scala file").decode(
        "latin-1"
    )  # the format's own encoding: it never fails
    return [(n, line) for n, line in enumerate(text.splitlines(), 1) if not line.lstrip().startswith("!")]


def _whole(path: Path, number: int, text: str, *, low: int, high: int, what: str) -> int:
    with contextlib.suppress(ValueError, IndexError):
        value = int(text.split()[0])
        if low <= value <= high:
            return value
    raise InputError(f"{path}, line {number}: '{text.strip()[:40]}' is no {what}, {low}..{high}")


def _cents(path: Path, number: int, text: str) -> float:
    word = text.split()[0][:LONGEST_WORD]
    with contextlib.suppress(ValueError, ZeroDivisionError, OverflowError):
        if not ("." in word or RATIO.fullmatch(word)):
            raise ValueError(word)
        value = float(word) if "." in word else float(Fraction(word))
        cents = value if "." in word else float(ratio_to_cents(value)) if value > 0 else math.nan
        if abs(cents) <= FARTHEST_CENTS:
            return cents
    raise InputError(
        f"{path}, line {number}: '{word[:40]}' is neither cents (with a point) nor a ratio above 0, "
        f"within {FARTHEST_CENTS:g} cents"
    )


def _write(path: Path, text: str) -> None:
    write_beside(path, text.encode("latin-1", errors="replace"))
