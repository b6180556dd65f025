"""What cannot be heard: the level below which a sound is left out, by frequency."""

from __future__ import annotations

from typing import Any

import numpy as np

FULL_SCALE_DB_SPL = 100.0  # full scale is played as loud as a piano at the player's ear
CROWD_DB = 10.0  # ten partials, each this far below the threshold, reach it together
LOUDEST_LEFT_OUT_DB = -85.0  # the threshold rises without end in the bass, but cutting a loud sine clicks


def threshold_db_spl(hz: Any) -> Any:
    """Return the threshold in quiet, dB SPL (Terhardt 1979, "Calculating virtual pitch", equation 1)."""
    khz = np.maximum(np.asarray(hz, float), 20.0) / 1000.0
    return 3.64 * khz**-0.8 - 6.5 * np.exp(-0.6 * (khz - 3.3) ** 2) + 1e-3 * khz**4


def quiet_db(hz: Any) -> Any:
    """Return the level in dB (0 = full scale) below which a sine of frequency `hz` is left out.

    The threshold in quiet when full scale is 100 dB SPL, less 10 dB because many partials add up, never above
    -85 dB so that leaving out does not click.
    """
    return np.minimum(threshold_db_spl(hz) - FULL_SCALE_DB_SPL - CROWD_DB, LOUDEST_LEFT_OUT_DB)
