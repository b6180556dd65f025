"""Recordings made for tests: struck strings and blown pipes of known pitch, written as files of every kind."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from backtune.units import midi_to_hz

RATE = 44100


def struck(midi: float, velocity: float = 90.0, seconds: float = 1.5, rate: int = RATE) -> NDArray[np.float64]:
    """A stretched, decaying harmonic series with a knock; peak about velocity / 127 of half scale."""
    times = np.arange(round(seconds * rate)) / rate
    stiff = 0.7 * np.exp(0.0926 * midi - 13.6) + 0.7 * np.exp(-0.0926 * midi - 5.8)
    sound = np.zeros(len(times))
    for number in range(1, 21):
        hz = number * float(midi_to_hz(midi)) * np.sqrt(1.0 + stiff * number**2)
        if hz < 0.45 * rate:
            fall = 1.0 + hz / 800.0
            sound += number**-1.2 * np.exp(-fall * times) * np.sin(2 * np.pi * hz * times + number)
    knock = np.random.default_rng(round(midi * 10)).standard_normal(len(times)) * np.exp(-times / 0.008) * 0.1
    sound += knock
    return sound / np.max(np.abs(sound)) * 0.5 * velocity / 127.0


def blown(
    midi: float, velocity: float = 90.0, seconds: float = 1.5, rate: int = RATE, release_s: float = 0.1
) -> NDArray[np.float64]:
    """A steady harmonic series with an attack of 50 ms, a straight release at the end and some breath."""
    times = np.arange(round(seconds * rate)) / rate
    sound = sum(
        0.5 ** (number - 1) * np.sin(2 * np.pi * number * float(midi_to_hz(midi)) * times)
        for number in range(1, 8)
        if number * midi_to_hz(midi) < 0.45 * rate
    )
    sound = sound + 0.003 * np.random.default_rng(round(midi)).standard_normal(len(times))
    edge = np.clip(times / 0.05, 0, 1) * np.clip((seconds - times) / release_s, 0, 1)
    return 0.4 * velocity / 127.0 * np.asarray(sound) * edge


def write(path: Path, audio: NDArray[np.float64], rate: int = RATE) -> Path:
    """Write an audio file in the format of its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio, rate)
    return path


def instrument_folder(folder: Path, notes: dict[str, tuple[int, float]]) -> Path:
    """Write one struck WAV per name -> (midi, velocity)."""
    for name, (midi, velocity) in notes.items():
        write(folder / name, struck(midi, velocity))
    return folder


def write_index(folder: Path, rows: list[dict[str, object]]) -> Path:
    """Write an index.csv with the columns of the first row."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "index.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return path
