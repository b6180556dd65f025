"""Controls that weigh layers and those a player makes: in the middle of their way, on courses, and in ratios."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playable import playable_patch
from some_patches import layers

from backtune.controlled import PACES, blended
from backtune.law import Law
from backtune.layer import Layer
from backtune.library import library
from backtune.made_control import Move
from backtune.notes import NoteEvent
from backtune.patch import Patch
from backtune.voice import Floats, Voice

PATCH = playable_patch()
NOTE = NoteEvent(60.0, 90.0)
BEFORE = PATCH.voice(NOTE, 0.5)
FRAMES = len(BEFORE.times_s)
COURSES, LEVELS = ("partial_db", "bend_cents", "noise_db"), ("partial_db", "mode_db")
FIELDS = (*COURSES, "mode_db", "mode_hz", *PACES)


def between(one: Floats, other: Floats, amount: float) -> Floats:
    """Return what lies between two paces: by their ratio, or by their difference where one of them is 0."""
    both = (one > 0.0) & (other > 0.0)
    with np.errstate(divide="ignore"):
        by_ratio = np.exp((1.0 - amount) * np.log(one) + amount * np.log(other))
    return np.asarray(np.where(both, by_ratio, (1.0 - amount) * one + amount * other))


@pytest.mark.parametrize(
    "kind", [kind for kind in library().values() if not kind.adds_sound], ids=lambda kind: kind.kind
)
@settings(max_examples=10, deadline=None)
@given(data=st.data(), amount=st.floats(0.05, 0.95))
def test_a_layer_at_amount_0_is_not_there_at_1_as_it_was_fitted_and_between_on_its_way(
    kind: type[Layer], data: st.DataObject, amount: float
) -> None:
    after = data.draw(layers(kind)).shape(BEFORE)
    frames = np.ones(FRAMES)
    none, some, whole = (blended(BEFORE, after, share * frames, 10) for share in (0.0, amount, 1.0))
    for field in FIELDS:
        old, new = getattr(BEFORE, field), getattr(after, field)
        count = len(old)
        assert np.allclose(getattr(none, field)[:count], old, rtol=1e-9, atol=1e-9), field
        assert np.allclose(getattr(whole, field), new, rtol=1e-9, atol=1e-9), field
        if field in PACES:
            expected = between(old, new[:count], amount)
        elif field != "mode_hz":
            expected = (1.0 - amount) * old + amount * new[:count]
        else:
            expected = old
        assert np.allclose(getattr(some, field)[:count], expected, rtol=1e-9, atol=1e-9), field
        if field in LEVELS:
            assert np.allclose(getattr(some, field)[count:], new[count:] + 20.0 * np.log10(amount)), field


def test_halfway_into_a_layer_its_modes_have_half_their_amplitude_and_times_move_in_ratios() -> None:
    before = Voice.silent(NOTE, BEFORE.times_s).adding_modes(
        np.array([100.0, 150.0]), np.array([-20.0, -20.0]), np.array([1.0, 1.0]), np.array([0.0, 10.0])
    )
    after = before.with_(
        mode_db=np.array([-10.0, -20.0]),
        mode_decay_s=np.array([4.0, 1.0]),
        mode_release_db_s=np.array([30.0, 40.0]),
    ).adding_modes(np.array([200.0]), np.array([-30.0]), np.array([0.5]))
    half = blended(before, after, np.full(FRAMES, 0.5), 10)
    assert half.mode_db == pytest.approx([-15.0, -20.0, -36.02], abs=0.01)
    assert half.mode_decay_s == pytest.approx([2.0, 1.0, 0.5])
    assert half.mode_release_db_s == pytest.approx([15.0, 20.0, 0.0])  # what rings on has no ratio to what does not


def bodied() -> Patch:
    constant = Law.constant
    laws = [constant(name, "dB", level) for name, level in (("mode_db", -30), ("velocity_db", 0), ("pitch_db", 0))]
    at_150 = Law("mode_db", "dB", np.array([-30.0]), ("hz",), (np.array([150.0]),))
    laws = [at_150, *laws[1:], constant("decay_s", "s", 0.5)]
    return PATCH.with_layer(library()["body_modes"]({law.name: law for law in laws}))


def moved(patch: Patch, name: str, course: Any) -> Voice:
    return patch.voice_under(NOTE, BEFORE.times_s, {name: course})


def test_modes_are_struck_as_the_control_stands_at_the_onset() -> None:
    patch = bodied()
    still = patch.voice_at(NOTE, BEFORE.times_s)
    assert len(still.mode_db) == 1
    until = moved(patch, "resonance", lambda t: np.where(t < -0.002, -20.0, 0.0))
    after = moved(patch, "resonance", lambda t: np.where(t > 0.002, 0.0, -20.0))
    assert until.mode_db == pytest.approx(still.mode_db)
    assert after.mode_db == pytest.approx(still.mode_db - 20.0)


def test_a_law_moved_by_a_made_control_stands_as_at_the_onset() -> None:
    made = PATCH.with_controls(own={"moves": {"tonal_core.level_db": [0.0, -6.0]}})
    plain = PATCH.voice_at(NOTE, BEFORE.times_s)
    late = moved(made, "own", lambda t: np.where(t > 0.1, 1.0, 0.0))
    early = moved(made, "own", lambda t: np.where(t > 0.1, 0.0, 1.0))
    np.testing.assert_allclose(late.partial_db, plain.partial_db, atol=1e-9)
    np.testing.assert_allclose(early.partial_db, plain.partial_db - 6.0, atol=0.06)  # levels in steps of 0.1 dB


def test_factors_of_a_made_control_move_in_ratios_and_what_is_added_in_its_unit() -> None:
    assert Move("x", 1.0, 4.0, True).applied(1.0, 0.5) == pytest.approx(2.0)
    assert Move("x", 0.25, 4.0, True).applied(3.0, -0.5) == pytest.approx(1.5)
    assert Move("x", -6.0, 4.0, False).applied(1.0, np.array([-0.5, 0.0, 0.5])) == pytest.approx([-2.0, 1.0, 3.0])


def test_a_made_control_stands_in_the_middle_at_its_default_wherever_that_lies() -> None:
    shape = {"low": -1.0, "default": 0.0, "high": 3.0, "moves": {"level": [0.0, -3.0]}}
    own = PATCH.with_controls(own=shape).panel.made["own"]
    for value, position in ((-1.0, -1.0), (-0.5, -0.5), (0.0, 0.0), (1.5, 0.5), (3.0, 1.0)):
        assert own.position(value) == pytest.approx(position)


@pytest.mark.parametrize(("value", "factor"), [(1.0, 3.0), (0.5, 3.0**0.5)])
def test_a_made_control_multiplies_controls_that_are_factors(value: float, factor: float) -> None:
    made = PATCH.with_controls(own={"moves": {"attack": [1.0, 3.0]}, "value": value}).voice(NOTE, 0.5)
    meant = PATCH.with_controls(attack=factor).voice(NOTE, 0.5)
    np.testing.assert_allclose(made.partial_db, meant.partial_db, atol=1e-9)
