"""Tunings: which pitch each key sounds."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from backtune.errors import InputError
from backtune.units import A4_HZ, A4_MIDI, SEMITONES, cents_to_ratio, hz_to_midi, midi_to_hz, ratio_to_cents

PYTHAGOREAN_COMMA = float(ratio_to_cents(3.0**12 / 2.0**19))  # 23.460 cents: twelve fifths over seven octaves
SYNTONIC_COMMA = float(ratio_to_cents(81.0 / 80.0))  # 21.506 cents: four fifths over a pure third
PURE_FIFTH = float(ratio_to_cents(1.5))  # 701.955 cents
MIDDLE_C = 60
LOWEST_HZ, HIGHEST_HZ = 1.0, 100_000.0  # of the reference key: well beyond all hearing
FARTHEST = 1000  # semitones of a key from the reference: 83 octaves; soon after, no number holds the frequency


@dataclass(frozen=True)
class Scale:
    """Steps of a scale: `cents` (n,) above its first note, the last one being where it repeats (1200 = octave).

    Raises InputError for an empty scale or a step that is not a finite number.
    """

    name: str
    cents: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check the steps."""
        if not self.cents:
            raise InputError(f"scale {self.name}: it has no notes")
        if not np.all(np.isfinite(self.cents)):
            raise InputError(f"scale {self.name}: not all steps are finite numbers")

    def at(self, degree: int) -> float:
        """Return the cents of a degree above degree 0; degrees run on through all repetitions."""
        times, step = divmod(degree, len(self.cents))
        return times * self.cents[-1] + (self.cents[step - 1] if step else 0.0)


@dataclass(frozen=True)
class KeyMap:
    """Which key plays which degree, as a Scala keyboard mapping says it.

    - `middle`: the key of degree 0. `reference_key` sounds `reference_hz`.
    - `degrees`: degrees of the keys from `middle` up, repeated; None = the key is silent; empty = every key the next.
    - `octave_degree`: the degree by which a repetition moves on. `first`..`last`: keys that are retuned.
    """

    middle: int = MIDDLE_C
    reference_key: int = MIDDLE_C
    reference_hz: float = float(midi_to_hz(MIDDLE_C))
    degrees: tuple[int | None, ...] = ()
    octave_degree: int = 0
    first: int = 0
    last: int = 127


@dataclass(frozen=True)
class Tuning:
    """A scale on a keyboard.

    Raises InputError when the reference key has no pitch, its frequency is outside 1..100000 Hz, or a key lies more
    than 1000 semitones from it.
    """

    scale: Scale
    keys: KeyMap = field(default_factory=KeyMap)

    def __post_init__(self) -> None:
        """Check the reference and all keys."""
        reference = self._cents(self.keys.reference_key)
        if reference is None:
            raise InputError(f"keyboard mapping: the reference key {self.keys.reference_key} is not mapped")
        if not LOWEST_HZ <= self.keys.reference_hz <= HIGHEST_HZ:
            raise InputError(
                f"keyboard mapping: {self.keys.reference_hz} Hz is no frequency for the reference key; "
                f"allowed: {LOWEST_HZ:g}..{HIGHEST_HZ:g} Hz"
            )
        for key in range(self.keys.first, self.keys.last + 1):
            cents = self._cents(key)
            if cents is not None and not abs(cents - reference) <= 100.0 * FARTHEST:  # NaN is refused too
                raise InputError(
                    f"scale {self.scale.name}: key {key} lies {(cents - reference) / 100.0:g} semitones from the "
                    f"reference key {self.keys.reference_key}; allowed: up to {FARTHEST}"
                )

    def pitch(self, key: int) -> float | None:
        """Return the pitch of a key as a MIDI number with a fraction, or None for a key that is silent.

        Keys outside `first`..`last` stay in equal temperament.
        """
        if not self.keys.first <= key <= self.keys.last:
            return float(key)
        cents, reference = self._cents(key), self._cents(self.keys.reference_key)
        if cents is None or reference is None:
            return None
        return float(hz_to_midi(self.keys.reference_hz * cents_to_ratio(cents - reference)))

    def _cents(self, key: int) -> float | None:
        away = key - self.keys.middle
        if not self.keys.degrees:
            return self.scale.at(away)
        times, place = divmod(away, len(self.keys.degrees))
        degree = self.keys.degrees[place]
        return None if degree is None else self.scale.at(degree) + times * self.scale.at(self.keys.octave_degree)


def by_fifths(name: str, narrowed_cents: tuple[float, ...]) -> Scale:
    """Return a scale of twelve notes on C from how much each fifth is narrowed, in cents.

    `narrowed_cents` (11,): the fifths Eb-Bb, Bb-F, F-C, C-G, G-D, D-A, A-E, E-B, B-F#, F#-C#, C#-G#;
    the twelfth, G#-Eb, is what remains.
    """
    pitch = SEMITONES["E"] - 1  # the chain starts at Eb, a comma or a wolf away from its end G#
    cents = np.zeros(12)
    at = 0.0
    for narrowed in narrowed_cents:
        pitch = (pitch + 7) % 12
        at += PURE_FIFTH - narrowed
        cents[pitch] = at
    cents = (cents - cents[0]) % 1200.0
    return Scale(name, (*cents[1:].tolist(), 1200.0))


def on_a4(scale: Scale, root: int = 0, a4_hz: float = A4_HZ) -> Tuning:
    """Return a scale of twelve notes with its first note on pitch class `root` (0 = C) and A4 at `a4_hz`."""
    return Tuning(scale, KeyMap(middle=MIDDLE_C + root, reference_key=A4_MIDI, reference_hz=a4_hz))


EQUAL = on_a4(Scale("equal", tuple(100.0 * step for step in range(1, 13))))
