"""Naming: where a named law says the same as a surface, with fewer numbers, it takes its place, a step of growth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from backtune.analysis.residual import Residual
from backtune.curve import misheard
from backtune.evidence import RESOLVED_DB, total
from backtune.growth_record import Step
from backtune.growth_state import Growth, price_db
from backtune.named_laws import candidates, with_named
from backtune.patch import Patch
from backtune.patch_file import patch_bytes

LEAVES_DB = 0.1  # of the mean error of fitted levels: four takes made C4 5 dB too loud, where no held-out take told


def name_laws(state: Growth) -> None:
    """Let named laws stand for surfaces wherever held-out takes do not mind: the same said with fewer numbers.

    All of them together may lose what nobody can resolve and what their bytes are worth. Levels propose, renders
    dispose: a form that already strays from the measured levels, of held-out takes or of fitted ones, is not rendered.
    """
    start, before, held, fitted = state.measured, state.patches, state.held, state.residuals[0]
    held_db, fitted_db = misheard(before[0], held), misheard(before[0], fitted)
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
        allowed_db = RESOLVED_DB + price_db(smaller, before)
        measured, loss_db = start, misheard(smaller[0], held) - held_db
        named_db = misheard(smaller[0], fitted)
        if (left_db := named_db - fitted_db) > LEAVES_DB:
            reason = f"{form} in place of the surface of {law} would leave fitted takes by {left_db:.2f} dB"
            state.note(replace(state.step("keep", kind, reason), law=law, form=form))
            continue
        if loss_db <= allowed_db:
            measured = state.bench.measure(smaller)
            loss_db = total(measured) - total(start)
        gain = state.bench.gain(state.measured, measured, "", 1)
        saved = state.patches[0].layer(kind).numbers - smaller[0].layer(kind).numbers
        if loss_db <= allowed_db:
            state.take(smaller, measured)
            fitted_db = named_db
            reason = f"{form} says with {saved} numbers fewer what the surface of {law} said ({gain.mean_db:+.3f} dB)"
        else:
            reason = f"{form} in place of the surface of {law} would lose {loss_db:.2f} dB to save {saved} numbers"
        action = "replace" if loss_db <= allowed_db else "keep"
        size = patch_bytes(smaller[0])
        state.note(replace(state.step(action, kind, reason, gain, measured, size), law=law, form=form))


def named_again(patch: Patch, record: Iterable[Step], fitted: Residual) -> Patch:
    """Return `patch` with every replacement that `record` tells made again, but for those that leave `fitted` takes.

    A step of the record whose replacement was not made becomes one that kept the surface.
    """
    told, fitted_db = [], misheard(patch, fitted)
    for step in record:
        if step.action == "replace" and step.kind in patch.kinds:
            named = with_named(patch, step.kind, step.law, step.form)
            named_db = misheard(named, fitted)
            if (left_db := named_db - fitted_db) > LEAVES_DB:
                reason = f"{step.form} in place of the surface of {step.law} leaves the takes by {left_db:.2f} dB"
                step = Step("keep", step.kind, reason, law=step.law, form=step.form)
            else:
                patch, fitted_db = named, named_db
        told.append(step)
    return replace(patch, record=tuple(told))
