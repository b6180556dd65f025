"""Penalised least squares for laws: tensors of values at knots, smooth along each axis, in closed form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray
from scipy.sparse.linalg import splu

from backtune.law import AXES

Floats = NDArray[np.float64]

RIDGE = 1e-3  # pull of every value towards 0, in observations of full weight: only what no data tells


@dataclass(frozen=True)
class Surface:
    """One unknown tensor in a sum: values on `knots` over `axes`, linear between them on the warped axes.

    - `smoothness`: one number an axis; 1 weighs a bend (second difference) like one observation of full weight.
    - `ridge`: pull towards 0 in observations of full weight. `factor` (N,): multiplies the surface in each
      observation (time, for a slope); None = 1.
    - `exact_pitch`: the first axis is pitch and each observation counts for its own pitch alone.
    """

    axes: tuple[str, ...]
    knots: tuple[Floats, ...]
    smoothness: tuple[float, ...]
    ridge: float = RIDGE
    factor: Floats | None = None
    exact_pitch: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of knots along each axis."""
        return tuple(len(k) for k in self.knots)

    def design(self, at: Mapping[str, Floats], count: int) -> sparse.csr_matrix:
        """Return the (N, values) matrix that maps the flattened tensor to the observations at coordinates `at`."""
        index = np.zeros((count, 1), np.int64)
        weight = np.ones((count, 1))
        for position, (axis, knots) in enumerate(zip(self.axes, self.knots, strict=True)):
            if self.exact_pitch and position == 0:
                near = np.argmin(np.abs(at[axis][:, None] - knots), axis=1)
                i, w = near[:, None], (np.abs(knots[near] - at[axis]) < 0.5).astype(float)[:, None]
            else:
                i, w = _hats(axis, knots, at[axis])
            index = (index[:, :, None] * len(knots) + i[:, None, :]).reshape(count, -1)
            weight = (weight[:, :, None] * w[:, None, :]).reshape(count, -1)
        if self.factor is not None:
            weight = weight * self.factor[:, None]
        width = index.shape[1]
        pointer = np.arange(0, count * width + 1, width)
        size = int(np.prod(self.shape)) if self.shape else 1
        return sparse.csr_matrix((weight.ravel(), index.ravel(), pointer), shape=(count, size))

    def penalty(self) -> sparse.csr_matrix:
        """Return the (values, values) matrix of squared bends along all axes, plus the ridge."""
        size = int(np.prod(self.shape)) if self.shape else 1
        total = sparse.eye(size, format="csr") * self.ridge
        for position, (axis, knots, amount) in enumerate(zip(self.axes, self.knots, self.smoothness, strict=True)):
            if amount <= 0 or len(knots) < 2:
                continue
            before, after = int(np.prod(self.shape[:position])), int(np.prod(self.shape[position + 1 :]))
            bends = _bends(np.asarray(AXES[axis](knots))) * np.sqrt(amount)
            total = total + sparse.kron(sparse.kron(sparse.eye(before), bends.T @ bends), sparse.eye(after))
        return total.tocsr()


def _hats(axis: str, knots: Floats, x: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Return the one or two knots around each coordinate, (N, 2), and their shares."""
    if len(knots) == 1:
        return np.zeros((len(x), 1), np.int64), np.ones((len(x), 1))
    warp = AXES[axis]
    k = np.asarray(warp(knots))
    at = np.clip(warp(x), k[0], k[-1])
    right = np.clip(np.searchsorted(k, at, side="right"), 1, len(k) - 1)
    share = (at - k[right - 1]) / (k[right] - k[right - 1])
    return np.stack([right - 1, right], axis=1), np.stack([1 - share, share], axis=1)


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


def fit_surfaces(
    surfaces: Sequence[Surface], at: Mapping[str, Floats], target: Floats, weight: Floats
) -> list[Floats]:
    """Return the tensors whose sum comes nearest to `target` (N,), weighted by `weight` (N,), smooth as asked.

    `at` maps axis names to coordinates (N,). One sparse Cholesky-like factorisation (SuperLU) of the normal
    equations, so the answer is exact and the same every time.
    """
    design = sparse.hstack([s.design(at, len(target)) for s in surfaces], format="csr")
    normal = (design.T @ design.multiply(weight[:, None])).tocsc()
    normal = normal + sparse.block_diag([s.penalty() for s in surfaces], format="csc")
    values = splu(normal).solve(design.T @ (weight * target))
    sizes = np.cumsum([int(np.prod(s.shape)) if s.shape else 1 for s in surfaces])[:-1]
    return [v.reshape(s.shape) for v, s in zip(np.split(values, sizes), surfaces, strict=True)]
