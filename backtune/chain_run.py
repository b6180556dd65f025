"""An effect chain at work: built once, then fed with blocks; plugins run in their own processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

import numpy as np

from backtune.automation import Curve
from backtune.chain import (
    HIGHEST_GAIN_DB,
    LOWEST_GAIN_DB,
    Chain,
    EffectSlot,
    ParallelSlot,
    PluginSlot,
    Slot,
    every_branch,
    every_slot,
)
from backtune.chain_plugin import set_as_slot
from backtune.errors import BacktuneError, InputError, nearest
from backtune.hosting.effect import unit_of
from backtune.hosting.effects import EFFECTS
from backtune.hosting.plugin import Plugin
from backtune.hosting.process import Limits
from backtune.hosting.streams import EffectStream, MixStream, ParallelStream, PluginStream, SerialStream, Stream
from backtune.hosting.wire import GRID, Audio

LONGEST_WAIT_S = 30.0  # of silence sent in until everything has come out; longer means that it never will
DRAIN_FRAMES = 64 * GRID
NO_CURVES: Mapping[str, Curve] = {}


@dataclass
class Running:
    """A chain at a sampling rate in Hz; use it in a `with` statement, which ends its plugins.

    - `warnings`: sentences about settings that did not turn out as written, and curves that move nothing.
    Frame k of all that comes out belongs to frame k of all that went in.
    """

    stream: Stream
    rate: int
    plugins: dict[str, Plugin]
    warnings: list[str] = field(default_factory=list)
    frames_in: int = 0
    frames_out: int = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stream.close()

    def push(self, block: Audio) -> Audio:
        """Return what has come out, (2, frames) float32, after `block`, (frames,) or (1 or 2, frames), went in."""
        stereo = np.atleast_2d(np.asarray(block, np.float32))
        if stereo.shape[0] == 1:
            stereo = np.concatenate([stereo, stereo], axis=0)
        self.frames_in += stereo.shape[1]
        out = self.stream.push(stereo)
        self.frames_out += out.shape[1]
        return out

    def finish(self, tail_s: float = 0.0) -> Audio:
        """Return the rest of what was pushed, and `tail_s` more, by sending silence after it."""
        wanted = self.frames_in + round(tail_s * self.rate)
        first = self.frames_out
        out, sent = [], 0
        while self.frames_out < wanted:
            if sent > (tail_s + LONGEST_WAIT_S) * self.rate:
                raise BacktuneError(f"chain: {wanted - self.frames_out} frames never came out; a plugin keeps them")
            out.append(self.push(np.zeros((2, DRAIN_FRAMES), np.float32)))
            sent += DRAIN_FRAMES
        rest = np.concatenate(out, axis=1) if out else np.zeros((2, 0), np.float32)
        return rest[:, : wanted - first]


def start(chain: Chain, rate: int, curves: Mapping[str, Curve] = NO_CURVES, limits: Limits | None = None) -> Running:
    """Return the chain at work; `curves` are automation by target, "slot.parameter", "slot.mix" or "branch.gain_db".

    Raises InputError for an unknown target or a value out of range, and whatever opening a plugin raises.
    """
    check_targets(chain, curves)
    builder = _Builder(rate, curves, limits)
    with builder.opened:
        stream = builder.serial(chain.slots)
        builder.opened.pop_all()  # from here on the streams close what was opened
    return Running(stream, rate, builder.plugins, [*builder.warnings, *_in_vain(chain, curves)])


def apply_chain(chain: Chain, audio: Audio, rate: int, tail_s: float = 0.0, limits: Limits | None = None) -> Audio:
    """Return (2, frames + tail) float32: `audio`, (frames,) or (1 or 2, frames), through the chain in one call."""
    with start(chain, rate, limits=limits) as running:
        return np.concatenate([running.push(audio), running.finish(tail_s)], axis=1)


def targets(chain: Chain) -> list[str]:
    """Return everything in a chain that automation can move, as far as it is known without opening plugins."""
    found = [f"{branch.name}.gain_db" for branch in every_branch(chain)]
    for _, slot in every_slot(chain.slots):
        found.append(f"{slot.name}.mix")
        if isinstance(slot, EffectSlot):
            found += [f"{slot.name}.{knob.name}" for knob in EFFECTS[slot.kind].knobs if knob.moves]
    return found


def check_targets(chain: Chain, curves: Mapping[str, Curve]) -> None:
    """Raise InputError for a target that the chain does not have, or a value out of the target's range."""
    known = targets(chain)
    slots = {slot.name: slot for _, slot in every_slot(chain.slots)}
    for target, curve in curves.items():
        name, _, parameter = target.partition(".")
        slot = slots.get(name)
        where = (curve.places or ("automation",))[0]
        if target not in known and not isinstance(slot, PluginSlot):
            hint = nearest(target, [one for one in known if one.partition(".")[0] == name] or known)
            raise InputError(f"{where}: '{target}' is nothing that moves in '{chain.name}'; {hint}")
        if target not in known:
            continue  # a plugin's parameter: checked against its table when it is opened
        if curve.texts:
            raise InputError(f"{where}: {target}: '{curve.texts[0]}' is no number")
        _check_units(curve, target, unit_of(parameter))
        low, high = float(curve.values.min()), float(curve.values.max())
        if parameter == "mix" or not isinstance(slot, EffectSlot):
            allowed = (0.0, 1.0) if parameter == "mix" else (LOWEST_GAIN_DB, HIGHEST_GAIN_DB)
            if low < allowed[0] or high > allowed[1]:
                given = low if low < allowed[0] else high
                raise InputError(f"{where}: {target}: {given:g}; allowed: {allowed[0]:g}..{allowed[1]:g}")
        else:
            for value in (low, high):
                EFFECTS[slot.kind].check(parameter, value, f"{where}: {name}")


