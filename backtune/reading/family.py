"""Struck or sustained? Told from how the recordings fall, with gates for those that are held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from backtune.errors import InputError
from backtune.notes import Take
from backtune.source import STRUCK, SUSTAINED

Floats = NDArray[np.float64]

LISTENED_TAKES = 12
FRAME_S = 0.05
EARLY_S, LATE_SHARE = 0.15, 0.6  # levels compared: 0.15 s after the peak, and 60 % of the way to the end
FALLING_DB = 6.5  # a struck note falls by 6 to 47, by 28 in the median; a wind by 4 in the median
SHORTEST_S = 0.4  # takes shorter than this tell nothing
COMPARED_S = 1.5  # between the levels compared; notes held for less have fallen by their share of it
RELEASE_DB = 12.0  # below the sustained level: the key is up


def levels_db(audio: Floats, rate: int, frame_s: float = FRAME_S) -> Floats:
    """Return the level of consecutive frames, dB (mean square about the mean of the audio), (n,)."""
    audio = audio - np.mean(audio)  # an offset of 0.15 hides that struck notes fall, and when held ones end
    length = max(1, int(frame_s * rate))
    count = max(1, len(audio) // length)
    frames = audio[: count * length].reshape(count, -1) if len(audio) >= length else audio[None, :]
    return np.asarray(10.0 * np.log10(np.mean(frames**2, axis=1) + 1e-20))


def guess_family(takes: Sequence[Take]) -> str:
    """Return "struck" when most of up to 12 takes fall away while held, "sustained" when not, "" if none tells."""
    chosen = [takes[index] for index in np.unique(np.linspace(0, len(takes) - 1, LISTENED_TAKES).astype(int))]
    falls = [fall for fall in map(_fall_db, chosen) if fall is not None]
    if not falls:
        return ""
    return STRUCK if np.median(falls) > FALLING_DB else SUSTAINED


def _fall_db(take: Take) -> float | None:
    try:
        audio, rate = take.audio()
    except InputError:
        return None  # screening tells which and why
    if take.gate_s is not None:  # what falls once the key is up is the damper or the room, of winds too
        audio = audio[: max(1, round(take.gate_s * rate))]
    levels = levels_db(audio, rate)
    sounding = np.flatnonzero(levels > levels.max() - 60.0)
    peak = int(np.argmax(levels))
    if (sounding[-1] - peak) * FRAME_S < SHORTEST_S:
        return None
    early, last = peak + round(EARLY_S / FRAME_S), sounding[-1]
    free = take.gate_s is None
    late = peak + int(LATE_SHARE * (last - peak)) if free else last - 1  # the very last may be half let go
    fall = float(levels[early] - levels[late])
    return fall if free else fall * max(1.0, COMPARED_S / ((late - early) * FRAME_S))


def with_gates(takes: Sequence[Take]) -> list[Take]:
    """Return sustained takes, each with a gate: where its level falls 12 dB below the median for good."""
    return [take if take.gate_s is not None else replace(take, gate_s=_gate_s(take)) for take in takes]


def _gate_s(take: Take) -> float | None:
    try:
        audio, rate = take.audio()
    except InputError:
        return None
    levels = levels_db(audio, rate)
    middle = np.median(levels[levels > levels.max() - 30.0])
    held = np.flatnonzero(levels > middle - RELEASE_DB)
    return min((int(held[-1]) + 1) * FRAME_S, len(audio) / rate)
