"""Many voices over one block: one call, without Python in between, by each thread that takes part."""

from __future__ import annotations

import numba
import numpy as np

from dsp_kernels._jit import kernel
from dsp_kernels._shared import pointer, take_turn
from dsp_kernels.bank import LONGEST
from dsp_kernels.frames import STATE
from dsp_kernels.modes import MODE_ROWS
from dsp_kernels.noise import NOISE_ROWS, TABLE
from dsp_kernels.orders import perform
from dsp_kernels.partials import PARTIAL_ROWS

# Columns of the table of voices (V, COLUMNS, int64): where the arrays that `frames.run` takes lie in memory, ...
STATES, AHEAD, FRAMES, RATES, LEVELS, BANDS, PARTIALS, NOISE, MODES, TABLES, LOOPS = range(11)
# ... their sizes, the frames at which modes start and after which it may end, and what holds for the block alone:
# the sample at which the voice begins, and its rows of `orders`.
FRAME_COUNT, PARTIAL_COUNT, BAND_COUNT, MODE_COUNT, STRIKE, QUIET, START, ORDER, ORDER_STOP = range(11, 20)
COLUMNS = 20
PART = 4096  # samples that a thread sums at a time


@kernel
def tell(row, curves, sheets, noise, strike, quiet):  # type: ignore[no-untyped-def]
    """Write what `row` (COLUMNS,) says of a layout, whose arrays, whole in memory, must outlive it.

    Arguments as `frames.run` takes them; the columns of a player and of a block stay as they are.
    """
    frames, rates, levels, bands = curves
    partials, noise_sheet, modes = sheets
    row[FRAMES], row[RATES] = frames.ctypes.data, rates.ctypes.data
    row[LEVELS], row[BANDS] = levels.ctypes.data, bands.ctypes.data
    row[PARTIALS], row[NOISE], row[MODES] = partials.ctypes.data, noise_sheet.ctypes.data, modes.ctypes.data
    row[TABLES], row[LOOPS] = noise[0].ctypes.data, noise[1].ctypes.data
    row[FRAME_COUNT], row[PARTIAL_COUNT] = len(frames), partials.shape[1]
    row[BAND_COUNT], row[MODE_COUNT] = noise_sheet.shape[1], modes.shape[1]
    row[STRIKE], row[QUIET] = strike, quiet


@kernel
def play_groups(rows, edges, turn, voices, orders, work):  # type: ignore[no-untyped-def]
    """Write the sum of each group of voices into its row of `rows` (G, n, float32).

    Group g holds the voices `edges[g]` to `edges[g + 1]` of `voices` (V, COLUMNS, int64); `orders` (K, 6) are those of
    all, as `perform` takes them. Threads that call with the same `turn` (1, int64), 0 at first, share the groups:
    which of them renders a group changes no sample. `work`: span, motion, tones, grid, spin; one of each a thread.
    """
    while True:
        group = take_turn(turn)
        if group >= len(edges) - 1:
            return
        row = rows[group]
        row[:] = 0.0
        for v in range(edges[group], edges[group + 1]):
            _add_voice(row, voices[v], orders, work)


@kernel
def sum_rows(out, rows, turn):  # type: ignore[no-untyped-def]
    """Add all `rows` (G, n) to `out` (n, float32), the first row first; threads share the work as in `play_groups`."""
    while True:
        begin = PART * take_turn(turn)
        if begin >= len(out):
            return
        part = out[begin : begin + PART]
        for g in range(len(rows)):
            row = rows[g, begin : begin + PART]
            for k in range(len(part)):
                part[k] += row[k]


@kernel
def _add_voice(row, voice, orders, work):  # type: ignore[no-untyped-def]
    """Add one voice to `row`; the arrays of `voice` are read where they lie."""
    span, motion, tones, grid, spin = work
    frames, partials, bands, modes = voice[FRAME_COUNT], voice[PARTIAL_COUNT], voice[BAND_COUNT], voice[MODE_COUNT]
    curves = (
        numba.carray(pointer(voice[FRAMES]), (frames,), np.int64),
        numba.carray(pointer(voice[RATES]), (frames,), np.float64),
        numba.carray(pointer(voice[LEVELS]), (frames, partials), np.float32),
        numba.carray(pointer(voice[BANDS]), (frames, bands), np.float32),
    )
    sheets = (
        numba.carray(pointer(voice[PARTIALS]), (PARTIAL_ROWS, partials), np.float64),
        numba.carray(pointer(voice[NOISE]), (NOISE_ROWS, bands), np.float64),
        numba.carray(pointer(voice[MODES]), (MODE_ROWS, modes), np.float64),
    )
    noise = (
        numba.carray(pointer(voice[TABLES]), (bands, TABLE + LONGEST), np.int16),
        numba.carray(pointer(voice[LOOPS]), (bands,), np.int64),
    )
    states = numba.carray(pointer(voice[STATES]), (1,), STATE)
    ahead = numba.carray(pointer(voice[AHEAD]), (LONGEST,), np.float32)
    due = orders[voice[ORDER] : voice[ORDER_STOP]]
    space = (ahead, span, motion, tones, grid, spin)
    perform(row[voice[START] :], states, due, curves, sheets, voice[STRIKE], voice[QUIET], noise, space)
