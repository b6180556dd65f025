"""Small stand-ins: recordings made of struck strings, a source in memory, a folder with a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import recordings
from numpy.typing import NDArray

from backtune.notes import Recording, Take
from backtune.source import Source

RATE = 22050
ONSET_S = 0.05


def struck(midi: float, velocity: float, seconds: float = 1.0) -> NDArray[np.float64]:
    """Return a struck string that starts at 50 ms, (seconds * 22050,)."""
    return np.concatenate([np.zeros(round(ONSET_S * RATE)), recordings.struck(midi, velocity, seconds - ONSET_S, RATE)])


def takes(pitches: list[float], velocities: list[float], seconds: float = 1.0) -> list[Take]:
    """Return one take of each pitch at each velocity."""
    return [
        Take(f"{m:g}_{v:g}", m, v, Recording(samples=struck(m, v, seconds), rate=RATE), onset_s=ONSET_S)
        for m in pitches
        for v in velocities
    ]


def source(pitches: list[float], velocities: list[float]) -> Source:
    """Return takes as a source."""
    return Source(Path("memory"), "memory", takes(pitches, velocities), "strings", "CC0", True, "struck")


def folder(path: Path, pitches: list[float], velocities: list[float]) -> Path:
    """Write takes with an index.csv into `path`, every other one of split test; return `path`."""
    from dataclasses import replace

    from written_takes import write_takes

    some = takes(pitches, velocities)
    write_takes([replace(take, split=("train", "test")[i % 2]) for i, take in enumerate(some)], path)
    return path
