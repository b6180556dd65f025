"""Standard MIDI files, read into events on the clock of the music."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backtune.errors import InputError
from backtune.held import held_s
from backtune.whole_file import read_whole

LONGEST_S = 24 * 3600.0  # a file that claims to last longer is broken
MOST_BYTES = 5_000_000  # a million notes; mido takes 100 bytes of memory for each byte of the file
DEFAULT_TEMPO_US = 500_000  # microseconds a quarter note until the file says otherwise (Standard MIDI Files 1.0)

Message = tuple[float, int, int, int]  # time in s, status byte, one or two data bytes


@dataclass(frozen=True, order=True)
class MidiEvent:
    """One channel message: `frame` (sample at which it happens), its status byte, its one or two data bytes.

    `held_s`: how long a note that it strikes will be held, s, where that is known beforehand.
    """

    frame: int
    status: int
    data1: int
    data2: int = 0
    held_s: float | None = None


@dataclass(frozen=True)
class Score:
    """A MIDI file on the clock: channel messages with times in s, in order, and when the last track ends, s."""

    messages: tuple[Message, ...]
    seconds: float

    def events(self, rate: int) -> list[MidiEvent]:
        """Return the messages as events at a sampling rate."""
        return [
            MidiEvent(round(at * rate), status, data1, data2, held)
            for (at, status, data1, data2), held in zip(self.messages, held_s(self.messages), strict=True)
        ]


def read_midi(path: Path | str) -> Score:
    """Return the channel messages of a Standard MIDI file (types 0 and 1), by its tempo map.

    Raises InputError for all that `open_midi` refuses, and for time counted in a way that gives no time.
    """
    path = Path(path)
    file = open_midi(path)
    return on_the_clock(path, file.tracks, file.ticks_per_beat)


def open_midi(path: Path) -> Any:
    """Return a Standard MIDI file as mido reads it.

    Raises InputError when the file is missing, over 5 MB, no MIDI file, cut short, without a track, or of type 2
    (independent songs).
    """
    import mido

    data = read_whole(path, MOST_BYTES, "a song of a million notes")
    try:
        file = mido.MidiFile(file=io.BytesIO(data), clip=False)
    except Exception as error:  # mido raises many kinds for broken files, all meaning the same to a musician
        reason = "it ends too early" if isinstance(error, EOFError) else str(error) or type(error).__name__
        raise InputError(f"{path}: not a readable Standard MIDI file ({reason})") from None
    if file.type == 2:
        raise InputError(f"{path}: a type 2 file holds independent songs; types 0 and 1 are read")
    if not file.tracks:
        raise InputError(f"{path}: the file holds no track")
    return file


def on_the_clock(path: Path, tracks: Sequence[Iterable[Any]], division: int) -> Score:
    """Return the channel messages of mido tracks by the tempo changes in them; `division` as in the file.

    Raises InputError, beginning with `path`, for a division or a tempo of 0 and for more than 24 hours.
    """
    messages: list[Message] = []
    seconds = _clocked(path, tracks, division, [messages] * len(tracks))
    return Score(tuple(messages), seconds)


def each_on_the_clock(path: Path, tracks: Sequence[Iterable[Any]], division: int) -> list[Score]:
    """Return a score for each of mido's tracks, all on one clock and as long as the whole; raise as `on_the_clock`."""
    messages: list[list[Message]] = [[] for _ in tracks]
    seconds = _clocked(path, tracks, division, messages)
    return [Score(tuple(own), seconds) for own in messages]


def _clocked(path: Path, tracks: Iterable[Iterable[Any]], division: int, into: Sequence[list[Message]]) -> float:
    """Append the messages of each track to its list of `into`; return when the last track ends, s."""
    frames_a_second, ticks_a_frame = -(division >> 8), division & 0xFF
    smpte = division < 0  # the upper byte counts frames a second, negative; the lower one ticks a frame
    if division == 0 or (smpte and ticks_a_frame == 0):
        raise InputError(f"{path}: the file divides its time into 0 ticks")
    tempo_us = DEFAULT_TEMPO_US
    seconds, changed_s, changed = 0.0, 0.0, 0  # counted from the last change of tempo: what lies between moves nothing
    for tick, track, message in _merged(tracks):
        if smpte:
            seconds = tick / (frames_a_second * ticks_a_frame)
        else:
            seconds = changed_s + (tick - changed) * tempo_us / division * 1e-6
        if message.type == "set_tempo":
            if message.tempo <= 0:
                raise InputError(f"{path}: tempo 0 at {seconds:.3f} s stops the music")
            tempo_us, changed_s, changed = message.tempo, seconds, tick
        elif not message.is_meta and message.type != "sysex" and len(told := message.bytes()) > 1 and told[0] < 0xF0:
            into[track].append((seconds, told[0], told[1], told[2] if len(told) > 2 else 0))
    if seconds > LONGEST_S:
        raise InputError(f"{path}: claims to last {seconds / 3600:.0f} hours; up to {LONGEST_S / 3600:.0f} are read")
    return seconds


def _merged(tracks: Iterable[Iterable[Any]]) -> list[tuple[int, int, Any]]:
    """Return all messages with their ticks and tracks, in time; mido's own merging copies each message twice."""
    timed = []
    for number, track in enumerate(tracks):
        tick = 0
        for message in track:
            tick += message.time
            timed.append((tick, number, message))
    timed.sort(key=lambda one: one[0])  # stable: at one tick, an earlier track comes first
    return timed
