"""Voices made of measured tracks alone, without any law: what analysis and resynthesis can do at best."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.residual import FLOOR_MARGIN_DB
from backtune.analysis.tracks import ABOVE_FLOOR_DB, TRACK_TIMES_S, Tracks, partial_frequencies
from backtune.axes import AXES
from backtune.notes import NoteEvent
from backtune.voice import SILENCE_DB, Voice, frame_times

Floats = NDArray[np.float64]

RELEASE_DB_S = 500.0  # after the gate; single notes rarely hold more of it than this hides
HIDDEN_DB = 10.0  # a level that the recording's floor hides is taken to be this far below it


@dataclass(frozen=True)
class Tracked:
    """An instrument that knows one note: its measured tracks, `gain_db` added to their levels."""

    tracks: Tracks
    lead_s: float
    gain_db: float = 0.0

    def voice(self, note: NoteEvent, seconds: float) -> Voice:
        """Return the measured note on the frames of a voice of at least `seconds`."""
        times = frame_times(seconds, self.lead_s)
        level, noise = cleared(self.tracks)
        hz = partial_frequencies(self.tracks.pitch, np.inf)[: len(level)]
        silent = Voice.silent(note, times, seed=round(note.midi))
        return silent.with_(
            partial_number=np.arange(1.0, len(hz) + 1),
            partial_hz=hz,
            partial_db=on_frames(level[: len(hz)], times) + self.gain_db,
            phase_rad=np.random.default_rng(silent.seed).uniform(0, 2 * np.pi, len(hz)),
            noise_db=on_frames(noise, times) + self.gain_db,
            partial_release_db_s=np.full(len(hz), RELEASE_DB_S),
        )


def cleared(tracks: Tracks) -> tuple[Floats, Floats]:
    """Return levels of partials (P, T) and of noise bands (B, T) without what is only the recording's floor, dB."""
    own = tracks.partial_db > tracks.floor_db + ABOVE_FLOOR_DB
    level = np.where(own, tracks.partial_db, tracks.floor_db - HIDDEN_DB)
    heard = tracks.noise_db > tracks.noise_floor_db[:, None] + FLOOR_MARGIN_DB
    return level, np.where(heard, tracks.noise_db, SILENCE_DB)


def on_frames(rows: Floats, times_s: Floats) -> Floats:
    """Return rows (N, T) on `TRACK_TIMES_S` as they are on other times, straight on the warped axis; unknown = silent.

    After the last known value a row stays as it is, before its first it is silent.
    """
    out = np.full((len(rows), len(times_s)), SILENCE_DB)
    at, places = np.asarray(AXES["time_s"](times_s)), np.asarray(AXES["time_s"](TRACK_TIMES_S))
    for index, row in enumerate(rows):
        known = np.isfinite(row)
        if known.any():
            out[index] = np.interp(at, places[known], row[known], left=SILENCE_DB)
    return out


def between_notes(low: Tracks, high: Tracks, share: float, octaves: float) -> Tracks:
    """Return tracks `share` of the way from one note to another, partial by partial; `octaves` above `low`'s pitch.

    Partials that only one of them has are left out.
    """
    count = min(low.partials, high.partials)

    def mixed(one: Floats, other: Floats) -> Floats:
        return np.asarray((1 - share) * one + share * other)

    pitch = replace(
        low.pitch,
        f0_hz=low.pitch.f0_hz * 2.0**octaves,
        inharmonicity=(1 - share) * low.pitch.inharmonicity + share * high.pitch.inharmonicity,
    )
    return replace(
        low,
        pitch=pitch,
        partial_db=mixed(low.partial_db[:count], high.partial_db[:count]),
        floor_db=mixed(low.floor_db[:count], high.floor_db[:count]),
        noise_db=mixed(low.noise_db, high.noise_db),
        noise_floor_db=mixed(low.noise_floor_db, high.noise_floor_db),
    )
