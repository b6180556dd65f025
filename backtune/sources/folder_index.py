"""A folder with a table: every row of its index.csv names one take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from backtune.errors import InputError, nearest
from backtune.notes import Recording, Take
from backtune.reading.audio_files import audio_facts, check_channel, inside
from backtune.reading.index_file import NAME, number_of, pitch_of, read_index
from backtune.shapes import Anything, Flag, Items, Shape, Text
from backtune.source import STRUCK, SUSTAINED, Source, SourceKind
from backtune.whole_file import read_text

ALL = "all"
LONGEST_S = 36000.0
MOST_CORPUS_BYTES = 1_000_000
FACTS: dict[str, Shape] = {  # what is read of a corpus.json, among whatever else it tells
    "name": Text(),
    "about": Text(),
    "licence": Text(),
    "levels_natural": Flag(),
    "percussive": Flag(),
    "notes": Items(Anything()),
}


class FolderIndex(SourceKind):
    """A folder with an index.csv (columns file, midi, velocity and optionally dynamic, take, onset_s...)."""

    kind = "folder_index"
    explains = "a folder with index.csv (columns file, midi, velocity...)"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether `path` is a folder with an index.csv, or that table itself."""
        return (path / NAME).is_file() or (path.name == NAME and path.is_file())

    @classmethod
    def open(cls, path: Path, *, split: str = "train", channel: int = 0) -> Source:
        """Return the takes of the table whose `split` is the given one ("all" takes every row).

        A table without the column `split`, or with an empty cell there, gives every such row. A
        corpus.json beside the table gives name, licence, levels and family. Raises InputError for a
        broken table, a missing or unreadable file, or a path outside the folder.
        """
        index = path if path.is_file() else path / NAME
        folder = index.parent
        rows = read_index(index)
        facts = _corpus_facts(folder / "corpus.json")
        splits = {row.get("split", "") for row in rows} - {""}
        if split != ALL and splits and split not in splits:
            raise InputError(f"{index}: no row has split '{split}'; {nearest(split, [*splits, ALL])}")
        takes = []
        for number, row in enumerate(rows, start=2):
            if split == ALL or row.get("split", "") in ("", split):
                takes.append(_take(folder, f"{index} row {number}", row, channel))
        percussive = facts.get("percussive")
        family = "" if percussive is None else STRUCK if percussive else SUSTAINED
        remarks = [] if split == ALL or not splits else [f"{len(takes)} of {len(rows)} rows have split={split}"]
        return Source(
            path=folder,
            kind=cls.kind,
            takes=takes,
            name=str(facts.get("about") or facts.get("name") or folder.resolve().name),
            licence=str(facts.get("licence", "")),
            levels_natural=facts.get("levels_natural") is not False,
            family=family,
            remarks=remarks + [str(note) for note in facts.get("notes", []) if isinstance(note, str)],
        )


def _take(folder: Path, where: str, row: dict[str, str], channel: int) -> Take:
    file = row["file"]
    if not file or any(ord(sign) < 32 for sign in file):
        raise InputError(f"{where}: file is {file[:60]!r}; allowed: the name of an audio file in this folder")
    midi = pitch_of(row, where)
    velocity = number_of(row, "velocity", where, 1, 127)
    if velocity is None:
        raise InputError(f"{where}: velocity is empty; allowed: a number in 1..127")
    path = inside(folder, folder / file, where)
    facts = audio_facts(path)
    check_channel(path, facts.channels, channel)
    seconds = facts.frames / facts.rate
    return Take(
        name=file,
        midi=midi,
        velocity=velocity,
        recording=Recording(path=path, channel=channel),
        dynamic=row.get("dynamic", ""),
        number=1 if (number := number_of(row, "take", where, 0, 10000)) is None else int(number),
        onset_s=number_of(row, "onset_s", where, 0.0, seconds),
        gate_s=number_of(row, "gate_s", where, 0.0, LONGEST_S),
        split=row.get("split", ""),
    )


def _corpus_facts(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    text = read_text(path, MOST_CORPUS_BYTES, "a short description of the recordings")
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable as JSON ({error})") from None
    if not isinstance(facts, dict):
        raise InputError(f"{path}: allowed: one JSON object with name, licence, levels_natural...")
    for name, shape in FACTS.items():
        if name in facts:
            shape.read(facts[name], f"{path}: {name}")
    return facts
