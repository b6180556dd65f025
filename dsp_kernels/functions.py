"""Sine and exponential without calls, so that loops over them become vector instructions."""

from __future__ import annotations

import numpy as np

from dsp_kernels._jit import kernel

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
