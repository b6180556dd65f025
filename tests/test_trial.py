"""A trial: why a layer type is refused, what speaks for tables of single notes, and what is taken in silent."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from known_bench import KnownBench, apart
from known_instrument import core, known_patch

from backtune.analysis.whereabouts import PLACES
from backtune.evidence import Gain, total
from backtune.growth_state import Growth, price_db
from backtune.law import Law
from backtune.layer import Layer
from backtune.layers.dynamic_correction import DynamicCorrection
from backtune.layers.velocity_colour import VelocityColour
from backtune.layers.vibrato import Vibrato
from backtune.patch import Patch
from backtune.repeats import Repeats
from backtune.trial import Trial, attempt, refusal

PLAIN = known_patch(core())
VIBRATO = Vibrato(
    {
        "rate_hz": Law.constant("rate_hz", "Hz", 5.0),
        "pitch_cents": Law.constant("pitch_cents", "cents", 20.0),
        "level_db": Law.constant("level_db", "dB", 1.0),
        "start_s": Law.constant("start_s", "s", 0.2),
    }
)
TABLE = DynamicCorrection({"field_db": Law.constant("field_db", "dB", 0.0)})
COLOUR = VelocityColour({"colour_db": Law.constant("colour_db", "dB", 0.0)})
WON = Gain(0.3, 0.2, 0.4, 40)


def refused(gain: Gain, everywhere: Gain = WON, size: int = 100, price: float = 0.001) -> str:
    """Return why growth refuses a law that wins so much of 4 dB."""
    state: Any = SimpleNamespace(budget_bytes=1000, measured=apart([4.0]))
    return refusal(state, "velocity_colour", gain, size, price, everywhere)


def test_a_sure_gain_that_pays_is_taken() -> None:
    assert refused(WON) == ""
    assert refused(Gain(0.3, 0.2, 0.4, 40, repeats_db=0.29)) == ""


def test_what_cannot_be_told_from_chance_is_refused() -> None:
    assert "cannot be told from chance (-0.10..+1.10)" in refused(Gain(0.5, -0.1, 1.1, 40))
    assert "cannot be told from chance" in refused(Gain(0.5, 0.0, 1.0, 40))
    assert "it does harm: -0.50 dB" in refused(Gain(-0.5, -0.9, -0.1, 40))


def test_a_gain_within_what_repeats_differ_by_is_refused() -> None:
    assert "less than the 0.50 dB by which repeats differ" in refused(Gain(0.3, 0.2, 0.4, 40, repeats_db=0.5))


def test_what_loses_over_all_takes_is_refused() -> None:
    assert "wins 0.30 dB where it should, but loses 0.02 dB over all takes" in refused(WON, Gain(-0.02, -0.1, 0.1, 80))


def test_what_does_not_pay_or_does_not_fit_is_refused() -> None:
    assert "does not pay for 200.0 KB" in refused(WON, price=0.4)
    assert "more than the 1 KB allowed" in refused(WON, size=1001)


def test_what_nobody_hears_is_refused_whatever_it_costs() -> None:
    soft = Gain(0.048, 0.03, 0.06, 40)
    for price in (-0.001, 0.0, 0.04):
        assert refused(soft, price=price) == "its gain of 0.048 dB is less than the 0.05 dB that can be heard"
    assert refused(soft, price=0.1) == "its gain of 0.05 dB does not pay for 50.0 KB"


class Found:
    """What remains beside the plain tone: whoever is asked finds this layer."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer

    def grown_by(self, kind: type[Layer]) -> Patch:
        assert kind is type(self.layer)
        return PLAIN.with_layer(self.layer)


def tried(layer: Layer, bench: KnownBench, alone: bool = True) -> tuple[Growth, Trial]:
    state = Growth([None], bench, 100_000, (PLAIN,), bench.measure([PLAIN]), alone=alone)  # type: ignore[list-item]
    state.__dict__.update(shares=dict.fromkeys(PLACES, 0.2), remains=[Found(layer)])
    return state, attempt(state, layer.kind)


def heard_only(kind: str, with_db: float) -> KnownBench:
    """Return takes 3 dB from all patches but those in which a layer of `kind` is heard, which are so far from them."""

    def far_db(patch: Patch) -> float:
        return with_db if kind in patch.kinds and patch.controls.get(f"{kind}_amount", 1.0) else 3.0

    return KnownBench(far_db)


@pytest.mark.parametrize(("farther_db", "controls"), [(0.11, {"vibrato_amount": 0.0}), (0.09, {}), (-0.2, {})])
def test_character_that_takes_notes_farther_from_their_recordings_comes_in_silent(
    farther_db: float, controls: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def swings(*given: Any) -> tuple[Gain, str]:
        asked.append(given[-1])
        return WON, "swing"

    monkeypatch.setattr("backtune.growth_state.character_gain", swings)
    state, trial = tried(VIBRATO, heard_only("vibrato", 3.0 + farther_db))
    assert trial.refusal == ""  # what it loses does not count: its trait spoke for it
    assert trial.patches is not None
    assert trial.patches[0].controls == controls
    assert total(trial.measured) == pytest.approx(3.0 if controls else 3.0 + farther_db)
    assert asked == [state.tried]


@pytest.fixture
def halves(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What split halves of the takes say of a table: half a dB of 3 dB that are missing, and how many were tried."""
    said: dict[str, Any] = {"told": Gain(0.5, 0.4, 0.6, 30), "missing_db": 3.0, "tried": []}

    def split_half(patch: Patch, kind: type[Layer], residual: Any, tried: int) -> tuple[Gain, float]:
        assert (patch, kind) == (PLAIN, DynamicCorrection)
        said["tried"].append(tried)
        return said["told"], said["missing_db"]

    monkeypatch.setattr("backtune.trial.split_half_gain", split_half)
    return said


def test_a_table_of_single_notes_is_taken_where_halves_of_takes_speak_for_it(halves: dict[str, Any]) -> None:
    state, trial = tried(TABLE, heard_only("dynamic_correction", 3.0))
    assert (trial.refusal, state.by_halves) == ("", {"dynamic_correction"})
    assert trial.patches is not None
    assert trial.worth == pytest.approx(0.5 - price_db((PLAIN,), trial.patches))
    assert halves["tried"] == [state.tried]


@pytest.mark.parametrize(
    "says",
    [
        {"missing_db": 1.4},  # laws miss less than strikes of one note differ by
        {"missing_db": 5.1},  # a tenth of that is more than it wins
        {"told": Gain(0.5, 0.0, 1.0, 30)},
        {"told": Gain(0.29, 0.2, 0.4, 30), "missing_db": 2.0},
    ],
)
def test_halves_that_say_too_little_do_not_speak_for_a_table(says: dict[str, Any], halves: dict[str, Any]) -> None:
    halves.update(says)
    state, trial = tried(TABLE, heard_only("dynamic_correction", 3.0))
    assert "cannot be told from chance" in trial.refusal
    assert trial.worth <= 0.0
    assert not state.by_halves
    assert halves["tried"] == [state.tried]


def test_halves_are_not_asked_where_repeats_or_unheard_notes_or_a_law_speak(halves: dict[str, Any]) -> None:
    repeated = KnownBench(lambda patch: 3.0, Repeats(4, 1.0))
    worse = heard_only("dynamic_correction", 3.06)
    for layer, bench, alone in (
        (TABLE, repeated, True),
        (TABLE, worse, True),
        (TABLE, heard_only("dynamic_correction", 3.0), False),
        (COLOUR, heard_only("velocity_colour", 3.0), True),
    ):
        assert tried(layer, bench, alone)[1].refusal
    assert halves["tried"] == []
