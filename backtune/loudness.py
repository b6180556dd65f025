"""Loudness as broadcasters measure it, block by block, in constant memory a second."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Source: ITU-R BS.1770-4; the two filters as analogue prototypes after De Man, "Evaluation of implementations of
# the EBU R128 loudness measurement" (2018), which give the published coefficients at 48 kHz.
SHELF_HZ, SHELF_Q, SHELF_DB = 1681.974450955533, 0.7071752369554196, 3.999843853973347
PASS_HZ, PASS_Q = 38.13547087602444, 0.5003270373238773
STEP_S, STEPS = 0.1, 4  # blocks of 400 ms that begin every 100 ms
ABSOLUTE_LUFS, RELATIVE_LU = -70.0, -10.0  # gates
OFFSET_DB = -0.691


class Loudness:
    """A meter for (channels, frames) blocks at a rate in Hz; one or two channels, each of weight 1."""

    def __init__(self, rate: int, channels: int = 2) -> None:
        self._filters = np.stack([_shelf(rate), _high_pass(rate)])
        self._state = np.zeros((2, channels, 2))
        self._step = round(STEP_S * rate)
        self._rest = np.zeros((channels, 0))
        self._energy: list[float] = []  # of each 100 ms: 8 bytes, 290 kB an hour
        self.peak = 0.0

    def push(self, block: NDArray[np.floating]) -> None:
        """Hear a block."""
        from scipy.signal import sosfilt

        if block.shape[1] == 0:
            return
        self.peak = max(self.peak, float(np.max(np.abs(block))))
        weighted, self._state = sosfilt(self._filters, np.asarray(block, float), axis=1, zi=self._state)
        waiting = np.concatenate([self._rest, weighted], axis=1)
        whole = waiting.shape[1] // self._step
        steps = waiting[:, : whole * self._step].reshape(len(waiting), whole, self._step)
        self._energy += np.sum(np.mean(steps**2, axis=2), axis=0).tolist()
        self._rest = waiting[:, whole * self._step :]

    def lufs(self) -> float:
        """Return the integrated loudness of all that was heard, LUFS; -inf for silence or less than 0.4 s."""
        energy = np.asarray(self._energy)
        if len(energy) < STEPS:
            return float("-inf")
        blocks = np.convolve(energy, np.full(STEPS, 1.0 / STEPS), mode="valid")
        loud = blocks[blocks > 10.0 ** ((ABSOLUTE_LUFS - OFFSET_DB) / 10.0)]
        if len(loud) == 0:
            return float("-inf")
        gate = np.mean(loud) * 10.0 ** (RELATIVE_LU / 10.0)
        return float(OFFSET_DB + 10.0 * np.log10(np.mean(loud[loud > gate])))


def _shelf(rate: int) -> NDArray[np.float64]:
    """Return the high shelf (the head) as one second-order section."""
    k = np.tan(np.pi * SHELF_HZ / rate)
    high = 10.0 ** (SHELF_DB / 20.0)
    band = high**0.4996667741545416
    a0 = 1.0 + k / SHELF_Q + k * k
    forward = [high + band * k / SHELF_Q + k * k, 2.0 * (k * k - high), high - band * k / SHELF_Q + k * k]
    return np.array([*forward, a0, 2.0 * (k * k - 1.0), 1.0 - k / SHELF_Q + k * k]) / a0


def _high_pass(rate: int) -> NDArray[np.float64]:
    """Return the high-pass (the ear's loss of bass) as one second-order section, gain 1 as published."""
    k = np.tan(np.pi * PASS_HZ / rate)
    a0 = 1.0 + k / PASS_Q + k * k
    return np.array([1.0, -2.0, 1.0, 1.0, 2.0 * (k * k - 1.0) / a0, (1.0 - k / PASS_Q + k * k) / a0])
