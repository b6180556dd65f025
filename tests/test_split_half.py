"""Split halves: what stretches of a take that a fit skips say about layers of single notes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from known_instrument import core, known_patch, takes_of

from backtune.analysis.listen import listen
from backtune.analysis.residual import Residual
from backtune.fit import add_guess, comparable
from backtune.layers.dynamic_correction import DynamicCorrection
from backtune.layers.tonal_core import TonalCore
from backtune.patch import Patch
from backtune.split_half import SKIPPED, split_half_gain


@pytest.fixture(scope="module")
def plain() -> Residual:
    """Takes of an instrument that is a tone and nothing else."""
    return Residual(comparable(listen(takes_of(known_patch(core())), struck=False), True), (), struck=False)


def changed(residual: Residual, departures_db: np.ndarray) -> Residual:
    """Return takes whose partials are each louder by `departures_db` (takes, partials, times), repeated as needed."""
    heard = []
    for one, departure in zip(residual.heard, departures_db, strict=True):
        count = len(one.tracks.partial_db)
        level = one.tracks.partial_db + np.resize(departure, (count, departure.shape[1]))
        heard.append(replace(one, tracks=replace(one.tracks, partial_db=level)))
    return replace(residual, heard=tuple(heard))


def grown_core(residual: Residual) -> Patch:
    return add_guess(known_patch(), TonalCore, residual)


def test_what_lasts_in_a_take_is_remembered(plain: Residual) -> None:
    lasting = np.random.default_rng(1).normal(0, 5, (len(plain.heard), 8, 1)) * np.ones(len(SKIPPED))
    takes = changed(plain, lasting)
    gain, missing_db = split_half_gain(grown_core(takes), DynamicCorrection, takes, tried=1)
    assert missing_db > 2.0
    assert gain.low_db > 1.0


def test_what_a_take_does_by_chance_is_not(plain: Residual) -> None:
    chance = np.random.default_rng(2).normal(0, 5, (len(plain.heard), 8, len(SKIPPED)))
    takes = changed(plain, chance)
    gain, missing_db = split_half_gain(grown_core(takes), DynamicCorrection, takes, tried=1)
    assert missing_db > 2.0
    assert gain.mean_db < 0.2


def test_an_instrument_of_laws_needs_no_memory(plain: Residual) -> None:
    gain, _ = split_half_gain(grown_core(plain), DynamicCorrection, plain, tried=1)
    assert gain.mean_db < 0.2


def test_stretches_alternate_after_the_onset() -> None:
    edges = np.flatnonzero(np.diff(SKIPPED.astype(int)))
    assert len(edges) > 6
    assert not SKIPPED[: edges[0] + 1].any()
