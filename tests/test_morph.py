"""Morphs, grafts and variations: ordinary patches that know where they come from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from playable import playable_patch
from some_patches import laws, patches, relaxed, simple_patch

from backtune.errors import InputError
from backtune.graft import graft
from backtune.growth_record import Audit, Baseline, Cut, Step
from backtune.law import Law, LawSpec
from backtune.morph import between, morph
from backtune.notes import NoteEvent
from backtune.patch import Patch
from backtune.patch_file import dump_patch, parse_patch
from backtune.vary import movable, vary
from backtune.voice import Voice

ONE = playable_patch()
OTHER = replace(
    simple_patch(),
    name="other",
    origin=replace(ONE.origin, name="other recordings", licence="CC BY", source_hash="cd34"),
    controls={"brightness": 4.0, "temperament": "just"},
)
NOTE = NoteEvent(62.0, 80.0)


def fundamental_db(patch: Patch) -> float:
    voice = patch.voice(NOTE, 0.5)
    return float(voice.partial_db[0, np.searchsorted(voice.times_s, 0.3)])


def same(one: Voice, other: Voice) -> bool:
    return np.array_equal(one.partial_db, other.partial_db) and np.array_equal(one.noise_db, other.noise_db)


def test_the_ends_of_a_morph_are_the_instruments() -> None:
    start, end = morph(ONE, OTHER, 0.0), morph(ONE, OTHER, 1.0)
    assert same(start.voice(NOTE, 0.5), ONE.voice(NOTE, 0.5))
    times = ONE.voice(NOTE, 0.5).times_s
    assert same(end.voice_at(NOTE, times), OTHER.voice_at(NOTE, times))
    assert end.kinds == OTHER.kinds
    assert end.controls == OTHER.controls


def test_what_was_measured_of_an_instrument_is_not_told_of_what_is_made_of_it() -> None:
    told = {
        "record": (Step("core", "tonal_core", "the tone"),),
        "quality": {"unheard_pitches_db": 3.0},
        "cuts": (Cut("leave out", "breath", size_bytes=900, distance_db=4.0),),
        "baselines": (Baseline("sampler", 9000, 5.0, 20, 4),),
        "audit": Audit(3, 20, 0, 5, {}),
    }
    measured = replace(ONE, **told)
    for made in (morph(measured, OTHER, 0.5), graft(OTHER, "tonal_core", measured)):
        assert [name for name in told if getattr(made, name)] == []


def test_layers_that_stand_muted_stay_so_at_the_ends_of_a_morph_and_near_them() -> None:
    names = [control for control in ONE.panel.controls if control.endswith(("_amount", "_level"))]
    assert names
    muted = replace(ONE, controls={name: ONE.panel.controls[name].low for name in names})
    plain = replace(OTHER, controls={})
    for start, end in ((muted, plain), (plain, muted)):
        assert morph(start, end, 0.0).controls == start.controls
        assert morph(start, end, 1.0).controls == end.controls
    near = morph(muted, plain, 1e-4)
    assert fundamental_db(near) == pytest.approx(fundamental_db(muted), abs=0.05)


def test_a_morph_moves_one_way_from_one_to_the_other() -> None:
    quiet = OTHER.layer("tonal_core")
    lower = quiet.laws["level_db"].with_values(quiet.laws["level_db"].values - 12.0)
    target = replace(OTHER, layers=(type(quiet)({**quiet.laws, "level_db": lower}),), controls={})
    source = replace(ONE.only("tonal_core"), controls={})
    levels = [fundamental_db(morph(source, target, amount)) for amount in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert np.all(np.diff(levels) < 0)
    assert levels[2] == pytest.approx((levels[0] + levels[4]) / 2, abs=0.6)


def test_where_keys_sound_leaps_half_way() -> None:
    core = ONE.layer("tonal_core")
    deep = ONE.with_layer(core.with_laws(Law.constant("transposed_semitones", "semitones", -12)))
    first = [
        [float(morph(*pair, amount).voice(NOTE, 0.1).partial_hz[0]) for amount in (0.0, 0.3, 0.7, 1.0)]
        for pair in ((ONE, deep), (deep, ONE))
    ]
    assert first[0] == pytest.approx([first[0][0]] * 2 + [first[0][0] / 2] * 2)
    assert first[1] == first[0][::-1]


def test_on_the_way_a_morph_has_the_longer_lead_the_finer_step_the_nearer_family_and_factors_in_ratios() -> None:
    core = ONE.layer("tonal_core")

    def stepping(step: float) -> Patch:
        law = replace(core.laws["level_db"], step=step)
        return ONE.with_layer(type(core)({**core.laws, "level_db": law}))

    one = replace(stepping(0.5), lead_s=0.3, struck=True, controls={"attack": 0.25, "level": -6.0})
    other = replace(stepping(0.1), lead_s=0.1, struck=False, controls={"attack": 4.0})
    early, half, late = (morph(one, other, amount) for amount in (0.25, 0.5, 0.75))
    assert [made.lead_s for made in (early, late, morph(other, one, 0.25))] == [0.3, 0.3, 0.3]
    assert [made.struck for made in (early, late)] == [True, False]
    assert [made.layer("tonal_core").laws["level_db"].step for made in (early, late)] == [0.1, 0.1]
    assert "attack" not in half.controls  # 1, the mean of both ratios, is the default
    assert late.controls["attack"] == pytest.approx(2.0)
    assert late.controls["level"] == pytest.approx(-1.5)


def test_layers_that_are_not_named_stay() -> None:
    made = morph(ONE, OTHER, 0.5, ["breath"])
    assert made.layer("tonal_core") is ONE.layer("tonal_core")
    assert made.controls["breath_level"] == pytest.approx(20 * np.log10(0.5))
    with pytest.raises(InputError, match="did you mean 'breath'"):
        morph(ONE, OTHER, 0.5, ["breth"])
    with pytest.raises(InputError, match=r"outside 0\.\.1"):
        morph(ONE, OTHER, 1.5)


def test_a_morph_is_an_ordinary_patch_that_knows_both_its_parents() -> None:
    made = morph(ONE, OTHER, 0.3)
    assert dump_patch(parse_patch(dump_patch(made))) == dump_patch(made)
    assert made.origin.licence == "CC0; CC BY"
    (step,) = made.origin.options["made"]
    assert step == {
        "how": "morph", "from": ONE.name, "amount": 0.3, "layers": [], "with": "other", "with_source": "cd34"
    }  # fmt: skip
    again = morph(made, OTHER, 0.5)
    assert [one["how"] for one in again.origin.options["made"]] == ["morph", "morph"]
    assert again.origin.licence == "CC0; CC BY"
    assert made.quality == {}


SPEC = LawSpec("level_db", "dB", -100, 50, "a level", ("pitch", "velocity"))
FACTOR = LawSpec("attack_s", "s", 0.001, 50, "a time", ("pitch",))


@pytest.mark.parametrize(
    ("spec", "form"), [(SPEC, "any"), (SPEC, "notes"), (FACTOR, "any")], ids=["added", "by notes", "in ratios"]
)
@relaxed
@given(data=st.data())
def test_a_law_between_two_is_between_them_everywhere(spec: LawSpec, form: str, data: st.DataObject) -> None:
    first, second = (replace(data.draw(laws(spec)), step=0.0) for _ in range(2))
    if form == "notes":
        assume(first.axes[:1] == second.axes[:1] == ("pitch",))
        first, second = replace(first, form=form), replace(second, form=form)
    if first.form != second.form:
        with pytest.raises(InputError, match="by notes"):
            between(first, second, spec, 0.5)
        return
    law = between(first, second, spec, 0.5)
    at = {"pitch": np.linspace(21, 108, 30), "velocity": np.linspace(1, 127, 30)}
    one, two, mid = (np.asarray(x.along(at)) for x in (first, second, law))
    if spec is SPEC and law.form == "grid":
        np.testing.assert_allclose(mid, (one + two) / 2, atol=1e-3)
    ends = np.concatenate([first.values.ravel(), second.values.ravel(), [0.0] if law.form == "notes" else []])
    assert np.all((mid >= ends.min() - 1e-3) & (mid <= ends.max() + 1e-3))
    knots = dict(zip(law.axes, law.knots, strict=True))
    pitch, velocity = (knots.get(axis, np.array([64.0])) for axis in ("pitch", "velocity"))
    at = {"pitch": np.repeat(pitch, len(velocity)), "velocity": np.tile(velocity, len(pitch))}
    one, two, mid = (np.asarray(x.along(at)) for x in (first, second, law))
    np.testing.assert_allclose(mid, np.sqrt(one * two) if spec is FACTOR else (one + two) / 2, rtol=1e-5, atol=1e-6)
    if law.form == "notes":
        far = np.array([x for x in np.linspace(21, 108, 30) if np.min(np.abs(x - pitch)) >= 0.5])
        assert not np.any([law(pitch=x, velocity=64.0) for x in far.tolist()])


def test_times_move_in_ratios_and_levels_in_their_unit() -> None:
    one, other = Law.constant("attack_s", "s", 0.01), Law.constant("attack_s", "s", 0.04)
    assert between(one, other, FACTOR, 0.5)() == pytest.approx(0.02)
    low, high = Law.constant("level_db", "dB", -40.0), Law.constant("level_db", "dB", -20.0)
    assert between(low, high, SPEC, 0.25)() == pytest.approx(-35.0)


@relaxed
@given(one=patches(), other=patches(), amount=st.floats(0, 1))
def test_any_two_patches_make_a_patch_that_can_be_written(one: Patch, other: Patch, amount: float) -> None:
    try:
        made = morph(replace(one, controls={}), replace(other, controls={}), amount)
    except InputError as error:
        assume("by notes" not in str(error))
        raise
    assert dump_patch(parse_patch(dump_patch(made))) == dump_patch(made)


def test_a_graft_takes_one_layer_along_with_its_licence() -> None:
    made = graft(ONE, "breath", OTHER)
    assert made.layer("breath") is ONE.layer("breath")
    assert made.layer("tonal_core") is OTHER.layer("tonal_core")
    assert made.controls == OTHER.controls
    assert made.origin.options["made"][-1]["layer"] == "breath"
    assert made.origin.licence == "CC BY; CC0"
    assert np.max(made.voice(NOTE, 0.2).noise_db) > np.max(OTHER.voice(NOTE, 0.2).noise_db)
    assert dump_patch(parse_patch(dump_patch(made))) == dump_patch(made)
    with pytest.raises(InputError, match="did you mean 'breath'"):
        graft(ONE, "brreath", OTHER)


def test_variations_are_the_same_for_a_seed_and_differ_among_themselves() -> None:
    eight, three = vary(ONE, 4, 0.2, 8), vary(ONE, 4, 0.2, 3)
    assert [one.controls for one in eight[:3]] == [one.controls for one in three]
    assert len({str(one.controls) for one in eight}) == 8
    assert vary(ONE, 5, 0.2, 1)[0].controls != eight[0].controls
    for one in eight:
        assert dump_patch(parse_patch(dump_patch(one))) == dump_patch(one)
        assert one.layers == ONE.layers
        assert one.origin.options["made"][-1]["seed"] == 4
        assert np.all(np.isfinite(one.voice(NOTE, 0.2).partial_db))


@relaxed
@given(seed=st.integers(0, 10**6), amount=st.floats(0, 1))
def test_variations_move_no_further_than_asked_and_only_what_is_musical(seed: int, amount: float) -> None:
    allowed = {one.name for one in movable(ONE)}
    assert not allowed & {"temperament", "level", "velocity_curve", "vibrato"}
    for one in vary(ONE, seed, amount, 2):
        assert set(one.controls) <= allowed
        for name in one.controls:
            control = ONE.panel.controls[name]
            way = control.normalised(one.panel.value(name)) - control.normalised(control.default)
            assert abs(way) <= 0.5 * amount + 1e-3


@pytest.mark.parametrize(
    ("seed", "amount", "count"), [(0, 1.5, 1), (0, -0.1, 1), (0, 0.5, 0), (0, 0.5, 1001), (-1, 0.5, 1)]
)
def test_variations_that_cannot_be_are_refused(seed: int, amount: float, count: int) -> None:
    with pytest.raises(InputError):
        vary(ONE, seed, amount, count)
