"""Kinship of notes: what a note that was never recorded shares with the recorded ones beside it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtune.axes import NOTE_REACH
from backtune.law import Law, LawSpec

Floats = NDArray[np.float64]

# Measured on four instruments: neighbours a semitone apart share 0.1 to 0.4 of a partial's departure from the laws,
# an octave apart nothing. Interpolated so, unheard notes come 0.2 dB nearer; copied from the neighbour, no nearer.
KINSHIPS = np.arange(0.0, 0.91, 0.05)
REACHES = np.array([1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 9.0])
NEAREST = 2  # on either side: against one, unheard pitches come 0.06 dB nearer with 42 keys, and 0.02 less near with 20
FARTHEST = 12.0  # semitones: pairs that tell how kinship falls with distance
FEWEST_NOTES = (
    10  # of fewer, what laws miss on all of them looks like kinship (flute, 6 notes: 0.9, and 0.2 dB of harm)
)
SPECS = (
    LawSpec("kinship", "", 0, 0.95, "share of its character that a note has in common with its kin", (), optional=True),
    LawSpec("reach_semitones", "semitones", 0.5, 24, "distance at which kinship has fallen to 37 %", (), optional=True),
)
AT_SAME_HZ = LawSpec(
    "at_same_hz", "", 0, 1, "0: kin are alike overtone by overtone; 1: at the same Hz", (), optional=True
)


def kin_shares(known: Floats, midi: float, kinship: float, reach: float) -> list[tuple[float, float]]:
    """Return (pitch, share) of the recorded notes whose character `midi` takes: itself, or its kin below and above.

    `known` (N,) are the recorded pitches, rising. The shares are those of simple kriging (Matheron 1963) under a
    covariance that falls exponentially over `reach` semitones from `kinship` times a note's own variance.
    """
    if not len(known):
        return []
    if np.min(np.abs(known - midi)) < NOTE_REACH:
        return [(midi, 1.0)]
    if kinship <= 0:
        return []
    below, above = known[known < midi], known[known > midi]
    kin = np.concatenate([below[-NEAREST:], above[:NEAREST]])
    shared = kinship * np.exp(-np.abs(kin - midi) / reach)
    between = kinship * np.exp(-np.abs(kin[:, None] - kin[None, :]) / reach)
    np.fill_diagonal(between, 1.0)
    return list(zip(kin.tolist(), np.linalg.solve(between, shared).tolist(), strict=True))


def measure_kinship(pitches: Floats, field_db: Floats) -> tuple[float, float]:
    """Return (kinship, reach in semitones) of a field of departures by note, (N, ...): the nearest on a grid.

    Each pair of notes within an octave tells how alike two departures are at their distance. (0, the shortest
    reach) when there are fewer than ten notes. Against foretelling every note from the others by least absolute error,
    this came 0.05 dB nearer on held-out pitches of two instruments, and was as good on the third.
    """
    rows = field_db.reshape(len(pitches), -1)
    apart = np.abs(pitches[:, None] - pitches[None, :])
    one, two = np.nonzero(np.triu((apart > 0) & (apart <= FARTHEST)))
    size = np.sqrt(np.sum(rows**2, axis=1))
    weight = size[one] * size[two]
    if len(pitches) < FEWEST_NOTES or not len(one) or weight.sum() <= 0:
        return 0.0, float(REACHES[0])
    likeness = np.sum(rows[one] * rows[two], axis=1) / np.maximum(weight, 1e-12)
    grid = [(kinship, reach) for reach in REACHES.tolist() for kinship in KINSHIPS.tolist()]
    miss = [float(weight @ (likeness - k * np.exp(-apart[one, two] / reach)) ** 2) for k, reach in grid]
    return grid[int(np.argmin(miss))]


def kinship_laws(pitches: Floats, field_db: Floats) -> dict[str, Law]:
    """Return the laws of kinship as a field of departures by note, (N, ...), tells it: overtone by overtone."""
    return laws_of(*measure_kinship(pitches, field_db))


def laws_of(kinship: float, reach_semitones: float, at_same_hz: float = 0.0) -> dict[str, Law]:
    """Return the laws of `SPECS` with these values, and that of `AT_SAME_HZ` unless it is 0."""
    given = [*zip(SPECS, (kinship, reach_semitones), strict=True), *([(AT_SAME_HZ, at_same_hz)] if at_same_hz else [])]
    return {spec.name: Law.constant(spec.name, spec.unit, x, step=0.01) for spec, x in given}


def told_kinship(laws: Mapping[str, Law]) -> list[Law]:
    """Return those of a table's laws that say how alike its notes are."""
    return [laws[spec.name] for spec in (*SPECS, AT_SAME_HZ) if spec.name in laws]


def shared_field(field: Law, laws: dict[str, Law], midi: float, rows: str, **at: Any) -> Floats:
    """Return a field by notes as the note `midi` has it, (R, T): its own, its kin's, or zeros.

    `rows` names the axis of its rows (partial, hz), `at` gives the coordinates of all axes but pitch. Kin that are
    alike at the same Hz (a bore, a mouth, a room) have there an overtone of another number.
    """
    kinship, reach, at_same_hz = (
        float(laws[spec.name]()) if spec.name in laws else 0.0 for spec in (*SPECS, AT_SAME_HZ)
    )
    out = None
    for pitch, share in _remembered_shares(field.known_pitches.tobytes(), midi, kinship, max(reach, 1e-9)):
        there = at
        if at_same_hz and pitch != midi:
            there = {**at, rows: at[rows] * 2 ** (at_same_hz * (midi - pitch) / 12)}
        part = field.over(rows, "time_s", pitch=pitch, **there)
        part = part if share == 1.0 else share * part  # a recorded note is its own: nothing to weigh or to add up
        out = part if out is None else out + part
    return np.zeros((np.size(at[rows]), np.size(at["time_s"]))) if out is None else out


@lru_cache(maxsize=1024)
def _remembered_shares(known: bytes, midi: float, kinship: float, reach: float) -> tuple[tuple[float, float], ...]:
    """Return `kin_shares` of pitches given as bytes: a key has the same kin at every velocity."""
    return tuple(kin_shares(np.frombuffer(known), midi, kinship, reach))
