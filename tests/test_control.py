"""Controls: nothing at their defaults, and each moves the acoustic quantity it is named after, one way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quantities import NOTE, PATCH, QUANTITIES, bodied, centroid_hz, level_db, rise_s
from some_patches import patches, relaxed
from tolerances import LEVEL_DB

from backtune.control import Control
from backtune.errors import InputError
from backtune.notes import NoteEvent
from backtune.panel import common_controls
from backtune.patch import Patch
from backtune.patch_file import dump_patch, parse_patch
from backtune.render import render_note
from backtune.voice import Voice

FIELDS = ("partial_hz", "partial_db", "bend_cents", "noise_db", "partial_release_db_s", "noise_release_db_s")
ALL = bodied().panel.controls


def same(one: Voice, other: Voice) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in FIELDS)


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_control_at_its_default_changes_no_bit(name: str) -> None:
    patch = bodied()
    assert same(replace(patch, controls={name: ALL[name].default}).voice(NOTE, 1.0), patch.voice(NOTE, 1.0))


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_control_moved_to_its_default_is_the_instrument_within_rounding(name: str) -> None:
    patch = bodied()
    default = ALL[name].default
    plain = patch.voice_at(NOTE, patch.voice(NOTE, 1.0).times_s)
    course = (lambda t: default) if isinstance(default, str) else lambda t: np.full(len(t), default)
    moved = patch.voice_under(NOTE, plain.times_s, {name: course})
    for field in FIELDS:
        np.testing.assert_allclose(getattr(moved, field), getattr(plain, field), atol=1e-9)


def test_every_control_has_a_quantity_that_it_is_tested_by() -> None:
    assert set(QUANTITIES) | {"temperament"} == set(ALL)


@pytest.mark.parametrize("name", sorted(QUANTITIES))
def test_the_quantity_a_control_names_moves_one_way_with_it(name: str) -> None:
    measure, sign = QUANTITIES[name]
    control = ALL[name]
    patch = bodied()
    values = [control.real(x) for x in (0.0, 0.25, 0.5, 0.75, 1.0)]
    seen = np.array([measure(replace(patch, controls={name: value})) for value in values])
    steps = sign * np.diff(seen)
    assert np.all(steps > 0.0), seen


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"brightnes": 1.0}, "did you mean 'brightness'"),
        ({"brightness": 20.0}, "20 is above the allowed 9 dB/octave"),
        ({"brightness": "much"}, "a number in -9..9"),
        ({"brightness": float("nan")}, "a number in"),
        ({"temperament": "meantoned"}, "did you mean 'meantone'"),
        ({"temperament": 3}, "one of equal"),
        ({"own": {"moves": {"brigtness": [0.0, 1.0]}}}, "did you mean 'brightness'"),
        ({"own": {"moves": {"tonal_core.atack_s": [1.0, 2.0]}}}, "did you mean 'attack_s'"),
        ({"own": {"moves": {"tonal_cor.attack_s": [1.0, 2.0]}}}, "did you mean 'tonal_core'"),
        ({"own": {"moves": {"tonal_core.attack_s": [0.0, 2.0]}}}, "no factor"),
        ({"own": {"moves": {"brightness": [0.0, -40.0]}}}, r"brightness: plus -40 leads out of the allowed -9\.\.9"),
        ({"own": {"moves": {"attack": [1.0, 17.0]}}}, r"attack: times 17 leads out of the allowed 0\.25\.\.4 x"),
        ({"own": {"moves": {"breath.noise_db": [-900.0, 0.0]}}}, "noise_db: plus -900 leads out of the allowed"),
        ({"own": {"moves": {"temperament": [0.0, 1.0]}}}, "choice of names"),
        ({"own": {"moves": {"level": [0.0, 1.0]}, "value": 2.0}}, "above the allowed 1"),
        ({"level": {"moves": {"attack": [1.0, 1.0]}}}, "taken"),
        ({"own": {"moves": {}}}, "1..32 are allowed"),
        ({"own": {"moves": {"level": [0.0, -3.0]}, "high": 1e308}}, "above the allowed 1e\\+09"),
    ],
)
def test_settings_that_are_not_allowed_are_refused_with_the_nearest_name(settings: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        PATCH.with_controls(**settings)
    with pytest.raises(InputError):
        parse_patch(dump_patch(replace(PATCH, controls=settings)))


def test_a_made_control_moves_several_laws_and_controls_and_nothing_at_its_default() -> None:
    moves = {"brightness": [0.0, -6.0], "tonal_core.attack_s": [1.0, 3.0], "tonal_core.level_db": [0.0, -6.0]}
    made = PATCH.with_controls(warm={"moves": moves, "sentence": "Warmer."})
    assert same(made.voice(NOTE, 1.0), PATCH.voice(NOTE, 1.0))
    warm = made.with_controls(warm={"moves": moves, "value": 1.0})
    assert centroid_hz(warm) < centroid_hz(PATCH)
    assert rise_s(warm) > rise_s(PATCH)
    first, plain = warm.voice(NOTE, 1.0), PATCH.with_controls(brightness=-6.0).voice(NOTE, 1.0)
    late = np.searchsorted(first.times_s, 0.9)
    assert first.partial_db[0, late] - plain.partial_db[0, late] == pytest.approx(-6.0, abs=0.2)
    assert dump_patch(parse_patch(dump_patch(warm))) == dump_patch(warm)
    with pytest.raises(InputError, match=r"controls\.warm: brightness: -11 is outside -9\.\.9"):
        warm.with_controls(brightness=-5.0).voice(NOTE, 1.0)
    slow = made.with_controls(warm={"moves": {"tonal_core.attack_s": [1.0, 900.0]}, "value": 1.0})
    with pytest.raises(InputError, match=r"controls\.warm: tonal_core\.laws\.attack_s: 27 is above the allowed 2 s"):
        slow.voice(NOTE, 1.0)


def test_muting_a_layer_leaves_settings_of_the_others_standing() -> None:
    set_ = PATCH.with_controls(brightness=3.0, breath_level=6.0, own={"moves": {"breath.noise_db": [0.0, 1.0]}})
    assert set_.without("breath").controls == {"brightness": 3.0}
    assert np.isfinite(set_.only("tonal_core").voice(NOTE, 0.5).partial_db).all()


@pytest.mark.parametrize("control", [*common_controls().values(), *ALL.values()], ids=lambda one: one.name)
@settings(max_examples=60, deadline=None)
@given(normalised=st.floats(0, 1), step=st.integers(0, 127))
def test_normalised_and_real_are_one_and_the_same_way(control: Control, normalised: float, step: int) -> None:
    assert (control.real(0.0), control.real(1.0)) == (
        (control.low, control.high) if not control.choices else (control.choices[0], control.choices[-1])
    )
    assert control.normalised(control.real(0.0)) == 0.0
    assert control.normalised(control.real(1.0)) == 1.0
    value = control.real(normalised)
    assert control.check(value, "") == value
    back = control.normalised(value)
    assert abs(back - normalised) <= (0.5 / control.steps if control.steps else 1e-12)
    assert control.from_controller(control.to_controller(control.default)) == control.default
    if not control.choices:
        assert control.to_controller(control.from_controller(step)) == step


@relaxed
@given(patch=patches(), data=st.data())
def test_on_any_patch_any_setting_is_played_and_the_default_is_the_patch(patch: Patch, data: st.DataObject) -> None:
    plain = replace(patch, controls={})
    note = NoteEvent(data.draw(st.sampled_from([40.0, 60.0, 61.5, 90.0])), 77.0)
    voice = plain.voice(note, 0.3)
    control = data.draw(st.sampled_from(list(plain.panel.controls.values())))
    assert same(replace(plain, controls={control.name: control.default}).voice(note, 0.3), voice)
    value = control.real(data.draw(st.sampled_from([0.0, 0.3, 1.0])))
    moved = replace(plain, controls={control.name: value}).voice(note, 0.3)
    for field in ("partial_hz", "partial_db", "bend_cents", "noise_db", "mode_hz", "mode_db", "mode_decay_s"):
        finite = np.isfinite(getattr(moved, field))
        assert np.all(finite), (control.name, field)
    assert np.all(moved.partial_hz > 0)
    np.testing.assert_array_equal(moved.times_s, voice.times_s)


@pytest.mark.parametrize("value", [-9.0, -3.0, 3.0, 9.0])
def test_brightness_leaves_the_note_as_loud_as_it_was(value: float) -> None:
    rate = 48000  # at +9 dB an octave much of the power is above 10 kHz
    bright, plain = (render_note(one, NOTE, 1.0, rate) for one in (PATCH.with_controls(brightness=value), PATCH))
    change = level_db(bright) - level_db(plain)
    assert abs(change) < LEVEL_DB


def test_vibrato_swings_in_time_and_lets_the_note_speak_first() -> None:
    voice = PATCH.without("note_correction").with_controls(vibrato=50.0, vibrato_rate=5.0).voice(NOTE, 3.0)
    early, late = voice.times_s < 0.3, voice.times_s > 0.7
    assert np.max(np.abs(voice.bend_cents[early])) == 0.0
    assert np.max(voice.bend_cents[late]) == pytest.approx(50.0, abs=3.0)  # frames lie 20 ms apart
    rising = np.flatnonzero(np.diff(np.sign(voice.bend_cents[late])) > 0)
    periods = np.diff(voice.times_s[late][rising])
    assert np.mean(periods) == pytest.approx(0.2, abs=0.01)


def test_drift_at_nought_keeps_the_balance_of_the_overtones() -> None:
    voice = PATCH.with_controls(drift=0.0).voice(NOTE, 2.0)
    after = voice.times_s > 0.16
    balance = voice.partial_db[:, after] - voice.partial_db[0, after]
    np.testing.assert_allclose(balance, np.repeat(balance[:, :1], balance.shape[1], axis=1), atol=1e-9)


def test_the_velocity_curve_keeps_the_softest_and_the_loudest() -> None:
    heavy = PATCH.with_controls(velocity_curve=3.0)
    for velocity in (1.0, 127.0):
        note = NoteEvent(60.0, velocity)
        np.testing.assert_allclose(heavy.voice(note, 0.2).partial_db, PATCH.voice(note, 0.2).partial_db, atol=1e-9)