def _check_units(curve: Curve, target: str, unit: str) -> None:
    """Raise InputError for a point that was written in another unit than the one its target is in."""
    for place, given in zip(curve.places or ("automation",) * len(curve.units), curve.units, strict=False):
        if given not in ("", unit):
            own = f"is in '{unit}'" if unit else "has no unit"
            raise InputError(f"{place}: {target} {own}, '{given[:20]}' was given")


def _in_vain(chain: Chain, curves: Mapping[str, Curve]) -> list[str]:
    """Return a sentence on each curve of a slot that is bypassed, or lies in one that is."""
    told: dict[str, str] = {}
    for where, slot in every_slot(chain.slots):
        if slot.bypass:
            inside = replace(chain, slots=(slot,))
            names = {one.name for _, one in every_slot(inside.slots)} | {one.name for one in every_branch(inside)}
            for target in (one for one in curves if one.partition(".")[0] in names):
                told.setdefault(
                    target, f"{where} ({slot.name}): is bypassed, so the automation of {target} moves nothing"
                )
    return list(told.values())


class _Builder:
    """Makes streams of slots; what it opened is closed again when making the rest fails."""

    def __init__(self, rate: int, curves: Mapping[str, Curve], limits: Limits | None) -> None:
        self.rate, self.curves, self.limits = rate, curves, limits
        self.opened = ExitStack()
        self.plugins: dict[str, Plugin] = {}
        self.warnings: list[str] = []

    def serial(self, slots: Sequence[Slot], where: str = "slots") -> Stream:
        """Return the stream of slots in a row, those with `bypass` left out."""
        return SerialStream([self._slot(slot, f"{where}[{i}]") for i, slot in enumerate(slots) if not slot.bypass])

    def _slot(self, slot: Slot, where: str) -> Stream:
        here = f"{where} ({slot.name})"
        own = {
            target.partition(".")[2]: curve
            for target, curve in self.curves.items()
            if target.partition(".")[0] == slot.name
        }
        mix = own.pop("mix", None)
        if isinstance(slot, EffectSlot):
            effect = EFFECTS[slot.kind]
            inner: Stream = EffectStream(here, effect, effect.usual | slot.settings, self.rate, own)
        elif isinstance(slot, PluginSlot):
            inner = self._plugin(slot, here, own)
        else:
            inner = self._parallel(slot, where)
        return inner if slot.mix == 1.0 and mix is None else MixStream(inner, slot.mix, mix, self.rate)

    def _parallel(self, slot: ParallelSlot, where: str) -> Stream:
        branches = []
        for place, branch in enumerate(slot.branches):
            stream = self.serial(branch.slots, f"{where}.parallel[{place}].slots")
            branches.append((stream, branch.gain_db, self.curves.get(f"{branch.name}.gain_db")))
        return ParallelStream(branches, self.rate)

    def _plugin(self, slot: PluginSlot, here: str, curves: Mapping[str, Curve]) -> Stream:
        plugins = [self._open(slot, here)]
        if plugins[0].facts.channels == 1:
            plugins.append(self._open(slot, here))
        self.plugins[slot.name] = plugins[0]
        stream = PluginStream(here, plugins, self.rate, curves)
        return stream

    def _open(self, slot: PluginSlot, here: str) -> Plugin:
        try:
            plugin = Plugin(slot.path, slot.plugin, "effect", self.limits)
            self.opened.callback(plugin.close)
            self.warnings += [told for told in set_as_slot(plugin, slot, here) if told not in self.warnings]
        except InputError as error:
            raise InputError(f"{here}: {error}") from None
        return plugin
