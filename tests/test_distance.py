"""The distance of a render from a recording: each mistake in its part, and nothing for what the recording hides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from known_bench import NOT_LOOKED_AT
from numpy.typing import NDArray

from backtune.analysis.distance import PARTS, Reference, distance, prepare
from backtune.analysis.ear_levels import LOUDNESS_EXPONENT, NOISE_MARGIN_DB, weighted_error
from backtune.analysis.residual import Heard
from backtune.judging import Held, reference_of
from backtune.notes import NoteEvent, Recording, Take
from backtune.units import erb_to_hz, hz_to_erb

Floats = NDArray[np.float64]

RATE, ONSET_S, STOP_S, SECONDS = 44100, 0.12, 0.95, 1.0
TIMES_S = np.arange(round(SECONDS * RATE)) / RATE
EDGES = np.clip((TIMES_S - ONSET_S) / 0.01, 0, 1) * np.clip((STOP_S - TIMES_S) / 0.02, 0, 1)
A4_HZ, LOUD_HZ = 440.0, 1000.0
LOUD_AT_ERB = float(hz_to_erb(LOUD_HZ))
HISS = 1e-3 * np.random.default_rng(1).standard_normal(len(TIMES_S))
SMALL_DB, CLEAR_DB = 0.1, 0.6


def sine(hz: float, peak: float = 0.1) -> Floats:
    return np.asarray(EDGES * peak * np.sin(2 * np.pi * hz * TIMES_S))


def tone(hz: float) -> Floats:
    """Return eight harmonics, each of the height of its number's inverse."""
    return np.asarray(sum(sine(hz * n, 0.1 / n) for n in range(1, 9)))


def noise(rms: float, low_hz: float, high_hz: float) -> Floats:
    spectrum = np.fft.rfft(np.random.default_rng(2).standard_normal(len(TIMES_S)))
    hz = np.fft.rfftfreq(len(TIMES_S), 1 / RATE)
    band = np.fft.irfft(np.where((hz > low_hz) & (hz < high_hz), spectrum, 0.0), len(TIMES_S))
    return np.asarray(EDGES * band * rms / np.std(band))


def prepared(audio: Floats, hz: float = A4_HZ, level_matched: bool = False) -> Reference:
    return prepare(audio, RATE, ONSET_S, hz, struck=False, level_matched=level_matched)


@pytest.fixture(scope="module")
def clean() -> Reference:
    """A recording of a tone of A4 and nothing else."""
    return prepared(tone(A4_HZ))


def test_a_recording_is_no_way_from_itself(clean: Reference) -> None:
    found = distance(clean, tone(A4_HZ))
    assert all(getattr(found, part) == 0.0 for part in PARTS)


def test_a_tone_out_of_tune_is_told_by_its_pitch(clean: Reference) -> None:
    found = distance(clean, tone(A4_HZ * 2 ** (12 / 1200)))
    assert found.pitch == pytest.approx(4.0, abs=0.1)  # 3 cents are a decibel
    assert max(found.noise, found.partials) < CLEAR_DB
    flat = distance(clean, tone(A4_HZ * 2 ** (-6 / 1200)))
    assert flat.pitch == pytest.approx(2.0, abs=0.1)


def test_noise_too_loud_is_told_by_its_noise() -> None:
    breath = noise(1.6e-3, 2000, 6000)
    found = distance(prepared(tone(A4_HZ) + breath), tone(A4_HZ) + 2 * breath)
    assert 3.0 < found.noise < 6.1
    assert found.pitch < SMALL_DB


@pytest.mark.parametrize("hz", [110.0, A4_HZ])  # the lower one's partials cover its bands for longer
def test_nobody_is_asked_for_the_noise_that_only_the_recording_has(hz: float) -> None:
    assert distance(prepared(tone(hz) + HISS, hz), tone(hz)).noise < NOISE_MARGIN_DB


def test_a_render_is_not_asked_for_hiss_but_charged_for_adding_it(clean: Reference) -> None:
    bands = ("onset", "body", "tail", "envelope")
    hissing = distance(prepared(tone(A4_HZ) + HISS), tone(A4_HZ))
    added = distance(clean, tone(A4_HZ) + HISS)
    assert max(getattr(hissing, part) for part in bands) < SMALL_DB
    assert min(getattr(added, part) for part in bands) > CLEAR_DB
    assert added.total > 3 * hissing.total


def test_a_loud_tone_hides_a_soft_one_above_it_and_not_one_below() -> None:
    loud = sine(LOUD_HZ, 0.3)
    reference = prepared(loud, LOUD_HZ)
    above, below = (
        distance(reference, loud + sine(float(erb_to_hz(LOUD_AT_ERB + erb)), 0.3 * 10 ** (-45 / 20))).body
        for erb in (2.0, -2.0)
    )
    assert above < SMALL_DB
    assert below > CLEAR_DB


def test_a_louder_render_is_as_far_as_it_is_louder_unless_levels_mean_nothing(clean: Reference) -> None:
    louder = 10 ** (3 / 20) * tone(A4_HZ)
    natural = distance(clean, louder)
    assert natural.partials == pytest.approx(3.0, abs=0.1)
    assert natural.body == pytest.approx(3.0, abs=0.5)
    assert distance(replace(clean, level_matched=True), louder).total < 1e-6


def test_what_is_loud_counts_for_more() -> None:
    threshold = floor = np.zeros((1, 2))
    levels = np.array([[90.0, 50.0]])
    loud, soft = (weighted_error(levels, levels + step, floor, threshold) for step in np.diag([0.1, 0.1]))
    assert loud / soft == pytest.approx(10 ** (0.23 * 4 * LOUDNESS_EXPONENT), rel=0.15)  # 40 dB between them
    assert loud + soft == pytest.approx(0.1, rel=0.01)
    hidden = np.array([[70.0, 0.0]])
    assert weighted_error(hidden, np.array([[70.1, 0.0]]), floor, threshold) == pytest.approx(
        0.1
    )  # what is there alone
    assert weighted_error(floor, floor, floor, threshold) == 0.0


def test_a_recording_is_prepared_for_each_onset_and_way_to_compare_it() -> None:
    take, softer = (Take("a", 69, 80, Recording(samples=gain * tone(A4_HZ), rate=RATE)) for gain in (1.0, 0.5))
    ways = [
        (take, ONSET_S, False, False),
        (take, ONSET_S + 0.05, False, False),
        (take, ONSET_S, False, True),
        (take, ONSET_S, True, False),
        (softer, ONSET_S, False, False),  # of the same name and note
    ]

    def remembered(take: Take, onset_s: float, struck: bool, matched: bool) -> Reference:
        heard = Heard("a", NoteEvent(69, 80), NOT_LOOKED_AT, onset_s, SECONDS, RATE)
        return reference_of(Held(take, heard, "pitches"), struck, matched)

    found = [remembered(*way) for way in ways]
    for (take, onset_s, struck, matched), one in zip(ways, found, strict=True):
        assert (one.onset_s, one.struck, one.level_matched) == (onset_s, struck, matched)
        assert one.level_db == pytest.approx(10 * np.log10(np.mean(take.audio()[0] ** 2)))
    assert all(remembered(*way) is one for way, one in zip(ways, found, strict=True))
