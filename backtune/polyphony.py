"""Many voices at once: started, ordered and ended on their samples, the same on any number of cores."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from backtune.ensemble import Ensemble, Part
from backtune.errors import InputError
from backtune.layout import Layout
from backtune.sounding import Order, Sounding, fade

GROUP = 4  # voices, by the order of their starts, that are summed before the whole is: what a core does at a time


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

    def part(self, frame: int, length: int) -> Part | None:
        """Return what there is to render from sample `frame` of the whole on; None when it begins after `length`."""
        at = max(0, self.start - frame)
        if at >= length:
            return None
        coming = bisect_left(self.orders, frame + length, key=lambda one: one[0]) if self.orders else 0
        due = [(max(0, when - frame - at), order) for when, order in self.orders[:coming]]
        del self.orders[:coming]
        return self.sounding, at, due


class Polyphony:
    """Voices that sound together.

    - `limit`: how many may sound; one more takes the place of the one heard least. `cores`: threads.
    - `frame`: the next sample to be rendered. The samples depend neither on `cores` nor on the sizes of
      the blocks rendered.

    Raises InputError for a limit or a number of cores below 1.
    """

    def __init__(self, limit: int, cores: int = 1) -> None:
        if limit < 1:
            raise InputError(f"voices: {limit}; at least 1 is needed")
        self.limit = limit
        self.frame = 0
        self.stolen = 0
        self._started = 0
        self._playing: list[Playing] = []
        self._ensemble = Ensemble(cores)

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

    def begin(self, out: NDArray[np.float32]) -> None:
        """Set the other cores to add the next samples of all voices to `out` (n, float32): whole after `finish`.

        Voices may be started, and be given orders for what comes after, before that.
        """
        self.finish()
        if len(out) == 0:  # several notes struck at once, each taking another's place
            return
        groups: dict[int, list[Part]] = {}
        for playing in self._playing:
            if (part := playing.part(self.frame, len(out))) is not None:
                groups.setdefault(playing.group, []).append(part)
        self._ensemble.begin(out, list(groups.values()))
        self.frame += len(out)

    def finish(self) -> None:
        """Render what was begun to its end."""
        self._ensemble.finish()
        self._playing = [p for p in self._playing if p.sounding.alive]

    def add_to(self, out: NDArray[np.float32]) -> None:
        """Add the next samples of all voices to `out` (n, float32)."""
        self.begin(out)
        self.finish()

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
