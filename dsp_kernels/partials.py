"""The partials of one voice over one stretch: levels on a line in dB, one glide of frequency for all."""

from __future__ import annotations

from dsp_kernels._jit import kernel
from dsp_kernels.bank import BEND, LEVEL, PHASE, SLOPE, STEP, add_steady_bank
from dsp_kernels.glide import add_gliding_bank

CYCLES, START, RELEASE, FLOOR, OCTAVE = range(5)  # rows of `sheet`
PARTIAL_ROWS = 5
EXCESS = PHASE  # row of `tones` that holds, at first, how far each is above its floor
GAIN, FALL, TILT, RATE = range(4)  # columns of `motion`
MOTIONS = 4
HIGHEST_CYCLES = 0.5  # cycles a sample: nothing sounds above half the sampling rate
STEADY_CYCLES = 1e-6  # a stretch whose rate changes by less in all bends no phase by more than 4e-7 rad


@kernel
def add_partials(out, before, after, span, sheet, motion, warp, tones, grid, spin):  # type: ignore[no-untyped-def]
    """Add a stretch of partials to `out` (n <= LONGEST, float32); return the loudest excess over its floor, nepers.

    `before`, `after` (P,) are levels in nepers at the frames around the stretch, which runs from `span[0]` to
    `span[1]` on the line through them (0 = before, 1 = after).
    `sheet` (5, P) holds cycles a sample, phase in cycles, release in nepers a sample, the level below
    which a partial is left out, and octaves above the fundamental. `motion` (2, 4), at both ends: gain in
    nepers, samples of damping so far, tilt in nepers an octave, and the rate all frequencies are multiplied by.
    `warp` is the integral of that rate so far, in samples. Overwrites `tones`, `grid`, `spin`.
    """
    n = len(out)
    count = 0
    loudest = -1e9
    rate = 0.5 * (motion[0, RATE] + motion[1, RATE])
    glides = abs(motion[1, RATE] - motion[0, RATE]) * n > STEADY_CYCLES
    top = max(motion[0, RATE], motion[1, RATE])
    for p in range(sheet.shape[1]):  # without branches, so that it becomes vectors
        start = before[p] + span[0] * (after[p] - before[p])
        end = before[p] + span[1] * (after[p] - before[p])
        start += motion[0, GAIN] + motion[0, TILT] * sheet[OCTAVE, p] - motion[0, FALL] * sheet[RELEASE, p]
        end += motion[1, GAIN] + motion[1, TILT] * sheet[OCTAVE, p] - motion[1, FALL] * sheet[RELEASE, p]
        tones[LEVEL, p] = start
        tones[SLOPE, p] = (end - start) / n
        tones[EXCESS, p] = max(start, end) - sheet[FLOOR, p]
    for p in range(sheet.shape[1]):
        if tones[EXCESS, p] < 0.0 or sheet[CYCLES, p] * top >= HIGHEST_CYCLES:
            continue
        loudest = max(loudest, tones[EXCESS, p])
        tones[LEVEL, count] = tones[LEVEL, p]
        tones[SLOPE, count] = tones[SLOPE, p]
        tones[PHASE, count] = sheet[START, p] + sheet[CYCLES, p] * warp
        tones[STEP, count] = sheet[CYCLES, p] * (motion[0, RATE] if glides else rate)
        tones[BEND, count] = sheet[CYCLES, p] * (motion[1, RATE] - motion[0, RATE]) / n
        count += 1
    if count > 0 and glides:
        add_gliding_bank(out, tones, count, grid)
    elif count > 0:
        add_steady_bank(out, tones, count, grid, spin)
    return loudest
