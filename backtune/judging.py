"""Judging: how far renders, or other takes, are from recordings that are prepared once and remembered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.distance import PARTS, Distance, Reference, distance, prepare
from backtune.analysis.residual import Heard
from backtune.instrument import Instrument
from backtune.notes import Take
from backtune.render import render_take

Floats = NDArray[np.float64]

KEPT_DIGITS = 4  # of a distance: where arrays lie in memory moves the eighth digit, from process to process
MOST_REMEMBERED = 256  # prepared recordings a process; 2 MB each


@dataclass(frozen=True)
class Held:
    """A held-out take: `why` is "pitches" (its pitch is unheard), "dynamics" (its note is heard otherwise)."""

    take: Take
    heard: Heard
    why: str

    @property
    def label(self) -> str:
        """What tells the take apart from the others of its source."""
        return f"{self.take.name} {self.heard.note} {self.heard.onset_s}"


def judge(instrument: Instrument, struck: bool, held: Held, level_matched: bool) -> Distance:
    """Return the distance of an instrument's render of a take from its recording."""
    reference = _reference(held.take, held.heard.onset_s, struck, level_matched)
    seconds = reference.length / reference.rate
    return judge_audio(reference, render_take(instrument, held.heard.note, held.heard.onset_s, seconds, reference.rate))


def judge_take(other: Held, struck: bool, held: Held, level_matched: bool) -> Distance:
    """Return the distance of another take, begun at the same moment, from a take's recording."""
    reference = _reference(held.take, held.heard.onset_s, struck, level_matched)
    audio, rate = other.take.audio()
    late = round(held.heard.onset_s * reference.rate) - round(other.heard.onset_s * rate)
    shifted = np.concatenate([np.zeros(max(0, late)), audio[max(0, -late) :]])
    return judge_audio(reference, shifted)


def judge_audio(reference: Reference, audio: Floats) -> Distance:
    """Return the distance of samples (mono, float64) from a prepared recording, to four digits."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):  # sums of several threads differ in the last digits with their number
        found = distance(reference, audio)
    return Distance(**{part: round(getattr(found, part), KEPT_DIGITS) for part in PARTS})


def reference_of(held: Held, struck: bool, level_matched: bool) -> Reference:
    """Return the prepared recording of a held-out take."""
    return _reference(held.take, held.heard.onset_s, struck, level_matched)


def _reference(take: Take, onset_s: float, struck: bool, level_matched: bool) -> Reference:
    """Return the prepared recording of a take; each process remembers those it met.

    Samples in memory are told apart by their contents: two takes may share everything else.
    """
    from threadpoolctl import threadpool_limits

    which = take.recording if take.recording.samples is None else take.recording.content_hash
    key = (which, take.sounding_hz, onset_s, struck, level_matched)
    if key not in _prepared:
        if len(_prepared) >= MOST_REMEMBERED:
            _prepared.clear()
        audio, rate = take.audio()
        with threadpool_limits(limits=1):
            _prepared[key] = prepare(audio, rate, onset_s, take.sounding_hz, struck, level_matched)
    return _prepared[key]


_prepared: dict[tuple[object, ...], Reference] = {}
