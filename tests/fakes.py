"""Small stand-ins: recordings made of sines, a source in memory, a folder with a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backtune.notes import Recording, Take
from backtune.source import Source
from backtune.units import midi_to_hz

RATE = 22050
ONSET_S = 0.05


def struck(midi: float, velocity: float, seconds: float = 1.0) -> NDArray[np.float64]:
    """Return eight falling partials that start at 50 ms, (seconds * 22050,)."""
    t = np.arange(round(seconds * RATE)) / RATE - ONSET_S
    f0 = float(midi_to_hz(midi))
    numbers = [n for n in range(1, 9) if n * f0 < 0.45 * RATE]
    tone = sum(np.sin(2 * np.pi * n * f0 * t + n) * np.exp(-2.0 * n * np.maximum(t, 0)) / n**1.5 for n in numbers)
    return np.where(t < 0, 0.0, tone * 0.2 * (velocity / 127) ** 1.5)


def takes(pitches: list[float], velocities: list[float], seconds: float = 1.0) -> list[Take]:
    """Return one take of each pitch at each velocity."""
    return [
        Take(f"{m:g}_{v:g}", m, v, Recording(samples=struck(m, v, seconds), rate=RATE), onset_s=ONSET_S)
        for m in pitches
        for v in velocities
    ]


def source(pitches: list[float], velocities: list[float]) -> Source:
    """Return takes as a source."""
    return Source(Path("memory"), "memory", takes(pitches, velocities), "sines", "CC0", True, "struck")


def folder(path: Path, pitches: list[float], velocities: list[float]) -> Path:
    """Write takes with an index.csv into `path`, every other one of split test; return `path`."""
    from dataclasses import replace

    from backtune.reading.index_file import write_takes

    some = takes(pitches, velocities)
    write_takes([replace(take, split=("train", "test")[i % 2]) for i, take in enumerate(some)], path)
    return path
