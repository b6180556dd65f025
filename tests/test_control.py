"""Controls: nothing at their defaults, and each moves the acoustic quantity it is named after, one way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playable import playable_patch
from some_patches import patches, relaxed
from tolerances import LEVEL_DB, SCALA_CENTS

from backtune.control import Control
from backtune.controls.temperament import TEMPERAMENT, tuning_of
from backtune.errors import InputError
from backtune.law import Law, LawSpec
from backtune.layer import Layer
from backtune.notes import NoteEvent
from backtune.panel import common_controls
from backtune.patch import Patch
from backtune.patch_file import dump_patch, parse_patch
from backtune.render import render_note
from backtune.scala import write_kbm, write_scl
from backtune.temperaments import SCALES
from backtune.tuning import KeyMap, Scale
from backtune.units import hz_to_midi, ratio_to_cents
from backtune.voice import Floats, Voice

PATCH = playable_patch()
NOTE = NoteEvent(60.0, 90.0)
RATE = 22050
FIELDS = ("partial_hz", "partial_db", "bend_cents", "noise_db", "partial_release_db_s", "noise_release_db_s")


class Body(Layer):
    """Modes and a colour, as a body has: what resonance controls move."""

    kind, explains, depth, adds_sound = "body_for_tests", "Rings along.", 2, True
    specs = (LawSpec("level_db", "dB", -100, 0, "level of the body"),)

    def shape(self, voice: Voice) -> Voice:
        return voice.adding_modes(np.array([150.0]), np.array([self.laws["level_db"]()]), np.array([0.5]))

    @classmethod
    def guess(cls, residual: Any) -> Body:
        raise NotImplementedError


class Colour(Body):
    """The same, shaping what is there."""

    kind, adds_sound = "colour_for_tests", False

    def shape(self, voice: Voice) -> Voice:
        return voice.with_(partial_db=voice.partial_db + np.linspace(-6.0, 6.0, len(voice.partial_hz))[:, None])


def bodied() -> Patch:
    level = {"level_db": Law.constant("level_db", "dB", -30.0)}
    return replace(PATCH, layers=(*PATCH.layers[:2], Body(level), Colour(level), *PATCH.layers[2:]))


ALL = bodied().panel.controls


def frequency(patch: Patch, midi: float) -> float:
    voice = patch.voice(NoteEvent(midi, 90.0), 0.3)
    return float(voice.partial_hz[0] * 2.0 ** (voice.bend_cents[-1] / 1200.0))


def sound(patch: Patch, velocity: float = 90.0, seconds: float = 1.0, gate_s: float | None = None) -> Floats:
    return render_note(patch, NoteEvent(60.0, velocity, gate_s), seconds, RATE)


def level_db(audio: Floats) -> float:
    return float(10.0 * np.log10(np.mean(audio**2) + 1e-20))


def centroid_hz(patch: Patch) -> float:
    power = np.abs(np.fft.rfft(sound(patch)[RATE // 5 :])) ** 2
    return float(np.sum(power * np.arange(len(power))) / np.sum(power))


def onset_share_db(patch: Patch) -> float:
    audio = sound(patch)
    return level_db(audio[: RATE // 20]) - level_db(audio[RATE // 4 :])


def rise_s(patch: Patch) -> float:
    voice = patch.voice(NOTE, 2.0)
    first = voice.partial_db[0]
    return float(voice.times_s[np.argmax(first >= np.max(first) - 1.0)])


def fall_db(patch: Patch) -> float:
    voice = patch.voice(NOTE, 1.5)
    start, stop = np.searchsorted(voice.times_s, (0.1, 1.3))
    return float(voice.partial_db[0, start] - voice.partial_db[0, stop])


def after_release_db(patch: Patch) -> float:
    audio = sound(patch, seconds=1.0, gate_s=0.4)
    return level_db(audio[int(0.5 * RATE) : int(0.6 * RATE)])


def dynamics_db(patch: Patch) -> float:
    return level_db(sound(patch, 120.0)) - level_db(sound(patch, 20.0))


def noise_db(patch: Patch) -> float:
    return float(np.max(patch.voice(NOTE, 0.5).noise_db))


def own_db(patch: Patch) -> float:
    plain = patch.without("note_correction").voice(NOTE, 0.5)
    return float(np.mean(np.abs(patch.voice(NOTE, 0.5).partial_db - plain.partial_db)))


def wander_db(patch: Patch) -> float:
    voice = patch.voice(NOTE, 2.0)
    balance = voice.partial_db[:8] - voice.partial_db[0]
    return float(np.mean(np.abs(balance[:, -1] - balance[:, np.searchsorted(voice.times_s, 0.15)])))


def swing_cents(patch: Patch) -> float:
    return float(np.ptp(patch.voice(NOTE, 2.0).bend_cents))


def swings(patch: Patch) -> float:
    bend = patch.with_controls(vibrato=50.0).voice(NOTE, 2.0).bend_cents
    return float(np.count_nonzero(np.diff(np.sign(bend))))


def partials_db(patch: Patch) -> float:
    return float(np.max(patch.voice(NOTE, 0.5).partial_db))


def moved_db(kind: str) -> Callable[[Patch], float]:
    def measure(patch: Patch) -> float:
        gap = patch.voice(NOTE, 2.0).partial_db - patch.without(kind).voice(NOTE, 2.0).partial_db
        return float(np.mean(np.abs(gap)))

    return measure


def modes_db(patch: Patch) -> float:
    return float(patch.voice(NOTE, 0.5).mode_db[0])


QUANTITIES: dict[str, tuple[Callable[[Patch], float], int]] = {
    "stretch": (lambda patch: frequency(patch, 81) / frequency(patch, 69), 1),
    "fine_tune": (lambda patch: frequency(patch, 60), 1),
    "level": (lambda patch: level_db(sound(patch)), 1),
    "dynamics": (dynamics_db, 1),
    "velocity_curve": (lambda patch: level_db(sound(patch, 64.0)), -1),
    "brightness": (centroid_hz, 1),
    "hardness": (onset_share_db, 1),
    "attack": (rise_s, 1),
    "decay": (fall_db, -1),
    "release": (after_release_db, 1),
    "noise": (noise_db, 1),
    "breath_level": (noise_db, 1),
    "individuality": (own_db, 1),
    "note_correction_amount": (own_db, 1),
    "drift": (wander_db, 1),
    "vibrato": (swing_cents, 1),
    "vibrato_rate": (swings, 1),
    "tonal_core_level": (partials_db, 1),
    "evolving_spectrum_amount": (moved_db("evolving_spectrum"), 1),
    "resonance": (modes_db, 1),
    "body_for_tests_level": (modes_db, 1),
    "resonance_depth": (moved_db("colour_for_tests"), 1),
    "colour_for_tests_amount": (moved_db("colour_for_tests"), 1),
}


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


# cents above C, as printed: Barbour 1951 and scala's archive (pyth_12, meanquar, werck3, kirnberger3, vallotti, young2)
PUBLISHED = {
    "pythagorean": "0 113.685 203.910 294.135 407.820 498.045 611.730 701.955 815.640 905.865 996.090 1109.775",
    "meantone": "0 76.049 193.157 310.265 386.314 503.422 579.471 696.578 772.627 889.735 1006.843 1082.892",
    "werckmeister3": "0 90.225 192.180 294.135 390.225 498.045 588.270 696.090 792.180 888.270 996.090 1092.180",
    "kirnberger3": "0 90.225 193.157 294.135 386.314 498.045 590.224 696.578 792.180 889.735 996.090 1088.269",
    "vallotti": "0 94.135 196.090 298.045 392.180 501.955 592.180 698.045 796.090 894.135 1000.000 1090.225",
    "young": "0 90.225 196.090 294.135 392.180 498.045 588.270 698.045 792.180 894.135 996.090 1090.225",
    "just": "0 111.731 203.910 315.641 386.314 498.045 590.224 701.955 813.686 884.359 1017.596 1088.269",
    "equal": "0 100 200 300 400 500 600 700 800 900 1000 1100",
}


@pytest.mark.parametrize("name", sorted(SCALES))
def test_temperaments_sound_within_a_hundredth_of_a_cent_of_the_published_tables(name: str) -> None:
    flat = replace(PATCH.without("note_correction"), controls={})
    tuned = flat.with_controls(temperament=name)
    cents = np.array([ratio_to_cents(frequency(tuned, 60 + k) / frequency(flat, 60 + k)) for k in range(12)])
    printed = np.array(PUBLISHED[name].split(), float)
    np.testing.assert_allclose(cents - cents[0] + np.arange(12) * 100.0, printed, atol=SCALA_CENTS)
    assert frequency(tuned, 69) == pytest.approx(frequency(flat, 69), rel=1e-12)


def test_scala_files_tune_the_instrument_and_silent_keys_are_silent(tmp_path: Path) -> None:
    scale, keys = tmp_path / "five.scl", tmp_path / "white.kbm"
    scale.write_text("! five.scl\nslendro\n 5\n 240.\n 480.\n 720.\n 960.\n 2/1\n")
    keys.write_text("12\n0\n127\n60\n69\n440.0\n5\n0\nx\n1\nx\n2\nx\nx\n3\nx\n4\nx\nx\n")
    core = PATCH.layer("tonal_core")
    plain = {name: Law.constant(name, core.laws[name].unit, 0.0) for name in ("stretch_cents", "inharmonicity")}
    flat = PATCH.without("note_correction").with_layer(type(core)({**core.laws, **plain}))
    tuned = flat.with_controls(temperament=f"{scale}+{keys}")
    heard = [frequency(tuned, key) / frequency(tuned, 60) for key in (62, 64, 67, 69, 72)]
    expected = np.array([240.0, 480.0, 720.0, 960.0, 1200.0])
    np.testing.assert_allclose(ratio_to_cents(np.array(heard)), expected, atol=SCALA_CENTS)
    assert np.max(tuned.voice(NoteEvent(61.0), 0.5).partial_db) <= -200.0
    with pytest.raises(InputError, match=r"missing\.scl"):
        PATCH.with_controls(temperament="missing.scl").voice(NOTE, 0.2)


def test_a_scala_file_that_changed_is_read_again(tmp_path: Path) -> None:
    scale = tmp_path / "seven.scl"
    for steps in (7, 10):
        write_scl(scale, Scale("even", tuple(1200.0 * step / steps for step in range(1, steps + 1))))
        assert len(tuning_of(str(scale)).scale.cents) == steps


@pytest.mark.parametrize("name", ["a+b.scl", "a+b.kbm", "a.scl+b+c.kbm"])
def test_a_plus_joins_two_files_and_is_a_letter_elsewhere(tmp_path: Path, name: str) -> None:
    for file in TEMPERAMENT.files_in(name):
        if file.endswith(".scl"):
            write_scl(tmp_path / file, SCALES["just"])
        else:
            write_kbm(tmp_path / file, KeyMap(middle=62, reference_key=69, reference_hz=415.0))
    value = "+".join(str(tmp_path / file) for file in TEMPERAMENT.files_in(name))
    assert tuning_of(value).pitch(69) == pytest.approx(69.0 if name.endswith(".scl") else hz_to_midi(415.0))


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
