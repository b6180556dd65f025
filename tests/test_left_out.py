"""How smooth a law is, is told by notes left out: shared bends are followed, what single notes do is not."""

from __future__ import annotations

import numpy as np

from backtune.analysis.left_out import smoothest_by_notes
from backtune.analysis.observations import Observations
from backtune.analysis.surface import Surface

HZ = np.geomspace(100, 8000, 30)
PITCHES = np.arange(40.0, 60.0, 2)
CHOICES = (0.1, 10.0, 1000.0, 1e5)


def chosen(shared_db: float, own_db: float) -> float:
    """Return the smoothness chosen where notes share bends of that size and have others of their own."""
    rng = np.random.default_rng(3)
    bends = shared_db * np.sign(np.sin(np.arange(len(HZ))))
    missing = np.concatenate([bends + own_db * rng.standard_normal(len(HZ)) for _ in PITCHES])
    count = len(missing)
    at = {"pitch": np.repeat(PITCHES, len(HZ)), "hz": np.tile(HZ, len(PITCHES))}
    seen = Observations(at, missing, np.zeros(count), np.ones(count), np.zeros(count, bool), np.zeros(count, int))
    return smoothest_by_notes(Surface(("hz",), (HZ,), (1.0,)), seen, 0.0, CHOICES).smoothness[0]


def test_bends_that_notes_share_are_followed() -> None:
    assert chosen(6.0, 1.0) == CHOICES[0]


def test_what_single_notes_do_is_smoothed_away() -> None:
    assert chosen(0.0, 6.0) == CHOICES[-1]
    assert CHOICES[0] < chosen(2.0, 6.0) < CHOICES[-1]
