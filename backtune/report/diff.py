"""Difference of two patches, in musical words and numbers: laws first, then layers, then what was measured."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtune.axes import AXES
from backtune.law import Law
from backtune.patch import Patch
from backtune.patch_file import dump_patch, patch_bytes
from backtune.report.growth_table import WIDTH
from backtune.report.plot_axes import label_of, named_place
from backtune.report.text_plot import number
from backtune.units import note_name

Floats = NDArray[np.float64]

MOST_POINTS = 12  # of an axis on which two laws are compared, spread over the knots of both
KEY_STEP = 3.0  # semitones between compared keys of smooth laws
REGIONS = ("bass", "middle", "treble")  # thirds of the keyboard that both patches know
SAME = 1e-9
# What more and less of a unit are called; ratios are told for units that have no zero for the ear.
WORDS = {
    "dB": ("louder", "softer"),
    "cents": ("sharper", "flatter"),
    "s": ("longer", "shorter"),
    "dB/s": ("faster", "slower"),
    "Hz": ("higher", "lower"),
}
RATIOS = ("s", "dB/s", "Hz", "")


@dataclass(frozen=True)
class LawDifference:
    """How one law differs: second less first, or second over first where `ratio`.

    `mean` over all compared places, `largest` (by size) and the place `at` which it is, `regions` (mean in bass,
    middle and treble; empty for laws that do not depend on the key), `notes`: how the laws are written.
    """

    kind: str
    law: Law
    ratio: bool
    mean: float
    largest: float
    at: dict[str, float]
    regions: dict[str, float]
    notes: tuple[str, ...]

    @property
    def as_data(self) -> dict[str, Any]:
        """The difference as plain data."""
        return {
            "layer": self.kind,
            "law": self.law.name,
            "unit": self.law.unit,
            "told_as": "ratio" if self.ratio else "difference",
            "mean": self.mean,
            "largest": self.largest,
            "at": self.at,
            "regions": self.regions,
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        """Return the difference in words."""
        if abs(self._step(self.largest)) < SAME:
            return f"{label_of(self.law)}: sounds the same; " + "; ".join(self.notes)
        where = ", ".join(named_place(axis, x) for axis, x in self.at.items())
        if abs(self.mean - self.largest) < SAME * max(abs(self.mean), 1.0):
            return f"{label_of(self.law)}: " + "; ".join([f"{self._told(self.largest)} everywhere", *self.notes])
        parts = [self._told(self.mean) + " on the whole"]
        if self.regions:
            parts.append(", ".join(f"{name} {self._told(value)}" for name, value in self.regions.items()))
        parts.append(f"most at {where}: {self._told(self.largest)}")
        return f"{label_of(self.law)}: " + "; ".join([*parts, *self.notes])

    def _step(self, value: float) -> float:
        return value - 1.0 if self.ratio else value

    def _told(self, value: float) -> str:
        more, less = WORDS.get(self.law.unit, ("more", "less"))
        step = self._step(value)
        if abs(step) < SAME:
            return "the same"
        if self.ratio:
            return f"{number(value if step > 0 else 1 / value)} times {more if step > 0 else less}"
        return f"{number(abs(value))} {self.law.unit} {more if step > 0 else less}"


def diff(first: Patch, second: Patch) -> list[LawDifference]:
    """Return the laws that both patches have in layers of one kind and that differ, broad layers first."""
    keys = np.arange(
        max(first.origin.pitches[0], second.origin.pitches[0]),
        min(first.origin.pitches[1], second.origin.pitches[1]) + 0.5,
        KEY_STEP,
    )
    out = []
    for kind in [kind for kind in first.kinds if kind in second.kinds]:
        mine, theirs = first.layer(kind).laws, second.layer(kind).laws
        both = [name for name in mine if name in theirs]
        found = [_law_difference(kind, mine[name], theirs[name], keys) for name in both]
        out += [one for one in found if one is not None]
    return out


def diff_data(first: Patch, second: Patch) -> dict[str, Any]:
    """Return all differences as plain data."""
    return {
        "same": dump_patch(first) == dump_patch(second),
        "names": [first.name, second.name],
        "laws": [one.as_data for one in diff(first, second)],
        "laws_only_in": [_laws_only_in(first, second), _laws_only_in(second, first)],
        "layers_only_in": [[k for k in a.kinds if k not in b.kinds] for a, b in ((first, second), (second, first))],
        "layer_order": [list(first.kinds), list(second.kinds)],
        "bytes": [patch_bytes(first), patch_bytes(second)],
        "quality_db": [first.quality, second.quality],
        "controls": [first.controls, second.controls],
        "struck": [first.struck, second.struck],
        "pitches": [list(first.origin.pitches), list(second.origin.pitches)],
    }


def diff_text(first: Patch, second: Patch) -> str:
    """Return what makes `second` differ from `first`, in at most 80 columns."""
    if dump_patch(first) == dump_patch(second):
        return "The patches are the same, byte for byte."
    lines = textwrap.wrap(f"What '{second.name}' does differently from '{first.name}':", WIDTH)
    before = ""
    for one in diff(first, second):
        lines += ["", one.kind] if one.kind != before else []
        lines += _item(str(one))
        before = one.kind
    told = _layer_lines(first, second) + _playing_lines(first, second)
    if not told and not before:
        told = ["nothing that is heard: only what the file tells of itself differs (name, origin, record)"]
    told += _other_lines(first, second)
    for text in ["", *told] if told else []:
        lines += _item(text) or [""]
    return "\n".join(lines)


def _law_difference(kind: str, mine: Law, theirs: Law, keys: Floats) -> LawDifference | None:
    notes = _written(mine, theirs)
    axes = tuple(axis for axis in AXES if axis in (*mine.axes, *theirs.axes))
    at = {axis: _points(axis, (mine, theirs), keys) for axis in axes}
    one, other = (np.asarray(law.over(*axes, **at) if axes else law.values) for law in (mine, theirs))
    if not one.size:
        return None
    ratio = mine.unit in RATIOS and bool(np.all(one > 0) and np.all(other > 0))
    change = other / one if ratio else other - one
    size = np.abs(np.log(change)) if ratio else np.abs(change)
    if not notes and float(size.max()) < SAME:
        return None
    place = np.unravel_index(int(np.argmax(size)), size.shape)
    where = {axis: float(at[axis][i]) for axis, i in zip(axes, place, strict=True)}
    return LawDifference(
        kind, theirs, ratio, _mean(change, ratio), float(change[place]), where, _regions(change, axes, at, ratio), notes
    )


def _mean(change: Floats, ratio: bool) -> float:
    return float(np.exp(np.mean(np.log(change)))) if ratio else float(np.mean(change))


def _regions(change: Floats, axes: Sequence[str], at: dict[str, Floats], ratio: bool) -> dict[str, float]:
    if "pitch" not in axes or len(at["pitch"]) < len(REGIONS):
        return {}
    parts = np.array_split(np.moveaxis(change, axes.index("pitch"), 0), len(REGIONS))
    return {name: _mean(part, ratio) for name, part in zip(REGIONS, parts, strict=True)}


def _points(axis: str, laws: Sequence[Law], keys: Floats) -> Floats:
    """Return where laws are compared on an axis: keys, the notes of laws by notes, or knots of both."""
    by_notes = [law.known_pitches for law in laws if axis == "pitch" and len(law.known_pitches)]
    if axis == "pitch":
        found = np.unique(np.concatenate(by_notes)) if by_notes else keys
        return found if len(found) else np.array([60.0])
    knots = np.unique(np.concatenate([law.coordinates[law.axes.index(axis)] for law in laws if axis in law.axes]))
    picked = np.linspace(0, len(knots) - 1, min(MOST_POINTS, len(knots))).round().astype(int)
    return np.asarray(knots[np.unique(picked)])


def _written(mine: Law, theirs: Law) -> tuple[str, ...]:
    notes = []
    if (mine.form, mine.axes) != (theirs.form, theirs.axes):
        notes.append(f"{_form(mine)} became {_form(theirs)}")
    elif mine.numbers != theirs.numbers:
        notes.append(f"{mine.numbers:,} numbers became {theirs.numbers:,}")
    if mine.provenance != theirs.provenance:
        notes.append(f"was {mine.provenance}, is {theirs.provenance}")
    return tuple(notes)


def _form(law: Law) -> str:
    name = {"grid": "a smooth law", "notes": "a law note by note"}.get(law.form, f"the law '{law.form}'")
    return f"{name} over {', '.join(law.axes)}" if law.axes else "one number"


def _laws_only_in(here: Patch, there: Patch) -> list[str]:
    both = [kind for kind in here.kinds if kind in there.kinds]
    return [f"{kind}.{law}" for kind in both for law in here.layer(kind).laws if law not in there.layer(kind).laws]


def _layer_lines(first: Patch, second: Patch) -> list[str]:
    out = [f"law gone: {name}" for name in _laws_only_in(first, second)]
    out += [f"law new: {name}" for name in _laws_only_in(second, first)]
    out += [f"layer gone: {one.kind} ({one.explains})" for one in first.layers if one.kind not in second.kinds]
    return out + [f"layer new: {one.kind} ({one.explains})" for one in second.layers if one.kind not in first.kinds]


def _playing_lines(first: Patch, second: Patch) -> list[str]:
    out = []
    shared = [[kind for kind in one.kinds if kind in other.kinds] for one, other in ((first, second), (second, first))]
    if shared[0] != shared[1]:
        out.append(f"order of the layers: {', '.join(shared[0])} became {', '.join(shared[1])}")
    if first.lead_s != second.lead_s:
        out.append(f"sound before the onset: {first.lead_s:g} s became {second.lead_s:g} s")
    if first.struck != second.struck:
        out.append("notes " + ("ring freely" if second.struck else "last as long as they are played") + " now")
    for name in dict.fromkeys((*first.controls, *second.controls)):
        one, other = first.controls.get(name, "not set"), second.controls.get(name, "not set")
        out += [f"control {name}: {one} became {other}"] if one != other else []
    return out


def _other_lines(first: Patch, second: Patch) -> list[str]:
    out = []
    ranges = [f"{note_name(one.origin.pitches[0])}..{note_name(one.origin.pitches[1])}" for one in (first, second)]
    if ranges[0] != ranges[1]:
        out.append(f"recorded range: {ranges[0]} became {ranges[1]}")
    sizes = patch_bytes(first), patch_bytes(second)
    out += [f"size: {sizes[0]:,} bytes became {sizes[1]:,}"] if sizes[0] != sizes[1] else []
    for name in [name for name in first.quality if name in second.quality]:
        one, other = first.quality[name], second.quality[name]
        part = name.removesuffix("_db").replace("_", " ")
        out += [f"held-out {part}: {one:.2f} dB became {other:.2f} dB"] if one != other else []
    return out


def _item(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="      ")
