"""The core loop: fit, subtract, look, propose, test, keep - and drop what no longer pays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from backtune.analysis.distance import PARTS, Distance
from backtune.analysis.residual import Residual
from backtune.errors import Declined
from backtune.evidence import Bench, Gain, total
from backtune.fit import add_guess, beside, refit
from backtune.growth_record import Step
from backtune.library import library
from backtune.patch import Patch
from backtune.patch_file import patch_bytes

PRICE_DB_PER_KB = 0.002  # a layer of 100 KB has to win 0.2 dB
LEAST_GAIN_DB = 0.05  # below this nobody hears it, however sure and cheap it is
CORE = "tonal_core"


Patches = tuple[Patch, ...]  # the same structure, its numbers found from the fitted takes of each fold


@dataclass
class Growth:
    """The state of one run: the patches so far (one a fold), what they measure, and the record."""

    residuals: Sequence[Residual]
    bench: Bench
    budget_bytes: int
    patches: Patches
    measured: list[Distance]
    record: list[Step]
    say: Callable[[str], None]

    def note(self, step: Step) -> None:
        """Write a step into the record and tell it."""
        self.record.append(step)
        self.say(f"{step.action} {step.kind}: {step.reason}")


def grow(
    patch: Patch,
    residuals: Sequence[Residual],
    bench: Bench,
    budget_bytes: int,
    say: Callable[[str], None] = lambda text: None,
) -> Patch:
    """Return `patch` grown from an empty stack by the layers of the library that held-out takes pay for.

    `residuals` holds the fitted takes of each fold, `bench` the held-out ones. `budget_bytes` bounds the
    written patch. The numbers of the patch are those of the first fold.
    """
    patches = tuple(patch.with_layer(library()[CORE].guess(beside(patch, r))) for r in residuals)
    state = Growth(residuals, bench, budget_bytes, patches, bench.measure(patches), [], say)
    state.note(_step(state, "core", CORE, "the tone without which there is nothing to improve"))
    worth = dict.fromkeys((kind for kind in library() if kind != CORE), float("inf"))
    fresh: dict[str, Patches] = {}  # what was measured beside the patch as it is now
    while stale_or_worthy := [kind for kind in worth if kind not in fresh or worth[kind] > 0]:
        kind = max(stale_or_worthy, key=lambda k: worth[k])
        if kind not in fresh:
            worth[kind], fresh[kind] = _try(state, kind)
        else:
            _keep(state, kind, fresh[kind])
            del worth[kind]
            fresh.clear()
            worth.update(dict.fromkeys(_drop_idle(state, newest=kind), 0.0))
    return replace(state.patches[0], record=tuple(state.record), quality=_quality(state))


def _try(state: Growth, kind: str) -> tuple[float, Patches]:
    """Return what a layer of `kind` is worth now, in dB net of its price, and the patches with it.

    A refusal is recorded with its reason.
    """
    layer = library()[kind]
    try:
        pairs = zip(state.patches, state.residuals, strict=True)
        bigger = tuple(add_guess(patch, layer, residual) for patch, residual in pairs)
    except Declined as reason:
        state.note(_step(state, "decline", kind, str(reason)))
        return float("-inf"), state.patches
    measured = state.bench.measure(bigger)
    tried = len(library()) - 1
    gain = state.bench.gain(state.measured, measured, layer.evidence, tried)
    size, price = patch_bytes(bigger[0]), _price(state.patches, bigger)
    refusal = _refusal(state, gain, size, price, state.bench.gain(state.measured, measured, "", 1))
    if refusal:
        state.note(_step(state, "refuse", kind, refusal, gain, measured, size, tried))
        return min(gain.mean_db - price, 0.0), bigger
    return gain.mean_db - price, bigger


def _refusal(state: Growth, gain: Gain, size: int, price: float, everywhere: Gain) -> str:
    """Return why a layer is not taken, or "" when it earned its place."""
    if size > state.budget_bytes:
        return f"the patch would take {size / 1000:.1f} KB, more than the {state.budget_bytes / 1000:.0f} KB allowed"
    if gain.low_db <= 0:
        return (
            f"its gain of {gain.mean_db:+.2f} dB cannot be told from chance ({gain.low_db:+.2f}..{gain.high_db:+.2f})"
        )
    if gain.mean_db < max(price, LEAST_GAIN_DB):
        return f"its gain of {gain.mean_db:.2f} dB does not pay for {price / PRICE_DB_PER_KB:.1f} KB"
    if everywhere.mean_db < 0:
        return f"it wins {gain.mean_db:.2f} dB where it should, but loses {-everywhere.mean_db:.2f} dB over all takes"
    return ""


def _keep(state: Growth, kind: str, bigger: Patches) -> None:
    """Take a layer in, refit all beside each other unless that hurts, and record what it won."""
    before, tried = state.measured, len(library()) - 1
    refitted = tuple(refit(p, r, 1) for p, r in zip(bigger, state.residuals, strict=True))
    plain, better = state.bench.measure(bigger), state.bench.measure(refitted)
    state.patches, state.measured = (refitted, better) if total(better) <= total(plain) else (bigger, plain)
    gain = state.bench.gain(before, state.measured, library()[kind].evidence, tried)
    reason = f"wins {gain.mean_db:.2f} dB ({gain.low_db:.2f}..{gain.high_db:.2f}) on {gain.takes} takes never fitted"
    state.note(_step(state, "add", kind, reason, gain, state.measured, tried=tried))


def _drop_idle(state: Growth, newest: str) -> list[str]:
    """Remove older layers that no longer pay beside the newest; return their kinds."""
    dropped = []
    for kind in [k for k in state.patches[0].kinds if k not in (CORE, newest)]:
        smaller = tuple(patch.without(kind) for patch in state.patches)
        measured = state.bench.measure(smaller)
        kept = state.bench.gain(measured, state.measured, library()[kind].evidence, 1)
        price = _price(smaller, state.patches)
        if kept.mean_db < price:
            state.patches, state.measured = smaller, measured
            reason = f"beside {newest} it is worth {kept.mean_db:+.2f} dB, less than its price of {price:.2f} dB"
            state.note(_step(state, "remove", kind, reason, kept, measured))
            dropped.append(kind)
    return dropped


def _price(smaller: Patches, larger: Patches) -> float:
    return PRICE_DB_PER_KB * (patch_bytes(larger[0]) - patch_bytes(smaller[0])) / 1000


def _step(
    state: Growth,
    action: str,
    kind: str,
    reason: str,
    gain: Gain | None = None,
    measured: list[Distance] | None = None,
    size: int | None = None,
    tried: int = 1,
) -> Step:
    gain = gain or Gain(0.0, 0.0, 0.0, len(state.bench.everyone))
    return Step(
        action=action,
        kind=kind,
        reason=reason,
        gain_db=round(gain.mean_db, 3),
        low_db=round(gain.low_db, 3),
        high_db=round(gain.high_db, 3),
        distance_db=round(total(state.measured if measured is None else measured), 3),
        size_bytes=patch_bytes(state.patches[0]) if size is None else size,
        takes=gain.takes,
        tried=tried,
    )


def _quality(state: Growth) -> dict[str, float]:
    """Return the mean held-out distances in dB: at unheard pitches, at unheard dynamics, and by part."""
    out: dict[str, float] = {}
    for why, name in (("pitches", "unheard_pitches_db"), ("dynamics", "unheard_dynamics_db")):
        mine = [d for d, h in zip(state.measured, state.bench.everyone, strict=True) if h.why == why]
        if mine:
            out[name] = round(total(mine), 2)
    for part in PARTS if state.measured else ():
        out[f"{part}_db"] = round(sum(getattr(d, part) for d in state.measured) / len(state.measured), 2)
    return out
