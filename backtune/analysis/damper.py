"""Dampers: how long they are assumed to need, because recordings of single notes rarely hold the release."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.surface import Surface

Floats = NDArray[np.float64]

STRUCK_S, SUSTAINED_S = 0.25, 0.12  # to fall 60 dB after the key is up
TOP_DAMPED_MIDI = 90.0  # the top twenty keys of a piano have no damper
RINGS_ON_S = 60.0
KNEE_MIDI = 60.0  # below it the felt needs longer


def assumed_release(struck: bool, pitches: Floats) -> tuple[Floats | float, Surface | None]:
    """Return how long notes at `pitches` (rising) need to fall 60 dB once the key is up, s, and over what.

    One number, over nothing, or values (K,) over pitch where struck strings lie on both sides of where dampers end.
    """
    if not struck or pitches[-1] <= TOP_DAMPED_MIDI or pitches[0] > KNEE_MIDI:
        return STRUCK_S if struck else SUSTAINED_S, None
    knots = np.array([21.0, KNEE_MIDI, TOP_DAMPED_MIDI - 2, TOP_DAMPED_MIDI])
    values = np.array([3 * STRUCK_S, STRUCK_S, 0.5 * STRUCK_S, RINGS_ON_S])  # science of felt: slow in the bass
    return values, Surface(("pitch",), (knots,), (0.0,))
