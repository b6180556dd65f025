"""Zones of a SoundFont: a sample, the keys and velocities it sounds on, and its generators."""

from __future__ import annotations

from dataclasses import dataclass

KEY_RANGE, VELOCITY_RANGE = 43, 44
# Generators that only an instrument zone may set; a preset zone's value is ignored (section 8.5)
_INSTRUMENT_ONLY = frozenset({0, 1, 2, 3, 4, 12, 45, 46, 47, 50, 54, 57, 58})
_DEFAULTS = {8: 13500, 21: -12000, 23: -12000, 25: -12000, 26: -12000, 27: -12000, 28: -12000, 30: -12000}
_DEFAULTS |= {33: -12000, 34: -12000, 35: -12000, 36: -12000, 38: -12000, 46: -1, 47: -1, 56: 100, 58: -1}

# How far from 0 amounts can be played: twice what the specification allows (section 8.1.3), for presets add to
# instruments, and FluidR3 itself asks for -30 cents a key. At 32767 cents a key no number holds the place in a sample.
_FARTHEST = {5: 24000, 6: 24000, 7: 24000, 13: 1920, 46: 127, 51: 240, 56: 2400, 58: 127}


@dataclass(frozen=True)
class Sample:
    """One sample: its frames in the file's pool, loop, rate in Hz, root key and correction in cents."""

    name: str
    start: int
    end: int
    loop_start: int
    loop_end: int
    rate: int
    key: int
    correction_cents: int


@dataclass(frozen=True)
class Zone:
    """One sample with the ranges (inclusive) it sounds in and its generators (number -> amount)."""

    sample: Sample
    keys: tuple[int, int]
    velocities: tuple[int, int]
    generators: dict[int, int]

    @classmethod
    def of(cls, sample: Sample, generators: dict[int, int]) -> Zone:
        """Return an instrument's zone: its ranges are among its generators."""
        return cls(sample, _pair(generators.get(KEY_RANGE)), _pair(generators.get(VELOCITY_RANGE)), generators)

    def amount(self, generator: int) -> int:
        """Return a generator's amount, the format's default where it is not set."""
        return self.generators.get(generator, _DEFAULTS.get(generator, 0))

    @property
    def root_key(self) -> int:
        """MIDI key at which the sample plays at its own rate, tuning aside."""
        return self.amount(58) if self.amount(58) >= 0 else self.sample.key

    def transposition_cents(self, key: float) -> float:
        """Return how far the sample is transposed when `key` is played, cents."""
        tuned = 100 * self.amount(51) + self.amount(52) + self.sample.correction_cents
        return (key - self.root_key) * self.amount(56) + tuned

    def sounds(self, key: float, velocity: float) -> bool:
        """Return whether a key struck at a velocity sounds this zone."""
        return self.keys[0] <= key <= self.keys[1] and self.velocities[0] <= velocity <= self.velocities[1]

    def within(self, preset: dict[int, int]) -> Zone | None:
        """Return the zone narrowed to a preset zone's ranges and with its amounts added; None where they exclude it."""
        keys = _overlap(self.keys, _pair(preset.get(KEY_RANGE)))
        velocities = _overlap(self.velocities, _pair(preset.get(VELOCITY_RANGE)))
        if keys is None or velocities is None:
            return None
        generators = dict(self.generators)
        for oper, amount in preset.items():
            if oper not in (KEY_RANGE, VELOCITY_RANGE) and oper not in _INSTRUMENT_ONLY:
                generators[oper] = self.amount(oper) + amount
        return Zone(self.sample, keys, velocities, generators)

    def beyond(self) -> str:
        """Return which generator asks for what cannot be played, and what can, or ""."""
        for oper, farthest in _FARTHEST.items():
            if abs(self.amount(oper)) > farthest:
                return f"generator {oper} is {self.amount(oper)}; up to {farthest} can be played"
        return ""


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int] | None:
    low, high = max(one[0], other[0]), min(one[1], other[1])
    return (low, high) if low <= high else None


def _pair(amount: int | None) -> tuple[int, int]:
    """Return the two bytes of a range generator, (0, 127) when it is missing."""
    return (0, 127) if amount is None else (amount & 0xFF, (amount >> 8) & 0xFF)
