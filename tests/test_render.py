"""Voices, takes and notes offline, against slow twins and against what musicians expect."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_instruments import Blown, Struck
from tolerances import KERNEL_DB, PHASE_RAD

import dsp_kernels
from backtune.errors import BacktuneError, InputError
from backtune.hearing import LOUDEST_LEFT_OUT_DB, quiet_db
from backtune.layout import Layout, noise_tables
from backtune.notes import NoteEvent
from backtune.patch_file import read_patch
from backtune.render import render_note, render_take, render_voice
from backtune.shipped import shipped
from backtune.sounding import Sounding, Workspace, lead
from backtune.units import db_to_amplitude
from backtune.voice import BANDS, SILENCE_DB, Voice, frame_times
from dsp_kernels.layout import TOLERANCE_NEPER

RATE = 44100


def twin(voice, rate, n):
    tables, loops = noise_tables(tuple(voice.band_hz), rate)
    offsets = Layout(voice, rate, hearing=False).sheets[1][2]
    noise = naive.noise(voice, rate, n, tables, loops, offsets)
    return naive.partials(voice, rate, n) + naive.modes(voice, rate, n) + noise


def error_db(found, wanted):
    return 20 * np.log10(np.max(np.abs(found - wanted)) / np.max(np.abs(wanted)) + 1e-30)


def one_partial(hz, level_db, times, **fields):
    return Voice.silent(NoteEvent(60), times).with_(
        partial_number=np.ones(1),
        partial_hz=np.array([float(hz)]),
        partial_db=np.broadcast_to(np.asarray(level_db, float), (1, len(times))).copy(),
        phase_rad=np.zeros(1),
        partial_release_db_s=np.zeros(1),
        **fields,
    )


@pytest.mark.parametrize("instrument", [Struck(), Blown(), Struck(partials=150)])
@pytest.mark.parametrize("gate_s", [None, 0.3])
def test_a_voice_is_its_twin(instrument, gate_s):
    voice = instrument.voice(NoteEvent(47, 100, gate_s), 0.8)
    found = render_voice(voice, RATE)
    assert error_db(found, twin(voice, RATE, len(found))) < KERNEL_DB


@settings(max_examples=15, deadline=None)
@given(
    st.integers(8000, 96000),
    st.lists(st.floats(0.002, 0.2), min_size=1, max_size=12),
    st.floats(-0.05, 0.0),
    st.integers(0, 10**6),
)
def test_any_frames_at_any_rate_are_their_twin(rate, steps, begin, seed):
    random = np.random.default_rng(seed)
    times = begin + np.concatenate([[0.0], np.cumsum(steps)])
    voice = Voice.silent(NoteEvent(60, gate_s=0.02), times, seed).with_(
        partial_number=np.arange(1.0, 4.0),
        partial_hz=3000.0 * random.random(3) + 30,
        bend_cents=40.0 * random.normal(size=len(times)),
        partial_db=-60.0 * random.random((3, len(times))),
        phase_rad=6 * random.random(3),
        partial_release_db_s=np.zeros(3),
    )
    voice = voice.adding_modes(np.array([200.0]), np.array([-6.0]), np.array([0.3]), np.array([40.0]))
    found = render_voice(voice, rate)
    assert error_db(found, twin(voice, rate, len(found))) < KERNEL_DB


def test_a_tilt_moves_on_a_line_through_all_stretches():
    number, first, ramp, n = np.arange(1.0, 5.0), 500, 2000, 3500
    times = np.linspace(0.0, 0.1, 3)
    voice = Voice.silent(NoteEvent(60), times).with_(
        partial_number=number,
        partial_hz=300.0 * number,
        partial_db=np.full((4, len(times)), -30.0),
        phase_rad=number,
        partial_release_db_s=np.zeros(4),
    )
    found = np.zeros(n, np.float32)
    order = lead((0.0, 9.0, 0.0), ramp / RATE)
    Sounding(Layout(voice, RATE, hearing=False)).run(found, Workspace(), [(first, order)])
    tilt_db = np.interp(np.arange(n), [first, first + ramp], [0.0, 9.0])
    assert error_db(found, naive.partials(voice, RATE, n, tilt_db)) < KERNEL_DB


def test_phase_is_exact_after_ten_minutes():
    hz, seconds = 4186.0, 600.0
    voice = one_partial(hz, -6.0, np.arange(0.0, seconds + 1.0, 0.9))
    sounding, workspace = Sounding(Layout(voice, RATE, hearing=False)), Workspace()
    block = np.zeros(RATE, np.float32)
    for _ in range(int(seconds)):
        block[:] = 0.0
        sounding.run(block, workspace)
    at = np.arange(int(seconds - 1) * RATE, int(seconds) * RATE) * (hz / RATE)
    turns = np.exp(-2j * np.pi * (at % 1.0))
    phase = np.angle(np.sum(block * turns)) + np.pi / 2
    assert abs((phase + np.pi) % (2 * np.pi) - np.pi) < PHASE_RAD


def test_a_bend_moves_all_partials_and_leaves_modes():
    times = np.linspace(0.0, 1.0, 101)
    voice = one_partial(400.0, -6.0, times, bend_cents=np.full(101, 1200.0))
    voice = voice.adding_modes(np.array([1500.0]), np.array([-6.0]), np.array([50.0]))
    spectrum = np.abs(np.fft.rfft(render_voice(voice, 48000, 48000) * np.hanning(48000)))
    assert set(np.argsort(spectrum)[-2:]) == {800, 1500}


def test_nothing_sounds_above_half_the_rate():
    voice = one_partial(7000.0, -6.0, np.linspace(0.0, 0.2, 21), bend_cents=np.linspace(0.0, 1200.0, 21))
    audio = render_voice(voice, 16000)
    assert np.max(np.abs(audio[:400])) > 0.4
    assert not np.any(audio[2500:])


@settings(max_examples=20, deadline=None)
@given(st.floats(0.0, 0.4), st.floats(0.1, 1.0), st.integers(8000, 96000))
def test_a_take_has_its_length_and_its_onset(onset_s, duration_s, rate):
    audio = render_take(Struck(), NoteEvent(60), onset_s, duration_s, rate)
    assert audio.shape == (round(duration_s * rate),)
    assert audio.dtype == np.float64
    whole = render_voice(Struck().voice(NoteEvent(60), 2.0), rate, rate)
    begin = round(onset_s * rate) + Layout(Struck().voice(NoteEvent(60), 2.0), rate, hearing=False).first_frame
    heard = whole[max(0, -begin) :][: max(0, len(audio) - max(0, begin))]
    before_fade = max(0, len(heard) - round(0.005 * rate))
    assert not np.any(audio[: max(0, begin)])
    assert np.allclose(audio[max(0, begin) :][:before_fade], heard[:before_fade], atol=1e-6)


def test_what_sounds_at_the_end_of_a_file_ends_there_without_a_click():
    cut, whole = (render_note(Struck(), NoteEvent(60), seconds, RATE) for seconds in (0.5, 1.0))
    ramp = round(0.005 * RATE)
    assert np.array_equal(cut[:-ramp], whole[: len(cut) - ramp])
    assert np.max(np.abs(cut[-ramp:])) > 0.01  # it sounds there
    np.testing.assert_allclose(cut[-ramp:], whole[len(cut) - ramp : len(cut)] * np.linspace(1, 0, ramp), atol=1e-12)
    assert cut[-1] == 0.0


def test_a_released_string_falls_as_its_voice_says():
    held = render_note(Struck(), NoteEvent(60), 2.0, RATE)
    released = render_note(Struck(), NoteEvent(60, gate_s=0.5), 2.0, RATE)
    gate = round(0.51 * RATE)
    assert np.array_equal(held[:gate], released[:gate])
    window = slice(gate + RATE // 2, gate + RATE // 2 + 2000)
    fall_db = 20 * np.log10(np.std(held[window]) / np.std(released[window]))
    assert fall_db == pytest.approx(120.0 * (0.5 + 1000 / RATE), abs=3.0)  # 120 dB/s, over the window's own fall


def test_a_string_above_the_dampers_rings_on():
    held = render_note(Struck(), NoteEvent(96), 1.0, RATE)
    released = render_note(Struck(), NoteEvent(96, gate_s=0.3), 1.0, RATE)
    partials_and_body = slice(round(0.6 * RATE), None)  # the noise has a release of its own
    assert np.max(np.abs(held - released)[partials_and_body]) < 1e-4 * np.max(np.abs(held))


def test_a_release_does_not_click():
    audio = render_note(Struck(), NoteEvent(45, gate_s=0.5), 1.0, RATE)
    bends = np.abs(np.diff(audio, 2))
    gate = round(0.51 * RATE)
    assert np.max(bends[gate - 20 : gate + 20]) < 1.2 * np.max(bends[gate - 1000 : gate - 20])


def test_a_voice_held_beyond_its_frames_goes_on_falling():
    voice = one_partial(440.0, np.linspace(-6.0, -26.0, 101), np.linspace(0.0, 2.0, 101))
    audio = render_voice(voice, RATE, 4 * RATE)
    level = 20 * np.log10(np.std(audio[-2000:]) * np.sqrt(2))
    assert level == pytest.approx(-46.0, abs=0.3)


def test_what_rose_last_is_held_not_raised():
    voice = one_partial(440.0, np.linspace(-26.0, -6.0, 101), np.linspace(0.0, 2.0, 101))
    assert np.max(np.abs(render_voice(voice, RATE, 6 * RATE))) < db_to_amplitude(-5.9)


def test_partials_below_hearing_are_left_out_and_no_others():
    times = np.linspace(0.0, 1.0, 51)
    for hz in (50.0, 440.0, 3300.0, 15000.0):
        for above_db, heard in ((-0.5, False), (0.5, True)):
            voice = one_partial(hz, float(quiet_db(hz)) + above_db, times)
            out = np.zeros(RATE, np.float32)
            Sounding(Layout(voice, RATE, hearing=True)).run(out, Workspace())
            assert bool(np.any(out)) is heard


def test_the_law_of_hearing_follows_the_threshold_in_quiet():
    hz = np.array([100.0, 1000.0, 3300.0, 12000.0, 20000.0])
    level = quiet_db(hz)
    assert np.argmin(level) == 2
    assert level[2] == pytest.approx(3.64 * 3.3**-0.8 - 6.5 + 1e-3 * 3.3**4 - 110.0)
    assert np.all(level <= LOUDEST_LEFT_OUT_DB)


def test_leaving_out_what_cannot_be_heard_changes_nothing_audible():
    voice = Struck().voice(NoteEvent(36, 40), 4.0)
    full, heard = np.zeros(4 * RATE, np.float32), np.zeros(4 * RATE, np.float32)
    Sounding(Layout(voice, RATE, hearing=False)).run(full, Workspace())
    Sounding(Layout(voice, RATE, hearing=True)).run(heard, Workspace())
    difference = full - heard
    assert np.any(difference)
    assert 20 * np.log10(np.max(np.abs(difference))) < LOUDEST_LEFT_OUT_DB + 20.0  # ten at once: 20 dB in peak


@pytest.mark.parametrize("instrument", [Struck(), Blown()])
def test_frames_left_out_lie_near_the_line_of_those_kept(instrument):
    voice = instrument.voice(NoteEvent(50, 100), 2.0)
    full, thin = Layout(voice, RATE, hearing=False), Layout(voice, RATE, hearing=True)
    assert len(thin.frames) < len(full.frames)
    assert set(thin.frames) <= set(full.frames)
    assert np.array_equal(thin.frames[[0, -2, -1]], full.frames[[0, -2, -1]])
    for p in range(full.levels.shape[1]):
        between = np.interp(full.frames, thin.frames, thin.levels[:, p])
        heard = full.levels[:, p] > thin.sheets[0][3, p] + 0.5
        assert np.max(np.abs(between - full.levels[:, p])[heard], initial=0.0) < 2.2 * TOLERANCE_NEPER  # two sweeps
    rates = np.interp(full.frames, thin.frames, thin.rates)
    assert np.max(np.abs(rates - full.rates)) < 1e-6


@pytest.mark.parametrize("instrument", [Struck(), Blown()])
def test_no_sample_is_a_denormal_number(instrument):
    audio = render_voice(instrument.voice(NoteEvent(60, gate_s=0.2), 1.0), RATE, 6 * RATE).astype(np.float32)
    sounding = np.abs(audio[audio != 0.0])
    assert np.min(sounding) >= np.finfo(np.float32).tiny
    assert not np.any(audio[-RATE:])  # it has ended, not faded for ever


def test_a_silent_voice_is_silence():
    voice = Voice.silent(NoteEvent(60), frame_times(0.2, 0.01))
    audio = render_voice(voice, RATE)
    assert len(audio)
    assert not np.any(audio)


def test_the_same_seed_is_the_same_noise_and_another_is_not():
    voice = Struck().voice(NoteEvent(60), 0.3)
    assert np.array_equal(render_voice(voice, RATE), render_voice(voice, RATE))
    assert not np.array_equal(render_voice(voice, RATE), render_voice(voice.with_(seed=voice.seed + 1), RATE))


def test_noise_has_the_power_its_bands_say():
    times = np.linspace(0.0, 3.0, 31)
    level = np.full((BANDS, 31), SILENCE_DB)
    level[15] = -20.0
    audio = render_voice(Voice.silent(NoteEvent(60), times, 3).with_(noise_db=level), RATE)
    assert 10 * np.log10(np.mean(audio**2)) == pytest.approx(-20.0, abs=0.5)


@pytest.mark.parametrize("rate", [0, 7999, 400000])
def test_rates_that_cannot_be_are_refused(rate):
    with pytest.raises(InputError, match="rate"):
        render_note(Struck(), NoteEvent(60), 1.0, rate)


def test_a_length_that_holds_nothing_is_refused():
    with pytest.raises(InputError, match="duration"):
        render_take(Struck(), NoteEvent(60), 0.0, 0.0, RATE)


@pytest.mark.parametrize(
    ("field", "value"),
    [("phase_rad", np.zeros(3)), ("partial_release_db_s", np.zeros(0)), ("noise_db", np.full((BANDS, 9), np.nan))],
)
def test_a_voice_that_does_not_fit_together_is_named(field, value):
    voice = one_partial(440.0, -6.0, np.linspace(0.0, 1.0, 9)).with_(**{field: value})
    with pytest.raises(BacktuneError, match=field):
        render_voice(voice, RATE)


COLD = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from small_instruments import Blown, Struck
from backtune.notes import NoteEvent
from backtune.render import render_note
for instrument in (Struck(), Blown()):
    print(hashlib.sha256(render_note(instrument, NoteEvent(45, 90, 0.5), 1.0, 48000).tobytes()).hexdigest())
"""


