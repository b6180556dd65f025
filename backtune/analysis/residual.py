"""What remains: measured tracks of many takes beside what a patch already makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.bands import BAND_CENTRES_HZ, voice_bands
from backtune.analysis.between_partials import between_partials_db, over_partials_db
from backtune.analysis.observations import Observations, joined
from backtune.analysis.seen_through import tone_seen_db
from backtune.analysis.tracks import ABOVE_FLOOR_DB, TRACK_TIMES_S, Tracks, track_window_s
from backtune.errors import Declined
from backtune.notes import NoteEvent
from backtune.units import ratio_to_cents
from backtune.voice import SILENCE_DB, Voice

Floats = NDArray[np.float64]

HEARD_RANGE_DB = 65.0  # levels this far below the note's loudest partial no longer count
NOISE_RANGE_DB = 75.0
LEAST_NOISE_WEIGHT = 0.1  # of a soft note's: with a fiftieth, smoothness decided in its place, 4 dB too loud
HIDDEN_WEIGHT = 0.3  # a level hidden by the floor counts this much against a law that sticks out of it
# What other layers sound at a partial's place hides a level that is not so far above it: in the first 30 ms, every
# third level of noise alone passes for a partial, and in worlds of known truth the tone came out 3 to 10 dB too loud.
OTHERS_HIDE_DB = 10.0
FLOOR_MARGIN_DB = 3.0  # noise this close to the recording's own is the recording's own


@dataclass(frozen=True)
class Heard:
    """One take after analysis: what was played, its tracks, and where the audio is judged.

    `gain_db` is added to all measured levels: 0, or what makes takes comparable whose levels mean nothing.
    """

    name: str
    note: NoteEvent
    tracks: Tracks
    onset_s: float
    seconds: float
    rate: int
    number: int = 1
    gain_db: float = 0.0


@dataclass(frozen=True)
class Residual:
    """Takes beside the voices that all other layers make of them.

    - `heard`, `voices`: one each a take; voices are compiled on `TRACK_TIMES_S`.
    - `struck`: the notes ring freely (hammer, pluck); else they are sustained until a gate.
    - `levels_natural`: levels of different takes may be compared.
    """

    heard: tuple[Heard, ...]
    voices: tuple[Voice, ...]
    struck: bool
    levels_natural: bool = True

    @cached_property
    def pitches(self) -> Floats:
        """The distinct pitches, rising, as MIDI numbers."""
        return np.array(sorted({h.note.midi for h in self.heard}))

    @cached_property
    def velocities(self) -> Floats:
        """The distinct velocities, rising."""
        return np.array(sorted({h.note.velocity for h in self.heard}))

    @cached_property
    def of_takes(self) -> dict[str, Floats]:
        """Pitch and velocity of each take, (takes,) each."""
        notes = [heard.note for heard in self.heard]
        return {"pitch": np.array([n.midi for n in notes]), "velocity": np.array([n.velocity for n in notes])}

    def require_repeats(self) -> None:
        """Raise Declined unless some pitch was recorded more than once, at any velocity."""
        if len(self.pitches) == len(self.heard):
            raise Declined("no note was recorded twice: nothing tells what repeats from what does not")

    def without(self, voices: Sequence[Voice]) -> Residual:
        """Return the same takes beside other voices."""
        return replace(self, voices=tuple(voices))

    @cached_property
    def partials(self) -> Observations:
        """Every measured level of every partial."""
        parts = [
            _partial_levels(i, h, v, self.struck) for i, (h, v) in enumerate(zip(self.heard, self.voices, strict=True))
        ]
        return joined(parts)

    @cached_property
    def bands(self) -> Observations:
        """Every measured level of every ear band, partials and noise together."""
        parts = [_band_levels(i, h, v) for i, (h, v) in enumerate(zip(self.heard, self.voices, strict=True))]
        return joined(parts)

    @cached_property
    def noise(self) -> Observations:
        """Every measured level of every noise band."""
        parts = [_noise_levels(i, h, v) for i, (h, v) in enumerate(zip(self.heard, self.voices, strict=True))]
        return joined(parts)


def _partial_levels(index: int, heard: Heard, voice: Voice, struck: bool) -> Observations:
    tracks = heard.tracks
    level = tracks.partial_db + heard.gain_db
    floor = tracks.floor_db + heard.gain_db
    numbers = np.arange(1.0, len(level) + 1)
    bottom = _top(level) - HEARD_RANGE_DB
    if len(voice.partial_number):
        # What the voice does not sound at all, being stiffer than this take, no law of it makes louder: asked for all
        # the same, a glockenspiel's laws rose from sweep to sweep to +132 dB.
        level = np.where(numbers[:, None] <= voice.partial_number.max(), level, np.nan)
    begin_s = 0.0 if struck else -heard.onset_s
    window_s = track_window_s(tracks.pitch, heard.rate)
    rendered = tone_seen_db(numbered_db(voice, len(level)), voice.times_s, window_s, begin_s)
    own = (level > floor + ABOVE_FLOOR_DB) & (level > bottom)
    pitch = tracks.pitch
    hz = pitch.partial_hz(numbers)
    own &= level > over_partials_db(voice, hz, pitch.f0_hz, window_s) + OTHERS_HIDE_DB
    weight = np.clip((level - bottom) / HEARD_RANGE_DB, 0.0, 1.0)
    weight = np.where(own, weight, np.maximum(weight, HIDDEN_WEIGHT))
    level = np.maximum(level, bottom)
    return _flat(index, heard, {"partial": numbers, "hz": hz}, level, rendered, weight, ~own)


def sharper_cents(heard: Heard, voice: Voice) -> float:
    """Return by how many cents the first partial of a take is sharper than that of a voice; NaN where none tells."""
    pitch = heard.tracks.pitch
    if not pitch.partials or not len(voice.partial_hz):
        return float("nan")
    return float(ratio_to_cents(pitch.first_hz / voice.partial_hz[0]))


def numbered_db(voice: Voice, count: int) -> Floats:
    """Return the levels of partials 1 to `count` of a voice as tracks show them, dB (count, T).

    Two strings of one number beat: the mean over time of 20 log10 |1 + a e^jx| is the level of the louder (Jensen).
    """
    if not len(voice.partial_number):
        return np.full((count, len(voice.times_s)), SILENCE_DB)
    slot = np.rint(voice.partial_number).astype(int) - 1
    louder = np.full((max(count, slot.max() + 1), len(voice.times_s)), SILENCE_DB)
    np.maximum.at(louder, slot, voice.partial_db)
    return louder[:count]


def beating_db(voice: Voice, count: int) -> Floats:
    """Return by how much strings of one number, in and out of step, are louder than the louder of them, dB (count, T).

    Bends that all partials share do not matter to them.
    """
    slot = np.rint(voice.partial_number).astype(int) - 1
    time_s = voice.times_s - voice.times_s[0] if len(voice.times_s) else voice.times_s
    turn = voice.phase_rad[:, None] + 2 * np.pi * voice.partial_hz[:, None] * time_s
    swing = np.zeros((max(count, slot.max(initial=-1) + 1), len(time_s)), complex)
    np.add.at(swing, slot, 10 ** (voice.partial_db / 20) * np.exp(1j * turn))
    alone = numbered_db(voice, count)
    together = 20 * np.log10(np.maximum(np.abs(swing[:count]), 10 ** (SILENCE_DB / 20)))
    return np.where(alone > SILENCE_DB, together - alone, 0.0)


def _noise_levels(index: int, heard: Heard, voice: Voice) -> Observations:
    cover = heard.tracks.cover_db + heard.gain_db
    level = heard.tracks.noise_db + heard.gain_db
    covered, level = level <= cover, np.maximum(level, cover)  # what spills into a band alone is as loud as all in it
    own = level > heard.tracks.noise_floor_db[:, None] + heard.gain_db + FLOOR_MARGIN_DB
    bottom = _top(heard.tracks.partial_db + heard.gain_db) - NOISE_RANGE_DB
    weight = np.clip((level - bottom) / (NOISE_RANGE_DB - 15.0), LEAST_NOISE_WEIGHT, 1.0)
    rows: dict[str, Floats] = {"hz": voice.band_centre_hz}
    hidden = ~own | covered
    return _flat(index, heard, rows, level, between_partials_db(voice), weight, hidden)


def _band_levels(index: int, heard: Heard, voice: Voice) -> Observations:
    """Return levels clamped at what is heard: the range below the loudest band, the recording's own noise."""
    level, rendered = heard.tracks.band_db + heard.gain_db, voice_bands(voice)
    with np.errstate(all="ignore"):
        bottom = np.maximum(
            np.nanmax(level) - HEARD_RANGE_DB, np.nanmin(level, axis=1, keepdims=True) + FLOOR_MARGIN_DB
        )
    weight = np.clip((np.maximum(level, rendered) - bottom) / HEARD_RANGE_DB, 0.0, 1.0)
    level, rendered = np.maximum(level, bottom), np.maximum(rendered, bottom)
    return _flat(index, heard, {"hz": BAND_CENTRES_HZ}, level, rendered, weight, np.zeros(level.shape, bool))


def _top(level: Floats) -> float:
    after = level[:, TRACK_TIMES_S > 0.01]
    return float(np.nanmax(after)) if np.isfinite(after).any() else 0.0


def _flat(
    index: int,
    heard: Heard,
    rows: dict[str, Floats],
    level: Floats,
    rendered: Floats,
    weight: Floats,
    hidden: NDArray[np.bool_],
) -> Observations:
    known = np.isfinite(level)
    count = int(known.sum())
    spread = np.ones_like(level)
    return Observations(
        {
            "pitch": np.full(count, heard.note.midi),
            "velocity": np.full(count, heard.note.velocity),
            **{axis: (x[:, None] * spread)[known] for axis, x in rows.items()},
            "time_s": (TRACK_TIMES_S[None, :] * spread)[known],
        },
        level[known],
        rendered[known],
        weight[known],
        hidden[known],
        np.full(count, index),
    )
