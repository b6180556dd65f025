"""How far a render is from a recording, in decibels as the ear weighs them, part by part; 0 = identical."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.ear_levels import (
    BEFORE_S,
    BODY_S,
    LARGEST_DB,
    NOISE_MARGIN_DB,
    ONSET_S,
    RANGE_DB,
    Pair,
    ear_levels,
    hidden_below,
)
from backtune.analysis.noise_tracks import noise_floor, quietest, track_noise
from backtune.analysis.pitch import Pitch, measure_pitch
from backtune.analysis.tracks import TRACK_TIMES_S, partial_frequencies, track_partials
from backtune.units import power_to_db, ratio_to_cents
from backtune.voice import BAND_EDGES_HZ, SILENCE_DB

Floats = NDArray[np.float64]

TONE_MASKS_NOISE_DB = 30.0  # noise this far below the partials of its band is not heard
HEARD_S = 5.0  # later sound of a free-ringing note weighs little and costs as much time
CENTS_PER_DB, MOST_CENTS = 3.0, 100.0  # a mistuning of 3 cents annoys like an error of 1 dB
SHORT, MIDDLE, LONG = (512, 128, 1.0), (2048, 512, 1.0), (8192, 2048, 0.5)  # window, hop, ERB per band
PARTIALS_COMPARED = 20
WEIGHTS = {
    "onset": 0.20,
    "body": 0.25,
    "tail": 0.10,
    "envelope": 0.15,
    "partials": 0.15,
    "noise": 0.10,
    "pitch": 0.05,
}


@dataclass(frozen=True)
class Distance:
    """Parts of a distance, in dB (pitch in dB at 3 cents each).

    - `onset`: bands from 50 ms before to 80 ms after the onset. `body`: up to 1 s. `tail`: after.
    - `envelope`: eight broad bands in 10 ms steps. `partials`: courses of the 20 strongest partials.
    - `noise`: level between the partials. `pitch`: of the fundamental.
    """

    onset: float
    body: float
    tail: float
    envelope: float
    partials: float
    noise: float
    pitch: float

    @property
    def total(self) -> float:
        """The weighted sum of the parts, dB."""
        return float(sum(weight * getattr(self, name) for name, weight in WEIGHTS.items()))


PARTS = tuple(field.name for field in fields(Distance))


@dataclass(frozen=True)
class Reference:
    """A recording made ready to be compared with many renders; see `prepare`."""

    rate: int
    onset_s: float
    length: int
    struck: bool
    level_matched: bool
    pitch: Pitch
    level_db: float
    bands: tuple[Floats, ...]
    floors: tuple[Floats, ...]
    partial_db: Floats
    partial_floor_db: Floats
    noise_db: Floats
    noise_floor_db: Floats


def prepare(
    audio: Floats, rate: int, onset_s: float, expected_hz: float, struck: bool, level_matched: bool = False
) -> Reference:
    """Return a recording (mono, float64) ready for `distance`.

    `level_matched`: renders are brought to the recording's level first, for recordings whose levels mean nothing.
    """
    length = min(len(audio), round((onset_s + HEARD_S) * rate))
    heard = audio[:length]
    pitch = measure_pitch(heard, rate, onset_s, expected_hz, struck)
    bands = tuple(ear_levels(heard, rate, *shape) for shape in (SHORT, MIDDLE, LONG))
    quiet = quietest(audio, rate)
    floors = tuple(
        hidden_below(level, rate, shape, quiet if quiet is None else ear_levels(audio[quiet], rate, *shape))
        for level, shape in zip(bands, (SHORT, MIDDLE, LONG), strict=True)
    )
    partial_db, partial_floor = track_partials(heard, rate, onset_s, pitch, struck)
    noise, cover = track_noise(heard, rate, onset_s, pitch, partial_db)
    top = float(np.nanmax(partial_db)) if np.isfinite(partial_db).any() else 0.0
    masked = np.maximum(_tone_in_bands(pitch, partial_db) - TONE_MASKS_NOISE_DB, top - RANGE_DB - 5)
    own = _own_noise(np.where(cover > SILENCE_DB, np.nan, noise), noise_floor(audio, rate, quiet)) + NOISE_MARGIN_DB
    return Reference(
        rate,
        onset_s,
        length,
        struck,
        level_matched,
        pitch,
        _level(heard),
        bands,
        floors,
        partial_db,
        np.maximum(partial_floor + 6, top - RANGE_DB),
        noise,
        np.maximum(masked, own[:, None]),
    )


def distance(reference: Reference, render: Floats) -> Distance:
    """Return how far `render` (mono, float64, same rate and note-on as the recording) is from the recording.

    Band levels (ERB, Glasberg and Moore 1990) at three resolutions are clamped at what the recording can
    hide - threshold in quiet, masking by its other bands, its own noise - and their differences averaged,
    weighted by specific loudness (after Zwicker). A render is not asked for hiss, but charged for adding it.
    """
    r = reference
    heard = render[: r.length] if len(render) >= r.length else np.pad(render, (0, r.length - len(render)))
    if r.level_matched:
        heard = heard * 10 ** ((r.level_db - _level(heard)) / 20)
    bands = [ear_levels(heard, r.rate, *shape) for shape in (SHORT, MIDDLE, LONG)]
    short, middle, long = (
        Pair(a, b, f, r.rate, shape, r.onset_s)
        for a, b, f, shape in zip(r.bands, bands, r.floors, (SHORT, MIDDLE, LONG), strict=True)
    )
    partial_db, _ = track_partials(heard, r.rate, r.onset_s, r.pitch, r.struck)
    noise, _ = track_noise(heard, r.rate, r.onset_s, r.pitch, partial_db)
    found = measure_pitch(heard, r.rate, r.onset_s, r.pitch.f0_hz, r.struck)
    cents = abs(ratio_to_cents(found.first_hz / r.pitch.first_hz)) if r.pitch.partials else 0.0
    end = r.length / r.rate - r.onset_s
    body = 0.5 * (middle.error(ONSET_S, BODY_S) + long.error(ONSET_S, BODY_S))
    return Distance(
        onset=0.5 * (short.error(-BEFORE_S, ONSET_S) + middle.error(-BEFORE_S, ONSET_S)),
        body=body,
        tail=0.5 * (middle.error(BODY_S, end) + long.error(BODY_S, end)) if end > BODY_S + 0.1 else body,
        envelope=short.envelope_error(),
        partials=_partials_error(r, partial_db),
        noise=_noise_error(r, noise),
        pitch=float(min(cents, MOST_CENTS)) / CENTS_PER_DB,
    )


def _level(audio: Floats) -> float:
    return float(power_to_db(np.mean(audio * audio)))


def _partials_error(reference: Reference, rendered_db: Floats) -> float:
    count = min(len(reference.partial_db), len(rendered_db))
    recorded, rendered = reference.partial_db[:count], rendered_db[:count]
    with np.errstate(all="ignore"):
        strength = np.nanmax(np.where(np.isfinite(recorded), recorded, -200.0), axis=1, initial=-200.0)
    keep = np.argsort(-strength)[:PARTIALS_COMPARED]
    floor = reference.partial_floor_db[:count]
    a, b = np.maximum(recorded, floor)[keep], np.maximum(rendered, floor)[keep]
    known = np.isfinite(a) & np.isfinite(b)
    weight = np.where(known, np.clip((np.fmax(a, b) - floor[keep]) / 30.0, 0, 1), 0.0)
    total = float(weight.sum())
    error = np.minimum(np.abs(np.where(known, a - b, 0.0)), LARGEST_DB)
    return float(np.sum(weight * error) / total) if total > 0 else 0.0


def _tone_in_bands(pitch: Pitch, partial_db: Floats) -> Floats:
    """Return the power in dB of the partials in each noise band, (B, T)."""
    hz = partial_frequencies(pitch, np.inf)[: len(partial_db)]
    inside = (hz[None, :] >= BAND_EDGES_HZ[:-1, None]) & (hz[None, :] < BAND_EDGES_HZ[1:, None])
    return np.asarray(power_to_db(inside @ np.nan_to_num(0.5 * 10 ** (partial_db / 10))))


def _own_noise(seen_db: Floats, quietest_db: Floats) -> Floats:
    """Return the level of the recording's own noise in each band, dB (B,): no more than either of two tells.

    What sounds in its quietest moment may hold partials that still ring; what is seen between partials (B, T), NaN
    where they cover it, may hold breath. Guesses of what they cover are no witness: they were 7 dB too low.
    """
    late = seen_db[:, TRACK_TIMES_S >= ONSET_S]
    return np.fmin(np.fmin.reduce(late, axis=1), quietest_db)


def _noise_error(reference: Reference, rendered_db: Floats) -> float:
    late = TRACK_TIMES_S >= ONSET_S  # before that, noise is part of the onset
    floor = reference.noise_floor_db[:, late]
    a, b = np.maximum(reference.noise_db[:, late], floor), np.maximum(rendered_db[:, late], floor)
    known = np.isfinite(a) & np.isfinite(b)
    audible = np.where(known, 1 - np.exp(-(np.fmax(a, b) - floor) / 6.0), 0.0)
    error = np.minimum(np.abs(np.where(known, a - b, 0.0)), LARGEST_DB)
    return float(np.sum((0.1 + audible) * known * error) / max(float(np.sum((0.1 + audible) * known)), 1e-9))
