"""What can be played: all that rendering knows of a patch."""

from __future__ import annotations

from typing import Protocol

from backtune.errors import InputError
from backtune.notes import NoteEvent
from backtune.voice import Voice

LOWEST_RATE, HIGHEST_RATE = 8000, 384000
LONGEST_S = 3600.0  # of a sound, and of a key held: longer is a slip
# By whether notes are struck, how long before its perceived onset a fitted note may sound: what is struck begins at
# once, what is blown up to 50 ms before.
LEAD_S = {True: 0.02, False: 0.05}


class Instrument(Protocol):
    """A patch, or anything else that makes voices."""

    @property
    def lead_s(self) -> float:
        """Seconds by which sound may precede the perceived onset of a note."""
        ...

    def voice(self, note: NoteEvent, seconds: float) -> Voice:
        """Return the voice of `note`, held, for at least `seconds` after the onset."""
        ...


def check_seconds(name: str, seconds: float) -> None:
    """Raise InputError, beginning with `name`, for a time outside 0..3600 s."""
    if not 0.0 <= seconds <= LONGEST_S:
        raise InputError(f"{name}: {seconds:g} s; 0..{LONGEST_S:g} s is allowed")


def check_rate(rate: int) -> None:
    """Raise InputError for a sampling rate that is not whole, or outside 8000..384000 Hz."""
    if rate != int(rate):
        raise InputError(f"rate: {rate} Hz; whole numbers are allowed")
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise InputError(f"rate: {rate} Hz; {LOWEST_RATE}..{HIGHEST_RATE} Hz is allowed")
