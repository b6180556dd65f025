"""Penalised least squares for laws: tensors of values at knots, smooth along each axis, in closed form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray
from scipy.sparse.linalg import splu

from backtune.analysis.observations import Observations
from backtune.analysis.together import louder_db, sharing
from backtune.axes import AXES, tensor_weights

Floats = NDArray[np.float64]

HIDDEN_ROUNDS = 3
ROBUST_ROUNDS = 5  # what single notes do has lost its hold on the law by then
RIDGE = 1e-3  # pull of every value towards 0, in observations of full weight: only what no data tells


@dataclass(frozen=True)
class Surface:
    """One unknown tensor in a sum: values on `knots` over `axes`, linear between them on the warped axes.

    - `smoothness`: one number an axis; 1 weighs a bend (second difference) like one observation of full weight.
    - `ridge`: pull towards 0 in observations of full weight. `factor` (N,): multiplies the surface in each
      observation (time, for a slope); None = 1.
    - `by_notes`: the first axis is pitch and each observation counts for its own note alone.
    - `moves` (as `shape`): by how much each value at its knot moves for one step of its unknown; None = 1.
    """

    axes: tuple[str, ...]
    knots: tuple[Floats, ...]
    smoothness: tuple[float, ...]
    ridge: float = RIDGE
    factor: Floats | None = None
    by_notes: bool = False
    moves: Floats | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of knots along each axis."""
        return tuple(len(k) for k in self.knots)

    def design(self, at: Mapping[str, Floats], count: int) -> sparse.csr_matrix:
        """Return the (N, values) matrix that maps the flattened tensor to the observations at coordinates `at`."""
        index, weight = tensor_weights(self.axes, self.knots, self.by_notes, at, count)
        if self.factor is not None:
            weight = weight * self.factor[:, None]
        if self.moves is not None:
            weight = weight * self.moves.ravel()[index]
        width = index.shape[1]
        pointer = np.arange(0, count * width + 1, width)
        size = int(np.prod(self.shape))
        return sparse.csr_matrix((weight.ravel(), index.ravel(), pointer), shape=(count, size))

    def penalty(self) -> sparse.csr_matrix:
        """Return the (values, values) matrix of squared bends along all axes, plus the ridge."""
        size = int(np.prod(self.shape))
        total = sparse.eye(size, format="csr") * self.ridge
        for position, (axis, knots, amount) in enumerate(zip(self.axes, self.knots, self.smoothness, strict=True)):
            if amount <= 0 or len(knots) < 2:
                continue
            before, after = int(np.prod(self.shape[:position])), int(np.prod(self.shape[position + 1 :]))
            bends = _bends(np.asarray(AXES[axis](knots))) * np.sqrt(amount)
            total = total + sparse.kron(sparse.kron(sparse.eye(before), bends.T @ bends), sparse.eye(after))
        return total.tocsr()


def _bends(k: Floats) -> sparse.csr_matrix:
    """Return the second differences on uneven knots, scaled so that even knots give 1, -2, 1.

    Two knots have no bend: their difference is held with a tenth of the force instead.
    """
    if len(k) == 2:
        return sparse.csr_matrix(np.array([[-0.3, 0.3]]))
    gap = np.diff(k)
    mean = gap.mean()
    rows = np.arange(len(k) - 2)
    scale = 2 * mean / (gap[:-1] + gap[1:])
    left, right = scale * mean / gap[:-1], scale * mean / gap[1:]
    data = np.concatenate([left, -(left + right), right])
    return sparse.csr_matrix(
        (data, (np.tile(rows, 3), np.concatenate([rows, rows + 1, rows + 2]))), shape=(len(rows), len(k))
    )


def fit_surfaces(surfaces: Sequence[Surface], at: Mapping[str, Floats], target: Floats, weight: Floats) -> list[Floats]:
    """Return the tensors whose sum comes nearest to `target` (N,), weighted by `weight` (N,), smooth as asked.

    `at` maps axis names to coordinates (N,). One sparse factorisation of the normal equations, so the
    answer is exact and the same every time.
    """
    design = _design(surfaces, at, len(target))
    return _split(surfaces, _solve(_penalty(surfaces), design, target, weight))


def fit_levels(
    surfaces: Sequence[Surface], seen: Observations, own_db: Floats | float = 0.0, usual_db: float | None = None
) -> list[Floats]:
    """Return the tensors whose sum comes nearest to what is missing when `own_db` (N,) is taken out of the render.

    Levels that the recording's floor hides count only where the sum would stick out of it: three
    rounds, since that depends on the sum. What misses the sum by more than `usual_db` counts in proportion to its
    distance, not to the square of that (Huber 1964), so that notes unlike all others do not bend a law; None = never.
    Overtones that share an ear band are fitted by their power, what stands alone by its level (held-out notes of four
    instruments came 0.01 to 0.04 dB nearer at unheard dynamics).
    """
    design, penalty = _design(surfaces, seen.at, len(seen.measured_db)), _penalty(surfaces)
    target = seen.missing_db + own_db
    weight = seen.weight_given()
    values, band, louder = np.zeros(design.shape[1]), sharing(seen), np.zeros(len(target))
    for _ in range(HIDDEN_ROUNDS if usual_db is None else ROBUST_ROUNDS):
        values = _solve(penalty, design, target + louder, weight)
        found = design @ values
        if band is not None:
            louder = louder_db(band, target - found, seen.hidden)
        weight = seen.weight_given(found - own_db)
        if usual_db is not None:
            weight = weight * held_back(target - found, usual_db)
    return _split(surfaces, values)


def summed(surfaces: Sequence[Surface], values: Sequence[Floats], seen: Observations) -> Floats:
    """Return what the tensors of some surfaces add up to at each observation, (N,)."""
    count = len(seen.measured_db)
    return np.asarray(sum(s.design(seen.at, count) @ v.ravel() for s, v in zip(surfaces, values, strict=True)))


def held_back(error: Floats, usual: float) -> Floats:
    """Return the weights (N,) by which errors beyond what is usual count by size, not by its square (Huber 1964)."""
    return np.asarray(np.minimum(1.0, usual / np.maximum(np.abs(error), 1e-9)))


def _design(surfaces: Sequence[Surface], at: Mapping[str, Floats], count: int) -> sparse.csr_matrix:
    return sparse.hstack([s.design(at, count) for s in surfaces], format="csr")


def _penalty(surfaces: Sequence[Surface]) -> sparse.csc_matrix:
    return sparse.block_diag([s.penalty() for s in surfaces], format="csc")


def _solve(penalty: sparse.csc_matrix, design: sparse.csr_matrix, target: Floats, weight: Floats) -> Floats:
    normal = (design.T @ design.multiply(weight[:, None])).tocsc() + penalty
    return np.asarray(splu(normal).solve(design.T @ (weight * target)))


def _split(surfaces: Sequence[Surface], values: Floats) -> list[Floats]:
    sizes = np.cumsum([int(np.prod(s.shape)) for s in surfaces])[:-1]
    return [v.reshape(s.shape) for v, s in zip(np.split(values, sizes), surfaces, strict=True)]
