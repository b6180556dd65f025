"""Many voices at once: started, ordered and ended on their samples, the same on any number of cores."""

from __future__ import annotations

import itertools
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from backtune.errors import InputError
from backtune.layout import Layout
from backtune.sounding import Order, Sounding, Workspace, fade

GROUP = 4  # voices, by the order of their starts, that are summed before the whole is: what a core does at a time
ROWS = 32  # groups rendered side by side before they are summed: bounds memory however many sound


@dataclass(eq=False)
class Playing:
    """One voice on the way: the sample it starts at, its group, and the orders still to come, by sample."""

    sounding: Sounding
    start: int
    group: int
    stolen: bool = False
    orders: list[tuple[int, Order]] = field(default_factory=list)

    def order(self, frame: int, order: Order) -> None:
        """Have `order` done just before sample `frame`, after orders given earlier; a stolen voice takes none."""
        if not self.stolen:
            insort(self.orders, (frame, order), key=lambda one: one[0])

    def add_to(self, out: NDArray[np.float32], frame: int, workspace: Workspace) -> None:
        """Add the voice's samples `frame` to `frame + len(out)` of the whole to `out`."""
        at = max(0, self.start - frame)
        if at < len(out):
            coming = bisect_left(self.orders, frame + len(out), key=lambda one: one[0])
            due = [(max(0, when - frame - at), order) for when, order in self.orders[:coming]]
            del self.orders[:coming]
            self.sounding.run(out[at:], workspace, due)


class Polyphony:
    """Voices that sound together.

    - `limit`: how many may sound; one more takes the place of the one heard least. `cores`: threads.
    - `frame`: the next sample to be rendered. The samples depend neither on `cores` nor on the sizes of
      the blocks rendered.
    - `errands`: what is to be done beside the next rendering on several cores: by one of them while the others
      render, for Python does one such thing at a time.

    Raises InputError for a limit or a number of cores below 1.
    """

    def __init__(self, limit: int, cores: int = 1) -> None:
        for name, value in (("voices", limit), ("cores", cores)):
            if value < 1:
                raise InputError(f"{name}: {value}; at least 1 is needed")
        self.limit = limit
        self.cores = cores
        self.frame = 0
        self.stolen = 0
        self.errands: deque[Callable[[], None]] = deque()
        self._started = 0
        self._playing: list[Playing] = []
        self._workspaces = [Workspace() for _ in range(cores)]
        self._pool = ThreadPoolExecutor(cores) if cores > 1 else None
        self._rows = np.zeros((0, 0), np.float32)

    @property
    def count(self) -> int:
        """How many voices sound or wait to."""
        return len(self._playing)

    @property
    def crowded(self) -> bool:
        """Whether the next voice may have to take another's place: everything before it must be rendered first."""
        return len(self._playing) >= self.limit

    def start(self, layout: Layout, onset: int, earliest: int, begin: Callable[[Sounding], None]) -> Playing:
        """Play a voice whose perceived onset is at sample `onset` of the whole, after `begin` was done to it.

        Of a voice that would sound before sample `earliest`, the beginning is cut off and it fades in.
        """
        if self.crowded:
            self._make_room()
        playing = Playing(Sounding(layout), onset + layout.first_frame, self._started // GROUP)
        self._started += 1
        begin(playing.sounding)
        late = earliest - playing.start
        if late > 0:
            playing.sounding.skip(late)
            playing.sounding.fade_in()
            playing.start = earliest
        self._playing.append(playing)
        return playing

    def add_to(self, out: NDArray[np.float32]) -> None:
        """Add the next samples of all voices to `out` (n, float32)."""
        if len(out) == 0:  # several notes struck at once, each taking another's place
            return
        groups = [list(some) for _, some in itertools.groupby(self._playing, lambda playing: playing.group)]
        for first in range(0, len(groups), ROWS):
            self._add_groups(out, groups[first : first + ROWS])
        self.frame += len(out)
        self._playing = [p for p in self._playing if p.sounding.alive]

    def _add_groups(self, out: NDArray[np.float32], groups: list[list[Playing]]) -> None:
        """Add groups of voices to `out`, each summed by itself first, so that rounding is the same on any core."""
        if self._rows.shape[1] < len(out) or len(self._rows) < len(groups):
            held, length = self._rows.shape
            self._rows = np.zeros((max(held, len(groups)), max(length, len(out))), np.float32)
        rows = self._rows[: len(groups), : len(out)]
        turn = itertools.count()

        def work(workspace: Workspace) -> None:
            if workspace is self._workspaces[0]:
                self._run_errands()
            while (index := next(turn)) < len(groups):
                rows[index] = 0.0
                for playing in groups[index]:
                    playing.add_to(rows[index], self.frame, workspace)
            self._run_errands()

        def gather(part: slice) -> None:
            for row in rows[:, part]:
                out[part] += row

        if self._pool is None:
            work(self._workspaces[0])
            gather(slice(None))
        else:
            edges = np.linspace(0, len(out), self.cores + 1, dtype=int).tolist()
            list(self._pool.map(work, self._workspaces))
            list(self._pool.map(gather, map(slice, edges[:-1], edges[1:])))

    def _run_errands(self) -> None:
        while True:
            try:
                errand = self.errands.popleft()
            except IndexError:  # another core was quicker
                return
            errand()

    def _make_room(self) -> None:
        """End the voice that is heard least; all voices must have been rendered up to now."""
        self._playing = [p for p in self._playing if p.sounding.alive]
        able = [p for p in self._playing if not p.stolen]
        if len(able) < self.limit:
            return
        least = min(able, key=lambda p: p.sounding.excess_db if p.start < self.frame else np.inf)
        least.orders.clear()
        least.order(self.frame, fade())
        least.stolen = True
        self.stolen += 1
