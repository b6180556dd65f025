"""Music, offline: many notes, or a MIDI file, become samples block by block."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from backtune.errors import InputError
from backtune.expression import Expression
from backtune.fading import faded_out
from backtune.instrument import Instrument, check_rate, check_seconds
from backtune.layout import Layout
from backtune.midi import MidiEvent, Score
from backtune.notes import NoteEvent
from backtune.player import Player
from backtune.polyphony import Polyphony
from backtune.sounding import RAMP_S, Sounding, damp
from backtune.tuning import EQUAL, Tuning

Block = NDArray[np.float32]
BLOCK = 8192  # samples, where the music begins and where it may end
LONG_BLOCK = 65536  # samples, in between: the fewer blocks, the less Python, and cores wait less for each other
VOICES = 256  # that may sound at once, offline
RING_S = 10.0  # what still sounds this long after the last event is cut
RELEASE_S = 1.0  # a voice is asked for this long after its key is up; what is left then falls on


def render_events(
    instrument: Instrument,
    events: Iterable[tuple[float, NoteEvent]],
    rate: int,
    seconds: float | None = None,
    cores: int = 1,
) -> NDArray[np.float64]:
    """Return notes played together, mono float64.

    `events` are (perceived onset in s, note), in any order; each is released at its gate. The result is `seconds`
    long (by default, until all is silent, at most 10 s after the last note); what sounds before 0 is cut, and what
    sounds at the end fades out in the last 5 ms.
    Raises InputError for a rate, a length, an onset or a gate that cannot be played.
    """
    check_rate(rate)
    notes = sorted(events, key=lambda event: event[0])
    for onset_s, note in notes:
        if not 0.0 <= onset_s < np.inf:
            raise InputError(f"note {note.name}: an onset at {onset_s} s cannot be played")
        if note.gate_s is not None:
            check_seconds("gate", note.gate_s)
    end_s = max((onset + (note.gate_s or 0.0) for onset, note in notes), default=0.0) + RING_S
    length = round((end_s if seconds is None else seconds) * rate)
    if length <= 0:
        raise InputError(f"seconds: {seconds}; a positive length is needed")
    polyphony = Polyphony(VOICES, cores)
    out = np.zeros(length, np.float32)
    for onset_s, note in notes:
        held_s = length / rate - onset_s  # a key held for an hour needs no more of a voice than is heard of it
        if note.gate_s is not None:
            held_s = min(held_s, note.gate_s + RELEASE_S)
        layout = Layout(instrument.voice(note, max(held_s, RELEASE_S)), rate, hearing=True)
        onset = round(onset_s * rate)
        start = max(0, onset + layout.first_frame)
        # which voice is heard least is known up to where the music is rendered: to the very start, if it matters
        _add_blocks(polyphony, out, start if polyphony.crowded else start - start % BLOCK)
        playing = polyphony.start(layout, onset, max(start, polyphony.frame), _as_it_is)
        if note.gate_s is not None:
            playing.order(onset + round(note.gate_s * rate), damp(1.0))
    _add_blocks(polyphony, out, length if seconds is not None else round((end_s - RING_S) * rate))
    while seconds is None and polyphony.count and polyphony.frame < length:
        _add_blocks(polyphony, out, polyphony.frame + BLOCK)
    return faded_out(out[: polyphony.frame].astype(np.float64), rate, RAMP_S)


def midi_blocks(player: Player, score: Score, channels: Collection[int] | None = None) -> Iterator[Block]:
    """Yield a score played by `player`, mono float32 blocks, until the file has ended and all is silent.

    What still sounds 10 s after the last event fades out there in 5 ms. `channels` (1..16) are played; None = all.
    Memory does not grow with the length of the music.
    Raises InputError for a channel outside 1..16.
    """
    for channel in channels or ():
        if not 1 <= channel <= 16:
            raise InputError(f"channel: {channel} is outside 1..16")
    events = [e for e in score.events(player.rate) if channels is None or (e.status & 0x0F) + 1 in channels]
    end = round(score.seconds * player.rate)
    skip = player.latency_frames  # the first sample of the music is the perceived onset of a note at time 0
    waiting = deque(events)
    rendered = np.zeros(0, np.float32)
    at, size = 0, _block(0, end)
    while at < end + skip or (at < end + skip + RING_S * player.rate and _sounds(player)):
        # struck, and compiled for half a millisecond a note, while other cores still render the block before
        samples = player.begin(_until(waiting, at, at + size), size)
        if len(rendered):
            yield rendered
        rendered = samples[max(0, skip - at) :]
        at, size = at + size, _block(at + size, end)
    if _sounds(player):
        rendered = faded_out(rendered.astype(np.float64), player.rate, RAMP_S).astype(np.float32)
    if len(rendered):
        yield rendered


def _sounds(player: Player) -> bool:
    player.finish()
    return player.voices > 0


def _block(at: int, end: int) -> int:
    """Return how many samples to render at once: twice as many as before, so that no core waits long for the first."""
    size = BLOCK
    while 2 * size <= min(at, end - at, LONG_BLOCK):
        size *= 2
    return size


def _until(waiting: deque[MidiEvent], begin: int, stop: int) -> list[MidiEvent]:
    """Take the events before `stop`, counted from `begin`."""
    taken = []
    while waiting and waiting[0].frame < stop:
        event = waiting.popleft()
        taken.append(MidiEvent(event.frame - begin, event.status, event.data1, event.data2, event.held_s))
    return taken


def render_score(
    instrument: Instrument,
    score: Score,
    rate: int,
    channels: Collection[int] | None = None,
    cores: int = 1,
    expression: Expression | None = None,
    tuning: Tuning = EQUAL,
) -> NDArray[np.float64]:
    """Return a score played on one instrument, mono float64, at least as long as the score.

    Tempo map, velocity, release velocity, sustain (half too), sostenuto and soft pedal, pitch bend, volume, expression,
    pressure and MPE zones are obeyed; `channels` (1..16) are those played, None = all.
    Raises InputError for a rate or channel that is not allowed.
    """
    player = Player(instrument, rate, VOICES, cores, expression, tuning)
    out = np.empty(round((score.seconds + RING_S) * rate) + BLOCK)
    length = 0
    for block in midi_blocks(player, score, channels):
        out[length : length + len(block)] = block
        length += len(block)
    return out[:length]


def _add_blocks(polyphony: Polyphony, out: Block, until: int) -> None:
    until = min(until, len(out))
    while polyphony.frame < until:
        polyphony.add_to(out[polyphony.frame : min(until, polyphony.frame + BLOCK)])


def _as_it_is(voice: Sounding) -> None:
    """Begin a voice without any change."""
