"""Loudness: as pyloudnorm measures it, in any blocks."""

from __future__ import annotations

import numpy as np
import pyloudnorm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtune.loudness import Loudness

RATE = 48000


@given(st.lists(st.integers(1, 30000), min_size=1, max_size=6), st.sampled_from([44100, 48000, 96000]))
@settings(max_examples=20, deadline=None)
def test_loudness_is_that_of_pyloudnorm_in_any_blocks(lengths: list[int], rate: int) -> None:
    audio = np.random.default_rng(2).standard_normal((2, 2 * rate)) * np.linspace(0.0, 0.2, 2 * rate)
    meter, at, turn = Loudness(rate), 0, 0
    while at < audio.shape[1]:
        meter.push(audio[:, at : at + lengths[turn % len(lengths)] + 1000])
        at, turn = at + lengths[turn % len(lengths)] + 1000, turn + 1
    wanted = pyloudnorm.Meter(rate, filter_class="DeMan").integrated_loudness(audio.T)
    assert meter.lufs() == pytest.approx(wanted, abs=0.01)


def test_loudness_of_silence_is_none() -> None:
    meter = Loudness(RATE)
    meter.push(np.zeros((2, RATE)))
    assert meter.lufs() == float("-inf")
