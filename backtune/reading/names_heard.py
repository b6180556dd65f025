"""Which of two bare numbers in file names is the pitch: names alone do not tell, the recordings do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from backtune.errors import InputError
from backtune.notes import Recording
from backtune.reading.file_names import NameFacts
from backtune.reading.names_together import Named, as_velocities, read_names
from backtune.reading.pitch_check import check_pitch

CHECKED = 16  # recordings
CLEARLY = 1.5  # times as well the second numbers have to explain what sounds


def read_as_heard(files: Sequence[Path], octave: int, channel: int) -> tuple[list[Named], list[str]]:
    """Return what `read_names` says of files; of two bare numbers the second is the pitch where they sound so."""
    stems = [file.stem for file in files]
    found, remarks = read_names(stems, octave)
    facts = [(file, one) for file, one in zip(files, found, strict=True) if isinstance(one, NameFacts)]
    if not facts or not all(_is_bare(one) for _, one in facts):
        return found, remarks
    some = [facts[index] for index in np.unique(np.linspace(0, len(facts) - 1, CHECKED).astype(int))]
    explained = np.sum([_explained(file, channel, (one.midi, _turned(one).midi)) for file, one in some], axis=0)
    if explained[1] <= CLEARLY * explained[0]:
        return found, remarks
    turned = [_turned(one) if isinstance(one, NameFacts) else one for one in found]
    return turned, [f"{as_velocities(stems, turned)}, as they sound"]


def _is_bare(one: NameFacts) -> bool:
    """Return whether pitch and velocity are two numbers that no word tells apart."""
    return not one.named and one.layer in one.numbers


def _turned(one: NameFacts) -> NameFacts:
    return replace(one, midi=one.layer or 0, layer=round(one.midi))


def _explained(file: Path, channel: int, labels: Sequence[float]) -> list[float]:
    """Return how much of a recording's peaks each label explains, 0 where another pitch sounds."""
    try:
        audio, rate = Recording(path=file, channel=channel).read()
    except InputError:
        return [0.0] * len(labels)  # screening tells which and why
    verdicts = [check_pitch(audio, rate, label) for label in labels]
    return [one.confidence if one.agrees else 0.0 for one in verdicts]
