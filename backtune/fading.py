"""Fading: sound that is cut while it sounds ends on a line to nothing, not in a click."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def faded_out(audio: Floats, rate: int, seconds: float) -> Floats:
    """Return `audio` (n,) with its last `seconds`, or all of it where it is shorter, on a straight line to 0."""
    ramp = min(len(audio), round(seconds * rate))
    return np.concatenate([audio[: len(audio) - ramp], audio[len(audio) - ramp :] * np.linspace(1.0, 0.0, ramp)])
