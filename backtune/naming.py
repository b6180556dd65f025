"""Naming: where a named law says the same as a surface, with fewer numbers, it takes its place, a step of growth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.residual import Residual, sharper_cents
from backtune.curve import level_error_db, misheard
from backtune.evidence import RESOLVED_DB, total
from backtune.fit import beside, refit_notes
from backtune.growth_record import Step
from backtune.growth_state import Growth, price_db
from backtune.named_laws import candidates, with_named
from backtune.patch import Patch
from backtune.patch_file import patch_bytes
from backtune.workers import side_by_side

Floats = NDArray[np.float64]

LEAVES_DB = 0.1  # of the mean error of fitted levels: four takes made C4 5 dB too loud, where no held-out take told
# Of any fitted take: the least mistuning of two notes that follow each other that most listeners hear. The highest key
# is never held out: a line for the stretch of a grand piano left C8 flat by 49 cents.
LEAVES_CENTS = 5.0


@dataclass(frozen=True)
class Nearness:
    """How near a patch is to fitted takes: the mean error of their levels, and how far each is mistuned, (takes,)."""

    levels_db: float
    cents: Floats

    @classmethod
    def of(cls, patch: Patch, fitted: Residual) -> Nearness:
        """Return how near `patch` is to fitted takes."""
        seen = beside(patch, fitted)
        cents = [abs(sharper_cents(*pair)) for pair in zip(seen.heard, seen.voices, strict=True)]
        return cls(level_error_db(seen), np.array(cents))

    def leaves(self, before: Nearness) -> str:
        """Return by how much these takes are left, as "0.21 dB", or "" where they are not."""
        left_db = self.levels_db - before.levels_db
        if left_db > LEAVES_DB:
            return f"{left_db:.2f} dB"
        left_cents = float(np.fmax.reduce(self.cents - before.cents, initial=0.0))  # NaN: a take without a pitch
        return f"{left_cents:.0f} cents" if left_cents > LEAVES_CENTS else ""


def name_laws(state: Growth) -> None:
    """Let named laws stand for surfaces wherever held-out takes do not mind: the same said with fewer numbers.

    All of them together may lose what nobody can resolve and what their bytes are worth. Levels propose, renders
    dispose: a form that already strays from the measured levels, of held-out takes or of fitted ones, is not rendered.
    """
    start, before, held, fitted = state.measured, state.patches, state.held, state.residuals[0]
    held_db, near = misheard(before[0], held), Nearness.of(before[0], fitted)
    for kind, law, form in list(candidates(before[0])):
        if state.patches[0].layer(kind).laws[law].form != "grid":
            continue  # a shorter form stands for it already
        smaller = tuple(with_named(patch, kind, law, form) for patch in state.patches)
        if any(one is patch for one, patch in zip(smaller, state.patches, strict=True)):
            reason = f"no {form} comes near the surface of {law} and stays where it may be"
            state.note(replace(state.step("keep", kind, reason), law=law, form=form))
            continue
        if patch_bytes(smaller[0]) >= patch_bytes(state.patches[0]):
            continue  # its coefficients take more room than the knots
        named = Nearness.of(smaller[0], fitted)
        if left := named.leaves(near):
            reason = f"{form} in place of the surface of {law} would leave fitted takes by {left}"
            state.note(replace(state.step("keep", kind, reason), law=law, form=form))
            continue
        allowed_db = RESOLVED_DB + price_db(smaller, before)
        measured, loss_db = start, misheard(smaller[0], held) - held_db
        if loss_db <= allowed_db:
            measured = state.bench.measure(smaller)
            loss_db = total(measured) - total(start)
        gain = state.bench.gain(state.measured, measured, "", 1)
        saved = state.patches[0].layer(kind).numbers - smaller[0].layer(kind).numbers
        if loss_db <= allowed_db:
            state.take(smaller, measured)
            near = named
            reason = f"{form} says with {saved} numbers fewer what the surface of {law} said ({gain.mean_db:+.3f} dB)"
        else:
            reason = f"{form} in place of the surface of {law} would lose {loss_db:.2f} dB to save {saved} numbers"
        action = "replace" if loss_db <= allowed_db else "keep"
        size = patch_bytes(smaller[0])
        state.note(replace(state.step(action, kind, reason, gain, measured, size), law=law, form=form))
    if state.measured is not start:
        settled = side_by_side(refit_notes, state.patches, state.residuals, threads=state.bench.jobs)
        state.take(settled, state.bench.measure(settled))


def named_again(patch: Patch, record: Iterable[Step], fitted: Residual) -> Patch:
    """Return `patch` with every replacement that `record` tells made again, but for those that leave `fitted` takes.

    A step of the record whose replacement was not made becomes one that kept the surface. What single notes do is
    fitted again beside the laws as they are named.
    """
    told, near = [], Nearness.of(patch, fitted)
    for step in record:
        if step.action == "replace" and step.kind in patch.kinds:
            smaller = with_named(patch, step.kind, step.law, step.form)
            named = Nearness.of(smaller, fitted)
            if left := named.leaves(near):
                reason = f"{step.form} in place of the surface of {step.law} leaves the takes by {left}"
                step = Step("keep", step.kind, reason, law=step.law, form=step.form)
            else:
                patch, near = smaller, named
        told.append(step)
    return replace(refit_notes(patch, fitted), record=tuple(told))
