"""Live play: a MIDI keyboard, an instrument, and the sound card between them."""

from __future__ import annotations

import gc
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from backtune.errors import BacktuneError, InputError, nearest
from backtune.keyboard import NOTE_ON
from backtune.midi import MidiEvent
from backtune.player import Player

LOWEST_KEY, HIGHEST_KEY = 21, 108  # the 88 keys of a piano, compiled before the first is struck
VELOCITIES = tuple(range(7, 128, 8))  # ... at 16 velocities, 2 dB apart: live, the nearest of them is played
SWITCH_S = 0.0005  # how long another thread may keep Python from the sound: a block of 128 frames lasts 2.7 ms
MISSING = "live play needs the packages sounddevice and python-rtmidi: pip install 'backtune[live]'"


class NoMidi(BacktuneError):
    """The machine has no MIDI system, as servers have none."""


@dataclass
class Meter:
    """How the machine keeps up.

    - `blocks` played; `late`: those that took longer to make than they last; `missed`: those that the sound system
      reports as missing, which other programs may cause too.
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
    """A player between a stream of MIDI bytes and the callback of a sound card.

    `send` may be called from any thread. A message is played one block later, as far into that block as it came
    into its own, so that rhythm does not depend on the size of blocks.
    """

    def __init__(self, player: Player) -> None:
        self.meter = Meter()
        self._player = player
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

    def play(self, out: Any, frames: int, at: Any, status: Any) -> None:
        """Fill `out` (frames, channels) with the next samples: the callback of sounddevice."""
        begin, before = time.perf_counter(), self._block_at
        self._block_at = begin
        events = []
        last = 0
        while self._waiting and self._waiting[0][0] <= begin:
            came, kind, data1, data2 = self._waiting.popleft()
            last = min(frames - 1, max(last, round((came - before) * self._player.rate)))
            events.append(MidiEvent(last, kind, data1, data2))
        out[:] = self._player.process(events, frames)[:, None]
        self._count((time.perf_counter() - begin) * self._player.rate / frames, bool(status))

    def _count(self, load: float, missed: bool) -> None:
        meter = self.meter
        meter.blocks += 1
        meter.late += load > 1.0
        meter.missed += missed
        meter.load_mean += (load - meter.load_mean) / meter.blocks
        meter.load_worst = max(meter.load_worst, load)
        meter.voices, meter.stolen = self._player.voices, self._player.stolen


def midi_ports() -> list[str]:
    """Return the names of the MIDI inputs.

    Raises BacktuneError when the packages for live play are missing, or the machine has no MIDI.
    """
    return list(_midi_input().get_ports())


@contextmanager
def playing(
    player: Player,
    port: str | None = None,
    block_frames: int = 128,
    progress: Callable[[float], None] = lambda share: None,
) -> Iterator[Live]:
    """Play through the default sound output for as long as the context lasts.

    `player`: best with `latency_s=0.0`. `port`: a MIDI input by name or part of one; None = the first there is, if
    any. `block_frames`: samples in a block, 16..8192. `progress` is told how much is prepared, 0..1, before the
    sound begins.
    Raises BacktuneError without the packages or a sound output, InputError for a port that is not there.
    """
    if not 16 <= block_frames <= 8192:
        raise InputError(f"block: {block_frames} frames; 16..8192 is allowed")
    try:
        import sounddevice
    except (ImportError, OSError) as error:  # OSError: the PortAudio library itself is missing
        raise BacktuneError(f"{MISSING} ({error})") from None
    live = Live(player)
    keyboard = _open_port(port)
    try:
        stream = sounddevice.OutputStream(
            player.rate, block_frames, channels=2, dtype="float32", latency="low", callback=live.play
        )
    except sounddevice.PortAudioError as error:
        raise BacktuneError(f"no sound output that plays at {player.rate} Hz ({error})") from None
    live.prepare(progress)
    switch = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()  # what was prepared stays; looking through it again and again would take longer than a block
    try:
        if keyboard is not None:
            keyboard.set_callback(lambda event, data: live.send(event[0]))
        with stream:
            yield live
    finally:
        sys.setswitchinterval(switch)
        gc.unfreeze()
        if keyboard is not None:
            keyboard.close_port()


def _open_port(name: str | None) -> Any:
    """Return an open MIDI input, or None when none is asked for and none is there."""
    try:
        keyboard = _midi_input()
    except NoMidi:
        if name is None:
            return None
        raise
    ports = keyboard.get_ports()
    if name is None:
        found = list(range(min(1, len(ports))))
    else:
        found = [index for index, port in enumerate(ports) if name.lower() in port.lower()]
        if not found:
            raise InputError(f"MIDI port: '{name}' is not there; {nearest(name, ports)}")
    if not found:
        return None
    keyboard.open_port(found[0])
    return keyboard


def _midi_input() -> Any:
    """Return a MIDI input of the first MIDI system that works here."""
    try:
        import rtmidi
    except ImportError as error:
        raise BacktuneError(f"{MISSING} ({error})") from None
    reasons = []
    for system in rtmidi.get_compiled_api():
        try:
            return rtmidi.MidiIn(system)
        except rtmidi.RtMidiError as error:
            reasons.append(str(error))
    raise NoMidi(f"no MIDI input can be opened ({'; '.join(reasons)})")
