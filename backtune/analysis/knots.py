"""Where laws get their knots: no denser than the recordings can tell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def pitch_knots(pitches: Floats, spacing: float) -> Floats:
    """Return evenly spread MIDI pitches about `spacing` semitones apart, never more than there are pitches."""
    low, high = float(pitches[0]), float(pitches[-1])
    if high - low < 1e-9:
        return np.array([low])
    count = int(np.clip(round((high - low) / spacing) + 1, 2, len(pitches)))
    return np.round(np.linspace(low, high, count), 1)


def velocity_knots(velocities: Floats) -> Floats:
    """Return the softest, the middle and the loudest recorded velocity, or fewer where fewer were recorded."""
    if len(velocities) <= 3:
        return velocities
    return np.array([velocities[0], velocities[len(velocities) // 2], velocities[-1]])
