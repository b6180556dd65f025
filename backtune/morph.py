"""Morphs: a patch on the way from one instrument to another, law by law."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np

from backtune.control import Control, Value
from backtune.errors import InputError, nearest
from backtune.law import Law, LawSpec
from backtune.layer import Layer
from backtune.panel import common_controls, layer_control, surviving
from backtune.patch import Patch
from backtune.provenance import bare, made_from
from backtune.voice import Floats

MOST_NUMBERS = 500_000  # of one law on the knots of both


def morph(one: Patch, other: Patch, amount: float, kinds: Collection[str] = ()) -> Patch:
    """Return the patch `amount` of the way from `one` (0) to `other` (1); `kinds`: only these layers move.

    Laws that cannot be 0 (times, factors) move in ratios, all others in their unit; where keys sound leaps half way,
    as the family does. A layer that only one of them has comes in or goes by its own control. At 0 and 1 the layers
    are those of the instruments, unchanged.
    Raises InputError for an amount outside 0..1 or a layer that neither has.
    """
    if not 0.0 <= amount <= 1.0:
        raise InputError(f"amount: {amount:g} is outside 0..1")
    known = [*one.kinds, *(kind for kind in other.kinds if kind not in one.kinds)]
    for kind in kinds:
        if kind not in known:
            raise InputError(f"layers: neither patch has '{kind[:60]}'; {nearest(kind[:60], known)}")
    mine = {layer.kind: layer for layer in one.layers}
    theirs = {layer.kind: layer for layer in other.layers}
    out = replace(bare(one), layers=(), controls={})  # nobody has compared it with anything
    shares: dict[str, float] = {}
    for kind in known:
        share = amount if not kinds or kind in kinds else 0.0
        layer = _between(mine.get(kind), theirs.get(kind), share)
        if layer is not None:
            out = out.with_layer(layer)
            if (kind in mine) != (kind in theirs):
                shares[kind] = 1.0 - share if kind in mine else share
    return replace(
        out,
        name=f"{one.name} to {other.name}, {amount:.0%}",
        lead_s=max(one.lead_s, other.lead_s),
        struck=one.struck if amount < 0.5 else other.struck,
        origin=made_from(one, "morph", other, amount=float(amount), layers=list(kinds)),
        controls=_controls(one, other, amount, out.layers, shares),
    )


def _between(mine: Layer | None, theirs: Layer | None, share: float) -> Layer | None:
    if mine is None or theirs is None:
        gone = share == 1.0 if theirs is None else share == 0.0
        return None if gone else mine or theirs
    if share in (0.0, 1.0):
        return mine if share == 0.0 else theirs
    laws = {}
    for spec in mine.specs:
        first, second = mine.laws.get(spec.name), theirs.laws.get(spec.name)
        if spec.leaps:
            if (nearer := first if share < 0.5 else second) is not None:
                laws[spec.name] = nearer
        elif first is not None and second is not None:
            laws[spec.name] = between(first, second, spec, share)
        elif first is not None or second is not None:
            laws[spec.name] = first or second  # type: ignore[assignment] # one of them is there
    return type(mine)(laws)


def between(first: Law, second: Law, spec: LawSpec, share: float) -> Law:
    """Return the law `share` of the way between two: on the knots of both, so that each is met exactly.

    Raises InputError when their knots together make more than half a million numbers, or only one is by notes.
    """
    axes = tuple(axis for axis in spec.axes if axis in (*first.axes, *second.axes))
    by_notes = "notes" in (first.form, second.form)
    knots = tuple(np.unique(np.concatenate([_knots(law, axis) for law in (first, second)])) for axis in axes)
    if np.prod([len(k) for k in knots], initial=1.0) > MOST_NUMBERS:
        raise InputError(f"{spec.name}: the knots of both make over {MOST_NUMBERS} numbers")
    if by_notes and first.form != second.form:
        raise InputError(f"{spec.name}: one instrument tells it by notes, the other over the keyboard: nothing between")
    at: dict[str, Any] = dict(zip(axes, knots, strict=True))
    one, two = (law.over(*axes, **at) if axes else np.asarray(law(), float) for law in (first, second))
    if spec.low > 0.0:
        values: Floats = np.exp((1.0 - share) * np.log(one) + share * np.log(two))
    else:
        values = (1.0 - share) * one + share * two
    values = np.clip(values, spec.low, spec.high)  # rounding alone can leave the range
    step = min(first.step, second.step)
    form = "notes" if by_notes else "grid"
    return Law(spec.name, spec.unit, values, axes, knots, form, step, "edited")


def _knots(law: Law, axis: str) -> Floats:
    return law.coordinates[law.axes.index(axis)] if axis in law.axes else np.zeros(0)


def _controls(
    one: Patch, other: Patch, amount: float, layers: tuple[Layer, ...], shares: dict[str, float]
) -> dict[str, Any]:
    """Return settings between those of both; numbers move along the controls' curves, choices change in the middle."""
    mine, theirs = one.panel, other.panel
    out: dict[str, Any] = {}
    for name, control in {**mine.controls, **theirs.controls}.items():
        if name in mine.made or name in theirs.made:
            continue
        first = mine.value(name) if name in mine.controls else control.default
        second = theirs.value(name) if name in theirs.controls else control.default
        value = _way(control, first, second, amount)
        if value != control.default:
            out[name] = value
    for kind, share in shares.items():
        control = layer_control(next(type(layer) for layer in layers if layer.kind == kind))
        full = float((mine if kind in one.kinds else theirs).value(control.name))
        setting = max(full + 20.0 * np.log10(share), control.low) if control.unit == "dB" else full * share
        out[control.name] = float(setting)
        if setting == control.default:
            del out[control.name]
    made = {name: one.controls[name] for name in mine.made} | {
        name: other.controls[name] for name in theirs.made if name not in mine.made
    }
    taken = {name for name in made if name in common_controls()}
    out |= {name: table for name, table in made.items() if name not in taken}
    return surviving(out, layers, one.struck if amount < 0.5 else other.struck)


def _way(control: Control, first: Value, second: Value, amount: float) -> Value:
    if first == second or amount in (0.0, 1.0) or isinstance(first, str) or isinstance(second, str):
        return first if amount < 0.5 else second
    here, there = control.normalised(first), control.normalised(second)
    return control.real(here + amount * (there - here))
