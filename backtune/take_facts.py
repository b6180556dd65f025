"""Facts of one take that tell whether it can be used: its length, level and offset, flat tops, its end, its pitch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.onset import SHORTEST_S, held_span, is_too_short
from backtune.errors import InputError
from backtune.instrument import HIGHEST_RATE, LOWEST_RATE
from backtune.notes import Take, recorded_to_hz
from backtune.reading.family import levels_db
from backtune.reading.pitch_check import PitchVerdict, check_pitch
from backtune.units import note_name

Floats = NDArray[np.float64]

SILENT_DB = -80.0  # peak; below the noise of 16 bits with dither
FLAT_RUN = 4  # samples at the very peak in a row; an unclipped 16-bit wave above 30 Hz, fully driven, has at most 3
COARSE = 1e-3  # of the peak: a step of 8 bits, or of a soft note in 16, rounds the top of an unclipped wave flat
CUT_FRAME_S = 0.05


@dataclass(frozen=True)
class TakeFacts:
    """What one take told: why it is `wrong` ("" = nothing yet), or what was measured.

    - `digest`: of its samples and rate. `peak_db`: dBFS. `mean`: of its samples. `flat_tops`: runs at its peak.
    - `cut_db`: how far below its loudest moment it ends; None with a gate. `pitch`: beside its label.
    """

    wrong: str = ""
    digest: str = ""
    peak_db: float = 0.0
    mean: float = 0.0
    flat_tops: int = 0
    cut_db: float | None = None
    pitch: PitchVerdict | None = None


def facts_of(take: Take) -> TakeFacts:
    """Return what a take tells; one that cannot be read, or has too little to hear, is wrong with the reason."""
    try:
        audio, rate = take.audio()
    except InputError as error:
        path = take.recording.path
        return TakeFacts(wrong=str(error).removeprefix(f"{path}: ") if path else str(error))
    return facts_in(take, audio, rate)


def facts_in(take: Take, audio: Floats, rate: int) -> TakeFacts:
    """Return what the samples (n,) of a take tell, at `rate` Hz, where they are read already."""
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        return TakeFacts(wrong=f"recorded at {rate} Hz; patches are rendered at {LOWEST_RATE}..{HIGHEST_RATE} Hz")
    peak = float(np.max(np.abs(audio)))
    peak_db = 20.0 * np.log10(max(peak, 1e-12))
    onset_s, stop = held_span(take, audio, rate)
    if is_too_short(onset_s, stop, rate):
        held_ms, least = 1000 * max(stop / rate - onset_s, 0), f"at least {1000 * SHORTEST_S:.0f} are needed"
        return TakeFacts(wrong=f"only {held_ms:.0f} ms long after its onset at {onset_s:.3f} s; {least}")
    if (first_hz := take.sounding_hz) > recorded_to_hz(rate):
        return TakeFacts(wrong=f"{note_name(take.midi)} is {first_hz:.0f} Hz, more than a recording at {rate} Hz holds")
    mean = float(np.mean(audio))
    if 20.0 * np.log10(max(float(np.max(np.abs(audio - mean))), 1e-12)) < SILENT_DB:
        return TakeFacts(wrong=f"silent (it peaks at {peak_db:.0f} dBFS)")
    levels = levels_db(audio, rate, CUT_FRAME_S)
    return TakeFacts(
        digest=hashlib.sha256(audio.tobytes() + str(rate).encode()).hexdigest(),
        peak_db=peak_db,
        mean=mean,
        flat_tops=_flat_tops(audio, peak, 2.0 * np.pi * take.sounding_hz / rate),
        cut_db=float(levels.max() - levels[-1]) if take.gate_s is None else None,
        pitch=check_pitch(audio, rate, take.sounding_midi),
    )


def _flat_tops(audio: Floats, peak: float, turn: float) -> int:
    """Return how many runs of at least 4 samples lie at the highest or at the lowest value of the audio.

    Where the steps of the audio are coarse, a run is longer than rounding makes one of a sine of `turn` rad a sample.
    """
    lengths: list[int] = []
    for edge in (audio.max(), audio.min()):
        if abs(edge) < 0.25 * peak:
            continue
        at = np.flatnonzero(np.abs(audio - edge) <= 1e-6 * peak)
        breaks = np.flatnonzero(np.diff(at) > 1)
        lengths += np.diff(np.concatenate([[-1], breaks, [len(at) - 1]])).tolist()
    runs = [length for length in lengths if length >= FLAT_RUN]
    if not runs:  # of most takes: their steps, which take a third of the time to find, do not matter
        return 0
    longest = _rounded_run(audio, peak, turn)
    return sum(length >= longest for length in runs)


def _rounded_run(audio: Floats, peak: float, turn: float) -> int:
    """Return one more than the samples that a sine at the peak can stay within a step of the audio, 0 for fine steps.

    A sine is within a step of its peak for 2 sqrt(2 step / peak) rad.
    """
    steps = np.diff(np.unique(audio[np.abs(audio) > 0.25 * peak]))
    step = float(steps[steps > 1e-9 * peak].min(initial=np.inf))
    share = step / peak if peak > 0 else 0.0
    return int(2.0 * np.sqrt(2.0 * share) / turn) + 2 if COARSE < share < 1.0 else 0
