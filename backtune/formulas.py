"""Named physical laws: formulas of a few numbers that may stand for a surface of many."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from backtune.units import midi_to_hz

Floats = NDArray[np.float64]

HIGHEST_HZ = 16000.0  # partials above it are neither tracked nor heard: a formula is not asked for them
MIDDLE_VELOCITY = 64.0
MIDDLE_PITCH = 60.0
# Where a formula is looked at when a table is needed: closer than any law bends.
SAMPLED: dict[str, Floats] = {
    "pitch": np.arange(21.0, 109.0, 3.0),
    "velocity": np.array([1.0, 16, 32, 48, 64, 80, 96, 112, 127]),
    "partial": np.array([1, 2, 3, 4, 5, 6, 8, 10, 13, 17, 22, 30, 45, 70, 100.0]),
}


@dataclass(frozen=True)
class Formula:
    """A named physical law.

    - `coefficients`: their names. `axes`: what it depends on. `function(coefficients, *coordinates)`: its value.
    - `start`: coefficients from which a fit begins; they need not be what is usual. `text`: how people write it
      (m = MIDI pitch, n = partial, v = velocity / 64). `bounds`: the lowest and highest value of a coefficient.
    """

    coefficients: tuple[str, ...]
    axes: tuple[str, ...]
    function: Callable[..., Floats]
    text: str
    start: tuple[float, ...]
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def within(self, p: Floats) -> Floats:
        """Return coefficients `p`, those beyond their bounds set to the nearer bound: how far a search may look."""
        low, high = np.array([self.bounds.get(name, (-np.inf, np.inf)) for name in self.coefficients]).T
        return np.asarray(np.clip(p, low, high))


def _two_bridges(p: Floats, pitch: Floats) -> Floats:
    return np.asarray(_exp(p[0] * pitch + p[1]) + _exp(p[2] * pitch + p[3]))


def _exponential(p: Floats, pitch: Floats) -> Floats:
    return np.asarray(_exp(p[0] + p[1] * (pitch - MIDDLE_PITCH)))


def _railsback(p: Floats, pitch: Floats) -> Floats:
    """Octaves are tuned to each other's overtones: both ends of the keyboard leave the middle exponentially."""
    return np.asarray(p[0] + _exp(p[1] * (pitch - 88.0) + p[2]) - _exp(p[3] * (40.0 - pitch) + p[4]))


def _losses(p: Floats, pitch: Floats, partial: Floats) -> Floats:
    """Losses of a string: at its ends, by pitch, and inside it and in the air, by frequency."""
    khz = np.minimum(partial * midi_to_hz(pitch), HIGHEST_HZ) / 1000.0
    return np.asarray(_exp(p[0] + p[1] * (pitch - MIDDLE_PITCH)) + _exp(p[2]) * khz ** p[3])


def _tilt(p: Floats, velocity: Floats, partial: Floats) -> Floats:
    harder = np.log2(np.maximum(velocity, 1.0) / MIDDLE_VELOCITY)
    return np.asarray(p[0] + p[1] * harder - (p[2] - p[3] * harder) * np.log2(partial))


def _stroke(p: Floats, velocity: Floats, partial: Floats) -> Floats:
    """A stroke is a low-pass of second order whose corner rises as a power of velocity."""
    harder = np.log2(np.maximum(velocity, 1.0) / MIDDLE_VELOCITY)
    corner = _exp(p[3] + np.log(2.0) * p[4] * harder)
    return np.asarray(p[0] + p[1] * harder - p[2] * np.log2(partial) - 10 * np.log10(1 + (partial / corner) ** 4))


def _exp(x: Floats) -> Floats:
    with np.errstate(over="ignore"):  # whoever uses a formula checks that it is finite
        return np.asarray(np.exp(x))


# Sources: Rauhala and Valimaki 2007 (bridges); Railsback 1938 (stretch); Chaigne and Askenfelt 1994 (losses, stroke).
FORMULAS: dict[str, Formula] = {
    "two_bridges": Formula(
        ("bass_slope", "bass", "treble_slope", "treble"),
        ("pitch",),
        _two_bridges,
        "exp(bass_slope m + bass) + exp(treble_slope m + treble)",
        (-0.0847, -5.82, 0.0926, -13.64),
    ),
    "line": Formula(
        ("at_zero", "slope"), ("pitch",), lambda p, pitch: p[0] + p[1] * pitch, "at_zero + slope m", (0.0, 0.0)
    ),
    "exponential": Formula(
        ("middle", "slope"), ("pitch",), _exponential, "exp(middle + slope (m - 60))", (-3.0, -0.02)
    ),
    "railsback": Formula(
        ("middle", "treble_slope", "treble", "bass_slope", "bass"),
        ("pitch",),
        _railsback,
        "middle + exp(treble_slope (m - 88) + treble) - exp(bass_slope (40 - m) + bass)",
        (0.0, 0.1, 1.0, 0.1, 1.0),
    ),
    "losses": Formula(
        ("ends", "ends_slope", "inside", "power"),
        ("pitch", "partial"),
        _losses,
        "exp(ends + ends_slope (m - 60)) + exp(inside) f^power, f = n f0(m) / kHz",
        (2.0, 0.03, 1.0, 1.0),
        {"power": (0.0, 4.0)},  # inner friction and air take f to f^2; below 0 they would take less of a higher partial
    ),
    "tilt": Formula(
        ("level", "louder", "tilt", "brighter"),
        ("velocity", "partial"),
        _tilt,
        "level + louder log2 v - (tilt - brighter log2 v) log2 n",
        (0.0, 0.0, 3.0, 1.0),
    ),
    "stroke": Formula(
        ("level", "louder", "tilt", "corner", "shortening"),
        ("velocity", "partial"),
        _stroke,
        "level + louder log2 v - tilt log2 n - 10 log10(1 + (n / (exp(corner) v^shortening))^4)",
        (0.0, 0.0, 3.0, 2.0, 0.5),
        {"shortening": (-3.0, 3.0)},  # v^3 moves the corner by 21 octaves from the softest stroke to the hardest
    ),
}
