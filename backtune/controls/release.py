"""Release: how fast a note ends once its key is up."""

from __future__ import annotations

from backtune.control import Control, at_onset
from backtune.notes import NoteEvent
from backtune.voice import Floats, Voice


def _shape(voice: Voice, note: NoteEvent, value: Floats) -> Voice:
    slower = at_onset(voice, value)
    return voice.with_(
        partial_release_db_s=voice.partial_release_db_s / slower,
        noise_release_db_s=voice.noise_release_db_s / slower,
        mode_release_db_s=voice.mode_release_db_s / slower,
    )


RELEASE = Control(
    name="release",
    short="Release",
    group="course",
    unit="x",
    low=0.1,
    high=20.0,
    default=1.0,
    sentence="How many times as long as on the fitted instrument notes sound after the key is let go.",
    moves="release_s of the tone, and the release of noise and modes: times value",
    cc=72,
    curve="log",
    smoothing_s=0.0,
    shape=_shape,
)
