"""Banks of exponential sines over one stretch of samples: an outer product when steady, lanes when gliding."""

from __future__ import annotations

import numpy as np

from dsp_kernels._jit import kernel

LANE = 32  # samples in a row of the outer product; 16 and 64 are slower at 960 samples (0.15 ns against 0.13)
LONGEST = 1024  # samples in a stretch: 32 rows keep the float32 rotation below -120 dB
BATCH = 64  # sines in one matrix product: its factors stay in 32 KB of cache, and no BLAS splits it over cores
GRID = 4 * BATCH * LANE + LONGEST  # float32 numbers of work space
LEVEL, SLOPE, PHASE, STEP, BEND = range(5)  # rows of `tones`
TONE_ROWS = 5
SPIN_ROWS = 4
_TURN = 2.0 * np.pi


@kernel
def sine_of_turns(turns):  # type: ignore[no-untyped-def]
    """Return the sine of an angle in cycles, error below 1e-11; without calls, so that loops become vectors."""
    x = turns - np.floor(turns + 0.5)
    x = 0.5 - x if x > 0.25 else (-0.5 - x if x < -0.25 else x)
    y = x * _TURN
    q = y * y
    # Taylor series: below a quarter turn the first term left out is under 7e-12
    s = 1.0 / 6227020800.0 - q / 1307674368000.0
    s = 1.0 / 362880.0 - q * (1.0 / 39916800.0 - q * s)
    return y * (1.0 - q * (1.0 / 6.0 - q * (1.0 / 120.0 - q * (1.0 / 5040.0 - q * s))))


@kernel
def exponential(nepers):  # type: ignore[no-untyped-def]
    """Return exp(nepers), relative error below 1e-8 within -60..60, held outside; without calls."""
    y = min(max(nepers, -60.0), 60.0) / 256.0
    e = 1.0 / 24.0 + y * (1.0 / 120.0 + y * (1.0 / 720.0 + y * (1.0 / 5040.0 + y / 40320.0)))
    e = 1.0 + y * (1.0 + y * (0.5 + y * (1.0 / 6.0 + y * e)))
    for _ in range(8):
        e = e * e
    return e


@kernel
def add_steady_bank(out, tones, count, grid, spin):  # type: ignore[no-untyped-def]
    """Add `count` exponential sines to `out` (n <= LONGEST, float32).

    Tone p is exp(LEVEL + SLOPE n) sin(2 pi (PHASE + STEP n)): nepers, nepers a sample, cycles, cycles a
    sample, rows of `tones` (5, >= count, float64). With z = SLOPE + 2 pi i STEP and n = 32 r + j,
    exp(z n) = exp(32 z r) exp(z j), so all rows at once are one matrix product (identity; sgemm).
    `grid` (GRID, float32) and `spin` (4, BATCH, float64) are work space and overwritten.
    """
    rows = (len(out) + LANE - 1) // LANE
    for first in range(0, count, BATCH):
        _add_batch(out, tones, first, min(BATCH, count - first), rows, grid, spin)


@kernel
def _add_batch(out, tones, first, count, rows, grid, spin):  # type: ignore[no-untyped-def]
    level, slope = tones[LEVEL, first : first + count], tones[SLOPE, first : first + count]
    phase, step = tones[PHASE, first : first + count], tones[STEP, first : first + count]
    width = 2 * count
    left = grid[: rows * width].reshape(rows, width)
    right = grid[LANE * width : 2 * LANE * width].reshape(LANE, width)
    flat = grid[2 * LANE * width : 2 * LANE * width + rows * LANE]
    sine, cosine, turn_re, turn_im = spin[0], spin[1], spin[2], spin[3]
    for p in range(count):
        size = exponential(slope[p])
        turn_re[p] = size * sine_of_turns(step[p] + 0.25)
        turn_im[p] = size * sine_of_turns(step[p])
        cosine[p] = 1.0
        sine[p] = 0.0
    for j in range(LANE):
        row = right[j]
        for p in range(count):
            row[p] = cosine[p]
            row[count + p] = sine[p]
            ahead = cosine[p] * turn_re[p] - sine[p] * turn_im[p]
            sine[p] = cosine[p] * turn_im[p] + sine[p] * turn_re[p]
            cosine[p] = ahead
    for p in range(count):
        turn_re[p] = cosine[p]  # the rotation by a whole row is where the last lane ended
        turn_im[p] = sine[p]
        size = exponential(level[p])
        sine[p] = size * sine_of_turns(phase[p])
        cosine[p] = size * sine_of_turns(phase[p] + 0.25)
    for r in range(rows):
        row = left[r]
        for p in range(count):
            row[p] = sine[p]
            row[count + p] = cosine[p]
            ahead = sine[p] * turn_re[p] + cosine[p] * turn_im[p]
            cosine[p] = cosine[p] * turn_re[p] - sine[p] * turn_im[p]
            sine[p] = ahead
    np.dot(left, right.T, flat.reshape(rows, LANE))
    for k in range(len(out)):
        out[k] += flat[k]


