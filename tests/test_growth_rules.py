"""Rules of growth: what a layer costs, which of two is taken, what goes for a simpler one, what goes for nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from known_bench import TAKES, KnownBench, apart, held
from known_instrument import breath, core, grid, known_patch

from backtune.analysis.distance import PARTS
from backtune.evidence import Bench, total
from backtune.growth import _drop_idle, _simplest
from backtune.growth_state import Growth, price_db
from backtune.layer import Layer
from backtune.layers.evolving_spectrum import EvolvingSpectrum
from backtune.layers.velocity_colour import VelocityColour
from backtune.patch import Patch
from backtune.patch_file import patch_bytes
from backtune.repeats import Repeats
from backtune.swapping import Swap, swap
from backtune.trial import Trial

PLAIN = known_patch(core())
LAW = VelocityColour({"colour_db": grid("colour_db", "dB", [-3.0, 0.0], velocity=(40, 120))})
SURFACE = EvolvingSpectrum(
    {"evolution_db": grid("evolution_db", "dB", np.zeros((3, 4)), pitch=(40, 60, 80), partial=(1, 2, 4, 8))}
)
BIG, SMALL = SURFACE.kind, LAW.kind


def state_of(bench: Bench, *layers: Layer) -> Growth:
    patches = (known_patch(core(), *layers),)
    nothing_heard: Any = [None]
    return Growth(nothing_heard, bench, 100_000, patches, bench.measure(patches))


@pytest.fixture(autouse=True)
def _nothing_to_settle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave all numbers as they are: layers refitted beside each other change nothing here."""
    monkeypatch.setattr(Growth, "settled", lambda self, patches: patches)


def test_bytes_have_their_price() -> None:
    small, large = (PLAIN,), (PLAIN.with_layer(breath()),)
    more = patch_bytes(large[0]) - patch_bytes(small[0])
    assert more > 200
    assert price_db(small, large) == pytest.approx(0.2 * more / 100_000)  # a layer of 100 KB has to win 0.2 dB
    assert price_db(large, small) == pytest.approx(-0.2 * more / 100_000)


def test_quality_tells_unheard_pitches_from_unheard_dynamics() -> None:
    takes = [held(50, why="pitches"), held(51, why="dynamics"), held(52, why="dynamics")]
    state = Growth([], Bench([takes], False, 1), 1000, (PLAIN,), apart([2.0, 4.0, 5.0]))
    parts = {f"{part}_db": 3.67 for part in PARTS}
    assert state.quality == {"unheard_pitches_db": 2.0, "unheard_dynamics_db": 4.5} | parts
    state.bench = Bench([takes], False, 1, Repeats(4, 1.234))
    assert state.quality["repeats_of_a_note_db"] == 1.23
    alone = Growth([], Bench([takes[1:]], False, 1), 1000, (PLAIN,), apart([4.0, 5.0]))
    assert "unheard_pitches_db" not in alone.quality


def trial(layer: Layer, worth: float, far_db: float) -> Trial:
    return Trial(worth, "", (PLAIN.with_layer(layer),), apart([far_db] * TAKES))


@pytest.mark.parametrize(
    ("worth", "far_db", "chosen"),
    [
        (0.92, 2.06, SMALL),  # nearly as much is worth as much
        (0.88, 2.06, BIG),
        (0.92, 2.2, BIG),  # of what single takes win, more was cut off of the other's
        (0.4, 2.06, BIG),
    ],
)
def test_of_two_worth_nearly_as_much_the_simpler_is_taken(worth: float, far_db: float, chosen: str) -> None:
    state = state_of(KnownBench(lambda patch: 3.0))  # what has settled wins nothing
    fresh = {BIG: trial(SURFACE, 1.0, 2.0), SMALL: trial(LAW, worth, far_db)}
    assert _simplest(state, BIG, fresh) == chosen
    assert _simplest(state, SMALL, {SMALL: fresh[SMALL]}) == SMALL


