"""Where a note starts: the first moment that is clearly the note and no longer what came before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backtune.notes import Take

WINDOW_S, HOP_S = 0.005, 0.001  # 5 ms of energy, looked at every millisecond
RISE_DB = 20.0  # perceived onset: 20 dB below the loud part, as attacks are heard
LOUD_PERCENTILE = 90.0
BEFORE_S = 0.05  # the quietest part of the first 50 ms tells the noise before the note
ABOVE_NOISE = 2.5  # 8 dB
SHORTEST_S = 0.1  # less than this of a note tells nothing


def energy_envelope(audio: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """Return the RMS in windows of 5 ms every 1 ms, (frames,)."""
    window, hop = max(1, round(WINDOW_S * rate)), max(1, round(HOP_S * rate))
    total = np.concatenate([[0.0], np.cumsum(audio * audio)])
    centre = np.arange(0, len(audio), hop)
    start, stop = np.clip(centre - window // 2, 0, None), np.clip(centre + window - window // 2, 0, len(audio))
    return np.asarray(np.sqrt(np.maximum(total[stop] - total[start], 0.0) / np.maximum(stop - start, 1)))


def find_onset(audio: NDArray[np.float64], rate: int) -> float:
    """Return the time in s at which the note is first within 20 dB of its loud part and above the noise before it.

    `audio` is mono, float64. A silent array gives 0.
    """
    level = energy_envelope(audio, rate)
    if not len(level) or level.max() <= 0:
        return 0.0
    loud = np.percentile(level, LOUD_PERCENTILE)
    before = level[: max(1, round(BEFORE_S / HOP_S))].min()
    threshold = loud * 10 ** (-RISE_DB / 20)
    if before < 0.35 * loud:  # a quiet lead-in exists: the note must stand 8 dB above it
        threshold = min(max(threshold, ABOVE_NOISE * before), 0.6 * loud)
    return float(np.argmax(level >= threshold) * max(1, round(HOP_S * rate)) / rate)


def held_span(take: Take, audio: NDArray[np.float64], rate: int) -> tuple[float, int]:
    """Return (onset_s, stop): when the note of a take starts, and the sample its key is released at, or its last."""
    onset_s = find_onset(audio, rate) if take.onset_s is None else take.onset_s
    return onset_s, len(audio) if take.gate_s is None else min(len(audio), round(take.gate_s * rate))


def is_too_short(onset_s: float, stop: int, rate: int) -> bool:
    """Return whether a note is held for less than `SHORTEST_S`, from its onset to the sample `stop`."""
    return stop - round(onset_s * rate) < SHORTEST_S * rate
