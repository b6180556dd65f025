"""Live play: a MIDI keyboard, an instrument, and the sound card between them."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtune.control import Value
from backtune.desk import Desk
from backtune.errors import BacktuneError, InputError
from backtune.keyboard import CONTROL, NOTE_ON
from backtune.midi import MidiEvent
from backtune.midi_input import MISSING, open_port
from backtune.player import Player

Samples = NDArray[np.float32]
LOWEST_KEY, HIGHEST_KEY = 21, 108  # the 88 keys of a piano, compiled before the first is struck
VELOCITIES = tuple(range(7, 128, 8))  # ... at 16 velocities, 2 dB apart: live, the nearest of them is played
DRAIN_S = 0.3  # for a new stream to play the silence it begins with
LONGEST_AHEAD_S = 1.0
AHEAD_S = 0.01  # blocks are made this far ahead: what the scheduler of a busy machine takes away now and then
PRIORITY = 4  # of real-time threads: below JACK's own, which play what was made
SWITCH_S = 0.0005  # how long another thread may keep Python from the sound: a block of 128 frames lasts 2.7 ms


@dataclass
class Meter:
    """How the machine keeps up.

    - `blocks` made; `late`: those that took longer to make than they last; `missed`: those that came when what was
      made ahead had all been played: a gap in the sound, which other programs may cause too.
    - `load_mean`, `load_worst`: time to make a block as a share of the time it lasts.
    - `voices` sounding now, `stolen` so far.
    """

    blocks: int = 0
    late: int = 0
    missed: int = 0
    load_mean: float = 0.0
    load_worst: float = 0.0
    voices: int = 0
    stolen: int = 0


class Live:
    """A player between a stream of MIDI bytes and a sound card.

    `send` may be called from any thread. A message is played one block later, as far into that block as it came
    into its own, so that rhythm does not depend on the size of blocks.
    - `desk`: the patch's controls, if any are to be moved; a control moves what is struck from then on.
    - `ahead_s`: how far ahead of the sound blocks are made. `precedes`: whether the system let them come before all
      other programs' work. `fault`: why the sound output stopped by itself, or None.
    """

    def __init__(self, player: Player, desk: Desk | None = None) -> None:
        self.meter = Meter()
        self.ahead_s = 0.0
        self.precedes = False
        self.fault: Exception | None = None
        self._player = player
        self._desk = desk
        self._moves: deque[Mapping[str, Value]] = deque()
        self._waiting: deque[tuple[float, int, int, int]] = deque()
        self._block_at = time.perf_counter()

    def prepare(self, progress: Callable[[float], None]) -> None:
        """Compile all keys at all velocities; `progress` is told the share that is done, 0..1."""
        keys = range(LOWEST_KEY, HIGHEST_KEY + 1)
        for index, key in enumerate(keys):
            self._player.expect(MidiEvent(0, NOTE_ON, key, velocity) for velocity in VELOCITIES)
            progress((index + 1) / len(keys))
        self._player.rehearse()

    def send(self, message: Sequence[int]) -> None:
        """Take the bytes of one MIDI message; what is no channel message is passed over."""
        if len(message) >= 2 and 0x80 <= message[0] < 0xF0:
            status, data1, data2 = message[0], message[1], message[2] if len(message) > 2 else 0
            if status & 0xF0 == NOTE_ON and data2 > 0:
                data2 = VELOCITIES[min(len(VELOCITIES) - 1, max(0, round((data2 - 7) / 8)))]
            self._waiting.append((time.perf_counter(), status, data1, data2))

    def move(self, values: Mapping[str, Value]) -> None:
        """Have controls of the desk moved before the next block; from any thread. They must be allowed."""
        self._moves.append(values)

    def play(self, frames: int, dry: bool = False) -> Samples:
        """Return the next block, (frames, 2) float32; `dry`: the sound card had nothing left to play."""
        begin, before = time.perf_counter(), self._block_at
        self._block_at = begin
        events = []
        last = 0
        while self._waiting and self._waiting[0][0] <= begin:
            came, kind, data1, data2 = self._waiting.popleft()
            if self._desk is not None and kind & 0xF0 == CONTROL and self._desk.obeys(data1):
                self._desk.turn(data1, data2)
                continue
            last = min(frames - 1, max(last, round((came - before) * self._player.rate)))
            events.append(MidiEvent(last, kind, data1, data2))
        if self._desk is not None:
            while self._moves:
                self._desk.move(self._moves.popleft())
            self._player.change(self._desk.patch, self._desk.place)
        out = np.repeat(self._player.process(events, frames)[:, None], 2, axis=1)
        self._count((time.perf_counter() - begin) * self._player.rate / frames, dry)
        return out

    def feed(self, stream: Any, block_frames: int, ends: Event) -> None:
        """Keep a started output stream of sounddevice full until `ends` is set; what its own thread does.

        The stream's store is drained first: how much it then takes is how far ahead blocks are made.
        """
        try:
            self.precedes = _precede()
            time.sleep(DRAIN_S)
            store = stream.write_available
            self.ahead_s = store / self._player.rate
            while not ends.is_set():
                dry = self.meter.blocks > store // block_frames and stream.write_available >= store
                stream.write(self.play(block_frames, dry))
        except Exception as error:  # the card was unplugged, or worse: whoever waits for the sound must be told
            self.fault = error

    def _count(self, load: float, missed: bool) -> None:
        meter = self.meter
        meter.blocks += 1
        meter.late += load > 1.0
        meter.missed += missed
        meter.load_mean += (load - meter.load_mean) / meter.blocks
        meter.load_worst = max(meter.load_worst, load)
        meter.voices, meter.stolen = self._player.voices, self._player.stolen


@contextmanager
def playing(
    player: Player,
    port: str | None = None,
    block_frames: int = 128,
    ahead_s: float = AHEAD_S,
    progress: Callable[[float], None] = lambda share: None,
    desk: Desk | None = None,
) -> Iterator[Live]:
    """Play through the default sound output for as long as the context lasts.

    `player`: best with `latency_s=0.0`. `port`: a MIDI input by name or part of one; None = the first there is, if
    any. `block_frames`: samples in a block, 16..8192. `ahead_s`: how far ahead blocks are made, at least; the system
    rounds it up, and `Live.ahead_s` tells to what. `progress` is told how much is prepared, 0..1, before the sound
    begins. `desk`: controls that MIDI controllers move.
    Raises BacktuneError without the packages or a sound output, or when the output stops by itself, and InputError
    for a port that is not there.
    """
    if not 16 <= block_frames <= 8192:
        raise InputError(f"block: {block_frames} frames; 16..8192 is allowed")
    if not 0.0 <= ahead_s <= LONGEST_AHEAD_S:
        raise InputError(f"ahead: {ahead_s:g} s; 0..{LONGEST_AHEAD_S:g} s is allowed")
    try:
        import sounddevice
    except (ImportError, OSError) as error:  # OSError: the PortAudio library itself is missing
        raise BacktuneError(f"{MISSING} ({error})") from None
    live = Live(player, desk)
    with ExitStack() as opened:  # closes what was opened when anything raises, Ctrl-C while preparing too
        keyboard = open_port(port)
        if keyboard is not None:
            opened.callback(keyboard.close_port)
        with _told(sounddevice.PortAudioError, player.rate):
            # without a callback, the library's own thread plays from a store that `feed` fills: it waits for no Python
            stream = sounddevice.OutputStream(player.rate, block_frames, channels=2, dtype="float32", latency=ahead_s)
        opened.callback(stream.close)
        live.prepare(progress)
        opened.callback(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(SWITCH_S)
        opened.callback(gc.unfreeze)
        gc.collect()
        gc.freeze()  # what was prepared stays; looking through it again and again would take longer than a block
        if keyboard is not None:
            keyboard.set_callback(lambda event, data: live.send(event[0]))
        with _told(sounddevice.PortAudioError, player.rate):  # another program may have taken the card since
            stream.start()
        opened.callback(stream.stop)
        ends = Event()
        feeder = Thread(target=live.feed, args=(stream, block_frames, ends), daemon=True)
        feeder.start()
        try:
            yield live
        finally:
            ends.set()
            feeder.join()
    if live.fault is not None:
        raise BacktuneError(f"the sound output stopped ({live.fault})")


@contextmanager
def _told(failure: type[Exception], rate: int) -> Iterator[None]:
    """Make of what a sound card raises a sentence."""
    try:
        yield
    except failure as error:
        raise BacktuneError(f"no sound output that plays at {rate} Hz ({error})") from None


def _precede() -> bool:
    """Have this thread come before all ordinary ones; return whether the system allows it."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except (AttributeError, OSError):  # not on this system, or not for this user
        return False
    return True
