"""Laws that do not enter a level in a straight line: penalised least squares by Gauss-Newton steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.observations import Observations
from backtune.analysis.surface import Surface, fit_surfaces
from backtune.units import LOG_POWER_DB

Floats = NDArray[np.float64]

STEP = 0.05  # of numerical slopes: parameters are levels in dB or logarithms
FARTHEST_DB = 15.0  # an error larger than this pulls no harder
STEPS = 8
AROUND, FINER = 1.5, 6  # how far a search for one number goes around where it stands, and its steps: to 2 %
LEAST = 1e-3  # of what is usual: where the search for what is never negative starts from nothing
ENOUGH = 40_000  # observations tell a hundred numbers as well as four times as many


def descend(
    surfaces: Sequence[Surface],
    start: Sequence[Floats],
    predict: Callable[[list[Floats]], Floats],
    seen: Observations,
    reach: Sequence[float],
    usual: Sequence[float] = (),
) -> tuple[list[Floats], Floats]:
    """Return the tensors whose prediction comes nearest to `seen.measured_db`, smooth as asked, and it, dB (N,).

    `predict` maps the surfaces' values at the observations, one (N,) each, to levels in dB, (N,). `start` holds a
    tensor for each surface, `reach` how far one step may move it. What is never negative has a `usual` value above 0
    and is found by the logarithm of its ratio to it, in which `reach` and smoothness count; between knots it runs
    straight, as the law that comes of it (with logarithms run straight, two stages of a decay drifted from 20 to
    450 dB/s, since each refit found another curve than it left). Levels that are hidden only bound the prediction from
    above. Eight steps, the same every time; the best of the nine places counts.
    """
    usual = usual or [0.0] * len(surfaces)
    designs = [s.design(seen.at, len(seen.measured_db)) for s in surfaces]
    found = [np.log(np.maximum(v / u, LEAST)) if u else np.array(v, float) for v, u in zip(start, usual, strict=True)]
    penalties = [s.penalty() for s in surfaces]
    best, told, least = list(start), np.zeros(0), np.inf
    for step in range(STEPS + 1):
        values = [u * np.exp(v) if u else v for v, u in zip(found, usual, strict=True)]
        flat = [d @ v.ravel() for d, v in zip(designs, values, strict=True)]
        now = predict(flat)
        error = seen.measured_db - now
        near = np.clip(error, -FARTHEST_DB, FARTHEST_DB)
        weight = np.where(seen.hidden & (error > 0), 0.0, seen.weight)
        bent = sum(float(v.ravel() @ (p @ v.ravel())) for p, v in zip(penalties, found, strict=True))
        cost = float(weight @ (near * (2 * error - near))) + bent
        if step == 0 or cost < least:
            best, told, least = values, now, cost
        if step == STEPS:
            break
        linear, base = [], np.zeros(len(now))
        for i, (surface, design, u) in enumerate(zip(surfaces, designs, usual, strict=True)):
            little = STEP * (flat[i] if u else 1.0)
            slope = (predict([f + little if i == j else f for j, f in enumerate(flat)]) - now) / little
            moves = values[i] if u else np.ones(surface.shape)
            linear.append(replace(surface, factor=slope, moves=moves))
            base += slope * (design @ (moves * found[i]).ravel())
        wanted = fit_surfaces(linear, seen.at, base + near, weight)
        found = [v + np.clip(new - v, -r, r) for v, new, r in zip(found, wanted, reach, strict=True)]
    return best, told


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
    return np.asarray(np.logaddexp(first_db * LOG_POWER_DB, second_db * LOG_POWER_DB) / LOG_POWER_DB)