def test_a_simpler_layer_is_looked_at_once_all_have_settled_beside_it() -> None:
    state = state_of(KnownBench(lambda patch: 2.0 if SMALL in patch.kinds else 3.0))
    fresh = {BIG: trial(SURFACE, 1.0, 2.0), SMALL: trial(LAW, 0.6, 2.4)}
    assert _simplest(state, BIG, fresh) == SMALL
    assert fresh[SMALL].worth == pytest.approx(1.0, abs=0.01)
    hopeless = {BIG: trial(SURFACE, 1.0, 2.0), SMALL: trial(LAW, 0.4, 2.6)}
    assert _simplest(state, BIG, hopeless) == BIG  # not half as much: nobody settles beside it


@pytest.mark.parametrize(("idle_db", "dropped"), [(3.0, True), (3.04, True), (3.06, False), (2.9, True)])
def test_a_layer_that_no_longer_pays_beside_the_newest_goes(idle_db: float, dropped: bool) -> None:
    far_db = {(BIG, SMALL): 3.0, (BIG,): idle_db, (SMALL,): 4.0}

    def told(patch: Patch) -> float:
        return far_db[tuple(kind for kind in (BIG, SMALL) if kind in patch.kinds)]

    state = state_of(KnownBench(told), LAW, SURFACE)
    assert _drop_idle(state, newest=BIG) == [SMALL] * dropped
    assert (SMALL in state.patches[0].kinds) == (not dropped)
    assert total(state.measured) == pytest.approx(idle_db if dropped else 3.0)
    assert [(step.action, step.kind) for step in state.record] == [("remove", SMALL)] * dropped


def test_the_tone_and_the_newest_are_never_dropped() -> None:
    state = state_of(KnownBench(lambda patch: 3.0), LAW)
    assert _drop_idle(state, newest=SMALL) == []
    assert state.patches[0].kinds == ("tonal_core", SMALL)


def swapped(monkeypatch: pytest.MonkeyPatch, went: Layer, came: Layer, far_db: Any) -> tuple[Growth, Swap | None]:
    """Return growth in which one layer was taken in and another, passed over for it, is so far from the takes."""
    state = state_of(KnownBench(lambda patch: far_db if came.kind in patch.kinds else 3.0), went)
    state.passed_over[went.kind] = [came.kind]
    monkeypatch.setattr("backtune.swapping.add_guess", lambda patch, kind, residual: patch.with_layer(came))
    return state, swap(state)


def test_a_layer_goes_for_a_simpler_one_that_is_as_near(monkeypatch: pytest.MonkeyPatch) -> None:
    state, done = swapped(monkeypatch, SURFACE, LAW, 3.04)
    assert done == Swap(BIG, SMALL)
    assert state.patches[0].kinds == ("tonal_core", SMALL)
    assert [(step.action, step.kind) for step in state.record] == [("remove", BIG), ("add", SMALL)]
    assert total(state.measured) == pytest.approx(3.04)
    assert swap(state) is None


@pytest.mark.parametrize("far_db", [3.0, 2.5])
def test_a_layer_never_goes_for_a_larger_one(far_db: float, monkeypatch: pytest.MonkeyPatch) -> None:
    state, done = swapped(monkeypatch, LAW, SURFACE, far_db)
    assert done is None
    assert state.patches[0].kinds == ("tonal_core", SMALL)


@pytest.mark.parametrize(
    "far_db",
    [3.06, [13.0] + [3.0] * (TAKES - 1)],  # a gross error of one note counts as 1.5 dB, but the mean distance rises
    ids=["all takes", "one take"],
)
def test_a_layer_does_not_go_for_one_that_is_farther(far_db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    state, done = swapped(monkeypatch, SURFACE, LAW, far_db)
    assert done is None
    assert state.patches[0].kinds == ("tonal_core", BIG)
    assert not state.record
