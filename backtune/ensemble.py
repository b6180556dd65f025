"""Voices rendered together: in one call of the kernels by each core, the same samples on any number of cores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from backtune.errors import InputError
from backtune.sounding import Order, Sounding, Workspace, order_table
from dsp_kernels.ensemble import COLUMNS, ORDER, ORDER_STOP, START, play_groups, sum_rows

ROWS = 32  # groups rendered side by side before they are summed: bounds memory however many sound

Part = tuple[Sounding, int, Sequence[tuple[int, Order]]]  # a voice, where in the block it begins, orders from there on


class Ensemble:
    """Space and threads to render voices with.

    Raises InputError for a number of cores below 1.
    """

    def __init__(self, cores: int = 1) -> None:
        if cores < 1:
            raise InputError(f"cores: {cores}; at least 1 is needed")
        self.cores = cores
        self._workspaces = [Workspace() for _ in range(cores)]
        self._pool = ThreadPoolExecutor(cores - 1) if cores > 1 else None
        self._space = np.zeros(0, np.float32)
        self._voices = np.zeros((0, COLUMNS), np.int64)

    def add_to(
        self, out: NDArray[np.float32], groups: Sequence[Sequence[Part]], beside: Callable[[], None] | None = None
    ) -> None:
        """Add groups of voices to `out` (n, float32), each summed by itself first, so that rounding never differs.

        `beside` is done by this thread while the others already render.
        """
        for first in range(0, len(groups), ROWS):
            some = groups[first : first + ROWS]
            rows = self._rows(len(some), len(out))
            voices, edges, orders = self._table(some)
            tones = max((sounding.layout.tones for group in some for sounding, _, _ in group), default=0)
            self._share(beside, tones, play_groups, rows, edges, np.zeros(1, np.int64), voices, orders)
            self._share(None, tones, _sum_rows, out, rows, np.zeros(1, np.int64))
            beside = None
        if beside is not None:
            beside()

    def _share(
        self, beside: Callable[[], None] | None, tones: int, kernel: Callable[..., None], *given: object
    ) -> None:
        """Have every core call `kernel`, this thread after it has done `beside`."""
        works = [workspace.for_tones(tones) for workspace in self._workspaces]
        others = [self._pool.submit(kernel, *given, work) for work in works[1:]] if self._pool is not None else []
        try:
            if beside is not None:
                beside()
        finally:  # the kernels write into memory that is ours: none may be left running
            kernel(*given, works[0])
            for other in others:
                other.result()

    def _rows(self, groups: int, length: int) -> NDArray[np.float32]:
        if len(self._space) < groups * length:
            self._space = np.zeros(groups * length, np.float32)
        return self._space[: groups * length].reshape(groups, length)

    def _table(
        self, groups: Sequence[Sequence[Part]]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Return the voices and orders of `groups` as `play_groups` reads them, and where each group begins."""
        edges = np.zeros(len(groups) + 1, np.int64)
        np.cumsum([len(group) for group in groups], out=edges[1:])
        if len(self._voices) < edges[-1]:
            self._voices = np.zeros((2 * int(edges[-1]), COLUMNS), np.int64)
        orders: list[tuple[int, Order]] = []
        index, rate = 0, 1
        for group in groups:
            for sounding, start, due in group:
                row = self._voices[index]
                row[:] = sounding.row
                row[START] = start
                if due:
                    row[ORDER] = len(orders)
                    orders += due
                    rate = sounding.layout.rate
                    row[ORDER_STOP] = len(orders)
                index += 1
        return self._voices[:index], edges, order_table(orders, rate)


def _sum_rows(out: NDArray[np.float32], rows: NDArray[np.float32], turn: NDArray[np.int64], work: object) -> None:
    sum_rows(out, rows, turn)
