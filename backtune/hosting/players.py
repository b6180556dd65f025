"""What can be sampled note by note: a plugin in its process, a preset of a SoundFont."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from backtune.errors import InputError
from backtune.hosting.plugin import Event, Plugin
from backtune.hosting.process import Limits
from backtune.hosting.settings import parse_address, prepare
from backtune.hosting.wire import Audio
from backtune.instrument import check_rate
from backtune.notes import NoteEvent

NOTE_ON, NOTE_OFF = 0x90, 0x80
TRIED_S = 0.5, 0.1  # held and released: enough to hear whether an instrument repeats itself
LOUD = 100
NEGLIGIBLE = 10.0 ** (-100 / 20)  # a difference between two renders below -100 dB of full scale is no variation


class Player(Protocol):
    """An instrument that plays single notes from silence."""

    @property
    def rate(self) -> int:
        """Sampling rate in Hz of what it plays."""
        ...

    @property
    def about(self) -> dict[str, Any]:
        """What it is and how it is set, as JSON data: equal for instruments that sound equal."""
        ...

    def play(self, key: int, velocities: Sequence[int], hold_s: float, release_s: float) -> list[Audio]:
        """Return one note of each velocity, (channels, frames), beginning with its note-on."""
        ...


@dataclass(frozen=True)
class Trial:
    """What a few notes told of an instrument: whether it `repeats` itself, and the `peak` of the loudest."""

    repeats: bool
    peak: float


def tried(
    player: Player, keys: Iterable[int], velocity: int = LOUD, hold_s: float = TRIED_S[0], release_s: float = TRIED_S[1]
) -> Trial:
    """Play the lowest, middle and highest of `keys` twice each; the very first render is thrown away."""
    rising, repeats, peak = sorted(keys), True, 0.0
    player.play(rising[0], [velocity], hold_s, release_s)
    for key in sorted({rising[0], rising[len(rising) // 2], rising[-1]}):
        first, second = (player.play(key, [velocity], hold_s, release_s)[0] for _ in range(2))
        repeats &= bool(np.max(np.abs(first - second), initial=0.0) <= NEGLIGIBLE)
        peak = max(peak, float(np.max(np.abs(first), initial=0.0)))
    return Trial(repeats, peak)


class PluginPlayer:
    """A plugin instrument at a sampling rate in Hz."""

    def __init__(self, plugin: Plugin, rate: int) -> None:
        self.plugin = plugin
        self.rate = rate

    @property
    def about(self) -> dict[str, Any]:
        """Name, maker, version and a hash of its state."""
        facts = self.plugin.facts
        state = hashlib.sha256(self.plugin.state()).hexdigest()[:16]
        return {"name": facts.name, "maker": facts.maker, "version": facts.version, "state": state}

    def play(self, key: int, velocities: Sequence[int], hold_s: float, release_s: float) -> list[Audio]:
        """Return one note of each velocity, (channels, frames), beginning with its note-on."""
        seconds = hold_s + release_s
        return [
            render_plugin_note(self.plugin, NoteEvent(key, velocity, hold_s), seconds, self.rate)
            for velocity in velocities
        ]


def render_plugin_note(plugin: Plugin, note: NoteEvent, seconds: float, rate: int) -> Audio:
    """Return one note of a plugin from silence, (channels, round(seconds * rate)) float32, note-on at frame 0.

    The plugin's latency is taken off. Pitch and velocities are rounded to what MIDI can say. Raises BacktuneError
    when the plugin crashes, hangs or gives samples that are not finite.
    """
    key, velocity = round(note.midi), min(127, max(1, round(note.velocity)))
    events: list[Event] = [(0, bytes([NOTE_ON, key, velocity]))]
    if note.gate_s is not None:
        events.append((round(note.gate_s * rate), bytes([NOTE_OFF, key, round(note.release_velocity)])))
    frames, expected = round(seconds * rate), plugin.facts.latency_frames
    audio = plugin.play(events, frames + expected, rate, fresh=True)
    late = plugin.facts.latency_frames
    if late > expected:  # at another rate, or set otherwise, than when it was last asked
        audio = plugin.play(events, frames + late, rate, fresh=True)
    return np.ascontiguousarray(audio[:, late : late + frames])


class SoundFontPlayer:
    """A preset of a SoundFont, played by FluidSynth: `bank` 0..128 (128 = drums), `program` 0..127."""

    rate = 44100

    def __init__(self, path: Path, bank: int, program: int) -> None:
        if not path.is_file():
            raise InputError(f"{path}: no such file")
        self.path, self.preset = path, (bank, program)

    @property
    def about(self) -> dict[str, Any]:
        """File name, size, bank and program."""
        bank, program = self.preset
        return {"name": self.path.name, "bytes": self.path.stat().st_size, "bank": bank, "program": program}

    def play(self, key: int, velocities: Sequence[int], hold_s: float, release_s: float) -> list[Audio]:
        """Return one note of each velocity, (1, frames), the left channel."""
        from backtune.reading.fluidsynth import fluidsynth_play

        notes = [(key, velocity) for velocity in velocities]
        played = fluidsynth_play(self.path, self.preset, notes, (hold_s, release_s), channel=0)
        return [audio[None, :].astype(np.float32) for audio in played]


_FONT = re.compile(r"(?P<path>.+\.(?:sf2|sf3))(?::(?:(?P<bank>\d+):)?(?P<program>\d+))?", re.IGNORECASE)


def parse_sound_font(text: str) -> tuple[Path, int, int] | None:
    """Return (file, bank, program) of "x.sf2", "x.sf2:4" (program 4) or "x.sf2:8:4" (bank 8); None for others.

    Raises InputError when bank or program is out of range.
    """
    match = _FONT.fullmatch(text)
    if match is None:
        return None
    bank, program = int(match["bank"] or 0), int(match["program"] or 0)
    if bank > 128 or program > 127:
        raise InputError(f"{text}: bank {bank}, program {program}; allowed: 0..128 and 0..127")
    return Path(match["path"]), bank, program


@contextmanager
def open_player(
    text: str,
    rate: int = 44100,
    name: str | None = None,
    state: Path | None = None,
    preset: Path | None = None,
    settings: Iterable[str] = (),
    limits: Limits | None = None,
) -> Iterator[Player]:
    """Yield what plays "X.vst3@warm.vstpreset" (set from its file, or from `state`, `preset`, "NAME=VALUE"
    `settings`) or "x.sf2:BANK:PROGRAM".

    The plugin's process ends with the `with` statement. Raises InputError for a SoundFont that is given settings or
    another rate than 44100 Hz, and what opening and setting a plugin raises.
    """
    font = parse_sound_font(text)
    if font is not None:
        if rate != SoundFontPlayer.rate or name or state or preset or list(settings):
            raise InputError(f"{text}: a SoundFont is played at 44100 Hz and takes no state, preset or settings")
        yield SoundFontPlayer(*font)
        return
    check_rate(rate)
    address = parse_address(text)
    if (address.state or address.preset) and (state or preset):
        raise InputError(f"{text}: names the file that sets it; another state or preset cannot be given")
    with Plugin(address.path, name or address.name, "instrument", limits) as plugin:
        prepare(plugin, state or address.state, preset or address.preset, settings)
        yield PluginPlayer(plugin, rate)
