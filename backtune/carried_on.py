"""Layers that are refitted by turns creep towards where they settle: from three states, how far there is to go."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from backtune.law import Law
from backtune.layer import Layer
from backtune.patch import Patch

LEVELS = ("dB", "dB/s")  # what enters the level of a note in a straight line
MOST_LEFT = 0.8  # of one change that the next may be: nobody is carried farther than four times the last change


def carried_on(before: Patch, between: Patch, after: Patch) -> Patch:
    """Return where the numbers of three states of one patch, a turn of refitting apart, are heading.

    Each law's changes are taken to fall by one ratio from turn to turn, and summed to their end (Aitken 1926, in the
    vector form of Irons and Tuck 1969). What is no level, has another shape than before, or does
    not settle, stays.
    """

    def further(layer: Layer) -> Layer:
        first, second = (patch.layer(layer.kind).laws for patch in (before, between))
        laws = [_law(first.get(name), second.get(name), law, layer) for name, law in layer.laws.items()]
        return type(layer)({law.name: law for law in laws})

    return replace(after, layers=tuple(further(layer) for layer in after.layers))


def _law(first: Law | None, second: Law | None, third: Law, layer: Layer) -> Law:
    if third.unit not in LEVELS or first is None or second is None:
        return third
    if not first.values.shape == second.values.shape == third.values.shape:
        return third
    changed, changes = second.values - first.values, third.values - second.values
    size = float(np.sum(changed**2))
    ratio = float(np.sum(changed * changes)) / size if size > 0 else 0.0
    if ratio <= 0:
        return third
    ratio = min(ratio, MOST_LEFT)
    spec = next(spec for spec in layer.specs if spec.name == third.name)
    return third.with_values(np.clip(third.values + changes * ratio / (1 - ratio), spec.low, spec.high))
