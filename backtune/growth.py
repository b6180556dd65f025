"""The core loop: fit, subtract, look, propose, test, keep - and drop what no longer pays, name what has a name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from backtune.akin import choose_kin
from backtune.analysis.residual import Residual
from backtune.curve import measure_cuts
from backtune.errors import Declined, InputError
from backtune.evidence import Bench, total
from backtune.fit import beside
from backtune.growth_state import Growth, price_db
from backtune.library import CORE, is_character, library
from backtune.naming import name_laws
from backtune.patch import Patch
from backtune.patch_file import patch_bytes
from backtune.swapping import LEAST_GAIN_DB, stands_for, swap, turn
from backtune.trial import Trial, attempt, proposed

NEARLY = 0.9  # of the worth of the best candidate: a simpler one is taken first, and the other may still earn the rest
RIVAL = 0.5  # of that worth: a law that bends the core wins half as much again once both have settled


def grow(
    patch: Patch,
    residuals: Sequence[Residual],
    bench: Bench,
    budget_bytes: int,
    say: Callable[[str], None] = lambda text: None,
) -> Growth:
    """Return `patch` grown from an empty stack by the layers of the library that held-out takes pay for.

    `residuals` holds the fitted takes of each fold, `bench` the held-out ones. `budget_bytes` bounds the
    written patch. The numbers of `grown(...)` are those of the first fold.
    """
    try:
        patches = tuple(patch.with_layer(library()[CORE].guess(beside(patch, r))) for r in residuals)
    except Declined as reason:
        raise InputError(f"{patch.name}: {reason}; a patch grows from tones") from None
    state = Growth(residuals, bench, budget_bytes, patches, bench.measure(patches), say=say)
    core = state.step("core", CORE, f"the tone without which there is nothing to improve; {bench.repeats}")
    state.note(replace(core, remains=state.shares))
    worth = dict.fromkeys((kind for kind in library() if kind != CORE), float("inf"))
    fresh: dict[str, Trial] = {}  # what was measured beside the patch as it is now
    while (kind := _next(state, worth, fresh)) or state.passed_over:
        if (not kind or turn(kind) > 0) and state.passed_over:
            if swapped := swap(state):
                worth.pop(swapped.came, None)
                fresh, worth[swapped.went] = {}, 0.0  # beside the simpler law it may still earn its place
                worth.update(dict.fromkeys(_drop_idle(state, newest=swapped.came), 0.0))
        elif kind not in fresh:
            fresh[kind] = attempt(state, kind)
            worth[kind] = fresh[kind].worth
        else:
            kind = _simplest(state, kind, fresh)
            if not _keep(state, kind, fresh[kind]):
                fresh[kind], worth[kind] = replace(fresh[kind], worth=0.0), 0.0
                continue
            if turn(kind) == 0:  # laws alone: a table is judged by the notes it is for
                state.passed_over[kind] = _simpler(kind, fresh)
            del worth[kind]
            fresh = {k: trial for k, trial in fresh.items() if turn(k) < turn(kind)}  # less remains for these
            worth.update(dict.fromkeys(_drop_idle(state, newest=kind), 0.0))
    choose_kin(state)
    if bench.everyone:
        name_laws(state)
    return state


def _next(state: Growth, worth: Mapping[str, float], fresh: Mapping[str, Trial]) -> str:
    """Return the layer type to try or to take in next, or "" when none is left that was not asked or is worth it.

    Before a law is taken in, those that may say the same, and found something when they were asked last, are asked
    beside the patch as it is now: what did harm beside the tone alone - overtones that speak late, under a breath -
    may say it in a tenth of the numbers.
    """
    left = [kind for kind in worth if kind not in fresh or worth[kind] > 0]
    order = partial(_order, state, worth)
    best = max(left, key=order, default="")
    if best not in fresh or turn(best) > 0:
        return best
    rivals = [kind for kind in left if kind not in fresh and worth[kind] > -np.inf and stands_for(kind, best)]
    return max(rivals, key=order, default=best)


def _order(state: Growth, worth: Mapping[str, float], kind: str) -> tuple[int, float, float]:
    return -turn(kind), worth[kind], state.promise(kind)


def _simpler(kind: str, fresh: Mapping[str, Trial]) -> list[str]:
    """Return the layer types that were worth something as well and may say what `kind` says, fewest numbers first.

    None for character: each of those is judged by a trait of its own.
    """
    if is_character(kind):
        return []
    simpler = [
        one
        for one, trial in fresh.items()
        if trial.worth > 0 and stands_for(one, kind) and _numbers(trial, one) < _numbers(fresh[kind], kind)
    ]
    return sorted(simpler, key=lambda one: (_numbers(fresh[one], one), one))


def _simplest(state: Growth, best: str, fresh: dict[str, Trial]) -> str:
    """Return the layer type of fewest numbers among those worth nearly as much as the best: a law before a surface.

    Their whole falls are compared as well, since what a single take counts for is bounded, where takes never fitted
    are the evidence: a table of single notes is not for those.
    """
    fresh.update({kind: _settled(state, kind, fresh) for kind in _rivals(best, fresh)})
    near = {
        kind: total(state.measured) - total(trial.measured)
        for kind, trial in fresh.items()
        if trial.patches is not None and trial.worth >= NEARLY * fresh[best].worth and stands_for(kind, best)
    }
    most = max(near.values())  # not above 0 where nothing but a trait or split halves speak
    enough = -np.inf if is_character(best) or best in state.by_halves or most <= 0 else NEARLY * most
    return min((kind for kind in near if near[kind] >= enough), key=lambda kind: (_numbers(fresh[kind], kind), kind))


def _rivals(best: str, fresh: Mapping[str, Trial]) -> list[str]:
    """Return the simpler layer types that may come near the best once they have settled, as it need not."""
    worth = fresh[best].worth
    return [kind for kind in _simpler(best, fresh) if RIVAL * worth <= fresh[kind].worth < NEARLY * worth]


def _settled(state: Growth, kind: str, fresh: Mapping[str, Trial]) -> Trial:
    """Return the trial of a layer type with all layers refitted beside it, or as it was where that wins nothing."""
    trial = fresh[kind]
    assert trial.patches is not None
    settled = state.settled(trial.patches)
    measured = state.bench.measure(settled)
    gain, _ = state.gain(kind, state.patches, state.measured, settled, measured, state.tried)
    worth = gain.mean_db - price_db(state.patches, settled)
    return replace(trial, worth=worth, patches=settled, measured=measured) if worth > trial.worth else trial


def _numbers(trial: Trial, kind: str) -> int:
    assert trial.patches is not None
    return trial.patches[0].layer(kind).numbers


def grown(state: Growth) -> Patch:
    """Return the patch of the first fold with its record, its quality, and the curve of bytes against distance."""
    cuts = measure_cuts(state.patches, state.held, state.bench, state.say) if state.bench.everyone else ()
    return replace(state.patches[0], record=tuple(state.record), quality=state.quality, cuts=cuts)


def _keep(state: Growth, kind: str, trial: Trial) -> bool:
    """Take a layer in, refit all beside each other unless that hurts, and record what it won.

    Returns False where, once all has settled, its gain is no longer told from chance: then all stays as it was.
    """
    assert trial.patches is not None
    smaller, before, why, tried = state.patches, state.measured, proposed(state, kind), state.tried
    state.take(trial.patches, trial.measured)
    refitted = state.settled(state.patches)
    better = state.bench.measure(refitted)
    if total(better) < total(state.measured):
        state.take(refitted, better)
    gain, trait = state.gain(kind, smaller, before, state.patches, state.measured, tried)
    if gain.low_db <= 0:
        size, measured = patch_bytes(state.patches[0]), state.measured
        state.take(smaller, before)
        reason = f"once all had settled, its gain of {gain.mean_db:+.2f} dB could not be told from chance"
        state.note(replace(state.step("refuse", kind, reason, gain, measured, size, tried), proposed=why))
        return False
    where = f"{gain.takes} takes" if kind in state.by_halves else f"{gain.takes} takes never fitted"
    won = f"wins {gain.mean_db:.2f} dB ({gain.low_db:.2f}..{gain.high_db:.2f}) on {where}"
    reason = f"{trait}; {won}" if trait else won
    state.note(replace(state.step("add", kind, reason, gain, tried=tried), proposed=why, remains=state.shares))
    return True


def _drop_idle(state: Growth, newest: str) -> list[str]:
    """Remove older layers that no longer pay beside the newest; return their kinds."""
    dropped = []
    for kind in [k for k in state.patches[0].kinds if k not in (CORE, newest)]:
        smaller = tuple(patch.without(kind) for patch in state.patches)
        measured = state.bench.measure(smaller)
        kept, _ = state.gain(kind, smaller, measured, state.patches, state.measured, 1)
        price = price_db(smaller, state.patches)
        if kept.mean_db < max(price, LEAST_GAIN_DB):
            state.take(smaller, measured)
            needed = max(price, LEAST_GAIN_DB)
            reason = f"beside {newest} it is worth {kept.mean_db:+.2f} dB, less than the {needed:.2f} dB it has to be"
            state.note(state.step("remove", kind, reason, kept))
            dropped.append(kind)
    return dropped
