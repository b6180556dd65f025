"""What a player does to a voice while it sounds, each order on its sample."""

from __future__ import annotations

from dsp_kernels._jit import kernel
from dsp_kernels.frames import run, settle, steer

DAMP, STEER, FADE = range(3)  # kinds of orders
ORDER_COLUMNS = 6


@kernel
def perform(out, states, orders, curves, sheets, strike, quiet, noise, work):  # type: ignore[no-untyped-def]
    """Add the voice's next samples to `out` as `run` does, and carry out `orders` (K, 6, float64) on the way.

    Columns of an order: the sample of `out` before which it is done, rising; its kind; three values; the samples it
    takes. DAMP presses the damper (first value), STEER leads gain, tilt and bend, FADE leads gain down and ends.
    """
    at = 0
    for k in range(orders.shape[0] + 1):
        due = int(orders[k, 0]) if k < orders.shape[0] else len(out)
        if due > at:
            run(out[at:due], states, curves, sheets, strike, quiet, noise, work)
            at = due
        if k == orders.shape[0]:
            return
        settle(states)
        s = states[0]
        samples = int(orders[k, 5])
        if orders[k, 1] == DAMP:
            s.damper = orders[k, 2]
        elif orders[k, 1] == STEER:
            steer(states, orders[k, 2], orders[k, 3], orders[k, 4], samples)
        else:
            steer(states, orders[k, 2], s.tilt, s.bend, samples)
            s.fading = 1
