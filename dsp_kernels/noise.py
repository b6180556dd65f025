"""Noise bands of one voice over one stretch: long looped tables of band noise under a moving level."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsp_kernels._jit import kernel
from dsp_kernels.bank import LEVEL, LONGEST, SLOPE, TONE_ROWS
from dsp_kernels.partials import FALL, GAIN

NOISE_RELEASE, NOISE_FLOOR, NOISE_OFFSET = range(3)  # rows of `sheet`
NOISE_ROWS = 3
EXCESS, BAND, PLACE = range(2, TONE_ROWS)  # rows of `tones` beside level and slope
TABLE = 1 << 17  # samples, 2.7 s at 48 kHz: longer than a repetition of noise can be heard
HIGHEST = 32767  # steps: samples take two bytes, for what costs most in noise is to fetch it from memory
STEP = 6.0 / HIGHEST  # amplitude: Gaussian noise reaches 6 once in years; the rounding is 85 dB below the band
GENTLE = 0.05  # nepers: half of a change of level that a polynomial of third order follows within 3e-7
LEVEL_ENOUGH = 1e-12  # nepers a sample: less changes nothing, but its square would be a denormal number
STRAIGHT = 1e-5  # nepers a sample: what is less steep has a third power below -130 dB, and denormal
CLOCK = np.arange(LONGEST, dtype=np.float32)
LOOP_STEP = 512  # samples by which the loops of neighbouring bands differ: all together repeat after years


def band_tables(edges_hz: NDArray[np.float64], rate: float, seed: int) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    """Return looped Gaussian noise of unit mean square in steps of STEP: (B, TABLE + LONGEST), loop lengths (B,).

    `edges_hz` (B + 1,) are the band edges. Each row is drawn in the frequency domain, all bins of the
    band alike, and repeats itself after its loop. A band above half the rate is silent.
    """
    bands = len(edges_hz) - 1
    tables = np.zeros((bands, TABLE + LONGEST), np.int16)
    loops = TABLE - LOOP_STEP * np.arange(bands, dtype=np.int64) % (TABLE // 2)
    for b in range(bands):
        n = int(loops[b])
        low, high = np.ceil(edges_hz[b : b + 2] * n / rate).astype(int)
        high = min(max(high, low + 1), n // 2)  # a band narrower than a bin still holds one
        if low >= high:
            continue
        random = np.random.default_rng((seed, b))
        spectrum = np.zeros(n // 2 + 1, complex)
        spectrum[low:high] = random.normal(size=high - low) + 1j * random.normal(size=high - low)
        row = np.fft.irfft(spectrum, n)
        row /= np.sqrt(np.mean(row**2)) * STEP
        tables[b] = np.resize(np.round(np.clip(row, -HIGHEST, HIGHEST)), tables.shape[1])
    return tables, loops


@kernel
def add_noise(out, before, after, span, sheet, motion, position, tables, loops, tones):  # type: ignore[no-untyped-def]
    """Add a stretch of noise bands to `out` (n, float32); return the loudest excess over its floor, nepers.

    Levels as for partials, (B,). `sheet` (3, B) holds release in nepers a sample, the level below which a
    band is left out, and where in its table the voice starts. `position` is the sample of the voice at which the
    stretch starts. `tables`, `loops` are those of `band_tables`. Overwrites `tones` (at least B + 1 wide).
    """
    n = len(out)
    for b in range(sheet.shape[1]):
        start = before[b] + span[0] * (after[b] - before[b])
        end = before[b] + span[1] * (after[b] - before[b])
        start += motion[0, GAIN] - motion[0, FALL] * sheet[NOISE_RELEASE, b]
        end += motion[1, GAIN] - motion[1, FALL] * sheet[NOISE_RELEASE, b]
        tones[LEVEL, b] = start
        tones[SLOPE, b] = (end - start) / n
        tones[EXCESS, b] = max(start, end) - sheet[NOISE_FLOOR, b]
    loudest = -1e9
    count = 0
    for b in range(sheet.shape[1]):
        if tones[EXCESS, b] >= 0.0:
            loudest = max(loudest, tones[EXCESS, b])
            slope = tones[SLOPE, b]
            tones[LEVEL, count] = tones[LEVEL, b]
            tones[SLOPE, count] = slope if abs(slope) > LEVEL_ENOUGH else 0.0
            tones[BAND, count] = b
            tones[PLACE, count] = (int(sheet[NOISE_OFFSET, b]) + position) % loops[b]
            count += 1
    for one in range(0, count, 2):
        _add_pair(out, tables, tones, one, min(one + 1, count - 1))
    return loudest


@kernel
def _add_pair(out, tables, tones, one, other):  # type: ignore[no-untyped-def]
    """Add two bands, or one that is given twice, piece by piece: two at a time hide each other's waits for memory."""
    n = len(out)
    first = tables[int(tones[BAND, one]), int(tones[PLACE, one]) : int(tones[PLACE, one]) + n]
    second = tables[int(tones[BAND, other]), int(tones[PLACE, other]) : int(tones[PLACE, other]) + n]
    steep = max(abs(tones[SLOPE, one]), abs(tones[SLOPE, other]))
    pieces = 1 + int(0.5 * steep * n / GENTLE)
    size = (n + pieces - 1) // pieces
    for begin in range(0, n, size):
        stop = min(n, begin + size)
        middle = 0.5 * (begin + stop - 1)
        p = _polynomial(tones, one, middle, 1.0)
        q = _polynomial(tones, other, middle, 1.0 if one != other else 0.0)
        clock = CLOCK[: stop - begin]
        _add_products(out[begin:stop], clock, np.float32(middle - begin), p, first[begin:stop], q, second[begin:stop])


@kernel
def _add_products(out, clock, middle, p, first, q, second):  # type: ignore[no-untyped-def]
    p0, p1, p2, p3 = p
    q0, q1, q2, q3 = q
    for k in range(len(out)):
        x = clock[k] - middle
        out[k] += (p0 + x * (p1 + x * (p2 + x * p3))) * first[k] + (q0 + x * (q1 + x * (q2 + x * q3))) * second[k]


@kernel
def _polynomial(tones, one, middle, share):  # type: ignore[no-untyped-def]
    """Return `share` of a band's level as a Taylor series around `middle`; what is left out is below -130 dB."""
    slope = tones[SLOPE, one]
    level = share * STEP * np.exp(tones[LEVEL, one] + slope * middle)
    c1 = level * slope
    c2 = c1 * slope / 2.0
    c3 = c2 * slope / 3.0 if abs(slope) > STRAIGHT else 0.0
    return np.float32(level), np.float32(c1), np.float32(c2), np.float32(c3)
