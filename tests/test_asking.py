"""In which order growth asks the layer types, how much it asks of each, and what it takes back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from backtune.analysis.distance import PARTS, Distance
from backtune.analysis.whereabouts import PLACES
from backtune.errors import Declined
from backtune.evidence import Gain, total
from backtune.growth import _keep, _next
from backtune.growth_state import Growth
from backtune.library import CORE, library
from backtune.swapping import stands_for, swap, turn
from backtune.trial import LEAST_CLOSING_SHARE, LEAST_SHARE, Trial, attempt, refusal

MISSING_DB = 4.0
KINDS = sorted(kind for kind in library() if kind != CORE)


def refused(kind: str, gain_db: float) -> str:
    """Return why growth refuses a layer that surely wins `gain_db` of 4 dB and costs next to nothing."""
    state = SimpleNamespace(budget_bytes=1000, measured=[Distance(**dict.fromkeys(PARTS, MISSING_DB))])
    gain = Gain(gain_db, 0.9 * gain_db, 1.1 * gain_db, 40)
    return refusal(state, kind, gain, 100, 0.001, gain)  # type: ignore[arg-type]


def test_strings_are_asked_among_the_laws_and_stand_for_none() -> None:
    tables = {kind for kind in KINDS if library()[kind].mimics}
    assert tables
    assert turn("sympathetic_strings") == turn("velocity_colour") < turn("vibrato") < min(map(turn, tables))
    assert turn("individuality") == max(map(turn, KINDS))
    for kind in KINDS:
        assert stands_for(kind, "sympathetic_strings") == (kind == "sympathetic_strings")
        assert stands_for("sympathetic_strings", kind) == (kind == "sympathetic_strings")


@pytest.mark.parametrize("kind", KINDS)
def test_what_says_no_law_has_to_win_a_share_of_what_is_missing(kind: str) -> None:
    layer = library()[kind]
    share = LEAST_SHARE if layer.mimics else LEAST_CLOSING_SHARE if layer.closes else 0.0
    assert refused(kind, 1.01 * max(share, 0.02) * MISSING_DB) == ""
    if share:
        assert f"less than {share:.0%} of what is missing" in refused(kind, 0.99 * share * MISSING_DB)


def apart(all_db: float) -> list[Distance]:
    return [Distance(**dict.fromkeys(PARTS, all_db))]


class Bench:
    """Held-out takes of which all is known: what patches, here names, are apart from them."""

    everyone, held, repeats, jobs = (), [[]], "", 1

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []  # evidence, and among how many candidates

    def measure(self, patches: tuple[str, ...]) -> list[Distance]:
        return apart({"settled": 2.9, "smaller": 3.0}[patches[0]])

    def gain(self, before: list[Distance], after: list[Distance], evidence: str, tried: int) -> Gain:
        self.asked.append((evidence, tried))
        won = total(before) - total(after)
        return Gain(won, won - 0.2, won + 0.2, 20)


def test_a_layer_whose_gain_was_chance_once_all_had_settled_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("growth", "growth_state"):
        monkeypatch.setattr(f"backtune.{module}.patch_bytes", lambda patch: 100)
    monkeypatch.setattr(Growth, "settled", lambda self, patches: ("settled",))
    bench: Any = Bench()
    state = Growth([], bench, 1000, ("smaller",), apart(3.0))  # type: ignore[arg-type]
    state.__dict__["shares"] = dict.fromkeys(PLACES, 0.2)
    trial = Trial(0.05, "", ("trial",), apart(2.95))  # type: ignore[arg-type]
    state.declined = {"vibrato"}
    assert not _keep(state, "velocity_colour", trial)
    assert bench.asked == [("pitches", len(KINDS) - 1)]
    assert state.patches == ("smaller",)
    assert total(state.measured) == pytest.approx(3.0)
    assert [step.action for step in state.record] == ["refuse"]
    assert state.record[0].reason.startswith("once all had settled, its gain of +0.10 dB")


def test_laws_that_may_say_the_same_are_asked_before_one_is_taken_in() -> None:
    state: Any = SimpleNamespace(promise=lambda kind: 0.0)
    worth = {"velocity_colour": 0.15, "late_overtones": -0.1, "tone_noise": 0.0, "vibrato": float("inf")}
    worth["body_filter"] = float("-inf")  # it declined when it was asked last
    fresh: dict[str, Trial] = {"tone_noise": Trial(0.0, "harm"), "velocity_colour": Trial(0.15, "")}
    assert _next(state, worth, fresh) == "late_overtones"
    fresh["late_overtones"] = Trial(0.1, "")
    worth["late_overtones"] = 0.1
    assert _next(state, worth, fresh) == "velocity_colour"


def test_only_types_that_may_see_a_held_out_take_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing: set[str] = set()

    def guessed(work: Any, remains: list[str], threads: int) -> tuple[str, ...]:
        if nothing:
            raise Declined("nothing here")
        return ("settled",)

    monkeypatch.setattr("backtune.trial.side_by_side", guessed)
    for module in ("trial", "growth_state"):
        monkeypatch.setattr(f"backtune.{module}.patch_bytes", lambda patch: 100)
    bench: Any = Bench()
    state = Growth([], bench, 1000, ("smaller",), apart(3.0))  # type: ignore[arg-type]
    state.__dict__.update(shares=dict.fromkeys(PLACES, 0.2), remains=[""])
    for kind, finds, declined in (("breath", False, 1), ("late_overtones", False, 2), ("breath", True, 1)):
        nothing = set() if finds else {kind}
        attempt(state, kind)
        assert state.tried == len(KINDS) - declined
    everywhere = ("", 1)
    assert bench.asked == [("pitches", len(KINDS) - 1), everywhere]  # of the three, breath alone found something


def test_who_declines_again_for_the_same_reason_has_said_it_before() -> None:
    state = Growth([], Bench(), 1000, ("smaller",), apart(3.0))  # type: ignore[arg-type]
    said = [("decline", "vibrato", "still"), ("refuse", "drift", "chance"), ("decline", "vibrato", "still")]
    said += [("decline", "vibrato", "too few"), ("refuse", "drift", "chance")]
    told: list[str] = []
    state.say = told.append
    for action, kind, reason in said:
        state.note(state.step(action, kind, reason, size=100))
    assert [step.reason for step in state.record] == ["still", "chance", "too few", "chance"]
    assert len(told) == len(said)


class Stack(str):
    """A patch that is known by its layers' names, one letter each."""

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(self)

    def without(self, kind: str) -> Stack:
        return Stack(self.replace(kind, ""))

    def layer(self, kind: str) -> SimpleNamespace:
        return SimpleNamespace(numbers={"s": 500, "l": 30}[kind])


@pytest.mark.parametrize(("without_db", "left"), [(3.01, "l"), (3.2, "sl")])
def test_a_surface_goes_for_nothing_where_the_law_has_come_in_beside_it(
    without_db: float, left: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench: Any = Bench()
    monkeypatch.setattr(Bench, "measure", lambda self, patches: apart(3.0 if patches[0] == "sl" else without_db))
    for module in ("swapping", "growth_state"):
        monkeypatch.setattr(f"backtune.{module}.price_db", lambda smaller, larger: 0.0, raising=False)
    monkeypatch.setattr("backtune.growth_state.patch_bytes", lambda patch: 100)
    monkeypatch.setattr(Growth, "settled", lambda self, patches: patches)
    stack: Any = (Stack("sl"),)
    state = Growth([], bench, 1000, stack, apart(3.0))
    state.passed_over["s"] = ["l"]
    swapped = swap(state)
    assert (swapped is not None) == (left == "l")
    assert state.patches == (left,)
    assert [step.action for step in state.record] == ["remove"] * (left == "l")
    assert bench.asked == [("", 1)]  # over all takes, and nothing was chosen among many
