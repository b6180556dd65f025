"""One part of a score as sound: a patch or a plugin plays it block by block, its chain follows."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from backtune.automation import Curve
from backtune.chain import Chain
from backtune.chain_run import NO_CURVES, start
from backtune.errors import InputError, nearest
from backtune.hosting.players import NOTE_ON, PluginPlayer, tried
from backtune.hosting.plugin import Plugin
from backtune.hosting.process import USUAL_LIMITS, Limits
from backtune.hosting.steering import Steered
from backtune.hosting.wire import Audio
from backtune.midi import Score
from backtune.stem_patch import PatchPerformer

BLOCK = 8192  # frames: a whole number of grids, 0.17 s at 48 kHz
NO_CHAIN = Chain("none", "passes sound as it is")


Warn = Callable[[str], None]


class Performer(Protocol):
    """Something that plays a score from its beginning."""

    def targets(self) -> list[str]:
        """Return what automation can move in it."""
        ...

    def doubts(self, score: Score, rate: int) -> list[str]:
        """Return sentences about what may go wrong when it plays `score` at `rate` Hz."""
        ...

    def check(self, curves: Mapping[str, Curve]) -> None:
        """Raise InputError for values it cannot take."""
        ...

    def blocks(self, score: Score, frames: int, rate: int, curves: Mapping[str, Curve]) -> Iterator[Audio]:
        """Yield (1 or 2, any number of) frames, `frames` in all or fewer when it is silent before."""
        ...


@dataclass(frozen=True)
class PluginPerformer:
    """A plugin instrument; automation moves its parameters, by name, in their own units."""

    plugin: Plugin

    def targets(self) -> list[str]:
        """Return the plugin's parameters."""
        return list(self.plugin.parameters.by_name)

    def doubts(self, score: Score, rate: int) -> list[str]:
        """Return a sentence when the same note of the score differs between two renders."""
        keys = {data1 for _, status, data1, _ in score.messages if status & 0xF0 == NOTE_ON}
        if not keys or tried(PluginPlayer(self.plugin, rate), keys).repeats:
            return []
        return [f"{self.plugin.path}: does not repeat itself, another run gives another sound"]

    def check(self, curves: Mapping[str, Curve]) -> None:
        """Raise InputError for a value that the plugin does not have."""
        Steered(self.plugin, curves, str(self.plugin.path))

    def blocks(self, score: Score, frames: int, rate: int, curves: Mapping[str, Curve]) -> Iterator[Audio]:
        """Yield blocks as long as the score asks for; the plugin's latency is taken off."""
        steered = Steered(self.plugin, curves, str(self.plugin.path))
        events = score.events(rate)
        starts = [event.frame for event in events]

        def played(at: int, stop: int) -> Audio:
            inside = events[bisect_left(starts, at) : bisect_left(starts, stop)]
            sent = [(e.frame - at, _bytes(e.status, e.data1, e.data2)) for e in inside]
            return self.plugin.play(sent, stop - at, rate, at == 0, steered.moves(stop - at, rate))

        if not frames:
            return
        first = played(0, min(BLOCK, frames))
        late = self.plugin.facts.latency_frames  # at this rate, and set as it is: known once a block was played
        later = range(first.shape[1], frames + late, BLOCK)
        rest = ((at, played(at, min(at + BLOCK, frames + late))) for at in later)
        for at, audio in chain([(0, first)], rest):
            if at + audio.shape[1] > late:
                yield audio[:, max(0, late - at) :]


@dataclass(frozen=True)
class Part:
    """One part to be rendered: its `name`, what plays it, its notes, its chain, and automation by target.

    `limits`: how long a plugin of its chain may take. `remarks`: sentences for whoever hears it.
    """

    name: str
    performer: Performer
    score: Score
    chain: Chain = NO_CHAIN
    curves: Mapping[str, Curve] = field(default_factory=dict)
    limits: Limits = USUAL_LIMITS
    remarks: tuple[str, ...] = ()

    def check(self) -> None:
        """Raise InputError for automation of something that neither the performer nor the chain has."""
        from backtune.chain_run import check_targets, targets

        own, moving = set(self.performer.targets()), targets(self.chain)
        rest = {target: curve for target, curve in self.curves.items() if target not in own}
        for target, curve in rest.items():
            if "." not in target:
                where, hint = (curve.places or ("automation",))[0], nearest(target, [*own, *moving])
                raise InputError(f"{where}: '{target}' is nothing that moves in part '{self.name}'; {hint}")
        self.performer.check({target: curve for target, curve in self.curves.items() if target in own})
        check_targets(self.chain, rest)

    def stream(self, frames: int, rate: int, warn: Warn = lambda sentence: None) -> Iterator[Audio]:
        """Yield exactly `frames` frames, (2, n) float32 blocks, of the part behind its chain; `warn` of doubts."""
        for sentence in (*self.remarks, *self.performer.doubts(self.score, rate)):
            warn(sentence)
        own = set(self.performer.targets())
        played = {target: curve for target, curve in self.curves.items() if target in own}
        chained = {target: curve for target, curve in self.curves.items() if target not in own}
        sent = given = 0
        with start(self.chain, rate, chained or NO_CURVES, self.limits) as running:
            for sentence in running.warnings:
                warn(f"part '{self.name}': {sentence}")
            for block in self.performer.blocks(self.score, frames, rate, played):
                piece = block[:, : frames - sent]
                sent += piece.shape[1]
                out = running.push(piece)
                given += out.shape[1]
                yield out
                if sent == frames:
                    break
            while sent < frames:  # the instrument is silent, its chain may not be
                silence = np.zeros((2, min(BLOCK, frames - sent)), np.float32)
                sent += silence.shape[1]
                out = running.push(silence)
                given += out.shape[1]
                yield out
            yield running.finish()


def _bytes(status: int, data1: int, data2: int) -> bytes:
    return bytes([status, data1]) if status & 0xF0 in (0xC0, 0xD0) else bytes([status, data1, data2])


def open_performer(played: str, stack: Any, cores: int = 1, limits: Limits | None = None) -> Performer:
    """Return what plays a part: a patch file, or a plugin instrument ("Synth.vst3@warm.vstpreset").

    `stack` (an ExitStack) will close the plugin. Raises what reading the patch, or opening and setting it, raises.
    """
    from backtune.hosting.settings import parse_address, prepare

    address = parse_address(played)
    if address.path.suffix.lower() in (".vst3", ".component"):
        plugin = stack.enter_context(Plugin(address.path, address.name, "instrument", limits))
        prepare(plugin, address.state, address.preset)
        return PluginPerformer(plugin)
    from backtune.patch_file import read_patch

    return PatchPerformer(read_patch(Path(played)), cores)