@pytest.mark.nightly
def test_kernels_just_compiled_and_from_the_cache_give_the_same_bytes(tmp_path):
    command = [sys.executable, "-c", COLD, str(Path(__file__).parent)]
    fresh = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    cold, warm = (subprocess.run(command, env=fresh, capture_output=True, text=True, check=True) for _ in range(2))
    assert any(tmp_path.rglob("*.nbc"))
    assert cold.stdout == warm.stdout


def test_a_kernel_is_compiled_anew_when_one_it_calls_is_another(tmp_path):
    kernels = tmp_path / "dsp_kernels"
    kernels.mkdir()
    head = "from dsp_kernels._jit import kernel\n"
    (kernels / "__init__.py").write_text("")
    shutil.copy(Path(dsp_kernels.__file__).parent / "_jit.py", kernels)
    (kernels / "outer.py").write_text(
        head + "from dsp_kernels.inner import number\n\n@kernel\ndef twice():\n    return 2 * number()\n"
    )
    found = []
    for number in (1, 1, 2):
        (kernels / "inner.py").write_text(head + f"\n@kernel\ndef number():\n    return {number}\n")
        command = [sys.executable, "-c", "from dsp_kernels.outer import twice; print(twice())"]
        places = {"PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
        found.append(subprocess.check_output(command, cwd=tmp_path, env={**os.environ, **places}, text=True).strip())
    assert found == ["2", "2", "4"]


@pytest.mark.parametrize("name", sorted(shipped("patches")))
def test_no_shipped_instrument_begins_with_a_click(name):
    audio = np.abs(render_note(read_patch(name), NoteEvent(60, 90), 1.0, RATE))
    assert np.max(audio[:20]) < 1e-3 * np.max(audio)  # -60 dB within the first half millisecond
