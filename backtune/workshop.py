"""From a source of recordings to a grown patch: screen, listen, hold out, grow, fit once more on everything."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import platformdirs

from backtune.akin import kin_as_chosen
from backtune.analysis.listen import listen
from backtune.analysis.residual import Residual
from backtune.audit import null_control
from backtune.baselines import measure_baselines
from backtune.curve import sized
from backtune.errors import Declined
from backtune.evidence import Bench, Fold, folds
from backtune.fit import add_guess, comparable, refit
from backtune.fit_plan import UNWATCHED, USUAL, FitPlan, Watch
from backtune.growth import grow, grown
from backtune.growth_record import Step
from backtune.growth_state import Growth
from backtune.instrument import LEAD_S
from backtune.kept import code_identity, desk_for, keeping, libraries
from backtune.library import library
from backtune.naming import named_again
from backtune.notes import Take, recorded_to_hz
from backtune.patch import Origin, Patch
from backtune.patch_file import patch_bytes
from backtune.pruning import within
from backtune.reading.family import guess_family
from backtune.repeats import measure_repeats
from backtune.screening import SCREENED, Screening, require_enough, screen
from backtune.source import HASH_DIGITS, STRUCK, Source
from backtune.units import away
from backtune.voice import BAND_HIGH_HZ

FINAL_SWEEPS = 3


def fit_source(
    source: Source, plan: FitPlan = USUAL, *, jobs: int = 2, watch: Watch = UNWATCHED, cache: Path | None = None
) -> Patch:
    """Return the patch that grew from the takes of `source`, with the record of every step.

    What is finished is kept in the folder `cache` (by default the user's) until the fit is: started again, it goes on
    from there. The same takes, plan and version give the same patch, whatever the number of `jobs`.
    Raises InputError when too few usable takes are left.
    """
    from threadpoolctl import threadpool_limits

    folder = cache if cache is not None else Path(platformdirs.user_cache_dir("backtune"))
    asked = (source.family, source.levels_natural, plan.seed, plan.budget_bytes)
    desk = desk_for(folder, source.identity, source.name, *asked)
    with threadpool_limits(limits=1), keeping(desk) as before:  # sums on several threads differ in the last digits
        if before:
            watch.progress("steps finished before", before, before)
        return _fit(source, plan, jobs, watch, folder / "heard")


def _fit(source: Source, plan: FitPlan, jobs: int, watch: Watch, heard_before: Path) -> Patch:
    """Screen, listen, grow, fit all takes once more, prove; takes `heard_before` are found in that folder."""
    screened = _screened(source, watch)
    material = _material(screened, jobs, watch, heard_before)
    start = Patch(source.name, (), LEAD_S[screened.struck], screened.struck, _origin(source, material, plan))
    state = _grown(start, material, plan, watch)
    best = grown(state)
    final = _on_all_takes(best, material.everything, watch)
    left_out = tuple(Step("leave out", name, reason) for name, reason in source.left_out.items())
    record = (*left_out, *screened.findings, *final.record)
    final = replace(final, record=record, quality=best.quality, cuts=sized(best.cuts, final))
    return within(_with_proofs(final, state, material, plan, watch), plan.budget_bytes)


@dataclass(frozen=True)
class Screened:
    """The takes that are used, and `findings` about all of them, as steps of the record.

    `struck`: the notes ring freely. `natural`: levels of different takes may be compared.
    """

    takes: list[Take]
    findings: tuple[Step, ...]
    struck: bool
    natural: bool


@dataclass(frozen=True)
class Material:
    """The takes, heard: `everything` of them as what remains of no layers, `divided` into fitted and held-out ones.

    `bench`: the held-out takes, which judge.
    """

    takes: list[Take]
    everything: Residual
    divided: list[Fold]
    bench: Bench


def _screened(source: Source, watch: Watch) -> Screened:
    """Return the takes that are used; raise InputError when too few are left."""
    watch.progress("screening", 0, len(source.takes))
    screening = screen(source.takes)
    family = source.family or (guess_family(screening.kept) if screening.kept else "")
    findings = _findings(source, screening, family)
    for one in findings:
        watch.remark(f"{one.kind}: {SCREENED[one.action]}, {one.reason}")
    require_enough(screening.kept, screening)
    natural = source.levels_natural and screening.levels_natural is not False
    return Screened(screening.kept, findings, (family or STRUCK) == STRUCK, natural)


def _material(screened: Screened, jobs: int, watch: Watch, heard_before: Path) -> Material:
    """Listen to the takes, divide them, and measure what repeats of a note differ by."""
    takes, struck, natural = screened.takes, screened.struck, screened.natural
    told = listen(takes, struck, jobs, lambda done, total: watch.progress("listening", done, total), heard_before)
    heard = comparable(told, natural)
    divided = folds(takes, heard)
    repeats = measure_repeats(takes, heard, struck, not natural, jobs)
    bench = Bench([fold.held for fold in divided], not natural, jobs, repeats)
    return Material(takes, Residual(heard, (), struck, natural), divided, bench)


def _grown(start: Patch, material: Material, plan: FitPlan, watch: Watch) -> Growth:
    """Grow a patch on the fitted takes of each division, judged by those that were held out."""
    everything = material.everything
    fitted = [replace(everything, heard=tuple(everything.heard[i] for i in fold.fitted)) for fold in material.divided]
    return grow(start, fitted, material.bench, plan.budget_bytes, watch.counting("growing", 2 * len(library())))


def _on_all_takes(best: Patch, everything: Residual, watch: Watch) -> Patch:
    """Return the patch that grew, fitted once more, to all takes."""
    watch.progress("fitting all takes", 0, 1)
    final = refit(_anew(best, everything), everything, FINAL_SWEEPS)
    final = named_again(kin_as_chosen(final, best), best.record, everything)
    watch.progress("fitting all takes", 1, 1)
    return final


def _with_proofs(patch: Patch, state: Growth, material: Material, plan: FitPlan, watch: Watch) -> Patch:
    """Return the patch with what was asked for beside it: the null control, and what else scores."""
    takes, heard, divided = material.takes, material.everything.heard, material.divided
    if plan.audit:
        say = watch.telling("null control")
        patch = replace(patch, audit=null_control(state, takes, heard, divided, say=say))
    if plan.baselines:
        size, say = patch_bytes(patch), watch.telling("baselines")
        others = measure_baselines(takes, heard, divided, material.bench, patch.struck, size, say)
        patch = replace(patch, baselines=others)
    return patch


def _findings(source: Source, screening: Screening, family: str) -> tuple[Step, ...]:
    """Return what screening found, as steps of the record."""
    found = {"leave out": screening.left_out, "mend": screening.mended, "doubt": screening.doubtful}
    steps = [Step(action, one.take, one.reason) for action, those in found.items() for one in those]
    if screening.kept and not family:
        reason = "no take is held long enough to tell whether notes are struck or blown: they are fitted as struck"
        steps.append(Step("doubt", "family", reason))
    if screening.transposed_semitones:
        far = away(screening.transposed_semitones)
        steps.append(Step("doubt", "pitch", f"keys sound {far} their labels, and are fitted and played so"))
    if source.levels_natural and screening.levels_natural is False:
        steps.append(Step("doubt", "levels", f"{screening.levels_reason}, so dynamics are assumed"))
    return tuple(steps)


def _anew(patch: Patch, residual: Residual) -> Patch:
    """Return a patch of the same structure with its numbers found from all takes, layer by layer as it grew."""
    fresh = replace(patch, layers=(), controls={})
    for kind in dict.fromkeys(step.kind for step in patch.record if step.action in ("core", "add")):
        if kind in patch.kinds:
            try:
                fresh = add_guess(fresh, library()[kind], residual)
            except Declined:  # it paid on fewer takes: keep what they told
                fresh = fresh.with_layer(patch.layer(kind))
    return replace(fresh, controls=patch.controls)


def _origin(source: Source, material: Material, plan: FitPlan) -> Origin:
    from importlib.metadata import version

    takes = material.takes
    pitches = [take.midi for take in takes]
    top_hz = recorded_to_hz(max(one.rate for one in material.everything.heard))
    return Origin(
        name=source.name,
        licence=source.licence,
        takes=len(takes),
        source_hash=source.identity[:HASH_DIGITS],
        seed=plan.seed,
        version=version("backtune"),
        code=code_identity(),
        libraries=libraries(),
        options={"budget_bytes": plan.budget_bytes} | ({"source": source.options} if source.options else {}),
        dynamics={take.dynamic: take.velocity for take in sorted(takes, key=lambda t: t.velocity) if take.dynamic},
        pitches=(min(pitches), max(pitches)),
        top_hz=top_hz if top_hz < BAND_HIGH_HZ else None,
    )
