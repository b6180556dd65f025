"""Levels in the bands of the ear: how loud they are, what hides them, how far two sounds differ in what is heard."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.tracks import power_frames
from backtune.hearing import FULL_SCALE_DB_SPL, threshold_db_spl
from backtune.notes import recorded_to_hz
from backtune.units import erb_to_hz, hz_to_erb, power_to_db

Floats = NDArray[np.float64]

RANGE_DB = 65.0  # below the loudest moment by this much, nothing is heard
NOISE_MARGIN_DB = 2.0  # the recording's own noise hides what is less than this above it
MASKED_DB, MASK_UP_DB, MASK_DOWN_DB = 14.0, 12.0, 24.0  # hidden by a neighbouring band: offset, slopes per ERB
LARGEST_DB = 40.0  # an error larger than this is as bad
LOUDNESS_EXPONENT = 0.6  # between counting all audible cells alike (0) and by loudness (1)
BEFORE_S, ONSET_S, BODY_S = 0.05, 0.08, 1.0  # where the onset begins and ends, and the body of a note ends
LOWEST_BAND_HZ, HIGHEST_BAND_HZ = 30.0, 18000.0


def ear_levels(audio: Floats, rate: int, size: int, hop: int, step: float) -> Floats:
    """Return triangular ERB band levels in dB SPL, (frames, bands)."""
    power = power_frames(audio, size, np.arange(0, len(audio), hop), "hann")
    erb = hz_to_erb(np.fft.rfftfreq(size, 1 / rate))
    share = np.maximum(0.0, 1 - np.abs(erb[:, None] - _centres(rate, step)[None, :]) / step)
    return np.asarray(power_to_db(power @ share, -160.0) + FULL_SCALE_DB_SPL)


def hidden_below(level: Floats, rate: int, shape: tuple[int, int, float], quiet: Floats | None) -> Floats:
    """Return below which level a recording hides what else sounds, dB SPL, (frames, bands).

    `level` is the recording's own, at `shape` (window, hop, ERB a band); `quiet` that of its quietest moment.
    """
    step = shape[2]
    floor = np.maximum(_threshold(rate, step), power_to_db(np.sum(10 ** (level / 10), axis=1)).max() - RANGE_DB)
    if quiet is not None:
        floor = np.maximum(floor, power_to_db(np.mean(10 ** (quiet / 10), axis=0)) + NOISE_MARGIN_DB)
    skip = 2 if step < 1 else 1  # the overlapping neighbour is the same sound
    up, down = np.full_like(level, -200.0), np.full_like(level, -200.0)
    bands = level.shape[1]
    for b in range(skip, bands):
        up[:, b] = np.maximum(level[:, b - skip] - MASK_UP_DB * skip * step, up[:, b - 1] - MASK_UP_DB * step)
    for b in range(bands - 1 - skip, -1, -1):
        down[:, b] = np.maximum(level[:, b + skip] - MASK_DOWN_DB * skip * step, down[:, b + 1] - MASK_DOWN_DB * step)
    return np.asarray(np.maximum(floor[None, :], np.maximum(up, down) - MASKED_DB))


class Pair:
    """Band levels of recording and render at one resolution, `shape` as above, clamped at what is hidden."""

    def __init__(
        self,
        recorded: Floats,
        rendered: Floats,
        floor: Floats,
        rate: int,
        shape: tuple[int, int, float],
        onset_s: float,
    ) -> None:
        self.floor, self.threshold = floor, _threshold(rate, shape[2])
        self.recorded, self.rendered = np.maximum(recorded, floor), np.maximum(rendered, floor)
        self.time = np.arange(len(recorded)) * shape[1] / rate - onset_s
        self.hop_s = shape[1] / rate

    def error(self, start_s: float, stop_s: float) -> float:
        """Return the error from `start_s` to `stop_s` after the onset, dB."""
        inside = (self.time >= start_s) & (self.time < stop_s)
        return weighted_error(self.recorded[inside], self.rendered[inside], self.floor[inside], self.threshold)

    def envelope_error(self) -> float:
        """Return the error of eight groups of five bands, smoothed over 10 ms, start, body and rest alike."""
        groups = np.array_split(np.arange(self.recorded.shape[1]), 8)
        width = max(1, round(0.01 / self.hop_s))
        kernel = np.ones(width) / width

        def grouped(level: Floats) -> Floats:
            power = np.stack([np.sum(10 ** (level[:, g] / 10), axis=1) for g in groups], axis=1)
            return np.asarray(power_to_db(np.apply_along_axis(np.convolve, 0, power, kernel, "same")))

        floor, recorded, rendered = grouped(self.floor), grouped(self.recorded), grouped(self.rendered)
        threshold = np.array([self.threshold[g].min() for g in groups])
        parts = [
            weighted_error(recorded[i], rendered[i], floor[i], threshold)
            for a, b in ((-BEFORE_S, 0.15), (0.15, BODY_S), (BODY_S, np.inf))
            if (i := (self.time >= a) & (self.time < b)).any()
        ]
        return float(np.mean(parts)) if parts else 0.0


def weighted_error(recorded: Floats, rendered: Floats, floor: Floats, threshold: Floats) -> float:
    """Return the mean |difference| of levels in dB, weighted by specific loudness above the floor."""

    def loudness(level: Floats) -> Floats:
        ratio = 10 ** ((level - threshold) / 10)
        return np.asarray(10 ** (0.023 * threshold) * np.maximum((0.5 + 0.5 * ratio) ** 0.23 - 1, 0))

    weight = np.maximum(loudness(np.maximum(recorded, rendered)) - loudness(floor), 0) ** LOUDNESS_EXPONENT
    total = float(weight.sum())
    return float(np.sum(weight * np.minimum(np.abs(recorded - rendered), LARGEST_DB)) / total) if total > 0 else 0.0


def _centres(rate: int, step: float) -> Floats:
    highest = hz_to_erb(min(HIGHEST_BAND_HZ, recorded_to_hz(rate)))
    return np.asarray(np.arange(np.ceil(hz_to_erb(LOWEST_BAND_HZ) / step) * step, highest, step))


def _threshold(rate: int, step: float) -> Floats:
    """Return the threshold in quiet of each band, dB SPL."""
    return np.asarray(np.clip(threshold_db_spl(erb_to_hz(_centres(rate, step))), -5, 70))
