"""What MIDI messages mean: keys, pedals, wheels and pressure become orders to voices."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from backtune.channel import BEND_RANGE, FEW_KEYS, MPE_ZONE, NO_PARAMETER, Channel, Key
from backtune.expression import SILENT_DB, SWITCH_ON, Expression, damper_pressure, damper_speed, fader_db
from backtune.midi import MidiEvent
from backtune.notes import NoteEvent
from backtune.polyphony import Playing
from backtune.sounding import RAMP_S, Aim, Order, Sounding, damp, fade, lead
from backtune.tuning import Tuning

NOTE_OFF, NOTE_ON, KEY_PRESSURE, CONTROL, PRESSURE, PITCH_WHEEL = 0x80, 0x90, 0xA0, 0xB0, 0xD0, 0xE0
WHEEL, DATA, VOLUME, EXPRESSION, SUSTAIN, SOSTENUTO, SOFT = 1, 6, 7, 11, 64, 66, 67
NRPN_FINE, NRPN, RPN_FINE, RPN, SOUND_OFF, RESET, NOTES_OFF = 98, 99, 100, 101, 120, 121, 123
MASTER = 0  # the channel that speaks for a whole lower MPE zone (MPE 1.0)
DEFAULT_LIFT = 64  # release velocity of a note on with velocity 0
VIBRATO_STEP = 256  # samples between corners of the wheel's vibrato: 34 a period at 5.5 Hz and 48 kHz

Action = Callable[[Sounding], None]


class Stage(Protocol):
    """Where a keyboard's notes sound."""

    def start(self, note: NoteEvent, frame: int, begin: Action) -> Playing:
        """Play `note`, its perceived onset at the time that belongs to `frame`; do `begin` to its voice first."""
        ...

    def order(self, playing: Playing, frame: int, order: Order) -> None:
        """Have `order` done to a voice at the time that belongs to `frame`."""
        ...


