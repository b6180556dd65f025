"""A voice being played: what it has sounded so far, and the orders a player gives it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtune.layout import Layout
from backtune.units import DB_PER_NEPER
from dsp_kernels import ensemble
from dsp_kernels.bank import BATCH, GRID, LONGEST, SPIN_ROWS, TONE_ROWS
from dsp_kernels.frames import STATE, skip, steer
from dsp_kernels.orders import DAMP, FADE, ORDER_COLUMNS, STEER
from dsp_kernels.partials import MOTIONS

RAMP_S = 0.005  # changes of gain, tilt and bend take this long: too short to hear, too long to click
FADE_DB = -104.0  # where a stolen voice is led before it stops
Aim = tuple[float, float, float]  # gain in dB, tilt in dB an octave above the fundamental, bend in cents


Order = tuple[int, float, float, float, float]  # kind, three values, and the seconds it takes
NO_ORDERS = np.zeros((0, ORDER_COLUMNS))
LINE_BYTES = 128  # two lines of 64 bytes, which processors fetch together
AHEAD_BYTES = LONGEST * np.dtype(np.float32).itemsize
ALONE = np.array([0, 1])  # the edges of one group of one voice


def damp(strength: float) -> Order:
    """Return the order to press the damper: 0 = free, 1 = the full release of the voice."""
    return DAMP, strength, 0.0, 0.0, 0.0


def lead(aim: Aim, ramp_s: float = RAMP_S) -> Order:
    """Return the order to lead gain, tilt and bend to `aim`, on lines that take `ramp_s`."""
    gain_db, tilt_db, cents = aim
    return STEER, gain_db / DB_PER_NEPER, tilt_db / DB_PER_NEPER, 2.0 ** (cents / 1200.0), ramp_s


def fade() -> Order:
    """Return the order to fade out within 5 ms and end."""
    return FADE, FADE_DB / DB_PER_NEPER, 0.0, 0.0, RAMP_S


def order_table(orders: Sequence[tuple[int, Order]], rate: int) -> NDArray[np.float64]:
    """Return orders, each with the sample it is due at, as the kernels read them, (K, ORDER_COLUMNS)."""
    if not orders:
        return NO_ORDERS
    return np.array([(at, *order[:4], max(1, round(order[4] * rate))) for at, order in orders], float)


def apart(shape: tuple[int, ...], dtype: Any = np.float64) -> NDArray[Any]:
    """Return zeros that share no line of a cache with anything else: two cores that write one wait for each other."""
    size_bytes = math.prod(shape) * np.dtype(dtype).itemsize
    space = np.zeros(size_bytes + 2 * LINE_BYTES, np.uint8)
    start = -space.__array_interface__["data"][0] % LINE_BYTES
    return space[start : start + size_bytes].view(dtype).reshape(shape)


class Workspace:
    """Space that kernels overwrite: one a thread, grown to the largest voice met."""

    def __init__(self) -> None:
        self._tones = 0
        self.arrays: tuple[Any, ...] = ()

    def for_tones(self, tones: int) -> tuple[Any, ...]:
        """Return span, motion, tones, grid and spin for banks of up to `tones` sines."""
        if tones > self._tones:
            self._tones = max(BATCH, 2 * tones)
            self.arrays = (
                apart((2,)),
                apart((2, MOTIONS)),
                apart((TONE_ROWS, self._tones)),
                apart((GRID,), np.float32),
                apart((SPIN_ROWS, BATCH)),
            )
        return self.arrays


class Sounding:
    """A layout being played: what it has sounded so far."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        space = apart((STATE.itemsize + AHEAD_BYTES,), np.uint8)  # its state, and samples made beyond those asked for
        self.state = space[: STATE.itemsize].view(STATE)
        self.row = layout.row.copy()
        self.row[ensemble.STATES] = start = space.__array_interface__["data"][0]
        self.row[ensemble.AHEAD] = start + STATE.itemsize
        self.state["alive"] = 1
        self._alive, self._excess = self.state["alive"], self.state["excess"]  # views: asked for every block
        self._position, self._length = self.state["position"], self.state["length"]
        self.state["bend"] = self.state["bend_target"] = 1.0

    @property
    def alive(self) -> bool:
        """Whether it may still be heard."""
        return bool(self._alive[0])

    @property
    def excess_db(self) -> float:
        """How far its loudest part is above its floor; infinite before the strike, when that cannot be told."""
        begun = self._position[0] + self._length[0] > self.layout.strike
        return float(self._excess[0]) * DB_PER_NEPER if begun else np.inf

    def run(self, out: NDArray[np.float32], workspace: Workspace, orders: Sequence[tuple[int, Order]] = ()) -> None:
        """Overwrite `out` (n, float32) with its next samples; each order is done just before its sample of `out`."""
        table = order_table(orders, self.layout.rate)
        voice = self.row[None].copy()
        voice[0, ensemble.ORDER_STOP] = len(table)
        work = workspace.for_tones(self.layout.tones)
        ensemble.play_groups(out[None], ALONE, np.zeros(1, np.int64), voice, table, work)

    def skip(self, samples: int) -> None:
        """Leave out its first `samples`; for a voice that has not sounded yet."""
        skip(self.state, self.layout.frames, self.layout.rates, samples)

    def begin(self, aim: Aim) -> None:
        """Set gain, tilt and bend at once; for a voice that has not sounded yet."""
        gain_db, tilt_db, cents = aim
        values = {"gain": gain_db / DB_PER_NEPER, "tilt": tilt_db / DB_PER_NEPER, "bend": 2.0 ** (cents / 1200.0)}
        for name, value in values.items():
            self.state[name] = self.state[f"{name}_target"] = value

    def fade_in(self) -> None:
        """Come in from silence within 5 ms, for a voice whose first samples were cut off."""
        tilt, bend = float(self.state["tilt"][0]), float(self.state["bend"][0])
        gain = float(self.state["gain"][0])
        self.state["gain"] = FADE_DB / DB_PER_NEPER
        steer(self.state, gain, tilt, bend, max(1, round(RAMP_S * self.layout.rate)))
