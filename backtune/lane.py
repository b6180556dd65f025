"""A lane: one control over time, as points with linear, held, smooth or exponential ways between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from backtune.automation import along
from backtune.control import Control, Value
from backtune.controlled import Course
from backtune.errors import InputError
from backtune.voice import Floats

GRID_S = 0.01  # formats without curves get ways in steps no further apart than this
SMOOTHING_TAPS = 9  # samples of the moving mean that smooths steps


@dataclass(frozen=True)
class Lane:
    """Points of one control.

    - `times_s` (K,): rising or equal (two points at one time are a jump). `values` (K,): in the control's unit;
      texts for a control that is a choice. `curves` (K,): the way from each point to the next.
    The last value holds on. Before the first point the patch's own setting holds.
    """

    times_s: tuple[float, ...]
    values: tuple[Value, ...]
    curves: tuple[str, ...]

    def at(self, times_s: Any, before: Value) -> Any:
        """Return values at times in s (T,), `before` ahead of the first point; for a choice the one at the first."""
        times = np.atleast_1d(np.asarray(times_s, float))
        place = np.searchsorted(np.array(self.times_s), times, side="right") - 1
        if any(isinstance(value, str) for value in self.values):
            return before if place[0] < 0 else self.values[int(place[0])]
        out = along(np.array(self.times_s), np.array(self.values, float), self.curves, times)
        return np.where(place < 0, before, out)

    def sampled(
        self, kept: tuple[str, ...] = ("hold",), breaks_s: tuple[float, ...] = ()
    ) -> list[tuple[float, Value, str]]:
        """Return (time in s, value, curve) points with ways whose curve is not `kept` cut into steps of 10 ms.

        Ways of numbers that are kept but do not hold are cut at `breaks_s`.
        """
        out: list[tuple[float, Value, str]] = []
        for index, (time_s, value, curve) in enumerate(zip(self.times_s, self.values, self.curves, strict=True)):
            out.append((time_s, value, curve if curve in kept else kept[-1]))
            if index + 1 < len(self.times_s) and curve != "hold" and not isinstance(value, str):
                stop_s = self.times_s[index + 1]
                cuts = [at for at in breaks_s if time_s < at < stop_s]
                steps = [] if curve in kept else np.arange(time_s + GRID_S, stop_s, GRID_S).tolist()
                between = sorted({*cuts, *steps})
                values = self.at(between, value).tolist() if between else []
                out += [(at, step, kept[-1]) for at, step in zip(between, values, strict=True)]
        return out

    def course(self, control: Control, start_s: float, before: Value) -> Course:
        """Return the lane as a note sees it that begins at `start_s`, smoothed over the control's smoothing time."""

        if self.times_s[0] <= 0.0:  # set from the start: there is nothing to come from
            before = self.values[0]

        def follow(times_s: Floats) -> Any:
            if control.choices or not control.smoothing_s:
                return self.at(times_s + start_s, before)
            back = np.linspace(0.0, control.smoothing_s, SMOOTHING_TAPS)
            return np.mean([self.at(times_s + start_s - late, before) for late in back], axis=0)

        return follow


def check_lane(lane: Lane, control: Control, where: str) -> Lane:
    """Return the lane if a control can follow it; raise InputError, beginning with `where`, if not."""
    for time_s, later_s in zip(lane.times_s, lane.times_s[1:], strict=False):
        if later_s < time_s:
            raise InputError(f"{where}: {later_s:g} s is before {time_s:g} s; times must not go back")
    for value in lane.values:
        control.check(value, f"{where}: {control.name}")
    return lane
