"""What layers do to a voice, told by their sentence and checked against hand-worked numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from known_instrument import grid
from worlds import WORLDS, by_notes, constant, core, layer

from backtune.errors import Declined
from backtune.library import library
from backtune.notes import NoteEvent
from backtune.patch import Patch
from backtune.voice import Voice, frame_times

TIMES_S = frame_times(4.0, 0.02)


def tone(midi: float = 60, velocity: float = 80, struck: bool = True, seed: int = 7) -> Voice:
    """Return the core's voice of a note."""
    voice = Patch("core", (core(struck),)).voice_at(NoteEvent(midi, velocity), TIMES_S)
    return replace(voice, seed=seed)


def at(time_s: float) -> int:
    return int(np.argmin(np.abs(TIMES_S - time_s)))


def gain_db(kind: str, *laws: object, voice: Voice | None = None) -> np.ndarray:
    """Return by how much a layer moves the partials of a voice, dB (P, T)."""
    plain = tone() if voice is None else voice
    return np.asarray(layer(kind, *laws).shape(plain).partial_db - plain.partial_db)


def test_two_stage_decay_falls_fast_then_slow() -> None:
    gain = gain_db(
        "two_stage_decay",
        constant("after_db", "dB", -20.0),
        constant("prompt_db_s", "dB/s", 30.0),
        constant("after_db_s", "dB/s", 5.0),
    )[0]
    slope = np.gradient(gain, TIMES_S)
    assert gain[at(0.0)] == pytest.approx(0.0, abs=1e-9)
    assert slope[at(0.02)] == pytest.approx(-30 * 0.9 + 5 * 0.1, abs=1.0)
    assert slope[at(3.5)] == pytest.approx(5.0, abs=0.05)
    assert gain[at(3.5)] == pytest.approx(-20.0 + 5.0 * 3.5, abs=0.3)


def test_hammer_spectrum_of_a_hand_worked_stroke() -> None:
    laws = constant("contact_s", "s", 0.002), constant("shortening", "", 0.5)
    bare = replace(tone(velocity=127), partial_hz=np.full_like(tone().partial_hz, 2000.0))
    # f T / 0.59 = 6.780; at velocity 127 times (127 / 64)^-0.5 = 4.813: 10 log10(2114 / 537.6)
    assert gain_db("hammer_spectrum", *laws, voice=bare)[0, 0] == pytest.approx(5.95, abs=0.01)
    assert np.abs(gain_db("hammer_spectrum", *laws, voice=tone(velocity=64))).max() < 1e-9


def test_strike_comb_has_its_nulls_at_the_nodes() -> None:
    gain = gain_db("strike_comb", constant("place", "", 0.125), constant("depth_db", "dB", 20.0))[:, 0]
    for number in (8, 16, 24):
        assert gain[3] - gain[number - 1] == pytest.approx(20.0, abs=1e-6)
    assert np.mean(10 ** (gain[:32] / 10)) == pytest.approx(1.0, abs=0.02)


def test_body_filter_stays_at_its_frequencies() -> None:
    law = grid("gain_db", "dB", [0.0, 12, 0], hz=(500, 1000, 2000))
    for midi in (40, 60, 70):
        voice = tone(midi)
        gain = gain_db("body_filter", law, voice=voice)[:, 0]
        assert abs(voice.partial_hz[np.argmax(gain)] - 1000) <= 0.51 * voice.partial_hz[0]


def test_unison_strings_are_together_as_loud_as_one() -> None:
    plain = tone()
    two = layer("unison_beating", constant("detune_cents", "cents", 12.0), constant("second_db", "dB", -3.0)).shape(
        plain
    )
    count = len(plain.partial_hz)
    power = 10 ** (two.partial_db / 10)
    np.testing.assert_allclose(power[:count] + power[count:], 10 ** (plain.partial_db / 10), rtol=1e-9)
    np.testing.assert_allclose(two.partial_hz[count:] / plain.partial_hz, 2 ** (12 / 1200), rtol=1e-12)
    np.testing.assert_array_equal(two.partial_number[count:], plain.partial_number)


def test_glide_starts_sharp_and_settles() -> None:
    bend = (
        layer("pitch_glide", constant("start_cents", "cents", 8.0), constant("settle_s", "s", 0.3))
        .shape(tone())
        .bend_cents
    )
    assert bend[at(0.0)] == pytest.approx(8.0)
    assert bend[at(0.3)] == pytest.approx(8.0 / np.e, rel=0.05)
    assert bend[at(3.0)] == pytest.approx(0.0, abs=0.01)


def test_who_plays_harder_is_sharper_in_every_overtone() -> None:
    made = layer("intonation", grid("sharp_cents", "cents", [-6.0, 12.0], velocity=(40, 120)))
    for velocity, cents in ((40, -6.0), (120, 12.0)):
        ratio = made.shape(tone(velocity=velocity)).partial_hz / tone(velocity=velocity).partial_hz
        np.testing.assert_allclose(ratio, 2 ** (cents / 1200), rtol=1e-12)


def test_phantoms_are_sums_of_neighbours() -> None:
    plain = tone(50)
    voice = layer("phantom_partials", constant("product_db", "dB", 10.0)).shape(plain)
    first = len(plain.partial_hz)
    assert voice.partial_hz[first] == pytest.approx(plain.partial_hz[0] + plain.partial_hz[1])
    np.testing.assert_allclose(voice.partial_db[first], plain.partial_db[0] + plain.partial_db[1] + 10.0)
    assert voice.partial_number[first] == 3


