"""The state of one MIDI channel: its keys, pedals and wheels."""

from __future__ import annotations

from dataclasses import dataclass, field

from backtune.polyphony import Playing
from backtune.sounding import Aim

BEND_RANGE, MPE_ZONE, NO_PARAMETER = 0, 6, 16383  # registered parameters (MIDI 1.0, MPE 1.0)
FEW_KEYS = 8


@dataclass(eq=False)
class Key:
    """A key that was struck, for as long as its voice may sound: the voice is that of `voice_midi`, bent to `pitch`."""

    number: int
    voice_midi: float
    pitch: float
    soft: bool
    playing: Playing = field(init=False)
    down: bool = True
    caught: bool = False  # by the sostenuto pedal
    speed: float = 1.0
    pressure: int = 0
    damping: float = 0.0  # as last ordered
    aim: Aim = (0.0, 0.0, 0.0)  # likewise

    @property
    def cents(self) -> float:
        """How far the voice is bent for the tuning."""
        return 100.0 * (self.pitch - self.voice_midi)


@dataclass
class Channel:
    """One channel; controllers as sent, 0..127."""

    bend_semitones: float
    keys: list[Key] = field(default_factory=list)
    crowd: int = FEW_KEYS  # as many keys as are looked through for those that have died away
    bend: float = 0.0  # of its range, -1..1
    wheel: int = 0
    pressure: int = 0
    volume: int = 127  # 127 is 0 dB, so that a file that sets no volume plays as loud as a single note
    expression: int = 127
    sustain: int = 0
    sostenuto: bool = False
    soft: bool = False
    parameter: int = NO_PARAMETER

    def reset(self) -> None:
        """Put the controllers back to where they rest (MIDI RP-015): volume and bend range stay."""
        self.bend, self.wheel, self.pressure, self.expression = 0.0, 0, 0, 127
        self.sustain, self.sostenuto, self.soft, self.parameter = 0, False, False, NO_PARAMETER
        for key in self.keys:
            key.pressure, key.caught = 0, False
