"""Sound in blocks through effects: every frame that goes in comes out once, in order, perhaps some blocks later.

A stream is late, never shifted: frame k of what came out belongs to frame k of what went in, whatever the latency
of the plugins inside. So dry and wet sound, and parallel branches, are simply added frame by frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np

from backtune.automation import Curve, Floats
from backtune.errors import BacktuneError
from backtune.hosting.effect import Effect, Setting
from backtune.hosting.plugin import Plugin
from backtune.hosting.steering import Steered, moves_of
from backtune.hosting.wire import GRID, Audio

CHANNELS = 2


class Stream(Protocol):
    """Something sound goes through, in blocks of (2, frames) float32."""

    def push(self, block: Audio) -> Audio:
        """Return what has come out after `block` went in, (2, frames), fewer or more than went in now."""
        ...

    def close(self) -> None:
        """End what runs for it."""
        ...


class Queue:
    """Frames waiting for others, first in, first out."""

    def __init__(self) -> None:
        self._waiting = np.zeros((CHANNELS, 0), np.float32)

    def __len__(self) -> int:
        return int(self._waiting.shape[1])

    def put(self, block: Audio) -> None:
        """Append a block."""
        self._waiting = np.concatenate([self._waiting, block], axis=1) if len(self) else block

    def take(self, frames: int) -> Audio:
        """Return the first `frames` frames and forget them."""
        taken, self._waiting = self._waiting[:, :frames], self._waiting[:, frames:]
        return taken


class EffectStream:
    """A built-in effect with settings and curves of some of them, at a rate in Hz; `where` begins messages."""

    def __init__(
        self, where: str, effect: Effect, settings: Mapping[str, Setting], rate: int, curves: Mapping[str, Curve]
    ) -> None:
        self._where, self._rate, self._curves = where, rate, curves
        self._plugin = effect.make(effect, settings)
        self._attributes = {knob.name: knob.attribute or knob.name for knob in effect.knobs}
        self._queue, self._frame = Queue(), 0
        self._now = {name: float(settings[name]) for name in curves}

    def push(self, block: Audio) -> Audio:
        """Return what has come out; parameters move on the grid of 64 frames."""
        self._queue.put(block)
        ready = self._queue.take(len(self._queue) // GRID * GRID)
        moves = moves_of(self._curves, self._now, self._frame, ready.shape[1], self._rate)
        edges = sorted({0, *moves, ready.shape[1]})
        out = []
        for start, stop in pairwise(edges):
            for name, value in moves.get(start, {}).items():
                setattr(self._plugin, self._attributes[name], value)
            # reset=False from the first block on: with True pedalboard drains a latent effect in mid-stream
            out.append(self._plugin(ready[:, start:stop], self._rate, buffer_size=GRID, reset=False))
        self._frame += ready.shape[1]
        return _finite(_joined(out), self._where)

    def close(self) -> None:
        """Nothing runs for a built-in effect."""


class PluginStream:
    """A plugin effect in its process; one that is mono gets an instance for each channel."""

    def __init__(self, where: str, plugins: Sequence[Plugin], rate: int, curves: Mapping[str, Curve]) -> None:
        self._plugins, self._rate = plugins, rate
        self._steered = Steered(plugins[0], curves, where)
        self._queue = Queue()
        for plugin in plugins:
            plugin.reset()

    def push(self, block: Audio) -> Audio:
        """Return what has come out; parameters move on the grid of 64 frames."""
        self._queue.put(block)
        ready = self._queue.take(len(self._queue) // GRID * GRID)
        if ready.shape[1] == 0:
            return ready
        sent = self._steered.moves(ready.shape[1], self._rate)
        if len(self._plugins) == 1:
            return self._plugins[0].process(ready, self._rate, sent)
        both = [plugin.process(ready[i : i + 1], self._rate, sent) for i, plugin in enumerate(self._plugins)]
        return np.concatenate(both, axis=0)

    def close(self) -> None:
        """End the plugin's processes."""
        for plugin in self._plugins:
            plugin.close()


class MixStream:
    """Dry and wet sound of a stream: dry (1 - mix) + wet mix."""

    def __init__(self, inner: Stream, mix: float, curve: Curve | None, rate: int) -> None:
        self._inner, self._mix, self._curve, self._rate = inner, mix, curve, rate
        self._dry, self._frame = Queue(), 0

    def push(self, block: Audio) -> Audio:
        """Return the mixture as far as the wet sound has come out."""
        self._dry.put(block)
        wet = self._inner.push(block)
        dry = self._dry.take(wet.shape[1])
        share = _levels(self._mix, self._curve, self._frame, wet.shape[1], self._rate)
        self._frame += wet.shape[1]
        return np.asarray(dry * (1.0 - share) + wet * share, np.float32)

    def close(self) -> None:
        """Close the wet stream."""
        self._inner.close()


class SerialStream:
    """Streams one after the other; none at all passes sound as it is."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        self._streams = streams

    def push(self, block: Audio) -> Audio:
        """Return what has come out of the last one."""
        for stream in self._streams:
            block = stream.push(block)
        return block

    def close(self) -> None:
        """Close all."""
        for stream in self._streams:
            stream.close()


class ParallelStream:
    """Branches that all hear the same sound, added up, each at its gain in dB, which may have a curve."""

    def __init__(self, branches: Sequence[tuple[Stream, float, Curve | None]], rate: int) -> None:
        self._branches, self._rate = branches, rate
        self._queues = [Queue() for _ in branches]
        self._frame = 0

    def push(self, block: Audio) -> Audio:
        """Return the sum as far as every branch has come."""
        for (stream, _, _), queue in zip(self._branches, self._queues, strict=True):
            queue.put(stream.push(block))
        frames = min(len(queue) for queue in self._queues)
        total = np.zeros((CHANNELS, frames))
        for (_, gain_db, curve), queue in zip(self._branches, self._queues, strict=True):
            level_db = _levels(gain_db, curve, self._frame, frames, self._rate)
            total += queue.take(frames) * 10.0 ** (level_db / 20.0)
        self._frame += frames
        return total.astype(np.float32)

    def close(self) -> None:
        """Close all branches."""
        for stream, _, _ in self._branches:
            stream.close()


def _levels(static: float, curve: Curve | None, frame: int, frames: int, rate: int) -> Floats:
    """Return a setting for each of `frames` frames: the same arithmetic whether it is automated or not."""
    if curve is None:
        return np.full(frames, static)
    values = curve((frame + np.arange(frames)) / rate)
    return np.where(np.isnan(values), static, values)


def _joined(blocks: Sequence[Audio]) -> Audio:
    return np.concatenate(blocks, axis=1) if blocks else np.zeros((CHANNELS, 0), np.float32)


def _finite(block: Audio, where: str) -> Audio:
    if not np.all(np.isfinite(block)):
        raise BacktuneError(f"{where}: gave samples that are not finite numbers")
    return block