def test_vibrato_swings_at_its_rate_once_it_has_grown() -> None:
    made = layer(
        "vibrato",
        constant("rate_hz", "Hz", 5.0),
        constant("pitch_cents", "cents", 10.0),
        constant("level_db", "dB", 2.0),
        constant("start_s", "s", 0.2),
    )
    bend = made.shape(tone()).bend_cents
    late = TIMES_S > 2.0
    turns = np.sum(np.diff(np.sign(bend[late])) != 0) / (TIMES_S[-1] - 2.0)
    assert turns == pytest.approx(10.0, abs=0.6)
    assert np.abs(bend[late]).max() == pytest.approx(10.0, rel=0.02)
    assert np.abs(bend[TIMES_S <= 0]).max() == 0.0


def test_what_drifts_without_a_rate_is_no_vibrato(tmp_path: Path) -> None:
    with pytest.raises(Declined, match="swing"):
        library()["vibrato"].guess(WORLDS["drift"].residual(tmp_path))


def test_drift_is_as_wide_as_its_law_and_each_note_has_its_own() -> None:
    laws = constant("spread_db", "dB", 2.0), constant("rate_hz", "Hz", 1.5)
    gains = [gain_db("drift", *laws, voice=tone(seed=seed)) for seed in range(20)]
    settled = TIMES_S > 0.2
    assert np.std(np.concatenate([g[:, settled].ravel() for g in gains])) == pytest.approx(2.0, rel=0.05)
    np.testing.assert_array_equal(gains[3], gain_db("drift", *laws, voice=tone(seed=3)))
    assert np.abs(gains[3] - gains[4])[:, settled].max() > 1.0
    assert np.abs(gains[3][:, TIMES_S <= 0]).max() == 0.0


def test_individuality_leaves_recorded_notes_alone_and_gives_others_the_spread() -> None:
    laws = (
        constant("spread_db", "dB", 4.0),
        constant("wander_db", "dB", 2.0),
        constant("kinship", "", 0.5),
        by_notes("recorded", [60.0], [1.0]),
    )
    assert np.abs(gain_db("individuality", *laws, voice=tone(60))).max() == 0.0
    gains = np.array([gain_db("individuality", *laws, voice=tone(61, seed=seed))[:24] for seed in range(200)])
    whole = np.sqrt(4.0**2 + 2.0**2)  # of some 4000 independent numbers: 4 sigma is 4.5 %
    assert np.std(gains[:, :, at(0.2)]) == pytest.approx(whole, rel=0.05)
    lasting = gains.mean(axis=2)
    together = np.corrcoef(lasting[:, 5:-1].ravel(), lasting[:, 6:].ravel())[0, 1]
    assert together == pytest.approx(0.5, abs=0.08)


def test_body_modes_do_not_follow_the_pitch_and_bell_modes_do() -> None:
    body = WORLDS["body_modes"].layer
    bell = WORLDS["inharmonic_modes"].layer
    assert body is not None
    assert bell is not None
    low, high = tone(48), tone(72)
    np.testing.assert_array_equal(body.shape(low).mode_hz, body.shape(high).mode_hz)
    np.testing.assert_allclose(bell.shape(low).mode_hz, low.partial_hz[0] * np.array([2.76, 5.4]))
    np.testing.assert_allclose(bell.shape(high).mode_hz, high.partial_hz[0] * np.array([2.76, 5.4]))


def test_tone_noise_is_as_much_louder_as_the_tone() -> None:
    made = WORLDS["tone_noise"].layer
    assert made is not None
    soft = tone(struck=False)
    loud = replace(soft, partial_db=soft.partial_db + 10.0)
    heard = made.shape(soft).noise_db > -120  # far above the silence it is added to
    np.testing.assert_allclose((made.shape(loud).noise_db - made.shape(soft).noise_db)[heard], 10.0, atol=1e-4)


def test_onset_noise_is_gone_when_its_decay_says() -> None:
    made = layer(
        "onset_noise",
        constant("burst_db", "dB", -40.0),
        constant("velocity_db", "dB", 0.0),
        constant("decay_s", "s", 0.25),
        constant("rise_s", "s", 0.03),
    )
    noise = made.shape(Voice.silent(NoteEvent(60), TIMES_S)).noise_db[5]
    assert noise[at(0.0)] == pytest.approx(-40.0, abs=0.01)
    assert np.interp(0.25, TIMES_S, noise) == pytest.approx(-100.0, abs=0.5)
    assert np.interp(-0.015, TIMES_S, noise) == pytest.approx(-70.0, abs=0.5)


def test_late_overtones_catch_up() -> None:
    gain = gain_db(
        "late_overtones",
        grid("late_db", "dB", [0.0, 12.0], partial=(1, 4)),
        constant("velocity_db", "dB", 0.0),
        constant("settle_s", "s", 0.1),
    )
    assert np.abs(gain[0]).max() == 0.0
    assert gain[3, at(0.0)] == pytest.approx(-12.0)
    assert np.interp(0.1, TIMES_S, gain[3]) == pytest.approx(-12.0 / np.e, abs=0.1)


def test_tremolo_swells_all_that_sounds_alike() -> None:
    laws = constant("rate_hz", "Hz", 5.0), constant("depth_db", "dB", 3.0), constant("start_s", "s", 0.1)
    plain = replace(tone(), noise_db=np.full_like(tone().noise_db, -60.0))
    made = layer("tremolo", *laws).shape(plain)
    swell = made.partial_db - plain.partial_db
    np.testing.assert_allclose(swell, np.broadcast_to(swell[0], swell.shape), atol=1e-9)
    np.testing.assert_allclose(made.noise_db + 60.0, np.broadcast_to(swell[0], plain.noise_db.shape), atol=1e-9)
    assert np.ptp(swell[0][TIMES_S > 1]) == pytest.approx(6.0, abs=0.1)
    assert np.abs(swell[0][TIMES_S <= 0]).max() == 0.0
