"""Shares: how much of the sound each layer carries, measured by leaving it out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backtune.notes import NoteEvent
from backtune.patch import Patch
from backtune.units import T60_NEPER, db_to_power, power_to_db
from backtune.voice import Voice

SECONDS = 1.0  # levels are those of the first second
VELOCITY = 80.0
PLACES = (0.15, 0.5, 0.85)  # of the recorded range: a low, a middle, a high note
HEARD_DB = 60.0  # partials this far below the loudest no longer count
CARRIES_DB = 3.0  # a layer without which at least half of the power is gone carries the sound


@dataclass(frozen=True)
class Share:
    """What a layer does to the sound, over a low, a middle and a high note.

    `level_db`: power that is gone without it, relative to the whole (None: none is). `moves_db`: by how
    much it moves the audible partials, mean absolute.
    """

    level_db: float | None
    moves_db: float

    @property
    def carries(self) -> bool:
        """Whether at least half of the power is gone without it."""
        return self.level_db is not None and self.level_db > -CARRIES_DB

    def __str__(self) -> str:
        if self.carries:
            return "carries the sound"
        if self.moves_db >= 0.05:
            return f"moves overtones by {self.moves_db:.1f} dB"
        return f"{self.level_db:.0f} dB beside the whole" if self.level_db is not None else "not heard"


def shares(patch: Patch) -> dict[str, Share]:
    """Return the share of every layer by kind."""
    notes = [NoteEvent(pitch, VELOCITY) for pitch in _pitches(patch)]
    whole = [patch.voice(note, SECONDS) for note in notes]
    out = {}
    for kind in patch.kinds:
        without = patch.without(kind)
        rest = [without.voice(note, SECONDS) for note in notes]
        gone = [1.0 - power(one) / power(all_) for one, all_ in zip(rest, whole, strict=True)]
        mean = float(np.mean(np.maximum(gone, 0.0)))
        moved = float(np.mean([_moved(one, all_) for one, all_ in zip(rest, whole, strict=True)]))
        out[kind] = Share(float(power_to_db(mean)) if mean > 1e-12 else None, moved)
    return out


def _pitches(patch: Patch) -> list[float]:
    """Return a low, a middle and a high pitch; where layers know single notes, three of those."""
    low, high = patch.origin.pitches
    wanted = [float(round(low + place * (high - low))) for place in PLACES]
    known = [law.known_pitches for layer in patch.layers for law in layer.laws.values() if len(law.known_pitches)]
    if not known:
        return wanted
    pitches = np.unique(np.concatenate(known))
    return [float(pitches[np.argmin(np.abs(pitches - one))]) for one in wanted]


def power(voice: Voice) -> float:
    """Return the mean power of a voice over its first second (1.0 = a square wave at full scale)."""
    inside = (voice.times_s >= 0) & (voice.times_s <= SECONDS)
    times = voice.times_s[inside]
    total = 0.5 * db_to_power(voice.partial_db[:, inside]).sum(axis=0) + db_to_power(voice.noise_db[:, inside]).sum(
        axis=0
    )
    steady = float(np.trapezoid(total, times) / SECONDS) if len(times) > 1 else 0.0
    fall = 2 * T60_NEPER / voice.mode_decay_s
    ringing = 0.5 * db_to_power(voice.mode_db) * (1 - np.exp(-fall * SECONDS)) / (fall * SECONDS)
    return max(steady + float(ringing.sum()), 1e-30)


def _moved(rest: Voice, whole: Voice) -> float:
    if rest.partial_db.shape != whole.partial_db.shape or not len(whole.partial_db):
        return 0.0
    inside = (whole.times_s >= 0) & (whole.times_s <= SECONDS)
    one, other = rest.partial_db[:, inside], whole.partial_db[:, inside]
    heard = other > other.max() - HEARD_DB
    return float(np.mean(np.abs(one - other)[heard])) if heard.any() else 0.0
