"""Power, as the ear adds it: of overtones that share an ear band, and of one that beats within a cell of time."""

from __future__ import annotations

import numpy as np
import tolerances as tol
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from backtune.analysis.observations import Observations
from backtune.analysis.pitch import Pitch
from backtune.analysis.surface import Surface, fit_levels
from backtune.analysis.together import MOST_DB, louder_db, sharing
from backtune.analysis.tracks import TRACK_TIMES_S, cell_average, track_partials
from backtune.units import hz_to_erb

RATE = 44100
MISSED = arrays(float, 12, elements=st.floats(-15, 15, width=32))
BANDS = arrays(np.int64, 12, elements=st.integers(0, 4))


def overtones(f0_hz: float, count: int, level_db: np.ndarray) -> Observations:
    """Return levels of the overtones of one take at one moment."""
    number, plain = np.arange(1.0, count + 1), np.zeros(count)
    at = {"partial": number, "hz": f0_hz * number, "time_s": np.full(count, 0.5)}
    return Observations(at, level_db, plain, plain + 1, plain > 0, plain.astype(int))


@given(MISSED, BANDS)
def test_what_shares_a_band_is_as_loud_as_its_mean_power(missed_db: np.ndarray, band: np.ndarray) -> None:
    told = louder_db(band, missed_db, np.zeros(len(band), bool))
    for number in np.unique(band):
        mine = missed_db[band == number]
        wanted = 10 * np.log10(np.mean(10 ** (mine / 10))) - np.mean(mine)
        np.testing.assert_allclose(told[band == number], wanted, atol=1e-9)


@given(MISSED, BANDS, arrays(bool, 12))
def test_what_is_hidden_says_nothing_and_is_told_nothing(missed_db: np.ndarray, band: np.ndarray, hidden: np.ndarray):
    told = louder_db(band, missed_db, hidden)
    assert np.all(told[hidden] == 0.0)
    np.testing.assert_array_equal(told, louder_db(band, np.where(hidden, MOST_DB, missed_db), hidden))


def test_overtones_share_what_the_ear_does_not_tell_apart() -> None:
    seen = overtones(60.0, 40, np.zeros(40))
    band = sharing(seen)
    assert band is not None
    np.testing.assert_array_equal(np.diff(band) > 0, np.diff(np.floor(hz_to_erb(seen.at["hz"]))) > 0)
    later = np.where(np.arange(40) % 2, 0.5, 1.0)  # every second one at another moment: none of these share
    apart = sharing(Observations({**seen.at, "time_s": later}, *_rest(seen)))
    assert apart is not None
    assert not set(apart[later == 0.5]) & set(apart[later == 1.0])
    assert sharing(Observations({"hz": seen.at["hz"]}, *_rest(seen))) is None


def test_a_law_is_as_loud_as_the_overtones_that_share_a_band_and_in_the_middle_of_those_that_stand_alone() -> None:
    one = Surface((), (), (), ridge=0.0)
    scatter = np.resize([8.0, -8.0], 40)
    (alone,) = fit_levels([one], overtones(2000.0, 4, scatter[:4]))
    (crowded,) = fit_levels([one], overtones(10.0, 40, scatter))
    power_db = 10 * np.log10(np.mean(10 ** (scatter / 10)))
    assert abs(float(alone)) < 1e-9
    assert 0.6 * power_db < float(crowded) < power_db + tol.LEVEL_DB  # 26 to 400 Hz: two to five of them in a band


def test_an_overtone_that_beats_is_as_loud_as_its_power() -> None:
    t = np.arange(4 * RATE) / RATE
    pitch = Pitch(440.0, 0.0, 1)
    audio = 0.1 * np.sin(2 * np.pi * 436.0 * t) + 0.09 * np.sin(2 * np.pi * 444.0 * t)  # eight dips of 26 dB a second
    level, _ = track_partials(audio, RATE, 0.0, pitch, struck=False)
    late = (TRACK_TIMES_S >= 1.35) & (TRACK_TIMES_S < 3.2)  # cells of two waves and more
    wanted = 10 * np.log10(0.1**2 + 0.09**2)
    np.testing.assert_allclose(level[0, late], wanted, atol=tol.LEVEL_DB)


def _rest(seen: Observations) -> tuple:
    return seen.measured_db, seen.rendered_db, seen.weight, seen.hidden, seen.take


def test_cells_add_power_and_empty_ones_lie_on_the_line_between_levels() -> None:
    early, late, last = (int(np.searchsorted(TRACK_TIMES_S, at_s)) for at_s in (0.1, 0.5, 1.1))
    frames = np.array([TRACK_TIMES_S[early], TRACK_TIMES_S[early] + 1e-3, TRACK_TIMES_S[late]])
    (found,) = cell_average(np.array([[1.0, 0.0, 1e-4]]), frames)
    half_db = 10 * np.log10(0.5)
    np.testing.assert_allclose(found[[early, late]], [half_db, -40.0])
    between = np.interp(TRACK_TIMES_S[early + 1 : late], frames, [0.0, -200.0, -40.0])
    np.testing.assert_allclose(found[early + 1 : late], between)
    assert np.isnan(found[:early]).all()
    assert np.isnan(found[last:]).all()
