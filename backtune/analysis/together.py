"""Overtones that share an ear band: their powers add, and what scatters is louder than the middle of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.observations import Observations
from backtune.analysis.tracks import TRACK_TIMES_S
from backtune.units import hz_to_erb

Floats = NDArray[np.float64]

MOST_DB = 20.0  # of a level that a law misses: one gross error must not lift its band


def sharing(seen: Observations) -> NDArray[np.int64] | None:
    """Return a number for each level, (N,): the same for overtones of one take and moment in one ear band.

    Bands are 1 ERB wide (Glasberg and Moore 1990). None where the levels are not those of overtones over time.
    """
    if not {"partial", "hz", "time_s"} <= set(seen.at):
        return None
    band = np.floor(hz_to_erb(seen.at["hz"])).astype(np.int64)
    moment = np.searchsorted(TRACK_TIMES_S, seen.at["time_s"])
    return np.asarray((seen.take * (len(TRACK_TIMES_S) + 1) + moment) * (band.max(initial=0) + 1) + band)


def louder_db(band: NDArray[np.int64], missed_db: Floats, hidden: NDArray[np.bool_]) -> Floats:
    """Return by how much the powers that a law misses by `missed_db` (N,) are louder than their middle, dB (N,).

    The ear adds powers within a band: levels that scatter by 6 dB about a law are together up to 4 dB louder than it
    (Jensen). 0 for what stands alone in its band, or is hidden.
    """
    missed_db = np.clip(missed_db, -MOST_DB, MOST_DB)
    told = (~hidden).astype(float)
    count = np.maximum(np.bincount(band, told), 1.0)
    middle = np.bincount(band, told * missed_db) / count
    power = np.bincount(band, told * 10 ** (missed_db / 10)) / count
    return np.where(hidden, 0.0, (10 * np.log10(np.maximum(power, 1e-9)) - middle)[band])