@kernel
def add_gliding_bank(out, tones, count, grid):  # type: ignore[no-untyped-def]
    """Add `count` exponential sines with gliding frequency to `out` (n <= LONGEST, float32).

    As the steady bank, with phase PHASE + STEP n + BEND n^2 / 2 cycles. With n = 32 r + j the square holds
    a cross term 32 r j BEND: lane j turns by its own fixed angle from row to row, which the row's start,
    exact in float64, multiplies (identity). Only how far a lane has turned away from the first row is carried on:
    a turn far smaller than a bit of the lane itself would be rounded away. `grid` (GRID, float32) is
    work space and overwritten.
    """
    n = len(out)
    rows = (n + LANE - 1) // LANE
    base_re, base_im = grid[:LANE], grid[LANE : 2 * LANE]
    turn_re, turn_im = grid[2 * LANE : 3 * LANE], grid[3 * LANE : 4 * LANE]
    first_re, first_im = grid[4 * LANE : 5 * LANE], grid[5 * LANE : 6 * LANE]
    away_re, away_im = grid[6 * LANE : 7 * LANE], grid[7 * LANE : 8 * LANE]
    sine, cosine = grid[8 * LANE : 9 * LANE], grid[9 * LANE : 10 * LANE]  # LONGEST has 32 rows
    flat = grid[10 * LANE : (10 + rows) * LANE]
    flat[:] = 0.0
    for p in range(count - 1, -1, -1):  # high tones, mostly the weaker, first: sums of them round less
        step, bend, slope = tones[STEP, p], tones[BEND, p], tones[SLOPE, p]
        level, phase = tones[LEVEL, p], tones[PHASE, p]
        for j in range(LANE):
            size = exponential(slope * j)
            cross = bend * (LANE * j)
            angle = step * j + 0.5 * bend * (j * j)
            base_re[j] = size * sine_of_turns(angle + 0.25)
            base_im[j] = size * sine_of_turns(angle)
            turn_re[j] = sine_of_turns(cross + 0.25)
            turn_im[j] = sine_of_turns(cross)
            half = sine_of_turns(0.5 * cross)
            less = -2.0 * half * half  # cos - 1, in full precision where the turn is small
            first_re[j] = base_re[j] * less - base_im[j] * turn_im[j]
            first_im[j] = base_re[j] * turn_im[j] + base_im[j] * less
        for r in range(rows):
            at = float(r * LANE)
            size = exponential(level + slope * at)
            angle = phase + (step + 0.5 * bend * at) * at
            sine[r] = size * sine_of_turns(angle)
            cosine[r] = size * sine_of_turns(angle + 0.25)
        away_re[:] = 0.0
        away_im[:] = 0.0
        for r in range(rows):
            from_re, from_im = cosine[r], sine[r]
            row = flat[r * LANE : (r + 1) * LANE]
            for j in range(LANE):
                re, im = away_re[j], away_im[j]
                row[j] += from_im * (base_re[j] + re) + from_re * (base_im[j] + im)
                away_re[j] = first_re[j] + re * turn_re[j] - im * turn_im[j]
                away_im[j] = first_im[j] + re * turn_im[j] + im * turn_re[j]
    for k in range(n):
        out[k] += flat[k]