class Keyboard:
    """Sixteen channels of keys, pedals and wheels in front of a stage.

    `rate` in Hz, `expression` says what controllers do, `tuning` which pitch a key sounds.
    A registered parameter 6 on channel 1 makes channels 2... members of a MPE zone: there, bends and pressure
    of a channel are those of one note, and channel 1 speaks for all: its wheels, pedals, resets and offs are theirs.
    """

    def __init__(self, stage: Stage, rate: int, expression: Expression, tuning: Tuning) -> None:
        self._stage = stage
        self._rate = rate
        self._expression = expression
        self._tuning = tuning
        self._members = range(0)
        self._channels = [Channel(expression.bend_semitones) for _ in range(16)]

    def handle(self, event: MidiEvent, frame: int) -> None:
        """Do what a message says, at sample `frame`; messages that mean nothing to an instrument do nothing."""
        kind, number = event.status & 0xF0, event.status & 0x0F
        channel = self._channels[number]
        if kind == NOTE_ON and event.data2 > 0:
            self._strike(number, event, frame)
        elif kind in (NOTE_ON, NOTE_OFF):
            speed = event.data2 if kind == NOTE_OFF else DEFAULT_LIFT
            self._lift(number, [key for key in channel.keys if key.number == event.data1], speed, frame)
        elif kind == PITCH_WHEEL:
            channel.bend = ((event.data2 << 7 | event.data1) - 8192) / 8192
            self._steer(number, frame)
        elif kind == PRESSURE:
            channel.pressure = event.data1
            self._steer(number, frame)
        elif kind == KEY_PRESSURE:
            for key in channel.keys:
                if key.number == event.data1:
                    key.pressure = event.data2
            self._steer(number, frame)
        elif kind == CONTROL:
            self._control(number, event.data1, event.data2, frame)

    def note(self, event: MidiEvent) -> NoteEvent | None:
        """Return the note a message strikes, in the tuning of now, or None when it strikes none."""
        if event.status & 0xF0 != NOTE_ON or event.data2 == 0:
            return None
        pitch = self._tuning.pitch(event.data1)
        if pitch is None or not 0 <= round(pitch) <= 127:
            return None  # the tuning leaves this key silent, or puts it beyond all hearing
        return NoteEvent(float(round(pitch)), self._expression.velocity(event.data2), event.held_s)

    def retune(self, tuning: Tuning, frame: int) -> None:
        """Change the tuning; sounding notes glide to it, but for those whose key has no pitch in it."""
        self._tuning = tuning
        for number, channel in enumerate(self._channels):
            for key in channel.keys:
                pitch = tuning.pitch(key.number)
                key.pitch = key.pitch if pitch is None else pitch
            self._steer(number, frame)

    def tick(self, frame: int) -> None:
        """Move the vibrato of the modulation wheel on; to be called every VIBRATO_STEP samples."""
        if self._expression.vibrato_cents > 0.0:
            for number in range(16):
                if any(self._channels[one].wheel for one in self._speakers(number)):
                    self._steer(number, frame, VIBRATO_STEP / self._rate)

    def _strike(self, number: int, event: MidiEvent, frame: int) -> None:
        channel = self._channels[number]
        note, pitch = self.note(event), self._tuning.pitch(event.data1)
        if note is None or pitch is None:
            return
        before = [key for key in channel.keys if key.number == event.data1]
        for key in before:  # one string a key: the old sound is damped as the hammer strikes again
            self._stage.order(key.playing, frame, damp(1.0))
        channel.keys = [key for key in channel.keys if key not in before] if before else channel.keys
        if len(channel.keys) >= channel.crowd:  # now and then: to look through all keys at every stroke would cost more
            channel.keys = [key for key in channel.keys if key.playing.sounding.alive]
            channel.crowd = 2 * len(channel.keys) + FEW_KEYS
        soft = any(self._channels[one].soft for one in self._speakers(number))
        struck = Key(event.data1, note.midi, pitch, soft)
        struck.aim = self._aim(number, struck, frame)
        struck.playing = self._stage.start(note, frame, partial(Sounding.begin, aim=struck.aim))
        channel.keys.append(struck)

    def _lift(self, number: int, keys: Sequence[Key], velocity: int, frame: int) -> None:
        for key in keys:
            key.down, key.speed = False, damper_speed(velocity)
        self._damp(number, keys, frame)

    def _control(self, number: int, controller: int, value: int, frame: int) -> None:
        channel = self._channels[number]
        if controller in (WHEEL, VOLUME, EXPRESSION):
            name = {WHEEL: "wheel", VOLUME: "volume", EXPRESSION: "expression"}[controller]
            setattr(channel, name, value)
            self._steer(number, frame)
        elif controller == SUSTAIN:
            channel.sustain = value
            self._damp_all(number, frame)
        elif controller == SOSTENUTO:
            on = value >= SWITCH_ON
            for key in (key for one in self._heard_by(number) for key in self._channels[one].keys):
                key.caught = on and (key.caught or (key.down and not channel.sostenuto))
            channel.sostenuto = on
            self._damp_all(number, frame)
        elif controller == SOFT:
            channel.soft = value >= SWITCH_ON
        elif controller in (RPN, RPN_FINE):
            high, low = divmod(channel.parameter, 128)
            channel.parameter = value * 128 + low if controller == RPN else high * 128 + value
        elif controller in (NRPN, NRPN_FINE):
            channel.parameter = NO_PARAMETER
        elif controller == DATA:
            self._set_parameter(number, value, frame)
        elif controller == RESET:
            for one in self._heard_by(number):
                self._channels[one].reset()
            self._damp_all(number, frame)
            self._steer(number, frame)
        elif controller == NOTES_OFF:
            for one in self._heard_by(number):
                self._lift(one, self._channels[one].keys, DEFAULT_LIFT, frame)
        elif controller == SOUND_OFF:
            for keys in (self._channels[one].keys for one in self._heard_by(number)):
                for key in keys:
                    self._stage.order(key.playing, frame, fade())
                keys.clear()

    def _set_parameter(self, number: int, value: int, frame: int) -> None:
        channel = self._channels[number]
        if channel.parameter == BEND_RANGE:
            channel.bend_semitones = float(value)
            self._steer(number, frame)
        elif channel.parameter == MPE_ZONE and number == MASTER:
            self._members = range(1, 1 + min(value, 15))
            for member in self._members:
                self._channels[member].bend_semitones = self._expression.note_bend_semitones

    def _speakers(self, number: int) -> tuple[int, ...]:
        """Return the channels whose wheels and pedals a channel obeys: itself, and the master of its zone."""
        return (number, MASTER) if number in self._members else (number,)

    def _heard_by(self, number: int) -> tuple[int, ...]:
        """Return the channels that obey one: itself, and those of its zone (MPE 1.0)."""
        return (number, *self._members) if number == MASTER else (number,)

    def _damp_all(self, number: int, frame: int) -> None:
        for one in self._heard_by(number):
            self._damp(one, self._channels[one].keys, frame)

    def _damp(self, number: int, keys: Sequence[Key], frame: int) -> None:
        pressure = min(damper_pressure(self._channels[one].sustain) for one in self._speakers(number))
        for key in keys:
            strength = 0.0 if key.down or key.caught else pressure * key.speed
            if strength != key.damping:  # an order that changes nothing would cut the voice's stretch for nothing
                key.damping = strength
                self._stage.order(key.playing, frame, damp(strength))

    def _steer(self, number: int, frame: int, ramp_s: float = RAMP_S) -> None:
        for one in self._heard_by(number):
            for key in self._channels[one].keys:
                aim = self._aim(one, key, frame)
                if aim != key.aim:
                    key.aim = aim
                    self._stage.order(key.playing, frame, lead(aim, ramp_s))

    def _aim(self, number: int, key: Key, frame: int) -> Aim:
        """Return what the controllers and the tuning ask of a note."""
        how = self._expression
        speakers = [self._channels[one] for one in self._speakers(number)]
        pressure = min(1.0, (key.pressure + sum(channel.pressure for channel in speakers)) / 127.0)
        gain_db = sum(fader_db(channel.volume) + fader_db(channel.expression) for channel in speakers)
        gain_db += pressure * how.pressure_db + (how.soft_db if key.soft else 0.0)
        tilt_db = pressure * how.pressure_tilt_db + (how.soft_tilt_db if key.soft else 0.0)
        cents = key.cents + sum(100.0 * channel.bend * channel.bend_semitones for channel in speakers)
        depth = how.vibrato_cents * max(channel.wheel for channel in speakers) / 127.0
        cents += depth * math.sin(2.0 * math.pi * how.vibrato_hz * frame / self._rate)
        return max(gain_db, SILENT_DB), tilt_db, cents
