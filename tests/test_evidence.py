"""Evidence: what is held out is never fitted, and a gain is no larger and no surer than its takes make it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_bench import apart, held

import backtune.evidence
from backtune.evidence import EVERY_PITCH, FEW_CLUSTERS, FEWEST_FOLDS, MOST_HELD, Bench, Fold, folds, paired_gain
from backtune.repeats import Repeats

Key = tuple[float, float]  # pitch and velocity


def divided(keys: Sequence[Key]) -> list[Fold]:
    """Return the folds of one take of each key; a key that stands there twice was recorded twice."""
    all_takes = [held(*key, name=str(i)) for i, key in enumerate(keys)]
    return folds([one.take for one in all_takes], [one.heard for one in all_takes])


@st.composite
def recorded(draw: st.DrawFn) -> list[Key]:
    """Draw keys as a source may have them: some pitches at some velocities, some of them again."""
    pitches = draw(st.lists(st.integers(21, 108), min_size=1, max_size=14, unique=True))
    velocities = draw(st.lists(st.integers(1, 127), min_size=1, max_size=5, unique=True))
    again = draw(st.integers(1, 3))
    keys = [(float(p), float(v)) for p in pitches for v in velocities for _ in range(again)]
    gone = draw(st.sets(st.sampled_from(range(len(keys))), max_size=len(keys) - 1))
    return draw(st.permutations([key for i, key in enumerate(keys) if i not in gone]))


@given(keys=recorded(), most=st.sampled_from([MOST_HELD, 6, 17]))
@settings(max_examples=60, deadline=None)
def test_what_is_held_out_is_never_fitted(keys: list[Key], most: int) -> None:
    with pytest.MonkeyPatch.context() as patching:
        patching.setattr(backtune.evidence, "MOST_HELD", most)
        ways = divided(keys)
    pitches = [pitch for pitch, _ in keys]
    for fold in ways:
        known = {keys[i][0] for i in fold.fitted}
        mine = {why: [int(one.take.name) for one in fold.held if one.why == why] for why in ("pitches", "dynamics")}
        assert not set(fold.fitted) & {*mine["pitches"], *mine["dynamics"]}
        assert not known & {keys[i][0] for i in mine["pitches"]}
        assert {min(pitches), max(pitches)} <= known
        assert {keys[i][0] for i in mine["dynamics"]} <= known
        assert len(fold.held) <= most // len(ways)
        out = set(range(len(keys))) - set(fold.fitted)
        unheard = {i for i in out if keys[i][0] not in known}  # all of them or so many of each kind, each once
        for why, some, share in (("pitches", unheard, 2 / 3), ("dynamics", out - unheard, 1 / 3)):
            assert set(mine[why]) <= some
            assert len(set(mine[why])) == len(mine[why]) == min(len(some), round(most // len(ways) * share))


def test_all_inner_pitches_are_held_out_in_some_fold_of_a_small_set() -> None:
    keys = [(pitch, velocity) for pitch in np.arange(48.0, 70.0, 3.0) for velocity in (40.0, 80.0, 120.0)]
    ways = divided(keys)
    assert len(ways) == EVERY_PITCH
    unheard = [one.heard.note.midi for fold in ways for one in fold.held if one.why == "pitches"]
    assert set(unheard) == {pitch for pitch, _ in keys[3:-3]}


def test_a_large_set_is_divided_as_seldom_as_may_be() -> None:
    keys = [(float(pitch), velocity) for pitch in range(21, 109) for velocity in (20.0, 40.0, 60.0, 80.0, 100.0)]
    ways = divided(keys)
    assert [len(fold.held) for fold in ways] == [MOST_HELD // FEWEST_FOLDS] * FEWEST_FOLDS
    assert not {one.take.name for one in ways[0].held} & {one.take.name for one in ways[1].held}


FALLS_DB, PITCHES = np.random.default_rng(3).normal(0.3, 0.5, 24), np.arange(24.0)


def test_the_more_was_tried_the_wider_is_an_interval() -> None:
    one, many = paired_gain(FALLS_DB, PITCHES, 1), paired_gain(FALLS_DB, PITCHES, 22)
    assert one.mean_db == many.mean_db == pytest.approx(FALLS_DB.mean())
    error_db = float(np.std(FALLS_DB)) / np.sqrt(24)
    for gain, z in ((one, 1.96), (many, 3.05)):  # 95 %, and 99.77 %
        assert (gain.low_db, gain.high_db) == pytest.approx(
            FALLS_DB.mean() + z * error_db * np.array([-1, 1]), abs=0.04
        )
    assert many.low_db < one.low_db - 0.05 < one.mean_db < one.high_db + 0.05 < many.high_db
    assert paired_gain(FALLS_DB, PITCHES, 1) == one  # the same data, the same draws


def test_what_won_by_chance_among_twenty_is_hardly_ever_taken_for_sure() -> None:
    rng = np.random.default_rng(1)
    sure = [paired_gain(rng.normal(0.0, 0.5, 16), PITCHES[:16], 20).low_db > 0 for _ in range(80)]
    assert np.mean(sure) < 0.01


def test_takes_of_one_pitch_that_err_alike_tell_as_much_as_one() -> None:
    some, pitches = FALLS_DB[:8], PITCHES[:8]
    one, six = paired_gain(some, pitches, 5), paired_gain(np.repeat(some, 6), np.repeat(pitches, 6), 5)
    assert (six.low_db, six.high_db) == pytest.approx((one.low_db, one.high_db))
    assert (one.takes, six.takes) == (8, 48)


def test_takes_of_few_pitches_speak_for_themselves() -> None:
    few = np.arange(24.0) % (FEW_CLUSTERS - 1)
    assert paired_gain(FALLS_DB, few, 5) == paired_gain(FALLS_DB, PITCHES, 5)
    enough = np.arange(24.0) % FEW_CLUSTERS
    assert paired_gain(FALLS_DB, enough, 5) != paired_gain(FALLS_DB, PITCHES, 5)


def test_a_pitch_of_many_takes_counts_for_all_of_them() -> None:
    pitches = np.repeat(np.arange(6.0), [40, 1, 1, 1, 1, 1])
    falls = np.where(pitches == 0, 1.0, 0.0)
    gain = paired_gain(falls, pitches, 1)
    assert gain.mean_db == pytest.approx(40 / 45)
    assert gain.high_db > 0.95  # drawn twice, it is 80 takes of 84


def test_no_takes_tell_nothing() -> None:
    assert paired_gain(np.zeros(0), np.zeros(0), 3).takes == 0


def bench(whys: Sequence[str], pitches: Sequence[float] = (), repeats: Repeats | None = None) -> Bench:
    """Return a bench of two folds, of takes held out for these reasons."""
    some = [held(midi, why=why) for midi, why in zip(pitches or range(40, 40 + len(whys)), whys, strict=True)]
    return Bench([some[: len(some) // 2], some[len(some) // 2 :]], False, 1, repeats)


def test_a_gross_error_of_one_note_does_not_decide() -> None:
    ten = bench(["pitches"] * 10)
    fell = ten.gain(apart([33.0] + [3.0] * 9), apart([3.0] * 10), "pitches", 1)
    rose = ten.gain(apart([3.0] * 10), apart([33.0] + [3.0] * 9), "pitches", 1)
    assert fell.mean_db == pytest.approx(0.15)
    assert rose.mean_db == pytest.approx(-0.15)


def test_what_nobody_hears_is_no_gain() -> None:
    ten = bench(["pitches"] * 10)
    assert ten.gain(apart([0.4] * 10), apart([0.1] * 10), "pitches", 1).mean_db == 0.0
    assert ten.gain(apart([0.9] * 10), apart([0.1] * 10), "pitches", 1).mean_db == pytest.approx(0.4)
    repeated = bench(["pitches"] * 10, repeats=Repeats(5, 0.7 * np.sqrt(2)))
    assert repeated.gain(apart([0.9] * 10), apart([0.1] * 10), "pitches", 1).mean_db == pytest.approx(0.2)


def test_a_gain_is_that_of_the_takes_that_count_for_it() -> None:
    mixed = bench(["pitches", "dynamics"] * 6)
    before, after = apart([3.0] * 12), apart([2.0, 3.5] * 6)
    found = {why: mixed.gain(before, after, why, 1) for why in ("pitches", "dynamics", "")}
    assert {why: gain.takes for why, gain in found.items()} == {"pitches": 6, "dynamics": 6, "": 12}
    assert found["pitches"].mean_db == pytest.approx(1.0)
    assert found["dynamics"].mean_db == pytest.approx(-0.5)
    assert found[""].mean_db == pytest.approx(0.25)
    alone = bench(["pitches"] * 4)
    assert alone.gain(before[:4], after[:4], "dynamics", 1) == alone.gain(before[:4], after[:4], "pitches", 1)


def test_a_gain_knows_which_pitches_its_takes_have_and_how_many_were_tried() -> None:
    pitches = np.repeat(np.arange(50.0, 62.0), 2)
    whys, falls = ["pitches"] * 8 + ["dynamics"] * 16, FALLS_DB.clip(-1.4, 1.4)
    gain = bench(whys, pitches.tolist()).gain(apart((3 + falls).tolist()), apart([3.0] * 24), "dynamics", 7)
    wanted = paired_gain(falls[8:], pitches[8:], 7)
    assert (gain.low_db, gain.high_db) == pytest.approx((wanted.low_db, wanted.high_db))


def test_repeats_that_fall_apart_make_a_mean_unsure() -> None:
    four = bench(["pitches"] * 4, [50.0, 50.0, 51.0, 51.0])
    gain = four.gain(apart([3.0, 4.0, 3.0, 4.0]), apart([3.0] * 4), "pitches", 1)
    assert gain.repeats_db == pytest.approx(1.96 * np.sqrt(0.5 / 4))  # of two takes 1 dB apart, twice
    assert bench(["pitches"] * 4).gain(apart([3.0, 4.0] * 2), apart([3.0] * 4), "pitches", 1).repeats_db == 0.0


def test_a_bench_that_asks_for_one_evidence_has_its_takes_alone() -> None:
    whole = bench(["pitches", "dynamics", "dynamics", "pitches", "pitches"], repeats=Repeats(3, 1.0))
    for why, counts in (("pitches", [1, 2]), ("dynamics", [1, 1]), ("repeats", [0, 0])):
        asked = whole.asking(why)
        assert [len(one) for one in asked.held] == counts
        assert {one.why for one in asked.everyone} <= {why}
        assert (asked.level_matched, asked.jobs, asked.repeats) == (whole.level_matched, whole.jobs, whole.repeats)
