"""Voices rendered together: in one call of the kernels by each core, the same samples on any number of cores."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtune.errors import InputError
from backtune.sounding import Order, Sounding, Workspace, order_table
from dsp_kernels.ensemble import COLUMNS, ORDER, ORDER_STOP, START, play_groups, sum_rows

ROWS = 32  # groups rendered side by side before they are summed: bounds memory however many sound

Part = tuple[Sounding, int, Sequence[tuple[int, Order]]]  # a voice, where in the block it begins, orders from there on


@dataclass(frozen=True)
class _Sent:
    """Groups on their way, with all that the kernels know by its address only: it must live as long as they run."""

    groups: Sequence[Sequence[Part]]
    out: NDArray[np.float32]
    rows: NDArray[np.float32]
    works: Sequence[tuple[Any, ...]]
    turn: NDArray[np.int64]
    voices: NDArray[np.int64]
    edges: NDArray[np.int64]
    orders: NDArray[np.float64]

    def play(self, work: tuple[Any, ...]) -> None:
        """Render groups that no other thread has taken until none is left."""
        play_groups(self.rows, self.edges, self.turn, self.voices, self.orders, work)


class Ensemble:
    """Space and threads to render voices with.

    Raises InputError for a number of cores below 1.
    """

    def __init__(self, cores: int = 1) -> None:
        if cores < 1:
            raise InputError(f"cores: {cores}; at least 1 is needed")
        self._workspaces = [Workspace() for _ in range(cores)]
        self._pool = ThreadPoolExecutor(cores - 1) if cores > 1 else None
        self._space = np.zeros(0, np.float32)
        self._voices = np.zeros((0, COLUMNS), np.int64)
        self._sent: _Sent | None = None
        self._others: list[Future[None]] = []
        self._rest: list[tuple[NDArray[np.float32], Sequence[Sequence[Part]]]] = []

    def begin(self, out: NDArray[np.float32], groups: Sequence[Sequence[Part]]) -> None:
        """Set the other cores to add groups of voices to `out` (n, float32), each summed by itself first.

        `out` is whole, and what the voices tell is true, after `finish`.
        """
        self.finish()
        self._rest = [(out, groups[k : k + ROWS]) for k in range(0, len(groups), ROWS)]
        self._send_next()

    def finish(self) -> None:
        """Do with all cores what is left of what was begun."""
        while self._sent is not None:
            self._complete(self._sent)
            self._sent = None
            self._send_next()

    def _send_next(self) -> None:
        if not self._rest:
            return
        out, groups = self._rest.pop(0)
        rows = self._rows(len(groups), len(out))
        tones = max((sounding.layout.tones for group in groups for sounding, _, _ in group), default=0)
        works = [workspace.for_tones(tones) for workspace in self._workspaces]
        self._sent = sent = _Sent(groups, out, rows, works, np.zeros(1, np.int64), *self._table(groups))
        self._others = [self._pool.submit(sent.play, work) for work in works[1:]] if self._pool is not None else []

    def _complete(self, sent: _Sent) -> None:
        """Help the other cores to render what was sent, and to sum it."""
        sent.play(sent.works[0])
        for other in self._others:
            other.result()
        turn = np.zeros(1, np.int64)
        others = [self._pool.submit(sum_rows, sent.out, sent.rows, turn) for _ in sent.works[1:]] if self._pool else []
        sum_rows(sent.out, sent.rows, turn)
        for other in others:
            other.result()

    def _rows(self, groups: int, length: int) -> NDArray[np.float32]:
        if len(self._space) < groups * length:
            self._space = np.empty(groups * length, np.float32)
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
