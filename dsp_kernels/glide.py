"""A bank of exponential sines whose frequencies glide, over one stretch of samples, in float32."""

from __future__ import annotations

from dsp_kernels._jit import kernel
from dsp_kernels.bank import BEND, LEVEL, PHASE, SLOPE, STEP
from dsp_kernels.functions import exponential, sine_of_turns

LANE = 32  # samples in a row
PART = LANE * LANE  # samples made at a time: more than 32 rows would turn a lane too far for float32


@kernel
def add_gliding_bank(out, tones, count, grid):  # type: ignore[no-untyped-def]
    """Add `count` exponential sines with gliding frequency to `out` (n <= LONGEST, float32).

    As the steady bank, with phase PHASE + STEP n + BEND n^2 / 2 cycles. With n = 32 r + j the square holds
    a cross term 32 r j BEND: lane j turns by its own fixed angle from row to row, which the row's start,
    exact in float64, multiplies (identity). Only how far a lane has turned away from the first row is carried on:
    a turn far smaller than a bit of the lane itself would be rounded away. `grid` (GRID, float32) is
    work space and overwritten.
    """
    for first in range(0, len(out), PART):
        _add_part(out[first : first + PART], tones, count, float(first), grid)


@kernel
def _add_part(out, tones, count, first, grid):  # type: ignore[no-untyped-def]
    n = len(out)
    rows = (n + LANE - 1) // LANE
    base_re, base_im = grid[:LANE], grid[LANE : 2 * LANE]
    turn_re, turn_im = grid[2 * LANE : 3 * LANE], grid[3 * LANE : 4 * LANE]
    first_re, first_im = grid[4 * LANE : 5 * LANE], grid[5 * LANE : 6 * LANE]
    away_re, away_im = grid[6 * LANE : 7 * LANE], grid[7 * LANE : 8 * LANE]
    sine, cosine = grid[8 * LANE : 9 * LANE], grid[9 * LANE : 10 * LANE]
    flat = grid[10 * LANE : (10 + rows) * LANE]
    flat[:] = 0.0
    for p in range(count - 1, -1, -1):  # high tones, mostly the weaker, first: sums of them round less
        bend, slope = tones[BEND, p], tones[SLOPE, p]
        step = tones[STEP, p] + bend * first
        level = tones[LEVEL, p] + slope * first
        phase = tones[PHASE, p] + (tones[STEP, p] + 0.5 * bend * first) * first
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
