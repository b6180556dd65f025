"""What windows make of an attack: predicted from the course, as the analysis of the sound itself finds it."""

from __future__ import annotations

import numpy as np
import pytest
from tolerances import SEEN_COURSE_DB

from backtune.analysis.pitch import Pitch
from backtune.analysis.seen_through import power_seen, tone_seen_db
from backtune.analysis.tracks import TRACK_TIMES_S, track_partials, track_window_s
from backtune.units import db_to_power, power_to_db

RATE, ONSET_S = 44100, 0.3
NEAR = (TRACK_TIMES_S >= 0) & (TRACK_TIMES_S <= 0.2)


def course_db(attack_s: float) -> np.ndarray:
    """A rise of 40 dB that is over after `attack_s`, then a slow fall; known at the times of tracks."""
    after = np.maximum(TRACK_TIMES_S, 0.0)
    rise = -40.0 * np.clip(1 - after / attack_s, 0, 1)
    return rise - 10.0 * after + 4000.0 * np.minimum(TRACK_TIMES_S, 0.0)


@pytest.mark.parametrize("attack_s", [0.006, 0.03, 0.08])
@pytest.mark.parametrize("f0_hz", [60.0, 220.0, 900.0])
def test_a_tracked_tone_is_what_its_window_makes_of_its_course(attack_s, f0_hz):
    pitch = Pitch(f0_hz, 0.0, 1)
    t = np.arange(RATE) / RATE - ONSET_S
    level = np.interp(t, TRACK_TIMES_S, course_db(attack_s))
    level = np.where(t < TRACK_TIMES_S[0], level + 4000.0 * (t - TRACK_TIMES_S[0]), level)
    tone = 10 ** (level / 20) * np.sin(2 * np.pi * f0_hz * t)
    tracked, _ = track_partials(tone, RATE, ONSET_S, pitch, struck=True)
    seen = tone_seen_db(course_db(attack_s)[None], TRACK_TIMES_S, track_window_s(pitch, RATE), 0.0)[0]
    heard = NEAR & (seen > -30)
    miss = tracked[0][heard] - seen[heard]
    assert np.max(np.abs(miss)) < SEEN_COURSE_DB
    plain = np.abs(tracked[0] - course_db(attack_s))[NEAR]
    assert np.max(plain) > 2 * np.max(np.abs(miss))  # the window does matter


def test_what_lasts_is_seen_as_it_is():
    steady = np.full((2, len(TRACK_TIMES_S)), -20.0)
    assert np.allclose(power_to_db(power_seen(db_to_power(steady), TRACK_TIMES_S, 0.02)), steady)
    assert np.allclose(tone_seen_db(steady, TRACK_TIMES_S, 0.05, -1.0), steady)
