"""How a keyboard is tuned, and how stiff its strings are, from the pitches that its takes told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.residual import Heard
from backtune.analysis.surface import Surface, fit_surfaces
from backtune.errors import Declined
from backtune.units import midi_to_hz, ratio_to_cents

Floats = NDArray[np.float64]

SEMITONE_CENTS = 100.0
SURE_PARTIALS = 12  # of more of them a pitch is no surer
HARMONIC_B = 2e-6  # less inharmonicity is none: the twelfth partial would be a quarter of a cent sharp
LEAST_B = 1e-7  # of a string that is stiff at all
ROUNDS = 3  # a take read wrongly must not bend the law


class OverPitch(Protocol):
    """A number over pitch: cents at keys, both (N,)."""

    def __call__(self, *, pitch: Floats) -> Floats: ...


Told = TypeVar("Told", bound=OverPitch)


@dataclass(frozen=True)
class Pitches:
    """What takes told, each (N,).

    `midi`: their keys. `first_hz`: their first partials. `inharmonicity`: B. `partials`: how many told it, up to 12.
    """

    midi: Floats
    first_hz: Floats
    inharmonicity: Floats
    partials: Floats

    def cents(self, inharmonicity: Floats | float) -> tuple[Floats, int]:
        """Return how far fundamentals lie from equal temperament, (N,), and how many semitones all of them do.

        `inharmonicity`: B, by which the first partials are sharper than the fundamentals.
        """
        f0 = self.first_hz / np.sqrt(1 + np.atleast_1d(inharmonicity))
        cents = ratio_to_cents(f0 / midi_to_hz(self.midi))
        semitones = round(float(np.median(cents)) / SEMITONE_CENTS)
        return cents - SEMITONE_CENTS * semitones, semitones


def told_pitches(heard: Sequence[Heard]) -> Pitches:
    """Return the pitches of the takes in which a partial was found; raise Declined when there is none."""
    found = [(h.note.midi, h.tracks.pitch) for h in heard if h.tracks.pitch.partials > 0]
    if not found:
        raise Declined("no partial was found in any take")
    return Pitches(
        np.array([midi for midi, _ in found]),
        np.array([pitch.first_hz for _, pitch in found]),
        np.array([pitch.inharmonicity for _, pitch in found]),
        np.array([min(pitch.partials, SURE_PARTIALS) for _, pitch in found], float),
    )


def stiffness(told: Pitches, knots: Floats) -> tuple[Floats, Surface] | None:
    """Return inharmonicity B at `knots` (K,) of pitch and its surface; None for strings, or pipes, without any."""
    b, count = told.inharmonicity, told.partials
    if np.median(b[count >= 6] if (count >= 6).any() else b) < HARMONIC_B:
        return None
    usable = (b > LEAST_B) & (count >= 4)
    if usable.sum() < 2:
        usable = b >= 0
    surface = Surface(("pitch",), (knots,), (30.0,))
    log_b = np.log(np.maximum(b[usable], LEAST_B))
    (values,) = fit_surfaces([surface], {"pitch": told.midi[usable]}, log_b, count[usable] / SURE_PARTIALS)
    return np.exp(values), surface


def stretch(told: Pitches, cents: Floats, knots: Floats, written: Callable[[Floats, Surface], Told]) -> Told:
    """Return the tuning over pitch that is nearest to `cents` (N,), as it is `written` of values at `knots` (K,).

    How far takes are from it is asked of what is written, rounded and within its range.
    """
    weight = sure = told.partials / SURE_PARTIALS
    surface = Surface(("pitch",), (knots,), (1.0,))
    for _ in range(ROUNDS):
        (values,) = fit_surfaces([surface], {"pitch": told.midi}, cents, weight)
        law = written(values, surface)
        error = np.abs(cents - law(pitch=told.midi))
        weight = sure / np.maximum(1.0, error / max(2 * np.median(error), 0.5)) ** 2
    return law
