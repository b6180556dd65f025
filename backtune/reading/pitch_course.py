"""Where the pitch of a held note goes: read in parts, one after the other, as vibrato and portamento need."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.onset import held_span
from backtune.notes import Take
from backtune.reading.pitch_check import check_pitch

Floats = NDArray[np.float64]

PART_S = 0.2  # a swing of a voice's vibrato, 5 to 6 a second: longer parts all read alike, shorter ones hold no bass
MOST_PARTS = 8
SURE_SHARE = 0.5  # of the whole note's confidence: parts below have died away


def pitch_course(take: Take, confidence: float) -> Floats:
    """Return how far a take sounds above its label in each part of its held note, cents, (1..8,); NaN where unsure.

    `confidence` is that with which the whole take was read.
    """
    audio, rate = take.audio()
    onset_s, stop = held_span(take, audio, rate)
    held = audio[round(onset_s * rate) : stop]
    out = np.full(int(np.clip(len(held) / (PART_S * rate), 1, MOST_PARTS)), np.nan)
    for index, part in enumerate(np.array_split(held, len(out))):
        verdict = check_pitch(part, rate, take.sounding_midi)
        if verdict.confidence >= SURE_SHARE * confidence:
            out[index] = 100.0 * (verdict.heard_midi - round(take.sounding_midi)) + verdict.cents
    return out
