"""A bank of steady exponential sines over one stretch of samples, as an outer product in float32."""

from __future__ import annotations

import numpy as np

from dsp_kernels._jit import kernel
from dsp_kernels.functions import exponential, sine_of_turns

ROWS = 32  # of the outer product, at most
LANE = 64  # samples in a row, at most: the fewer rows and samples a row together, the cheaper their factors
LONGEST = ROWS * LANE  # samples in a stretch
BATCH = 64  # sines in one matrix product: its factors stay in 32 KB of cache, and no BLAS splits it over cores
GRID = 2 * BATCH * (ROWS + LANE) + LONGEST + 2 * BATCH  # float32 numbers of work space
SEED = 8  # rows of the factors made one after the other in float64; the others are these, turned, in float32
LEVEL, SLOPE, PHASE, STEP, BEND = range(5)  # rows of `tones`
TONE_ROWS = 5
SPIN_ROWS = 6


@kernel
def add_steady_bank(out, tones, count, grid, spin):  # type: ignore[no-untyped-def]
    """Add `count` exponential sines to `out` (n <= LONGEST, float32).

    Tone p is exp(LEVEL + SLOPE n) sin(2 pi (PHASE + STEP n)): nepers, nepers a sample, cycles, cycles a
    sample, rows of `tones` (5, >= count, float64). With z = SLOPE + 2 pi i STEP and n = 64 r + j,
    exp(z n) = exp(64 z r) exp(z j), so all rows at once are one matrix product (identity; sgemm). Short
    stretches have shorter rows.
    `grid` (GRID, float32) and `spin` (6, BATCH, float64) are work space and overwritten.
    """
    lane = LANE
    while lane > SEED and len(out) <= lane * lane // 4:
        lane //= 2
    for first in range(0, count, BATCH):
        _add_batch(out, tones, first, min(BATCH, count - first), lane, grid, spin)


@kernel
def _add_batch(out, tones, first, count, lane, grid, spin):  # type: ignore[no-untyped-def]
    level, slope = tones[LEVEL, first : first + count], tones[SLOPE, first : first + count]
    phase, step = tones[PHASE, first : first + count], tones[STEP, first : first + count]
    width = 2 * count
    rows = (len(out) + lane - 1) // lane
    left = grid[: rows * width].reshape(rows, width)
    right = grid[ROWS * width : (ROWS + lane) * width].reshape(lane, width)
    flat = grid[(ROWS + LANE) * width : (ROWS + LANE) * width + rows * lane]
    jump = grid[len(grid) - 2 * BATCH :]
    for p in range(count):
        spin[0, p], spin[1, p] = 1.0, 0.0
    _polar(spin[2], spin[3], slope, step, 1.0, 0.0)
    _polar(spin[4], spin[5], slope, step, float(SEED), 0.0)
    _fill(right, spin, jump, 1.0)
    _polar(spin[0], spin[1], level, phase, 1.0, -0.25)  # the sine of a tone is the real part of its row times -i
    _polar(spin[2], spin[3], slope, step, float(lane), 0.0)
    _polar(spin[4], spin[5], slope, step, float(SEED * lane), 0.0)
    _fill(left, spin, jump, -1.0)
    np.dot(left, right.T, flat.reshape(rows, lane))
    for k in range(len(out)):
        out[k] += flat[k]


@kernel
def _polar(re, im, nepers, cycles, times, shift):  # type: ignore[no-untyped-def]
    """Write exp(times (nepers + 2 pi i cycles) + 2 pi i shift) into `re`, `im`."""
    for p in range(len(nepers)):
        size = exponential(times * nepers[p])
        re[p] = size * sine_of_turns(times * cycles[p] + (shift + 0.25))
        im[p] = size * sine_of_turns(times * cycles[p] + shift)


@kernel
def _fill(rows, spin, jump, sign):  # type: ignore[no-untyped-def]
    """Write into each row, as (real | sign * imaginary), the numbers spin[0:2], turned by spin[2:4] from row to row.

    The first SEED rows are made in float64, the others by turning those by spin[4:6], in float32.
    """
    count = rows.shape[1] // 2
    re, im, turn_re, turn_im = spin[0], spin[1], spin[2], spin[3]
    for r in range(min(SEED, len(rows))):
        row = rows[r]
        for p in range(count):
            row[p] = re[p]
            row[count + p] = sign * im[p]
            ahead = re[p] * turn_re[p] - im[p] * turn_im[p]
            im[p] = re[p] * turn_im[p] + im[p] * turn_re[p]
            re[p] = ahead
    jump_re, jump_im = jump[:BATCH], jump[BATCH:]
    for p in range(count):
        jump_re[p] = spin[4, p]
        jump_im[p] = sign * spin[5, p]
    for r in range(SEED, len(rows)):
        row, seed = rows[r], rows[r - SEED]
        for p in range(count):
            row[p] = seed[p] * jump_re[p] - seed[count + p] * jump_im[p]
            row[count + p] = seed[p] * jump_im[p] + seed[count + p] * jump_re[p]
