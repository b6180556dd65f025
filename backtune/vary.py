"""Variations: random but musical moves of an instrument's controls."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from backtune.control import Control
from backtune.errors import InputError
from backtune.patch import Patch
from backtune.provenance import made_from

MOST = 1000  # variations at once
MOVED = (3, 6)  # controls a variation moves: fewer are hardly heard, more are no character any more
LEFT_ALONE = ("tuning", "dynamics", "made")  # groups whose moves are another player or another piece, not a colour
LONGEST_WAY = 0.5  # of a control's whole range, at amount 1


def vary(patch: Patch, seed: int, amount: float, count: int) -> tuple[Patch, ...]:
    """Return `count` variations, the same for the same seed; variation k does not depend on `count`.

    Each moves three to six controls from where they stand, at most `amount` (0..1) of half their range, small moves
    more often than large ones, and never beyond it. Raises InputError for an amount outside 0..1, a count outside
    1..1000, or a negative seed.
    """
    if not 0.0 <= amount <= 1.0:
        raise InputError(f"amount: {amount:g} is outside 0..1")
    if not 1 <= count <= MOST:
        raise InputError(f"count: {count} is outside 1..{MOST}")
    if seed < 0:
        raise InputError(f"seed: {seed} is below 0")
    return tuple(_variation(patch, seed, amount, number) for number in range(1, count + 1))


def movable(patch: Patch) -> list[Control]:
    """Return the controls that variations may move: colour, onset and course, as the instrument allows."""
    return [
        one
        for one in patch.panel.controls.values()
        if one.group not in LEFT_ALONE
        and not one.choices
        and not (patch.struck and one.name.startswith("vibrato"))  # nobody plays a piano with vibrato
        and one.name != "tonal_core_level"
    ]


def _variation(patch: Patch, seed: int, amount: float, number: int) -> Patch:
    rng = np.random.default_rng([seed, number])
    controls = movable(patch)
    how_many = int(rng.integers(MOVED[0], MOVED[1] + 1))
    chosen = rng.choice(len(controls), size=min(how_many, len(controls)), replace=False)
    moved = {}
    for index in sorted(chosen.tolist()):
        control = controls[index]
        at = control.normalised(patch.panel.value(control.name))
        low, high = max(0.0, at - LONGEST_WAY * amount), min(1.0, at + LONGEST_WAY * amount)
        there = float(rng.triangular(low, min(max(at, low), high), high)) if high > low else at
        moved[control.name] = float(f"{float(control.real(there)):.4g}")
    out = patch.with_controls(**{name: _inside(patch, name, value) for name, value in moved.items()})
    origin = made_from(patch, "vary", seed=seed, amount=float(amount), number=number)
    return replace(out, name=f"{patch.name}, variation {number}", origin=origin)


def _inside(patch: Patch, name: str, value: float) -> float:
    control = patch.panel.controls[name]
    return min(max(value, control.low), control.high)  # four digits can leave the range by rounding
