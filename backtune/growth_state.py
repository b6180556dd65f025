"""The state of growth: the patches so far, what they measure, what remains, and the record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

from backtune.analysis.distance import PARTS, Distance
from backtune.analysis.residual import Residual
from backtune.analysis.whereabouts import whereabouts
from backtune.character import character_gain
from backtune.evidence import Bench, Gain, total
from backtune.fit import Remains, refit
from backtune.growth_record import Step
from backtune.library import library
from backtune.patch import Patch
from backtune.patch_file import patch_bytes
from backtune.split_half import SPLIT_HALF, split_half_gain
from backtune.workers import side_by_side

SWEEPS = 3  # of all layers beside each other after one was taken in: two show where they go, one follows
PRICE_DB_PER_KB = 0.002  # a layer of 100 KB has to win 0.2 dB

Patches = tuple[Patch, ...]  # the same structure, its numbers found from the fitted takes of each fold


@dataclass
class Growth:
    """The state of one run: the patches so far (one a fold), what they measure, and the record."""

    residuals: Sequence[Residual]
    bench: Bench
    budget_bytes: int
    patches: Patches
    measured: list[Distance]
    record: list[Step] = field(default_factory=list)
    say: Callable[[str], None] = lambda text: None
    alone: bool = True  # takes may speak for themselves where no note was recorded twice
    by_halves: set[str] = field(default_factory=set)  # layers of single notes for which nothing else spoke
    declined: set[str] = field(default_factory=set)  # layer types that found nothing to propose when asked last
    passed_over: dict[str, list[str]] = field(default_factory=dict)  # by layer taken in: simpler ones not tried for it

    def gain(
        self, kind: str, smaller: Patches, before: list[Distance], larger: Patches, after: list[Distance], tried: int
    ) -> tuple[Gain, str]:
        """Return what a layer of `kind` wins, by the evidence it asks for, and a sentence where it is another."""
        layer = library()[kind]
        if kind in self.by_halves:
            return split_half_gain(smaller[0], layer, self.residuals[0], tried)[0], SPLIT_HALF
        if layer.evidence == "character":
            return character_gain(layer, smaller, larger, self.residuals, self.bench, tried)
        return self.bench.gain(before, after, layer.evidence, tried), ""

    def note(self, step: Step) -> None:
        """Write a step into the record and tell it; who declines again for the same reason has said it before."""
        before = next((one for one in reversed(self.record) if one.kind == step.kind), step)
        if before is step or step.action != "decline" or (before.action, before.reason) != (step.action, step.reason):
            self.record.append(step)
        self.say(f"{step.action} {step.kind}: {step.reason}")

    def take(self, patches: Patches, measured: list[Distance]) -> None:
        """Go on from other patches."""
        self.patches, self.measured = patches, measured
        self.__dict__.pop("remains", None)
        self.__dict__.pop("shares", None)

    def settled(self, patches: Patches) -> Patches:
        """Return patches with all layers refitted beside each other."""
        return side_by_side(partial(refit, sweeps=SWEEPS), patches, self.residuals, threads=self.bench.jobs)

    @property
    def tried(self) -> int:
        """How many layer types held-out takes may be asked about, so far: all but the core and those that declined.

        Who declines never sees such a take, and cannot win there by chance.
        """
        return len(library()) - 1 - len(self.declined)

    @property
    def may_split(self) -> bool:
        """Whether layers of single notes may be judged by the notes' own takes."""
        return self.alone and not self.bench.repeats.pairs

    @cached_property
    def remains(self) -> list[Remains]:
        """What the patches leave of the fitted takes, fold by fold."""
        return [Remains(patch, residual) for patch, residual in zip(self.patches, self.residuals, strict=True)]

    @cached_property
    def shares(self) -> dict[str, float]:
        """Where what remains sits; see `whereabouts`."""
        return whereabouts(self.remains[0].whole)

    def promise(self, kind: str) -> float:
        """Return the share of what remains that a layer of `kind` may explain."""
        return sum(self.shares[place] for place in library()[kind].where)

    @property
    def held(self) -> Residual:
        """The held-out takes of the first fold, as heard."""
        return replace(self.residuals[0], heard=tuple(h.heard for h in self.bench.held[0]), voices=())

    def step(
        self,
        action: str,
        kind: str,
        reason: str,
        gain: Gain | None = None,
        measured: list[Distance] | None = None,
        size: int | None = None,
        tried: int = 1,
    ) -> Step:
        """Return a step of the record; by default of the patches and their distances as they are."""
        gain = gain or Gain(0.0, 0.0, 0.0, len(self.bench.everyone))
        return Step(
            action=action,
            kind=kind,
            reason=reason,
            gain_db=round(gain.mean_db, 3),
            low_db=round(gain.low_db, 3),
            high_db=round(gain.high_db, 3),
            distance_db=round(total(self.measured if measured is None else measured), 3),
            size_bytes=patch_bytes(self.patches[0]) if size is None else size,
            takes=gain.takes,
            tried=tried,
        )

    def measured_at(self, evidence: str) -> list[Distance]:
        """Return the distances of the held-out takes that count for `evidence`, as `Bench.asking` has them."""
        return [d for d, h in zip(self.measured, self.bench.everyone, strict=True) if h.why == evidence]

    @property
    def quality(self) -> dict[str, float]:
        """Mean held-out distances in dB: at unheard pitches, at unheard dynamics, of repeats, and by part."""
        out: dict[str, float] = {}
        for why, name in (("pitches", "unheard_pitches_db"), ("dynamics", "unheard_dynamics_db")):
            if mine := self.measured_at(why):
                out[name] = round(total(mine), 2)
        if self.bench.repeats.pairs:
            out["repeats_of_a_note_db"] = round(self.bench.repeats.distance_db, 2)
        for part in PARTS if self.measured else ():
            out[f"{part}_db"] = round(sum(getattr(d, part) for d in self.measured) / len(self.measured), 2)
        return out


def price_db(smaller: Patches, larger: Patches) -> float:
    """Return what the bytes that `larger` takes more than `smaller` have to win, dB."""
    return PRICE_DB_PER_KB * (patch_bytes(larger[0]) - patch_bytes(smaller[0])) / 1000
