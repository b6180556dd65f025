"""Pitch of one note: the fundamental and the inharmonicity, tracked from its partials, never searched by a distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtune.notes import recorded_to_hz

Floats = NDArray[np.float64]

HEARD_FROM_S, HEARD_TO_S = 0.06, 1.4  # after the attack, before most partials have decayed
FIRST_SEARCH_CENTS = 70.0  # a recording may be this far from its label
TRACKED_PARTIALS = 30
TOP_HZ = 12000.0
PROMINENCE_DB = 13.0  # above its surroundings a partial counts: of 150 bins of noise one is so high once in 7000 times
# Relative: partials of strings are 2 cents off the formula, those of a held tone are locked. A soft peak may be chance,
# and is not believed: the low C of a flute, by all its partials alike, came out 9 cents sharp.
MISTUNED = 1.2e-3
SWING_CENTS = 50.0  # both ways: a vibrato peaks where it turns; where it swings about is its centre of power
CENTRINGS = 3  # of 35 cents both ways the first, about a turn, is 3 cents off
LARGEST_INHARMONICITY = 0.05  # the top keys of small pianos reach 0.02


@dataclass(frozen=True)
class Pitch:
    """Fundamental `f0_hz` and `inharmonicity` B of f_n = n f0 sqrt(1 + B n^2); `partials` were found."""

    f0_hz: float
    inharmonicity: float
    partials: int

    def partial_hz(self, numbers: Floats) -> Floats:
        """Return the frequencies of the partials of these numbers, n f0 sqrt(1 + B n^2), Hz."""
        return np.asarray(numbers * self.f0_hz * np.sqrt(1 + self.inharmonicity * numbers * numbers))

    @property
    def first_hz(self) -> float:
        """Frequency of the first partial, a little above f0 when the string is stiff."""
        return self.f0_hz * float(np.sqrt(1 + self.inharmonicity))


class _Spectrum:
    def __init__(self, segment: Floats, rate: int) -> None:
        size = 1 << int(np.ceil(np.log2(max(len(segment), 1024))) + 2)
        self.db = 20 * np.log10(np.abs(np.fft.rfft(segment * np.blackman(len(segment)), size)) + 1e-12)
        self.bin_hz = rate / size
        self.lobe_hz = 3.0 * rate / max(len(segment), 1)

    def peak(self, hz: float, width_hz: float, swings: bool) -> tuple[float, float] | None:
        """Return (frequency, height above the surroundings in dB) of the strongest peak near `hz`.

        Of a tone that `swings`, the frequency is the centre of power about that peak.
        """
        low, high = int((hz - width_hz) / self.bin_hz), int((hz + width_hz) / self.bin_hz) + 2
        low, high = max(low, 1), min(high, len(self.db) - 1)
        if high - low < 3:
            return None
        k = low + int(np.argmax(self.db[low:high]))
        if k in (low, high - 1):
            return None
        a, b, c = self.db[k - 1 : k + 2]
        offset = 0.5 * (a - c) / (a - 2 * b + c) if a - 2 * b + c < 0 else 0.0
        around = max(width_hz, 2.5 * self.lobe_hz)
        region = self.db[max(1, int((hz - 2 * around) / self.bin_hz)) : int((hz + 2 * around) / self.bin_hz)]
        at_hz = (k + offset) * self.bin_hz
        for _ in range(CENTRINGS if swings else 0):
            at_hz = self._centre(at_hz)
        return at_hz, float(b - np.median(region))

    def _centre(self, hz: float) -> float:
        """Return the centre of the power about a frequency, Hz."""
        half_hz = max(hz * (2 ** (SWING_CENTS / 1200) - 1), self.lobe_hz)
        low, high = int((hz - half_hz) / self.bin_hz), int((hz + half_hz) / self.bin_hz) + 2
        near = np.arange(max(low, 1), min(high, len(self.db)))
        return float(np.average(near * self.bin_hz, weights=10 ** (self.db[near] / 10)))


def string_inharmonicity(hz: Any) -> Any:
    """Return the usual inharmonicity B of a piano's string at a fundamental in Hz.

    The sum of a falling and a rising exponential, one for each bridge (Rauhala and Valimaki 2007).
    """
    m = 69 + 12 * np.log2(hz / 440.0)
    return np.exp(-0.0926 * m - 6.3) + np.exp(0.0926 * m - 13.64)


def measure_pitch(audio: Floats, rate: int, onset_s: float, expected_hz: float, inharmonic: bool) -> Pitch:
    """Return the pitch of a note whose label says `expected_hz`.

    Partials are found one after another from the fundamental up, each predicted from those below it, and
    f_n^2 / n^2 = f0^2 + f0^2 B n^2 is fitted by weighted least squares (Fletcher and Rossing, eq. 12.8).
    `inharmonic` lets B be more than 0 (struck and plucked strings), searched around a piano string's.
    When nothing is found the expected pitch comes back with 0 partials.
    """
    start = int((onset_s + HEARD_FROM_S) * rate)
    segment = audio[start : int((onset_s + HEARD_TO_S) * rate)]
    if len(segment) < 2048:
        segment = audio[int(onset_s * rate) :]
    if len(segment) < 512:
        return Pitch(expected_hz, 0.0, 0)
    spectrum = _Spectrum(segment, rate)
    f0, b = expected_hz, float(string_inharmonicity(expected_hz)) if inharmonic else 0.0
    b_start = b
    numbers: list[int] = []
    found: list[float] = []
    weights: list[float] = []
    for n in range(1, TRACKED_PARTIALS + 1):
        target = n * f0 * np.sqrt(1 + b * n * n)
        if target > min(TOP_HZ, recorded_to_hz(rate)):
            break
        known = len(numbers) >= 2
        width = target * (2 ** ((12.0 + 0.5 * n if known else FIRST_SEARCH_CENTS) / 1200) - 1)
        width = min(max(width, 0.5 * spectrum.lobe_hz), 0.4 * f0)
        peak = spectrum.peak(target, width, swings=not inharmonic)
        if peak is None or peak[1] < PROMINENCE_DB:
            continue
        numbers.append(n)
        found.append(peak[0])
        weights.append(1.0 / np.hypot(MISTUNED if inharmonic else 0.0, width / target * 10 ** (-peak[1] / 20)))
        f0, b = _fit(numbers, found, weights, b if len(numbers) >= 3 else b_start, inharmonic and len(numbers) >= 3)
    if not numbers:
        return Pitch(expected_hz, 0.0, 0)
    return Pitch(float(f0), float(b), len(numbers))


def _fit(
    numbers: list[int], found: list[float], weights: list[float], b_held: float, inharmonic: bool
) -> tuple[float, float]:
    n, f, w = np.array(numbers, float), np.array(found), np.array(weights)
    y = (f / n) ** 2
    w = w / y
    for _ in range(4):  # a few reweightings drop partials that belong to something else
        if inharmonic:
            design = np.stack([np.ones_like(n), n * n], 1)
            coefficients = np.linalg.lstsq(design * w[:, None], y * w, rcond=None)[0]
        else:
            told = n == n[0] if b_held else n > 0  # an assumed stiffness puts higher partials wrong by 20 cents
            base = np.average((y / (1 + b_held * n * n))[told], weights=(w * w)[told])
            coefficients = np.array([base, base * b_held])
        if coefficients[0] <= 0:
            return float(np.median(f / n)), 0.0
        b = coefficients[1] / coefficients[0]
        if not 0 <= b <= LARGEST_INHARMONICITY:
            b = float(np.clip(b, 0, LARGEST_INHARMONICITY))
            coefficients = np.array([np.average(y / (1 + b * n * n), weights=w), 0.0])
        error = np.abs(np.log(f / (n * np.sqrt(coefficients[0] * (1 + b * n * n)))))
        scale = max(1.5 * float(np.median(error)), 2e-4)
        w = np.array(weights) / y / np.maximum(1.0, error / scale) ** 2
    return float(np.sqrt(coefficients[0])), float(b)
