"""The curve of bytes against held-out distance: from a grown patch down to the smallest that still is one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from backtune.analysis.residual import Residual
from backtune.evidence import Bench, total
from backtune.fit import beside
from backtune.growth_record import Cut
from backtune.patch import Patch
from backtune.patch_file import patch_bytes
from backtune.provenance import bare
from backtune.pruning import cut, possible_cuts

LEAST_SAVED = 0.1  # of the patch: smaller cuts are made together with the next, and measured once
ORDERED_BY = 12  # held-out takes that tell the order of cuts, spread over all; the distances come from all of them
KEPT_DIGITS = 3


def measure_cuts(
    patches: Sequence[Patch], held: Residual, bench: Bench, say: Callable[[str], None] = lambda text: None
) -> tuple[Cut, ...]:
    """Return cuts that make the grown patch smaller and smaller, cheapest first, each with what is left after it.

    `patches`: one a fold; `held`: held-out takes of the first. The order is by loss per byte saved, as levels of
    held-out takes tell it; the distances are those of renders, on takes never fitted. Cuts that together save less
    than a tenth of the patch are measured together.
    """
    start = patches[0]
    some = np.unique(np.linspace(0, len(held.heard) - 1, min(ORDERED_BY, len(held.heard))).round().astype(int))
    held = replace(held, heard=tuple(held.heard[i] for i in some))
    base, size = misheard(start, held), patch_bytes(bare(start))
    worth = []
    for one in possible_cuts(start):
        smaller = cut(start, one)
        saved = size - patch_bytes(bare(smaller))
        if saved > 0:
            worth.append(((misheard(smaller, held) - base) / saved, one))
    out: list[Cut] = []
    now, waiting = tuple(patches), list[Cut]()

    def measured() -> list[Cut]:
        left = patch_bytes(bare(now[0]))
        distance = round(total(bench.measure(now)), KEPT_DIGITS)
        say(f"cut {waiting[-1].kind}: {left:,} bytes, {distance:.2f} dB")
        return [replace(one, size_bytes=left, distance_db=distance) for one in waiting]

    last = size  # bytes where the distance was measured last
    for _, one in sorted(worth, key=lambda pair: pair[0]):
        after = tuple(cut(patch, one) for patch in now)
        left, before = patch_bytes(bare(after[0])), patch_bytes(bare(now[0]))
        if left >= before:
            continue  # the layer has gone already
        if waiting and max(before - left, last - left) >= LEAST_SAVED * size:
            out += measured()  # a large cut must not speak for the small ones before it
            waiting, last = [], before
        now, waiting = after, [*waiting, one]
    return tuple([*out, *measured()] if waiting else out)


def sized(cuts: Sequence[Cut], patch: Patch) -> tuple[Cut, ...]:
    """Return the cuts that change `patch`, with the bytes that are left of it after each."""
    out, now = [], bare(patch)
    for one in cuts:
        after = cut(now, one)
        if after is not now:
            now = after
            out.append(replace(one, size_bytes=patch_bytes(now)))
    return tuple(out)


def misheard(patch: Patch, held: Residual) -> float:
    """Return the mean error in dB of what takes sound like beside `patch`; see `level_error_db`."""
    return level_error_db(beside(patch, held))


def level_error_db(seen: Residual) -> float:
    """Return the mean error in dB of the partials and of the noise of takes, weighted by how far they are heard."""
    errors = []
    for levels in (seen.partials, seen.noise):
        weight = levels.weight_given()
        errors.append(float(np.sum(weight * np.abs(levels.missing_db)) / max(np.sum(weight), 1e-9)))
    return float(np.mean(errors))
