"""Smaller patches without fitting again: layers left out and fields made coarser, in the order a fit has recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from backtune.errors import InputError
from backtune.formulas import FORMULAS
from backtune.growth_record import TAKEN, Cut, Step
from backtune.law import Law, LawSpec
from backtune.layer import Layer
from backtune.library import CORE
from backtune.patch import Patch
from backtune.patch_file import patch_bytes
from backtune.provenance import bare, made_from

COARSER = 5.0  # steps of 0.1 dB become 0.5 dB: a digit less, and still below what a listener can tell of one partial
FIELD_NUMBERS = 40  # smaller laws are not worth a cut of their own
FEWEST_KNOTS = 4  # of an axis of which every second may go


def possible_cuts(patch: Patch) -> list[Cut]:
    """Return every single cut that makes the patch smaller: a layer left out, a field rounded or thinned."""
    out = [Cut("leave out", kind) for kind in patch.kinds if kind != CORE]
    for layer in patch.layers:
        for law in layer.laws.values():
            if law.numbers < FIELD_NUMBERS or law.form in FORMULAS:
                continue
            if law.step > 0:
                out.append(Cut("round", layer.kind, law.name, step=round(COARSER * law.step, 6)))
            out += [Cut("thin", layer.kind, law.name, axis=axis) for axis in _long_axes(law)]
    return out


def cut(patch: Patch, one: Cut) -> Patch:
    """Return the patch after one cut; unchanged where it has nothing (more) to cut there."""
    if one.kind not in patch.kinds:
        return patch
    if one.action == "leave out":
        return patch.without(one.kind)
    layer = patch.layer(one.kind)
    law = layer.laws.get(one.law)
    if law is None or law.form in FORMULAS:
        return patch
    if one.action == "round":
        return patch.with_layer(layer.with_laws(_rounded(law, one.step, layer))) if law.step < one.step else patch
    return patch.with_layer(layer.with_laws(_thinned(law, one.axis))) if one.axis in _long_axes(law) else patch


def within(patch: Patch, budget_bytes: int, folder: Path | None = None) -> Patch:
    """Return `patch` small enough to be written (into `folder`) in `budget_bytes`, or as it is when it already is.

    What growth refused is forgotten first (it does not sound), then the recorded cuts are made in their order, at
    last the rest of the story goes. Raises InputError when that is not enough, with what can be reached.
    """
    if patch_bytes(patch, folder) <= budget_bytes:
        return patch
    short = replace(patch, record=tuple(step for step in patch.record if step.action in TAKEN))
    stages = _stages(short)
    for stage in stages:
        if patch_bytes(stage, folder) <= budget_bytes:
            return stage
    for stage in stages:
        if patch_bytes(untold := replace(bare(stage), quality=stage.quality), folder) <= budget_bytes:
            return untold
    least = patch_bytes(replace(bare(stages[-1]), quality=stages[-1].quality), folder)
    why = "" if patch.cuts else "; it records no cuts (made by hand or of others, or fitted without evidence)"
    raise InputError(
        f"budget: {budget_bytes / 1000:g} KB cannot be reached; the smallest this patch can be cut to "
        f"takes {np.ceil(least / 100) / 10:g} KB{why}"
    )


def prune(patch: Patch, budget_bytes: int, folder: Path | None = None) -> Patch:
    """Return `patch` cut down to `budget_bytes` as written (into `folder`), with what was done to it in its origin.

    Raises InputError when the budget cannot be reached.
    """
    if patch_bytes(patch, folder) <= budget_bytes:
        return patch
    named = replace(
        patch, origin=made_from(patch, "prune", budget_bytes=budget_bytes, bytes_before=patch_bytes(patch, folder))
    )
    return within(named, budget_bytes, folder)


def _stages(patch: Patch) -> list[Patch]:
    """Return the patch after none, one, two... of its cuts, each with its place in the record and its distance."""
    stages = [patch]
    for index, one in enumerate(patch.cuts):
        now = stages[-1]
        after = cut(now, one)
        if after is now:
            continue
        action, told = ("remove", "left out") if one.action == "leave out" else ("coarsen", _told(one))
        step = Step(
            action,
            one.kind,
            f"{told} to make the patch smaller",
            distance_db=one.distance_db,
            size_bytes=one.size_bytes,
            law=one.law,
        )
        quality = {"unheard_takes_db": one.distance_db}
        stages.append(replace(after, record=(*now.record, step), cuts=patch.cuts[index + 1 :], quality=quality))
    return stages


def _told(one: Cut) -> str:
    return f"{one.law} in steps of {one.step:g}" if one.action == "round" else f"{one.law} at half the {one.axis} knots"


def _long_axes(law: Law) -> list[str]:
    """Return the axes of a law of which every second knot may go; notes stay."""
    axes: Sequence[tuple[str, np.ndarray]] = list(zip(law.axes, law.knots, strict=True))
    return [axis for axis, knots in axes[law.form == "notes" :] if len(knots) >= FEWEST_KNOTS]


def _thinned(law: Law, axis: str) -> Law:
    position = law.axes.index(axis)
    count = len(law.knots[position])
    kept = np.unique([*range(0, count, 2), count - 1])  # the ends stay: laws hold beyond them
    knots = tuple(k[kept] if i == position else k for i, k in enumerate(law.knots))
    return replace(law, knots=knots, values=np.take(law.values, kept, axis=position))


def _rounded(law: Law, step: float, layer: Layer) -> Law:
    spec: LawSpec = next(spec for spec in layer.specs if spec.name == law.name)
    low, high = np.ceil(spec.low / step) * step, np.floor(spec.high / step) * step
    return replace(law, values=np.clip(law.values, low, high), step=step)
