"""Noise bands of one voice over one stretch: long looped tables of band noise under a moving level."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsp_kernels._jit import kernel
from dsp_kernels.bank import LONGEST
from dsp_kernels.functions import exponential
from dsp_kernels.partials import FALL, GAIN

NOISE_RELEASE, NOISE_FLOOR, NOISE_OFFSET = range(3)  # rows of `sheet`
NOISE_ROWS = 3
TABLE = 1 << 17  # samples, 2.7 s at 48 kHz: longer than a repetition of noise can be heard
GENTLE = 0.05  # nepers: half of a change of level that a polynomial of third order follows within 3e-7
LOOP_STEP = 512  # samples by which the loops of neighbouring bands differ: all together repeat after years


def band_tables(edges_hz: NDArray[np.float64], rate: float, seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return looped Gaussian noise of unit mean square, one row a band: (B, TABLE) and loop lengths (B,).

    `edges_hz` (B + 1,) are the band edges. Each row is drawn in the frequency domain, all bins of the
    band alike, and repeats itself after its loop. A band above half the rate is silent.
    """
    bands = len(edges_hz) - 1
    tables = np.zeros((bands, TABLE), np.float32)
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
        row /= np.sqrt(np.mean(row**2))
        tables[b] = np.resize(row, TABLE)
    return tables, loops


@kernel
def add_noise(out, before, after, span, sheet, motion, position, tables, loops, grid):  # type: ignore[no-untyped-def]
    """Add a stretch of noise bands to `out` (n, float32); return the loudest excess over its floor, nepers.

    Levels as for partials, (B,). `sheet` (3, B) holds release in nepers a sample, the level below which a
    band is left out, and where in its table the voice starts. `position` is the sample of the voice at which the
    stretch starts. `tables`, `loops` are those of `band_tables`. Overwrites `grid`.
    """
    n = len(out)
    size, ramp = grid[:n], grid[LONGEST : LONGEST + n]
    middle = 0.5 * (n - 1)
    for k in range(n):
        ramp[k] = k - middle
    loudest = -1e9
    for b in range(sheet.shape[1]):
        start = before[b] + span[0] * (after[b] - before[b])
        end = before[b] + span[1] * (after[b] - before[b])
        start += motion[0, GAIN] - motion[0, FALL] * sheet[NOISE_RELEASE, b]
        end += motion[1, GAIN] - motion[1, FALL] * sheet[NOISE_RELEASE, b]
        excess = max(start, end) - sheet[NOISE_FLOOR, b]
        if excess < 0.0:
            continue
        loudest = max(loudest, excess)
        slope = (end - start) / n
        at = (int(sheet[NOISE_OFFSET, b]) + position) % loops[b]
        first = min(n, loops[b] - at)
        if abs(slope) * middle < GENTLE:
            level = exponential(start + slope * middle)
            _add_gentle(out[:first], ramp[:first], tables[b, at : at + first], level, slope)
            if first < n:
                _add_gentle(out[first:], ramp[first:], tables[b, : n - first], level, slope)
        else:
            _fill_exponential(size, start, slope)
            _add_product(out[:first], size[:first], tables[b, at : at + first])
            _add_product(out[first:], size[first:], tables[b, : n - first])
    return loudest


@kernel
def _add_gentle(out, ramp, table, level, slope):  # type: ignore[no-untyped-def]
    """Add `table` under level exp(slope ramp), as its Taylor series: the first term left out is under -130 dB."""
    c0, c1 = np.float32(level), np.float32(level * slope)
    c2, c3 = np.float32(level * slope**2 / 2.0), np.float32(level * slope**3 / 6.0)
    for k in range(len(out)):
        x = ramp[k]
        out[k] += (c0 + x * (c1 + x * (c2 + x * c3))) * table[k]


@kernel
def _fill_exponential(size, start, slope):  # type: ignore[no-untyped-def]
    n = len(size)
    size[0] = exponential(start)
    factor = exponential(slope)
    done = 1
    while done < n:  # each half of the curve is the other one, times a constant
        more = min(done, n - done)
        _scale(size[done : done + more], size[:more], np.float32(factor))
        factor *= factor
        done += more


@kernel
def _scale(out, some, factor):  # type: ignore[no-untyped-def]
    for k in range(len(out)):
        out[k] = some[k] * factor


@kernel
def _add_product(out, one, other):  # type: ignore[no-untyped-def]
    for k in range(len(out)):
        out[k] += one[k] * other[k]
