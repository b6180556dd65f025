"""A patch, or what one layer of it adds, as the player of a part: its controllers and its controls can move."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from backtune.automation import Curve
from backtune.control import Control
from backtune.errors import InputError
from backtune.hosting.wire import GRID, Audio
from backtune.instrument import Instrument
from backtune.lane import Lane
from backtune.lane_table import checked
from backtune.midi import Score
from backtune.moving import Moving, MovingPlayer
from backtune.patch import Patch
from backtune.performance import VOICES, midi_blocks
from backtune.player import Player
from backtune.point_table import value_and_unit

CONTROLLERS = {f"cc{number}": number for number in range(120)}
STRETCH = 65536 * GRID  # frames looked at in one go, 87 s at 48 kHz: a whole hour would take 40 MB
HIGHEST = {"bend": (-1.0, 1.0), "pressure": (0.0, 127.0)} | dict.fromkeys(CONTROLLERS, (0.0, 127.0))


@dataclass(frozen=True)
class PatchPerformer:
    """A patch: automation moves its controls, and controllers: "cc1", "cc11"..., "bend" (-1..1) and "pressure"."""

    instrument: Instrument
    cores: int = 1

    def targets(self) -> list[str]:
        """Return the controls and the controllers a player has."""
        return [*self._controls(), *sorted(HIGHEST)]

    def check(self, curves: Mapping[str, Curve]) -> None:
        """Raise InputError, with the place it was written at, for a value that a control does not take."""
        self._lanes(curves)

    def doubts(self, score: Score, rate: int) -> list[str]:
        """Return nothing: a patch is the same every time."""
        return []

    def blocks(self, score: Score, frames: int, rate: int, curves: Mapping[str, Curve]) -> Iterator[Audio]:
        """Yield mono blocks until all is silent."""
        moved = with_controllers(score, {name: curve for name, curve in curves.items() if name in HIGHEST}, rate)
        lanes = self._lanes(curves)
        if lanes and isinstance(self.instrument, Patch):
            player: Player = MovingPlayer(Moving(self.instrument, lanes), rate)
        else:
            player = Player(self.instrument, rate, VOICES, self.cores)
        for block in midi_blocks(player, moved):
            yield block[None, :]

    def _controls(self) -> Mapping[str, Control]:
        return self.instrument.panel.controls if isinstance(self.instrument, Patch) else {}

    def _lanes(self, curves: Mapping[str, Curve]) -> dict[str, Lane]:
        known = self._controls()
        return {name: lane_of(curve, known[name]) for name, curve in curves.items() if name in known}


@dataclass(frozen=True)
class LayerPerformer:
    """What a layer adds: a patch with it, less the patch `before` it (None = silence).

    `known`: what can be moved in the whole instrument; what only other layers have moves nothing here.
    """

    whole: PatchPerformer
    before: PatchPerformer | None
    known: PatchPerformer

    def targets(self) -> list[str]:
        """Return the controls and the controllers a player has."""
        return self.known.targets()

    def check(self, curves: Mapping[str, Curve]) -> None:
        """Raise InputError, with the place it was written at, for a value that a control does not take."""
        self.known.check(curves)

    def doubts(self, score: Score, rate: int) -> list[str]:
        """Return nothing: a patch is the same every time."""
        return []

    def blocks(self, score: Score, frames: int, rate: int, curves: Mapping[str, Curve]) -> Iterator[Audio]:
        """Yield mono blocks until all is silent."""
        without = iter(()) if self.before is None else self.before.blocks(score, frames, rate, curves)
        for block, known in zip_longest(self.whole.blocks(score, frames, rate, curves), without):
            if known is None or block is None:
                yield known * -1.0 if block is None else block
            else:
                length = max(block.shape[1], known.shape[1])
                yield _padded(block, length) - _padded(known, length)


def lane_of(curve: Curve, control: Control) -> Lane:
    """Return a curve as the lane of a control; raise InputError with the place of what the control does not take."""
    values = []
    for index in range(len(curve.times_s)):
        where = curve.places[index] if curve.places else "automation"
        text = curve.texts[index] if curve.texts else repr(float(curve.values[index]))
        unit = curve.units[index] if curve.units else ""
        values.append(checked(control, *value_and_unit({"value": text, "unit": unit}), where))
    ways = curve.ways or (("hold" if control.choices else "linear"),) * len(values)
    return Lane(tuple(curve.times_s.tolist()), tuple(values), tuple(ways))


def curve_of_lane(lane: Lane) -> Curve:
    """Return a lane as the curve that `lane_of` gives back."""
    times = np.array(lane.times_s)
    if any(isinstance(value, str) for value in lane.values):
        return Curve(times, np.zeros(len(times)), tuple(str(value) for value in lane.values), lane.curves)
    return Curve(times, np.array(lane.values, float), (), lane.curves)


def with_controllers(score: Score, curves: Mapping[str, Curve], rate: int) -> Score:
    """Return the score with controllers on every channel it uses, sent on the grid of 64 frames where they change."""
    channels = sorted({status & 0x0F for _, status, *_ in score.messages})
    sent: list[tuple[float, int, int, int]] = []
    for target, curve in curves.items():
        low, high = HIGHEST[target]
        if curve.texts or any(curve.units) or curve.values.min() < low or curve.values.max() > high:
            raise InputError(f"automation: {target}: allowed: numbers in {low:g}..{high:g}, without a unit")
        for time_s, step in _steps(target, curve, round(score.seconds * rate) + GRID, rate):
            sent += [(time_s, *_message(target, channel, step)) for channel in channels]
    if not sent:
        return score
    # at equal times controllers come before notes, as an instrument expects them
    merged = sorted([(m, 1) for m in score.messages] + [(m, 0) for m in sent], key=lambda pair: (pair[0][0], pair[1]))
    return Score(tuple(message for message, _ in merged), score.seconds)


def _steps(target: str, curve: Curve, frames: int, rate: int) -> Iterator[tuple[float, int]]:
    """Yield when a curve, looked at on the grid, comes to another step of its controller, s, and to which."""
    last = -1.0
    for begin in range(0, frames, STRETCH):
        times = np.arange(begin, min(begin + STRETCH, frames), GRID) / rate
        values = curve(times)
        steps = np.round((values + 1.0) * 8191.5) if target == "bend" else np.round(values)
        known = np.where(np.isnan(steps), -1.0, steps)
        changed = (known >= 0.0) & (np.diff(known, prepend=last) != 0)
        last = float(known[-1])
        yield from zip(times[changed].tolist(), steps[changed].astype(int).tolist(), strict=True)


def _padded(block: Audio, frames: int) -> Audio:
    return np.pad(block, ((0, 0), (0, frames - block.shape[1])))


def _message(target: str, channel: int, step: int) -> tuple[int, int, int]:
    if target == "bend":
        return 0xE0 | channel, step & 0x7F, step >> 7
    return (0xD0 | channel, step, 0) if target == "pressure" else (0xB0 | channel, CONTROLLERS[target], step)
