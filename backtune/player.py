"""Playing an instrument block by block: MIDI events in, samples out, the same for any size of block."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from backtune.errors import InputError
from backtune.expression import Expression
from backtune.instrument import Instrument, check_rate
from backtune.keyboard import VIBRATO_STEP, Action, Keyboard
from backtune.layout import Layout
from backtune.midi import MidiEvent
from backtune.notes import NoteEvent
from backtune.polyphony import Playing, Polyphony
from backtune.sounding import Order
from backtune.tuning import EQUAL, Tuning
from backtune.voice import FIRST_STEP_S

VOICES = 128  # that may sound at once
HELD_S = 8.0  # a voice is asked for this long; held longer, it goes on as it fell in its last second ...
KNOWN_S = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)  # ... or for one of these, when it is known how long it is held
RELEASE_S = 0.5  # what follows the key's release: most of the fall of a damped string
LONGEST_LATENCY_S = 2.0
REMEMBERED_BYTES = 256 << 20  # of layouts kept for notes played again: 88 keys at 16 velocities, 0.15 MB each

Kind = tuple[float, float, float, Hashable]


class Player:
    """An instrument under the hands of a player.

    - `rate` in Hz. `voices`: how many may sound at once. `cores`: threads to render on.
    - `expression` says what controllers do, `tuning` which pitch a key sounds.
    - A note's sound may begin before its perceived onset, so everything comes `latency_frames` after its event:
      `latency_s`, or all the lead the instrument asks for. With less, the beginning of notes is cut off.

    Raises InputError for a rate outside 8000..384000 Hz, less than one voice or core, or a latency outside 0..2 s.
    """

    def __init__(
        self,
        instrument: Instrument,
        rate: int,
        voices: int = VOICES,
        cores: int = 1,
        expression: Expression | None = None,
        tuning: Tuning = EQUAL,
        latency_s: float | None = None,
    ) -> None:
        check_rate(rate)
        latency_s = instrument.lead_s + FIRST_STEP_S if latency_s is None else latency_s  # frames are whole steps
        if not 0.0 <= latency_s <= LONGEST_LATENCY_S:
            raise InputError(f"latency: {latency_s} s is outside 0..{LONGEST_LATENCY_S:g} s")
        self.rate = rate
        self.latency_frames = round(latency_s * rate)
        self._instrument = instrument
        self._known_as: Hashable = ()
        self._polyphony = Polyphony(voices, cores)
        self._keyboard = Keyboard(self, rate, expression or Expression(), tuning)
        self._layouts: OrderedDict[Kind, Layout] = OrderedDict()
        self._bytes = 0

    @property
    def voices(self) -> int:
        """How many voices sound."""
        return self._polyphony.count

    @property
    def stolen(self) -> int:
        """How many voices had to end because too many sounded."""
        return self._polyphony.stolen

    def process(self, events: Sequence[MidiEvent], n_frames: int) -> NDArray[np.float32]:
        """Return the next `n_frames` samples, mono float32, as `events` shape them.

        The `frame` of an event counts from the first sample of this block and rises. However a stretch
        of time is cut into blocks, the samples are the same, bit by bit.
        Raises InputError for an event outside the block or before the one in front of it.
        """
        out = self.begin(events, n_frames)
        self.finish()
        return out

    def begin(self, events: Sequence[MidiEvent], n_frames: int) -> NDArray[np.float32]:
        """Return what `process` does, but whole only after `finish`: until then the other cores render it.

        Beginning the next block finishes this one. Raises InputError as `process` does.
        """
        out = np.zeros(n_frames, np.float32)
        begin = self._polyphony.frame
        last = 0
        ticks = iter(range(-(-begin // VIBRATO_STEP) * VIBRATO_STEP, begin + n_frames, VIBRATO_STEP))
        tick = next(ticks, None)
        for event in events:
            if not last <= event.frame < n_frames:
                raise InputError(f"event at frame {event.frame}: {last}..{n_frames - 1} is allowed here")
            last = event.frame
            at = begin + event.frame
            while tick is not None and tick <= at:
                self._keyboard.tick(tick)
                tick = next(ticks, None)
            if self._polyphony.crowded:
                self._polyphony.add_to(out[self._polyphony.frame - begin : event.frame])
            self._keyboard.handle(event, at)
        while tick is not None:
            self._keyboard.tick(tick)
            tick = next(ticks, None)
        self._polyphony.begin(out[self._polyphony.frame - begin :])
        return out

    def finish(self) -> None:
        """Render what was begun to its end."""
        self._polyphony.finish()

    def retune(self, tuning: Tuning) -> None:
        """Change the tuning from the next block on; sounding notes glide to it."""
        self._keyboard.retune(tuning, self._polyphony.frame)

    def change(self, instrument: Instrument, known_as: Hashable) -> None:
        """Play notes struck from the next block on with another `instrument`; what sounds already goes on as it is.

        `known_as` tells instruments apart: notes compiled for one known by the same name are played again. The
        first is known as (). The latency stays.
        """
        self._instrument, self._known_as = instrument, known_as

    def expect(self, events: Iterable[MidiEvent]) -> None:
        """Compile what `events` will strike, before they come.

        Striking a note that was not expected takes the time to compile it, about half a millisecond.
        """
        for event in events:
            if (note := self._keyboard.note(event)) is not None:
                self._layout(note)

    def rehearse(self) -> None:
        """Load the kernels, which takes longer than a block, before the first note: two are played to no one."""
        twin, tenth = Player(self._instrument, self.rate, voices=1, latency_s=0.0), self.rate // 10
        struck = [MidiEvent(0, 0x90, 60, 64), MidiEvent(tenth, 0x90, 62, 64)]  # the second takes the first one's place
        moved = [MidiEvent(tenth, 0xE0, 0, 80), MidiEvent(tenth, 0x80, 62, 64)]
        twin.process(struck + moved, 2 * tenth)

    def start(self, note: NoteEvent, frame: int, begin: Action) -> Playing:
        """Play `note` with its perceived onset `latency_frames` after `frame`; what a keyboard calls."""
        return self._polyphony.start(self._layout(note), frame + self.latency_frames, frame, begin)

    def order(self, playing: Playing, frame: int, order: Order) -> None:
        """Have `order` done to a voice `latency_frames` after `frame`; what a keyboard calls."""
        playing.order(frame + self.latency_frames, order)

    def _layout(self, note: NoteEvent) -> Layout:
        key = self._kind(note)
        layout = self._layouts.get(key)
        if layout is not None:
            self._layouts.move_to_end(key)
            return layout
        layout = self._compile(note)
        self._layouts[key] = layout
        self._bytes += layout.size_bytes
        while self._bytes > REMEMBERED_BYTES and len(self._layouts) > 1:
            self._bytes -= self._layouts.popitem(last=False)[1].size_bytes
        return layout

    def _kind(self, note: NoteEvent) -> Kind:
        """Return what notes that share a layout have in common."""
        return note.midi, note.velocity, _needed_s(note), self._known_as

    def _compile(self, note: NoteEvent) -> Layout:
        return Layout(self._instrument.voice(note, _needed_s(note)), self.rate, hearing=True)


def _needed_s(note: NoteEvent) -> float:
    """Return for how many s a note is compiled."""
    if note.gate_s is None:
        return HELD_S
    return next((known for known in KNOWN_S if known >= note.gate_s + RELEASE_S), KNOWN_S[-1])
