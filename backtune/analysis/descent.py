"""Laws that do not enter a level in a straight line: penalised least squares by Gauss-Newton steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.residual import Observations
from backtune.analysis.surface import Surface, fit_surfaces

Floats = NDArray[np.float64]

STEP = 0.05  # of numerical slopes: parameters are levels in dB or logarithms
FARTHEST_DB = 15.0  # an error larger than this pulls no harder
STEPS = 8
AROUND, FINER = 1.5, 6  # how far a search for one number goes around where it stands, and its steps: to 2 %
ENOUGH = 40_000  # observations tell a hundred numbers as well as four times as many


def descend(
    surfaces: Sequence[Surface],
    start: Sequence[Floats],
    predict: Callable[[list[Floats]], Floats],
    seen: Observations,
    reach: Sequence[float],
) -> list[Floats]:
    """Return the tensors whose prediction comes nearest to `seen.measured_db`, smooth as asked.

    `predict` maps the surfaces' values at the observations, one (N,) each, to levels in dB, (N,). `start`
    holds a tensor for each surface, `reach` how far one step may move it. Levels that are hidden only
    bound the prediction from above. Eight steps, the same every time.
    """
    designs = [s.design(seen.at, len(seen.measured_db)) for s in surfaces]
    values = [np.array(v, float) for v in start]
    for _ in range(STEPS):
        flat = [d @ v.ravel() for d, v in zip(designs, values, strict=True)]
        now = predict(flat)
        error = seen.measured_db - now
        weight = np.where(seen.hidden & (error > 0), 0.0, seen.weight)
        slopes = [
            (predict([f + STEP if i == j else f for j, f in enumerate(flat)]) - now) / STEP for i in range(len(flat))
        ]
        linear = [replace(s, factor=slope) for s, slope in zip(surfaces, slopes, strict=True)]
        base = np.sum([slope * f for slope, f in zip(slopes, flat, strict=True)], axis=0)
        found = fit_surfaces(linear, seen.at, base + np.clip(error, -FARTHEST_DB, FARTHEST_DB), weight)
        values = [v + np.clip(new - v, -r, r) for v, new, r in zip(values, found, reach, strict=True)]
    return values


def lowest(cost: Callable[[float], float], near: Sequence[float]) -> tuple[float, float]:
    """Return the least cost and where it is: at one of the rising values `near`, or between it and the next ones.

    One value is searched around by half of itself. Ratios count (Brent 1973, on the logarithm).
    """
    from scipy.optimize import minimize_scalar

    at = float(min(near, key=cost)) if len(near) > 1 else float(near[0])
    place = list(near).index(at)
    low = near[place - 1] if place else at / AROUND
    high = near[place + 1] if place + 1 < len(near) else at * AROUND
    found = minimize_scalar(
        lambda x: cost(float(np.exp(x))),
        bounds=(float(np.log(low)), float(np.log(high))),
        method="bounded",
        options={"maxiter": FINER},
    )
    return float(found.fun), float(np.exp(found.x))


def thinned(seen: Observations) -> NDArray[np.bool_]:
    """Return which of the observations (N,) to keep: all, or evenly about `ENOUGH` of them."""
    every = max(1, len(seen.measured_db) // ENOUGH)
    return np.arange(len(seen.measured_db)) % every == 0


def misfit(seen: Observations, predicted_db: Floats) -> float:
    """Return the weighted mean error in dB of a prediction (N,); hidden levels only bound it from above."""
    error = seen.measured_db - predicted_db
    error = np.where(seen.hidden, np.minimum(error, 0.0), error)
    return float(np.average(np.abs(error), weights=seen.weight))


def total_db(first_db: Floats, second_db: Floats) -> Floats:
    """Return the level in dB of two powers together."""
    return np.asarray(np.logaddexp(first_db * _LN10_10, second_db * _LN10_10) / _LN10_10)


_LN10_10 = np.log(10.0) / 10.0
