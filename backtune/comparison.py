"""Comparison: a patch against recordings, note by note."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.distance import distance
from backtune.errors import InputError
from backtune.note_distance import TOTAL, NoteDistance, level_ratio, listening_places, ready_to_compare, rounded
from backtune.notes import Take
from backtune.patch import Patch
from backtune.sounding_apart import semitones_apart, told_apart
from backtune.whole_file import write_beside
from backtune.workers import in_order

if TYPE_CHECKING:
    from backtune.source import Source

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """A patch against a source: the distance of every note, and their medians.

    `remarks`: sentences about recordings that sound elsewhere than the patch plays their keys.
    """

    patch: str
    source: str
    levels_matched: bool
    notes: tuple[NoteDistance, ...]
    remarks: tuple[str, ...] = ()

    @property
    def components(self) -> tuple[str, ...]:
        """Names of the distances, the total first."""
        names = list(self.notes[0].distance_db)
        return (TOTAL, *(name for name in names if name != TOTAL))

    @property
    def median_db(self) -> dict[str, float]:
        """Median over all notes of each distance, dB."""
        return _medians(self.notes, self.components)

    def median_by(self, key: Callable[[NoteDistance], str]) -> dict[str, dict[str, float]]:
        """Return the medians of the notes that share `key(note)`, in the order of pitch."""
        groups: dict[str, list[NoteDistance]] = {}
        for note in sorted(self.notes, key=lambda note: (note.midi, note.velocity)):
            groups.setdefault(key(note), []).append(note)
        return {name: _medians(notes, self.components) for name, notes in groups.items()}

    def as_data(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "patch": self.patch,
            "source": self.source,
            "levels_matched": self.levels_matched,
            "sounding_elsewhere": list(self.remarks),
            "median_db": _rounded(self.median_db),
            "regions_db": {name: _rounded(one) for name, one in self.median_by(lambda note: note.region).items()},
            "dynamics_db": {name: _rounded(one) for name, one in self.median_by(_dynamic).items()},
            "notes": [_row(note, self.components) for note in self.notes],
        }

    def csv_text(self) -> str:
        """Return the table of notes as comma-separated text."""
        out = io.StringIO(newline="")
        rows = [_row(note, self.components) for note in self.notes]
        table = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        return out.getvalue()

    def save(self, folder: str | Path) -> None:
        """Write comparison.csv and comparison.json into `folder`; raise InputError when that is impossible."""
        place = Path(folder)
        texts = {
            "comparison.csv": self.csv_text(),
            "comparison.json": json.dumps(self.as_data(), indent=1, ensure_ascii=False),
        }
        try:
            place.mkdir(parents=True, exist_ok=True)
            for name, text in texts.items():
                write_beside(place / name, text.encode())
        except OSError as error:
            raise InputError(f"{place}: cannot be written ({error.strerror})") from None

    def __str__(self) -> str:
        """Return the medians as a table: by region, by dynamic, over all."""
        level = "levels matched" if self.levels_matched else "natural levels"
        lines = [f"{self.patch} against {self.source}: {len(self.notes)} notes, {level}; median distances in dB", ""]
        lines.append("  ".join([f"{'':14}{'notes':>5}", *(f"{name:>8}" for name in self.components)]))
        for key in (lambda note: note.region, _dynamic, lambda note: "all"):
            count: dict[str, int] = {}
            for note in self.notes:
                count[key(note)] = count.get(key(note), 0) + 1
            for name, medians in self.median_by(key).items():
                cells = (f"{medians[one]:8.2f}" for one in self.components)
                lines.append("  ".join([f"{name[:14]:14}{count[name]:5d}", *cells]))
            lines.append("")
        worst = sorted(self.notes, key=lambda note: -note.distance_db[TOTAL])[:3]
        told = ", ".join(f"{note.name} ({note.distance_db[TOTAL]:.1f})" for note in worst)
        return "\n".join([*lines, f"farthest: {told}"])

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(str(self))}</pre>"


def compare(
    patch: Patch,
    source: Source | str | Path,
    *,
    match_level: bool | None = None,
    jobs: int = 1,
    pairs: int = 0,
    folder: str | Path | None = None,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> Comparison:
    """Return the distances between every take of `source` and the same note rendered by `patch`.

    `match_level`: renders get their recording's level before they are compared; by default where the
    source says that levels mean nothing. With `folder`, comparison.csv, comparison.json and `pairs` pairs of
    audio files, spread over the takes, are written there. The result does not depend on `jobs`.
    Raises InputError for a source without takes, or a take that cannot be read.
    """
    from backtune.source import open_source

    takes_of = open_source(source) if isinstance(source, str | Path) else source
    takes = takes_of.takes
    if not takes:
        raise InputError(f"{takes_of.path}: no take to compare with")
    matched = not takes_of.levels_natural if match_level is None else match_level
    places = {} if folder is None else listening_places(Path(folder) / "listen", takes, pairs)
    notes: list[NoteDistance] = []
    apart: list[int] = []
    calls = [(patch, take, matched, places.get(index)) for index, take in enumerate(takes)]
    for one, semitones in in_order(_compared, calls, jobs, lambda patch, take, *_: f"comparing with {take.name}"):
        notes.append(one)
        apart.append(semitones)
        progress("comparing", len(notes), len(takes))
    remarks = told_apart([take.name for take in takes], apart)
    comparison = Comparison(patch.name, takes_of.name, matched, tuple(notes), remarks)
    if folder is not None:
        comparison.save(folder)
    return comparison


def _compared(patch: Patch, take: Take, matched: bool, listening: Path | None) -> tuple[NoteDistance, int]:
    reference, recorded, rendered = ready_to_compare(patch, take, matched)
    found = distance(reference, rendered)
    if listening is not None:
        gain = level_ratio(recorded, rendered) if matched else 1.0
        _write_pair(listening, recorded, rendered * gain, reference.rate)
    return NoteDistance.of(take, found), semitones_apart(patch, take, recorded, reference.rate)


def _write_pair(place: Path, recorded: Floats, rendered: Floats, rate: int) -> None:
    from backtune.sound import write_sound

    place.parent.mkdir(parents=True, exist_ok=True)
    peak = max(np.max(np.abs(recorded)), np.max(np.abs(rendered)), 1.0)  # both softer alike, when one would clip
    for which, audio in (("1_recorded", recorded), ("2_backtune", rendered)):
        write_sound(place.with_name(f"{place.name}_{which}.wav"), audio / peak, rate)


def _dynamic(note: NoteDistance) -> str:
    return note.dynamic or f"velocity {note.velocity:.0f}"


def _medians(notes: Sequence[NoteDistance], names: Sequence[str]) -> dict[str, float]:
    return {name: float(np.nanmedian([note.distance_db[name] for note in notes])) for name in names}


def _rounded(values: dict[str, float]) -> dict[str, float | None]:
    return {name: rounded(value) for name, value in values.items()}


def _row(note: NoteDistance, names: Sequence[str]) -> dict[str, Any]:
    return note.facts | {f"{name}_db": rounded(note.distance_db[name]) for name in names}
