"""Windows of analysis frames, each worked out once."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

REMEMBERED = 32  # at most 8 MB: the longest window of noise has 32768 samples


@lru_cache(maxsize=REMEMBERED)
def window(shape: str, size: int) -> Floats:
    """Return the periodic window of a name that scipy knows, (size,), read-only."""
    from scipy.signal import get_window  # takes 0.6 s to load, and most commands listen to nothing

    made = np.asarray(get_window(shape, size), np.float64)
    made.setflags(write=False)
    return made
