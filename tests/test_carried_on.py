"""Layers refitted by turns are carried on to where they settle, and no farther than their changes tell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from known_instrument import core, known_patch
from tolerances import CARRIED_DB

from backtune.carried_on import MOST_LEFT, carried_on
from backtune.patch import Patch


def moved(by_db: float, attack_s: float = 0.03) -> Patch:
    """Return the known patch that much louder, with that attack."""
    patch = known_patch(core())
    layer = patch.layer("tonal_core")
    level, attack = layer.laws["level_db"], layer.laws["attack_s"]
    changed = {"level_db": level.with_values(level.values + by_db), "attack_s": attack.with_values(attack_s)}
    return patch.with_layer(type(layer)({**layer.laws, **changed}))


def level(patch: Patch) -> np.ndarray:
    """Return how much louder than the known patch a patch is."""
    return patch.layer("tonal_core").laws["level_db"].values - moved(0.0).layer("tonal_core").laws["level_db"].values


@given(st.floats(0.05, MOST_LEFT), st.floats(-8.0, 8.0))
def test_changes_that_fall_by_one_ratio_are_followed_to_their_end(ratio: float, whole_db: float) -> None:
    states = [moved(whole_db * (1 - ratio**turn)) for turn in range(3)]
    assert np.allclose(level(carried_on(*states)), whole_db, atol=CARRIED_DB)


@pytest.mark.parametrize("third_db", [3.0, 1.0, 0.5])  # growing, standing, turning back
def test_what_does_not_settle_goes_no_farther_than_four_changes(third_db: float) -> None:
    after = carried_on(moved(0.0), moved(1.0), moved(third_db))
    farthest = (third_db - 1.0) * MOST_LEFT / (1 - MOST_LEFT) if third_db > 1.0 else 0.0
    assert np.allclose(level(after), third_db + farthest)


def test_what_is_no_level_stays() -> None:
    after = carried_on(moved(0.0, 0.02), moved(1.0, 0.03), moved(1.5, 0.035))
    assert after.layer("tonal_core").laws["attack_s"]() == pytest.approx(0.035)
