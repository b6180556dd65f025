"""How controllers move the sound: amounts a player or a patch may set, and the curves between."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backtune.errors import InputError

SILENT_DB = -100.0
HALF_PEDAL = (0.25, 0.75)  # of the pedal's way: dampers begin to lift, and are clear of the strings
SWITCH_ON = 64  # switches: 64 and above are on (MIDI 1.0)


@dataclass(frozen=True)
class Expression:
    """What controllers do.

    - `bend_semitones`: reach of the pitch wheel until the sender sets it (RPN 0). `note_bend_semitones`: the
      same for the notes of an MPE zone.
    - `velocity_curve`: exponent of the velocity; above 1 the keyboard feels heavier. 0.1..10.
    - `vibrato_cents`: depth at full CC1; `vibrato_hz`: its speed.
    - `pressure_db`, `pressure_tilt_db`: gain, and dB an octave of brightness, at full pressure.
    - `soft_db`, `soft_tilt_db`: the same for the soft pedal (CC67), on notes struck while it is down.

    Raises InputError for a value outside its range.
    """

    bend_semitones: float = 2.0
    note_bend_semitones: float = 48.0
    velocity_curve: float = 1.0
    vibrato_cents: float = 0.0
    vibrato_hz: float = 5.5
    pressure_db: float = 0.0
    pressure_tilt_db: float = 0.0
    soft_db: float = -3.0
    soft_tilt_db: float = -1.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name, low, high in (
            ("bend_semitones", 0.0, 96.0),
            ("note_bend_semitones", 0.0, 96.0),
            ("velocity_curve", 0.1, 10.0),
            ("vibrato_cents", 0.0, 1200.0),
            ("vibrato_hz", 0.1, 20.0),
            ("pressure_db", -60.0, 24.0),
            ("pressure_tilt_db", -12.0, 12.0),
            ("soft_db", -60.0, 0.0),
            ("soft_tilt_db", -12.0, 12.0),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError(f"expression.{name}: {value} is outside {low:g}..{high:g}")

    def velocity(self, velocity: float) -> float:
        """Return the velocity that is played when `velocity` (1..127) is struck."""
        return float(127.0 * (velocity / 127.0) ** self.velocity_curve)


def fader_db(value: int) -> float:
    """Return the gain in dB of a volume or expression controller: 40 log10(value / 127) (General MIDI 2)."""
    return float(40.0 * np.log10(value / 127.0)) if value > 0 else SILENT_DB


def damper_pressure(pedal: int) -> float:
    """Return how firmly the dampers lie when the sustain pedal is at `pedal` (0..127): 1 = fully, 0 = lifted.

    Linear between a quarter and three quarters of the way, where half pedalling is played.
    """
    low, high = HALF_PEDAL
    return float(np.clip((high - pedal / 127.0) / (high - low), 0.0, 1.0))


def damper_speed(release_velocity: float) -> float:
    """Return the factor on the release of a key let go at `release_velocity` (0..127): 0.5..2, and 1 at 64."""
    return float(2.0 ** ((release_velocity - 64.0) / 64.0))
