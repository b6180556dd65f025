"""A bank of steady exponential sines over one stretch of samples, as an outer product in float32."""

from __future__ import annotations

import numpy as np

from dsp_kernels._jit import kernel
from dsp_kernels.functions import exponential, sine_of_turns

LANE = 32  # samples in a row of the outer product; 16 and 64 are slower at 960 samples (0.15 ns against 0.13)
LONGEST = 1024  # samples in a stretch: 32 rows keep the float32 rotation below -120 dB
BATCH = 64  # sines in one matrix product: its factors stay in 32 KB of cache, and no BLAS splits it over cores
GRID = 4 * BATCH * LANE + LONGEST + 2 * BATCH  # float32 numbers of work space
SEED = LANE // 4  # rows of the factors made one after the other in float64; the others are these, turned, in float32
LEVEL, SLOPE, PHASE, STEP, BEND = range(5)  # rows of `tones`
TONE_ROWS = 5
SPIN_ROWS = 4


@kernel
def add_steady_bank(out, tones, count, grid, spin):  # type: ignore[no-untyped-def]
    """Add `count` exponential sines to `out` (n <= LONGEST, float32).

    Tone p is exp(LEVEL + SLOPE n) sin(2 pi (PHASE + STEP n)): nepers, nepers a sample, cycles, cycles a
    sample, rows of `tones` (5, >= count, float64). With z = SLOPE + 2 pi i STEP and n = 32 r + j,
    exp(z n) = exp(32 z r) exp(z j), so all rows at once are one matrix product (identity; sgemm). Short
    stretches have rows of 16 or 8.
    `grid` (GRID, float32) and `spin` (4, BATCH, float64) are work space and overwritten.
    """
    lane = LANE if len(out) > LANE * LANE // 4 else (LANE // 2 if len(out) > LANE * LANE // 16 else LANE // 4)
    for first in range(0, count, BATCH):
        _add_batch(out, tones, first, min(BATCH, count - first), lane, grid, spin)


@kernel
def _add_batch(out, tones, first, count, lane, grid, spin):  # type: ignore[no-untyped-def]
    level, slope = tones[LEVEL, first : first + count], tones[SLOPE, first : first + count]
    phase, step = tones[PHASE, first : first + count], tones[STEP, first : first + count]
    width = 2 * count
    rows = (len(out) + lane - 1) // lane
    left = grid[: rows * width].reshape(rows, width)
    right = grid[LANE * width : (LANE + lane) * width].reshape(lane, width)
    flat = grid[2 * LANE * width : 2 * LANE * width + rows * lane]
    step_re, step_im = grid[len(grid) - 2 * BATCH : len(grid) - BATCH], grid[len(grid) - BATCH :]
    sine, cosine, turn_re, turn_im = spin[0], spin[1], spin[2], spin[3]
    for p in range(count):
        size = exponential(slope[p])
        turn_re[p] = size * sine_of_turns(step[p] + 0.25)
        turn_im[p] = size * sine_of_turns(step[p])
        cosine[p] = 1.0
        sine[p] = 0.0
    for j in range(SEED):
        row = right[j]
        for p in range(count):
            row[p] = cosine[p]
            row[count + p] = sine[p]
            ahead = cosine[p] * turn_re[p] - sine[p] * turn_im[p]
            sine[p] = cosine[p] * turn_im[p] + sine[p] * turn_re[p]
            cosine[p] = ahead
    for p in range(count):
        step_re[p], step_im[p] = cosine[p], sine[p]
    for j in range(SEED, lane):
        _turn_row(right[j], right[j - SEED], step_re, step_im, count)
    for p in range(count):
        size = exponential(lane * slope[p])
        turn_re[p] = size * sine_of_turns(lane * step[p] + 0.25)
        turn_im[p] = size * sine_of_turns(lane * step[p])
        size = exponential(level[p])
        cosine[p] = size * sine_of_turns(phase[p])  # the sine of the tone is the real part of its row, times -i
        sine[p] = -size * sine_of_turns(phase[p] + 0.25)
    for r in range(min(SEED, rows)):
        row = left[r]
        for p in range(count):
            row[p] = cosine[p]
            row[count + p] = -sine[p]
            ahead = cosine[p] * turn_re[p] - sine[p] * turn_im[p]
            sine[p] = cosine[p] * turn_im[p] + sine[p] * turn_re[p]
            cosine[p] = ahead
    if rows > SEED:
        for p in range(count):
            size = exponential(SEED * lane * slope[p])
            step_re[p] = size * sine_of_turns(SEED * lane * step[p] + 0.25)
            step_im[p] = -size * sine_of_turns(SEED * lane * step[p])  # the lower half of a row is conjugate
        for r in range(SEED, rows):
            _turn_row(left[r], left[r - SEED], step_re, step_im, count)
    np.dot(left, right.T, flat.reshape(rows, lane))
    for k in range(len(out)):
        out[k] += flat[k]


@kernel
def _turn_row(out, row, step_re, step_im, count):  # type: ignore[no-untyped-def]
    for p in range(count):
        out[p] = row[p] * step_re[p] - row[count + p] * step_im[p]
        out[count + p] = row[p] * step_im[p] + row[count + p] * step_re[p]
