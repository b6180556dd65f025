"""What is known of many takes, column by column, where single levels are not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def medians(rows: Floats) -> Floats:
    """Return the median of what is known (not NaN) in each column of (N, K), NaN where nothing is, (K,)."""
    out = np.full(rows.shape[1], np.nan)
    known = np.isfinite(rows).any(axis=0)
    out[known] = np.nanmedian(rows[:, known], axis=0)
    return out
