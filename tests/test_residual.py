"""What remains of takes: levels nobody hears, and those that something else covers, only bound a law."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tolerances as tol
from known_instrument import core, known_patch, takes_of

from backtune.analysis.between_partials import over_partials_db
from backtune.analysis.listen import listen
from backtune.analysis.pitch import Pitch
from backtune.analysis.residual import HEARD_RANGE_DB, HIDDEN_WEIGHT, OTHERS_HIDE_DB, Residual
from backtune.analysis.seen_through import UNTIL_S
from backtune.analysis.tracks import TRACK_TIMES_S, partial_frequencies, track_partials, track_window_s
from backtune.fit import beside
from backtune.notes import NoteEvent
from backtune.render import render_voice
from backtune.voice import SILENCE_DB, Voice

RATE = 44100
ROWS_OF_PARTIALS = ("partial_number", "partial_hz", "partial_db", "phase_rad", "partial_release_db_s")


def test_a_level_below_hearing_speaks_against_a_render_that_is_heard_there() -> None:
    patch = known_patch()
    heard = listen(takes_of(patch)[:1], struck=False)[0]
    soft = heard.tracks.partial_db.copy()
    top = np.nanmax(soft)
    soft[2] = top - HEARD_RANGE_DB - 20.0  # the third partial: softer than anybody hears, and clearly seen
    tracks = replace(heard.tracks, partial_db=soft, floor_db=np.full(soft.shape, -300.0))
    seen = beside(patch, Residual((replace(heard, tracks=tracks),), (), struck=False)).partials
    third = seen.at["partial"] == 3
    assert third.any()
    assert np.all(seen.hidden[third])
    np.testing.assert_allclose(seen.measured_db[third], top - HEARD_RANGE_DB, atol=3.0)  # its loudest, later than 10 ms
    sticks_out = seen.rendered_db[third].min()  # wherever it was, this much more is above what is heard
    assert np.all(seen.weight_given(top - sticks_out)[third] >= HIDDEN_WEIGHT)
    assert np.all(seen.weight_given(-300.0)[third] == 0.0)  # nothing is asked of one that is as soft


def test_a_level_that_a_mode_covers_only_bounds_its_partial() -> None:
    patch = known_patch(core())
    heard = listen(takes_of(patch)[:1], struck=False)[0]
    alone = patch.voice_at(heard.note, TRACK_TIMES_S)
    place = alone.partial_hz[2]
    level = float(np.nanmedian(heard.tracks.partial_db[2]))
    lasting = np.array([1e6])
    for above_db, covers in ((OTHERS_HIDE_DB + 6.0, False), (0.0, True)):
        voice = alone.adding_modes(np.array([place]), np.array([level - above_db]), lasting)
        seen = Residual((heard,), (voice,), struck=False).partials
        late = seen.at["time_s"] > 0.1
        for number in (2, 3, 4):
            mine = late & (seen.at["partial"] == number)
            assert np.all(seen.hidden[mine] == (covers and number == 3))


def test_what_spills_into_a_band_alone_hides_its_noise() -> None:
    heard = listen(takes_of(known_patch())[:1], struck=False)[0]
    cover = np.full(heard.tracks.cover_db.shape, SILENCE_DB)
    cover[3] = heard.tracks.noise_db[3]  # all that sounds there is as loud as what may have spilt
    covered = replace(heard, tracks=replace(heard.tracks, cover_db=cover))
    seen = beside(known_patch(), Residual((covered,), (), struck=False)).noise
    third = seen.at["hz"] == np.unique(seen.at["hz"])[3]
    assert third.any()
    assert np.all(seen.hidden[third])


def rung(voice: Voice, seconds: float) -> np.ndarray:
    audio = render_voice(voice, RATE)
    return audio[: round(seconds * RATE)]


@pytest.mark.parametrize("f0_hz", [87.0, 349.0, 1397.0])
def test_what_noise_and_modes_put_into_tracks_is_what_tracking_finds_there(f0_hz: float) -> None:
    times = np.arange(0.0, 1.0, 0.02)
    pitch = Pitch(f0_hz, 0.0, 8)
    hz = partial_frequencies(pitch, 8.5 * f0_hz)
    window_s = track_window_s(pitch, RATE)
    early = (0.5 * window_s < TRACK_TIMES_S) & (TRACK_TIMES_S <= UNTIL_S)
    silent = Voice.silent(NoteEvent(60, 80), times)
    noisy = silent.with_(noise_db=np.full(silent.noise_db.shape, -50.0))
    ringing = silent.adding_modes(hz[3:4] + 1.0, np.array([-30.0]), np.array([8.0]))
    for voice, rows, seeds in ((noisy, slice(0, len(hz)), range(6)), (ringing, slice(3, 4), range(1))):
        told = over_partials_db(voice, hz, f0_hz, window_s)
        told = np.array([np.interp(TRACK_TIMES_S, times, row) for row in told])
        found = [
            track_partials(rung(replace(voice, seed=seed), 0.9), RATE, 0.0, pitch, False)[0][: len(hz)]
            for seed in seeds
        ]
        assert abs(np.mean((np.array(found) - told)[:, rows, early])) < tol.NOISE_TRACKED_DB
    assert np.all(over_partials_db(noisy, hz, f0_hz, window_s)[:, times > UNTIL_S] <= SILENCE_DB + 60.0)
    quiet = over_partials_db(ringing, hz, f0_hz, window_s)
    assert np.all(np.delete(quiet, 3, axis=0) <= SILENCE_DB + 60.0)  # no other partial is near the mode


def test_of_partials_that_the_voice_does_not_sound_nothing_is_asked() -> None:
    patch = known_patch(core())
    heard = listen(takes_of(patch)[:1], struck=False)[0]
    count = len(heard.tracks.partial_db)
    whole = patch.voice_at(heard.note, TRACK_TIMES_S)
    fewer = whole.with_(**{name: getattr(whole, name)[: count - 2] for name in ROWS_OF_PARTIALS})
    asked = [
        Residual((heard,), (voice,), struck=False).partials.at["partial"].max()
        for voice in (whole, fewer, Voice.silent(heard.note, TRACK_TIMES_S, 0))
    ]
    assert asked == [count, count - 2, count]
