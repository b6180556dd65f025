"""SFZ exports played by a second sampler: as loud, as bright, in time, without clicks, and moved by their controls."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from playable import playable_patch
from second_sampler import Sampler
from tolerances import LEVEL_DB, PITCH_CENTS

from backtune.errors import InputError
from backtune.export_format import Order, export_formats
from backtune.law import Law
from backtune.notes import NoteEvent
from backtune.patch import Patch
from backtune.render import render_note
from backtune.sample_set import RATE, Sample, in_time, rendered
from backtune.units import ratio_to_cents
from backtune.voice import Floats

KEYS = (59, 60, 61)
CONTROLLERS = {"level": 23, "fine_tune": 22, "brightness": 74, "release": 72, "vibrato": 77, "vibrato_rate": 76}
BETWEEN_DB = 2.0  # colour at a velocity between two samples: of the fitted saxophone 1.4, and 9 with half the samples
IN_TIME_S = 0.001


def made(struck: bool) -> Patch:
    plain = playable_patch().without("evolving_spectrum")
    if not struck:
        core = plain.layer("tonal_core")
        plain = plain.with_layer(type(core)({**core.laws, "fall_db_s": Law.constant("fall_db_s", "dB/s", 0.2)}))
    origin = replace(plain.origin, pitches=(float(KEYS[0]), float(KEYS[-1])), dynamics={"p": 40.0, "f": 100.0})
    return replace(plain, struck=struck, origin=origin)


@pytest.fixture(scope="module", params=["sustained", "struck"])
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Patch, Sampler]:
    patch = made(request.param == "struck")
    path = tmp_path_factory.mktemp("sfz") / "out.sfz"
    export_formats()["sfz"].write(Order(patch, CONTROLLERS), path)
    return patch, Sampler(path)


@pytest.fixture(scope="module")
def sustained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Patch, Sampler]:
    path = tmp_path_factory.mktemp("sfz") / "out.sfz"
    export_formats()["sfz"].write(Order(made(False), CONTROLLERS), path)
    return made(False), Sampler(path)


def test_where_the_text_cannot_be_written_the_samples_stay_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_note = replace(made(True).origin, pitches=(60.0, 60.0), dynamics={"f": 100.0})
    order = Order(replace(made(True), origin=one_note), CONTROLLERS)
    export_formats()["sfz"].write(order, tmp_path / "out.sfz")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.name.startswith(".out.sfz"):
            raise OSError(28, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    louder = replace(order, patch=order.patch.with_controls(decay=2.0))
    with pytest.raises(InputError, match=r"out\.sfz: cannot be written"):
        export_formats()["sfz"].write(louder, tmp_path / "out.sfz")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_name_of_several_lines_stays_a_comment(tmp_path: Path) -> None:
    one_note = replace(made(True).origin, pitches=(60.0, 60.0), dynamics={"f": 100.0})
    patch = replace(made(True), name="an old\n<region>sample=piano.wav\x85", origin=one_note)
    path = tmp_path / "out.sfz"
    export_formats()["sfz"].write(Order(patch, CONTROLLERS), path)
    assert path.read_text().startswith("// an old <region>sample=piano.wav\n<control>\n")


def ours(patch: Patch, key: int, velocity: float, seconds: float) -> Floats:
    return render_note(patch, NoteEvent(float(key), velocity), seconds, RATE)


def level_db(audio: Floats, start_s: float, stop_s: float) -> float:
    return float(10 * np.log10(np.mean(audio[round(start_s * RATE) : round(stop_s * RATE)] ** 2) + 1e-20))


def colour_db(audio: Floats) -> Floats:
    """Return the power in octaves from 250 Hz to 8 kHz, of 0.3 to 1 s."""
    power = np.abs(np.fft.rfft(audio[round(0.3 * RATE) : RATE] * np.hanning(RATE - round(0.3 * RATE)))) ** 2
    hz = np.linspace(0, RATE / 2, len(power))
    edges = 250.0 * 2.0 ** np.arange(6)
    return 10 * np.log10([np.sum(power[(hz >= low) & (hz < high)]) for low, high in pairwise(edges)])


def hertz(audio: Floats, near: float) -> float:
    """Return the frequency of a sinusoid near `near` Hz, from how its phase runs."""
    audio = audio[round(0.5 * RATE) : round(2.0 * RATE)]
    turned = audio * np.exp(-2j * np.pi * near * np.arange(len(audio)) / RATE)
    first, second = (np.sum(half * np.hanning(len(half))) for half in np.array_split(turned[: len(turned) // 2 * 2], 2))
    return near + float(np.angle(second / first)) / (np.pi * len(turned) / RATE)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("velocity", [40, 55, 63, 100, 120])
def test_a_sampler_plays_the_notes_as_loud_and_as_bright_as_the_patch(
    played: tuple[Patch, Sampler], key: int, velocity: int
) -> None:
    patch, sampler = played
    heard, meant = sampler.note(key, velocity, 1.5, 1.5), ours(patch, key, velocity, 1.5)
    for start_s, stop_s in ((0.1, 0.3), (0.5, 1.0)):
        assert level_db(heard, start_s, stop_s) == pytest.approx(level_db(meant, start_s, stop_s), abs=LEVEL_DB)
    tolerance = LEVEL_DB if velocity in (40, 100) else BETWEEN_DB
    assert np.max(np.abs(colour_db(heard) - colour_db(meant))) < tolerance


def begins_s(audio: Floats) -> float:
    """Return when a note first has a tenth of the amplitude that its first 0.2 s reach."""
    loud = np.sqrt(np.convolve(audio**2, np.ones(64) / 64, "same"))
    return float(np.argmax(loud > 0.1 * np.max(loud[: RATE // 5]))) / RATE


def test_notes_begin_in_time_with_each_other(played: tuple[Patch, Sampler]) -> None:
    patch, sampler = played
    late = []
    for key in KEYS:
        for velocity in (40, 100):
            heard, meant = sampler.note(key, velocity, 0.4, 0.4), ours(patch, key, velocity, 0.6)
            late.append(begins_s(meant) - begins_s(heard))
    assert np.ptp(late) < IN_TIME_S, late


def test_a_struck_note_is_kept_until_80_db_below_its_peak() -> None:
    core = made(True).layer("tonal_core")
    falling = {**core.laws, "fall_db_s": Law.constant("fall_db_s", "dB/s", 60.0)}
    sample = rendered(replace(made(True), layers=(type(core)(falling),)), 60, 100)
    loud = np.abs(sample.audio)
    end_db = 20 * np.log10(np.max(loud[-len(loud) // 10 :]) / np.max(loud))
    assert -80.0 < end_db < -70.0
    assert len(loud) == pytest.approx(80 / 60 * RATE, rel=0.1)


def test_silence_in_front_is_cut_from_all_alike() -> None:
    early, late = (Sample(60, 90, np.arange(1000.0), (500, 900), audible) for audible in (100, 300))
    cut = in_time([early, late])
    assert [one.audio[0] for one in cut] == [100.0, 100.0]
    assert [one.loop for one in cut] == [(400, 800)] * 2


def test_a_held_note_loops_without_a_click_and_as_loud_as_it_was(sustained: tuple[Patch, Sampler]) -> None:
    patch, sampler = sustained
    for key in KEYS:
        heard = sampler.note(key, 100, 9.0, 9.0)
        meant = ours(patch, key, 100, 2.0)
        steps = np.abs(np.diff(heard[RATE:]))
        assert np.max(steps) <= 1.05 * np.max(np.abs(np.diff(meant[round(0.5 * RATE) :])))
        assert np.max(np.abs(np.diff(heard[RATE:], 2))) <= 1.1 * np.max(np.abs(np.diff(meant[round(0.5 * RATE) :], 2)))
        for second in range(2, 9):
            assert level_db(heard, second - 0.5, second + 0.4) == pytest.approx(level_db(heard, 0.6, 1.5), abs=LEVEL_DB)


def test_a_note_ends_as_fast_as_the_patch_lets_it(sustained: tuple[Patch, Sampler]) -> None:
    patch, sampler = sustained
    falls = np.median(patch.voice(NoteEvent(60.0), 0.1).partial_release_db_s)
    heard = sampler.note(60, 100, 1.0, 1.6)
    at = (1.03, 1.09) if falls > 200 else (1.05, 1.25)
    slope = (level_db(heard, at[0], at[0] + 0.02) - level_db(heard, at[1], at[1] + 0.02)) / (at[1] - at[0])
    assert slope == pytest.approx(float(falls), rel=0.1)


@pytest.mark.parametrize("step", [0, 53, 106, 127])
def test_controllers_move_level_and_tuning_as_far_as_they_say(sustained: tuple[Patch, Sampler], step: int) -> None:
    patch, sampler = sustained
    controls = patch.panel.controls
    still = sampler.note(60, 100, 2.0, 2.0)
    gain = controls["level"].real(step / 127)
    heard = sampler.note(60, 100, 2.0, 2.0, {CONTROLLERS["level"]: step})
    sampler.note(60, 100, 0.1, 0.1, {CONTROLLERS["level"]: controls["level"].to_controller(0.0)})
    assert level_db(heard, 0.5, 1.5) - level_db(still, 0.5, 1.5) == pytest.approx(gain, abs=LEVEL_DB)
    near = hertz(still, 261.6)
    cents = controls["fine_tune"].real(step / 127)
    tuned = sampler.note(60, 100, 2.0, 2.0, {CONTROLLERS["fine_tune"]: step})
    sampler.note(60, 100, 0.1, 0.1, {CONTROLLERS["fine_tune"]: 64})
    off = ratio_to_cents(hertz(tuned, near * 2 ** (float(cents) / 1200)) / near)
    assert off == pytest.approx(float(cents), abs=2 * PITCH_CENTS)


def swing(audio: Floats) -> tuple[float, float]:
    """Return depth in cents and rate in Hz of the vibrato of a note at middle C, from 1 to 3 s."""
    span = np.arange(len(audio)) / RATE
    smooth = np.hanning(round(0.02 * RATE))
    turned = np.convolve(audio * np.exp(-2j * np.pi * 261.6 * span), smooth / np.sum(smooth), "same")
    course = np.diff(np.unwrap(np.angle(turned)))[RATE : 3 * RATE] * RATE / (2 * np.pi)
    course = 1200 * np.log2(1 + course / 261.6)
    course -= np.mean(course)
    spectrum = np.abs(np.fft.rfft(course * np.hanning(len(course)), 16 * len(course)))
    spectrum[: round(0.5 * 32)] = 0.0
    return float(np.sqrt(2) * np.std(course)), float(np.argmax(spectrum)) * RATE / (16 * len(course))


def test_controllers_move_brightness_release_and_vibrato_one_way(tmp_path: Path) -> None:
    patch = made(False)
    path = tmp_path / "out.sfz"
    export_formats()["sfz"].write(Order(patch, CONTROLLERS), path)
    bright, ends, depths, rates = [], [], [], []
    for step in (0, 32, 64, 96, 127):
        fresh = Sampler(path)
        spectrum = colour_db(fresh.note(60, 100, 1.2, 1.2, {CONTROLLERS["brightness"]: step}))
        bright.append(float(spectrum[-1] - spectrum[0]))
        fresh = Sampler(path)
        ended = fresh.note(60, 100, 1.0, 1.6, {CONTROLLERS["release"]: step})
        ends.append(level_db(ended, 1.05, 1.08))
        fresh = Sampler(path)
        depths.append(swing(fresh.note(60, 100, 3.5, 3.5, {CONTROLLERS["vibrato"]: step}))[0])
        if step:
            fresh = Sampler(path)
            found = swing(
                fresh.note(60, 100, 3.5, 3.5, {CONTROLLERS["vibrato"]: 64, CONTROLLERS["vibrato_rate"]: step})
            )
            rates.append((found[1], float(patch.panel.controls["vibrato_rate"].real(step / 127))))
    for course in (bright, ends, depths):
        assert np.all(np.diff(course) > 0), course
    assert bright[-1] - bright[0] > 12.0
    assert depths[-1] == pytest.approx(100.0, rel=0.15)
    for heard, meant in rates:
        assert heard == pytest.approx(meant, rel=0.1), rates
