"""Clips of a DAWproject session: when in the song they play what is inside them, how much of it, and in which order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from backtune.errors import InputError
from backtune.lane import Lane
from backtune.tempo_map import TempoMap

UNITS = ("beats", "seconds")
UNTOLD = ("Warps", "Note")  # timelines inside run on clocks of their own
SLACK_S = 1e-9  # beats turned into s and back miss by 1e-13 s


@dataclass(frozen=True)
class Scope:
    """The clock of a timeline: its time 0 is the song's `shift`, both in `unit`; it plays in `start_s`..`stop_s`."""

    where: str
    tempo: TempoMap
    unit: str = "beats"
    shift: float = 0.0
    start_s: float = 0.0
    stop_s: float = math.inf

    def seconds(self, at: float) -> float:
        """Return when in the song a time of this timeline is, s."""
        return self.tempo.seconds_at(at + self.shift) if self.unit == "beats" else at + self.shift

    def within(self, unit: str | None) -> Scope:
        """Return the clock of a timeline inside that counts in `unit`; raise InputError for an unknown one."""
        if unit is None or unit == self.unit:
            return self
        if unit not in UNITS:
            raise InputError(f"{self.where}: time in '{unit[:60]}'; allowed: {', '.join(UNITS)}")
        shift = self.seconds(0.0) if unit == "seconds" else self.tempo.beats_at(self.shift)
        return replace(self, unit=unit, shift=shift)

    def clip(self, clip: Any) -> Scope:
        """Return the clock of what a clip plays; raise InputError for one that plays it more than once."""
        begin, lasts = self._number(clip, "time"), self._number(clip, "duration", math.inf)
        starts, stops = self._number(clip, "playStart", 0.0), self._number(clip, "playStop", math.inf)
        content = replace(self, shift=self.shift + begin).within(clip.get("contentTimeUnit"))
        content = replace(content, shift=content.shift - starts)
        stop_s = min(self.stop_s, self.seconds(begin + lasts), content.seconds(stops))
        if content.seconds(self._number(clip, "loopEnd", math.inf)) < stop_s - SLACK_S:
            at_s = content.seconds(starts)
            raise InputError(
                f"{self.where}: the clip at {at_s:g} s repeats what is in it; one that plays it once is read"
            )
        return replace(content, start_s=max(self.start_s, self.seconds(begin)), stop_s=stop_s)

    def _number(self, clip: Any, name: str, usual: float = math.nan) -> float:
        try:
            number = float(clip.get(name, usual))
        except ValueError:
            number = math.nan
        if math.isnan(number):
            raise InputError(f"{self.where}: a clip's {name} is '{clip.get(name)}'; a number is needed")
        return number


def scope_of(timeline: Any, where: str, tempo: TempoMap) -> Scope | None:
    """Return the clock of a timeline, None where the song does not play it: in scenes, and in clips turned off.

    Raises InputError, beginning with `where`, inside warps and notes, and where a clip elsewhere plays it too.
    """
    path = [*reversed(list(timeline.iterancestors())), timeline]
    shared = {clip.get("reference") for clip in path[0].iter("Clip")} - {None}
    for one in path:
        if one.tag in UNTOLD or one.get("id") in shared:
            why = f"inside {one.tag}" if one.tag in UNTOLD else "that a clip elsewhere refers to"
            raise InputError(f"{where}: a lane {why}; on tracks and in clips of their own lanes are read")
    scope = Scope(where, tempo)
    for one in path:
        if one.tag == "Scenes" or (one.tag == "Clip" and one.get("enable") in ("false", "0")):
            return None
        scope = scope.clip(one) if one.tag == "Clip" else scope.within(one.get("timeUnit"))
    return scope


def heard(lane: Lane, scope: Scope) -> Lane | None:
    """Return what a clip plays of a lane, ways cut where it starts and stops; None when that is nothing."""
    points = list(zip(lane.times_s, lane.values, lane.curves, strict=True))
    first_s, last_s = scope.start_s - SLACK_S, scope.stop_s + SLACK_S
    kept = [point for point in points if first_s <= point[0] <= last_s]
    before = [point for point in points if point[0] < first_s]
    if before and not (kept and kept[0][0] <= scope.start_s + SLACK_S):
        kept.insert(0, (scope.start_s, _value(lane, scope.start_s), before[-1][2]))
    if kept and points[-1][0] > last_s and kept[-1][2] == "linear" and kept[-1][0] < scope.stop_s:
        kept.append((scope.stop_s, _value(lane, scope.stop_s), "hold"))
    return Lane(*zip(*kept, strict=True)) if kept else None


def joined(lanes: Sequence[Lane], where: str) -> Lane:
    """Return the lanes of one control, on its track and in its clips, as one; the last value holds until the next.

    The same lane on several tracks is what moves all of them, and counts once.
    Raises InputError, beginning with `where`, when two of them move it at the same time.
    """
    rising = sorted(dict.fromkeys(lanes), key=lambda lane: (lane.times_s[0], lane.times_s[-1]))
    whole = rising[0]
    for before, lane in pairwise(rising):
        at_s = lane.times_s[0]
        if at_s < max(before.times_s[-1] - SLACK_S, before.times_s[0] + SLACK_S):
            raise InputError(f"{where}: two lanes move it at {at_s:g} s; one at a time is allowed")
        times = (max(time_s, before.times_s[-1]) for time_s in lane.times_s)  # never back, not by the slack either
        curves = (*whole.curves[:-1], "hold", *lane.curves)
        whole = Lane((*whole.times_s, *times), whole.values + lane.values, curves)
    return whole


def _value(lane: Lane, at_s: float) -> Any:
    value = lane.at(at_s, lane.values[0])
    return value if isinstance(value, str) else float(value[0])
