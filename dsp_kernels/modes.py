"""Modes of one voice over one stretch: damped sines struck once, at frequencies that nothing bends."""

from __future__ import annotations

from dsp_kernels._jit import kernel
from dsp_kernels.bank import LEVEL, PHASE, SLOPE, STEP, add_steady_bank
from dsp_kernels.partials import FALL, GAIN, HIGHEST_CYCLES

MODE_CYCLES, MODE_LEVEL, MODE_DECAY, MODE_RELEASE, MODE_FLOOR = range(5)  # rows of `sheet`
MODE_ROWS = 5


@kernel
def add_modes(out, sheet, motion, since, tones, grid, spin):  # type: ignore[no-untyped-def]
    """Add a stretch of modes to `out` (n <= LONGEST, float32); return the loudest excess over its floor, nepers.

    `sheet` (5, M) holds cycles a sample, level at the strike in nepers, decay and release in nepers a sample,
    and the level below which a mode is left out. `since` is how many samples ago they were struck, each at
    sine phase 0. `motion` as for partials. Overwrites `tones`, `grid`, `spin`.
    """
    n = len(out)
    count = 0
    loudest = -1e9
    for m in range(sheet.shape[1]):
        start = sheet[MODE_LEVEL, m] - sheet[MODE_DECAY, m] * since
        end = start - sheet[MODE_DECAY, m] * n
        start += motion[0, GAIN] - motion[0, FALL] * sheet[MODE_RELEASE, m]
        end += motion[1, GAIN] - motion[1, FALL] * sheet[MODE_RELEASE, m]
        excess = max(start, end) - sheet[MODE_FLOOR, m]
        if excess < 0.0 or sheet[MODE_CYCLES, m] >= HIGHEST_CYCLES:
            continue
        loudest = max(loudest, excess)
        tones[LEVEL, count] = start
        tones[SLOPE, count] = (end - start) / n
        tones[PHASE, count] = sheet[MODE_CYCLES, m] * since
        tones[STEP, count] = sheet[MODE_CYCLES, m]
        count += 1
    if count > 0:
        add_steady_bank(out, tones, count, grid, spin)
    return loudest
