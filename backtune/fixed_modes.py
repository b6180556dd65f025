"""Fixed modes: damped modes that sound at the same frequencies whatever note is struck, as laws over hz say."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from backtune.law import Law
from backtune.voice import Floats, Voice


def fixed_modes(laws: Mapping[str, Law], level: str, voice: Voice) -> tuple[Floats, Floats, Floats]:
    """Return frequency in Hz, amplitude in dB and time to fall 60 dB in s of the modes a note strikes, all (M,).

    The frequencies are the knots of the law `level` over hz; `velocity_db` and `pitch_db` are added to it, `decay_s`
    is beside it. Without frequencies there is no mode.
    """
    modes = laws[level]
    if modes.axes != ("hz",):
        return np.zeros(0), np.zeros(0), np.zeros(0)
    hz = modes.knots[0]
    at = {"pitch": voice.note.midi, "velocity": voice.note.velocity, "hz": hz}
    gain = laws["velocity_db"].over("hz", **at) + laws["pitch_db"].over("hz", **at)
    return hz, modes.over("hz", **at) + gain, laws["decay_s"].over("hz", **at)
