"""A bench of known truth: how far any patch is from each held-out take is told, not measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from backtune.analysis.distance import PARTS, Distance
from backtune.analysis.residual import Heard
from backtune.evidence import Bench, Held
from backtune.notes import NoteEvent, Recording, Take
from backtune.patch import Patch
from backtune.repeats import Repeats

NOT_LOOKED_AT: Any = None
TAKES = 40


def held(midi: float, velocity: float = 80.0, why: str = "pitches", name: str = "") -> Held:
    """Return a held-out take in which nothing was heard."""
    heard = Heard(name, NoteEvent(midi, velocity), NOT_LOOKED_AT, 0.1, 1.0, 44100)
    return Held(Take(name, midi, velocity, Recording(samples=np.zeros(1))), heard, why)


def apart(levels_db: Sequence[float]) -> list[Distance]:
    """Return distances of so many dB, alike in all their parts."""
    return [Distance(**dict.fromkeys(PARTS, float(db))) for db in levels_db]


class KnownBench(Bench):
    """Forty takes at pitches of their own; `far_db` tells how far a patch is from them all, or from each."""

    def __init__(self, far_db: Callable[[Patch], float | Sequence[float]], repeats: Repeats | None = None) -> None:
        super().__init__([[held(40.0 + i) for i in range(TAKES)]], False, 1, repeats)
        self.far_db = far_db

    def measure(self, patches: Sequence[Patch]) -> list[Distance]:
        """Return the distances that were told of the first fold's patch."""
        return apart(np.broadcast_to(self.far_db(patches[0]), TAKES).tolist())
