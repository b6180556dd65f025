"""Repeats: how far two takes of the same note are apart, below which no model can be told from another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backtune.analysis.residual import Heard
from backtune.judging import Held, judge_take
from backtune.kept import kept
from backtune.notes import Take
from backtune.workers import in_order

MOST_PAIRS = 24  # of notes with two takes, spread over the keyboard
KEPT_DIGITS = 3


@dataclass(frozen=True)
class Repeats:
    """The median distance in dB between two takes of one note, from so many `pairs`; no pairs: nothing repeats."""

    pairs: int = 0
    distance_db: float = 0.0

    @property
    def floor_db(self) -> float:
        """How near the mean of all possible takes comes to one of them: what no patch can do better than.

        Two takes that scatter independently around it are the square root of two times as far from each other.
        """
        return self.distance_db / np.sqrt(2.0)

    def __str__(self) -> str:
        """Return what was found, in one sentence."""
        if not self.pairs:
            return "no note was recorded twice, so how far its repeats differ is not known"
        return (
            f"two takes of one note are {self.distance_db:.2f} dB apart ({self.pairs} pairs), "
            f"so nearer than {self.floor_db:.2f} dB counts as no gain"
        )


def measure_repeats(
    takes: Sequence[Take], heard: Sequence[Heard], struck: bool, level_matched: bool, jobs: int
) -> Repeats:
    """Return how far apart the first two takes of each note are, at most 24 notes; the same for any number of `jobs`.

    A note is a pitch at a velocity; takes at another sampling rate are left out.
    """
    cells: dict[tuple[float, float], list[Held]] = {}
    for take, one in zip(takes, heard, strict=True):
        cells.setdefault((one.note.midi, one.note.velocity), []).append(Held(take, one, "repeats"))
    pairs = [(cell[0], cell[1]) for _, cell in sorted(cells.items()) if len(cell) > 1]
    pairs = [(one, other) for one, other in pairs if one.heard.rate == other.heard.rate]
    if not pairs:
        return Repeats()
    chosen = np.unique(np.linspace(0, len(pairs) - 1, min(MOST_PAIRS, len(pairs))).round().astype(int))
    calls = [(pairs[i][1], struck, pairs[i][0], level_matched) for i in chosen]

    def make() -> list[float]:
        return [one.total for one in in_order(judge_take, calls, jobs, lambda one, *_: f"comparing {one.take.name}")]

    found = kept(make, "repeats", [[one.label, other.label] for one, _, other, _ in calls], struck, level_matched)
    return Repeats(len(found), round(float(np.median(found)), KEPT_DIGITS))
