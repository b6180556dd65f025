"""Phrases: a few notes in time, for listening - one note, a chord, a scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backtune.errors import InputError
from backtune.instrument import check_seconds
from backtune.notes import NoteEvent
from backtune.patch import Patch
from backtune.performance import render_events
from backtune.sound import Sound
from backtune.units import parse_note

MAJOR = (0, 2, 4, 5, 7, 9, 11)


def parse_notes(text: str) -> list[float]:
    """Return the MIDI pitches of a list such as "C4 E4 G4" or "60,64,67".

    Raises InputError for an empty list or anything that is no note.
    """
    names = text.replace(",", " ").split()
    if not names:
        raise InputError(f"notes: '{text}'; a list such as 'C4 E4 G4' is needed")
    return [parse_note(name) for name in names]


def major_scale(text: str) -> list[float]:
    """Return the major scale from the first to the last note of a range such as "C4-C5" or "C2-C6".

    Raises InputError when that is no range, or falls.
    """
    for cut in range(1, len(text)):
        if text[cut] == "-" and text[cut - 1].isdigit():
            low, high = parse_note(text[:cut]), parse_note(text[cut + 1 :])
            if low > high:
                raise InputError(f"scale: '{text}' falls; the lower note comes first")
            return [m for m in np.arange(low, high + 1).tolist() if round(m - low) % 12 in MAJOR]
    raise InputError(f"scale: '{text}'; a range such as C4-C5 is needed")


def render_phrase(patch: Patch, notes: Sequence[tuple[float, NoteEvent]], seconds: float, rate: int) -> Sound:
    """Return notes that start at given times in s, mixed, (round(seconds * rate),).

    Times are those of perceived onsets, after the patch's lead-in. Raises InputError for a
    length that is not in 0..3600 s or a rate that cannot be played.
    """
    check_seconds("seconds", seconds)
    events = [(start_s + patch.lead_s, note) for start_s, note in notes]
    return Sound(render_events(patch, events, rate, seconds), rate)
