"""Noise as a law's target: what is left of a band's measured power when the other layers' noise is taken out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.observations import Observations
from backtune.voice import SILENCE_DB

Floats = NDArray[np.float64]

COVERED_DB = -15.0  # noise that the others cover leaves at most this much of the measured level to explain


def noise_target(seen: Observations, own_db: Floats | None = None) -> Observations:
    """Return the observations with `measured_db` less the power of all noise but the layer's own.

    `own_db` (N,): what the layer adds now, part of `rendered_db`; None = nothing. Bands that the others
    cover count less: their weight falls with the share that is left.
    """
    others = 10 ** (seen.rendered_db / 10)
    if own_db is not None:
        others = np.maximum(others - 10 ** (own_db / 10), 0.0)
    measured = 10 ** (seen.measured_db / 10)
    share = np.clip(1 - others / measured, 10 ** (COVERED_DB / 10), 1.0)
    return replace(
        seen,
        measured_db=seen.measured_db + 10 * np.log10(share),
        rendered_db=np.full(len(others), SILENCE_DB),
        weight=seen.weight * np.maximum(share, 0.05),
    )
