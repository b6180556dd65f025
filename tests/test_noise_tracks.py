"""Noise as it is heard in a take: without bias in every band, and never set where partials cover it."""

from __future__ import annotations

import numpy as np
import pytest
import tolerances as tol

from backtune.analysis.noise_tracks import noise_floor, quietest, track_noise
from backtune.analysis.pitch import Pitch
from backtune.analysis.tracks import TRACK_TIMES_S, track_partials
from backtune.voice import BAND_EDGES_HZ, SILENCE_DB

RATE, ONSET_S = 44100, 0.1
NOISE_DB = -60.0  # mean square over all frequencies
BURST_DB = 12.0
TRUE_DB = NOISE_DB + 10 * np.log10(np.diff(BAND_EDGES_HZ) / (RATE / 2))


def take(f0_hz: float, partials: int, seed: int = 1) -> np.ndarray:
    """Return a tone that begins at `ONSET_S` in noise that is louder around its onset."""
    rng = np.random.default_rng(seed)
    t = np.arange(RATE * 3) / RATE - ONSET_S
    tone = sum(0.1 / n * np.sin(2 * np.pi * n * f0_hz * t + n) for n in range(1, partials + 1))
    noise_db = NOISE_DB + np.where(t < 0.1, BURST_DB, 0.0)
    return np.asarray(np.where(t >= 0, tone, 0.0) + 10 ** (noise_db / 20) * rng.standard_normal(len(t)))


def heard(f0_hz: float, partials: int) -> tuple[np.ndarray, np.ndarray]:
    audio, pitch = take(f0_hz, partials), Pitch(f0_hz, 0.0, partials)
    partial_db, _ = track_partials(audio, RATE, ONSET_S, pitch, False)
    return track_noise(audio, RATE, ONSET_S, pitch, partial_db)


@pytest.mark.parametrize("f0_hz", [110.0, 262.0, 880.0, 2637.0])
def test_lasting_noise_is_as_loud_as_it_is_in_every_band(f0_hz: float) -> None:
    noise, cover = heard(f0_hz, 12)
    late = TRACK_TIMES_S[None, :] >= 0.5
    late = np.broadcast_to(late, noise.shape) & np.isfinite(noise)
    assert np.all(cover[late] == SILENCE_DB)
    apart = np.array([np.mean(row[use]) for row, use in zip(noise, late, strict=True)]) - TRUE_DB
    assert np.max(np.abs(apart)) < tol.NOISE_BAND_DB
    assert abs(np.mean(apart)) < tol.NOISE_MEAN_DB


@pytest.mark.parametrize("f0_hz", [110.0, 262.0, 880.0])
def test_noise_that_partials_cover_is_only_known_not_to_be_louder(f0_hz: float) -> None:
    noise, cover = heard(f0_hz, 12)
    early = np.broadcast_to((TRACK_TIMES_S >= 0) & (TRACK_TIMES_S <= 0.05), noise.shape) & np.isfinite(noise)
    covered = cover > SILENCE_DB
    true = np.broadcast_to(TRUE_DB[:, None] + BURST_DB, noise.shape)
    assert 0.2 < np.mean(covered[early]) < 1.0
    assert np.mean((cover - true)[early & covered] > -tol.NOISE_BAND_DB) > 0.9  # of single windows
    assert abs(np.mean((noise - true)[early & ~covered])) < tol.NOISE_BAND_DB


def test_bands_that_a_recording_s_rate_does_not_hold_are_not_told() -> None:
    rate, pitch = 16000, Pitch(262.0, 0.0, 12)
    audio = 10 ** (NOISE_DB / 20) * np.random.default_rng(3).standard_normal(3 * rate)
    partial_db, _ = track_partials(audio, rate, ONSET_S, pitch, False)
    noise, _ = track_noise(audio, rate, ONSET_S, pitch, partial_db)
    late = noise[:, (TRACK_TIMES_S >= 0.5) & (TRACK_TIMES_S < 2)]
    assert np.array_equal(np.isnan(late).all(axis=1), BAND_EDGES_HZ[1:] > 7200)
    assert not np.isnan(late[BAND_EDGES_HZ[1:] <= 7200]).any()


def test_the_recording_s_own_noise_is_that_of_a_moment_without_the_note() -> None:
    audio = take(110.0, 12)  # begins 100 ms after the recording does, and is nowhere softer than there
    alone = 10 ** ((NOISE_DB + BURST_DB) / 20) * np.random.default_rng(2).standard_normal(len(audio))
    wanted = 10 * np.log10(10 ** (BURST_DB / 10) * 10 ** (TRUE_DB / 10))
    for heard_one in (audio, np.where(np.arange(len(audio)) < ONSET_S * RATE, alone, 10 * alone)):
        apart = noise_floor(heard_one, RATE, quietest(heard_one, RATE)) - wanted
        assert abs(np.mean(apart[4:])) < tol.NOISE_FLOOR_DB


def test_a_thump_is_heard_where_it_is() -> None:
    t = np.arange(RATE) / RATE - ONSET_S
    thump = np.where(np.abs(t) < 0.2, np.cos(np.pi * t / 0.4) ** 2, 0.0) * np.sin(2 * np.pi * 50.0 * t)
    audio = 0.1 * thump + 1e-5 * np.random.default_rng(3).standard_normal(len(t))
    noise, _ = track_noise(audio, RATE, ONSET_S, Pitch(880.0, 0.0, 1), np.full((1, len(TRACK_TIMES_S)), np.nan))
    onset = noise[:, np.argmin(np.abs(TRACK_TIMES_S))]
    assert onset[0] - onset[2] > tol.THUMP_DB
