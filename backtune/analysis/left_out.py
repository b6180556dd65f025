"""How smooth a law is, told by the notes: each is left out in turn and foretold by the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.observations import Observations
from backtune.analysis.surface import Surface

Floats = NDArray[np.float64]


def smoothest_by_notes(
    surface: Surface, seen: Observations, own_db: Floats | float, choices: Sequence[float]
) -> Surface:
    """Return `surface` as smooth as foretells best what is missing of a pitch from that of all other pitches.

    Each of `choices` multiplies its smoothness along all axes. The squared error of levels, weighted by how far they
    are heard, is that of leaving one pitch out (Stone 1974); it needs the normal equations of each pitch only, once.
    """
    design = surface.design(seen.at, len(seen.measured_db))
    target, weight = seen.missing_db + own_db, seen.weight_given()
    normals, sides = [], []
    for pitch in np.unique(seen.at["pitch"]):
        mine = seen.at["pitch"] == pitch
        rows, w = design[mine], weight[mine]
        normals.append((rows.T @ rows.multiply(w[:, None])).toarray())
        sides.append(rows.T @ (w * target[mine]))
    normal, side = np.sum(normals, axis=0), np.sum(sides, axis=0)

    def error(choice: float) -> float:
        penalty = _smoother(surface, choice).penalty().toarray()
        out = 0.0
        for own, told in zip(normals, sides, strict=True):
            values = np.linalg.solve(normal - own + penalty, side - told)
            out += float(values @ own @ values - 2 * values @ told)
        return out

    return _smoother(surface, min(choices, key=error))


def _smoother(surface: Surface, by: float) -> Surface:
    return replace(surface, smoothness=tuple(by * amount for amount in surface.smoothness))
