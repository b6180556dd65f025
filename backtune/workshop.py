"""From a source of recordings to a grown patch: screen, listen, hold out, grow, fit once more on everything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import platformdirs

from backtune.akin import kin_as_chosen
from backtune.analysis.listen import listen
from backtune.analysis.residual import Heard, Residual
from backtune.audit import null_control
from backtune.baselines import measure_baselines
from backtune.curve import sized
from backtune.errors import Declined
from backtune.evidence import Bench, folds
from backtune.fit import add_guess, comparable, refit
from backtune.growth import grow, grown
from backtune.growth_record import Step
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

DEFAULT_BUDGET_BYTES = 150_000
FINAL_SWEEPS = 3
Progress = Callable[[str, int, int], None]


def fit_source(
    source: Source,
    *,
    jobs: int = 2,
    seed: int = 0,
    budget_bytes: int = DEFAULT_BUDGET_BYTES,
    audit: bool = False,
    baselines: bool = False,
    remark: Callable[[str], None] = lambda line: None,
    progress: Progress = lambda stage, done, total: None,
    cache: Path | None = None,
) -> Patch:
    """Return the patch that grew from the takes of `source`, with the record of every step.

    `budget_bytes` bounds the written patch. `audit`: the null control is run as well. `baselines`: samplers,
    interpolation and resynthesis are measured on the same held-out takes. `remark(line)` is called for each take
    that is not used, or not as it is; `progress(stage, done, total)` on the way. What is finished is kept in the
    folder `cache` (by default the user's) until the fit is: started again, it goes on from there.
    The same takes, seed and version give the same patch, whatever the number of `jobs`.
    Raises InputError when too few usable takes are left.
    """
    from threadpoolctl import threadpool_limits

    folder = cache if cache is not None else Path(platformdirs.user_cache_dir("backtune"))
    desk = desk_for(folder, source.identity, source.name, source.family, source.levels_natural, seed, budget_bytes)
    with threadpool_limits(limits=1), keeping(desk) as before:  # sums on several threads differ in the last digits
        if before:
            progress("steps finished before", before, before)
        also = [name for name, wanted in (("audit", audit), ("baselines", baselines)) if wanted]
        return _fit(source, jobs, seed, budget_bytes, remark, progress, folder / "heard", also)


def _fit(
    source: Source,
    jobs: int,
    seed: int,
    budget_bytes: int,
    remark: Callable[[str], None],
    progress: Progress,
    cache: Path,
    also: Sequence[str],
) -> Patch:
    progress("screening", 0, len(source.takes))
    screening = screen(source.takes)
    family = source.family or (guess_family(screening.kept) if screening.kept else "")
    findings = _findings(source, screening, family)
    for one in findings:
        remark(f"{one.kind}: {SCREENED[one.action]}, {one.reason}")
    require_enough(screening.kept, screening)
    takes = screening.kept
    struck = (family or STRUCK) == STRUCK
    natural = source.levels_natural and screening.levels_natural is not False
    told = listen(takes, struck, jobs, lambda done, total: progress("listening", done, total), cache)
    heard = comparable(told, natural)
    everything = Residual(heard, (), struck, natural)
    divided = folds(takes, heard)
    steps = 0

    def say(text: str) -> None:
        nonlocal steps
        steps += 1
        progress(f"growing: {text.partition(':')[0]}", steps, max(steps + 1, 2 * len(library())))

    def tell(stage: str) -> Callable[[str], None]:
        return lambda text: progress(f"{stage}: {text.partition(':')[0]}", 0, 1)

    start = Patch(source.name, (), LEAD_S[struck], struck, _origin(source, takes, heard, seed, budget_bytes))
    repeats = measure_repeats(takes, heard, struck, not natural, jobs)
    bench = Bench([fold.held for fold in divided], not natural, jobs, repeats)
    fitted = [replace(everything, heard=tuple(heard[i] for i in fold.fitted)) for fold in divided]
    state = grow(start, fitted, bench, budget_bytes, say)
    best = grown(state)
    progress("fitting all takes", 0, 1)
    final = refit(_anew(best, everything), everything, FINAL_SWEEPS)
    final = named_again(kin_as_chosen(final, best), best.record, everything)
    progress("fitting all takes", 1, 1)
    left_out = tuple(Step("leave out", name, reason) for name, reason in source.left_out.items())
    final = replace(
        final, record=(*left_out, *findings, *final.record), quality=best.quality, cuts=sized(best.cuts, final)
    )
    if "audit" in also:
        final = replace(final, audit=null_control(state, takes, heard, divided, say=tell("null control")))
    if "baselines" in also:
        size, found = patch_bytes(final), tell("baselines")
        final = replace(final, baselines=measure_baselines(takes, heard, divided, bench, struck, size, found))
    return within(final, budget_bytes)


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


def _origin(source: Source, takes: Sequence[Take], heard: Sequence[Heard], seed: int, budget_bytes: int) -> Origin:
    from importlib.metadata import version

    pitches = [take.midi for take in takes]
    top_hz = recorded_to_hz(max(one.rate for one in heard))
    return Origin(
        name=source.name,
        licence=source.licence,
        takes=len(takes),
        source_hash=source.identity[:HASH_DIGITS],
        seed=seed,
        version=version("backtune"),
        code=code_identity(),
        libraries=libraries(),
        options={"budget_bytes": budget_bytes} | ({"source": source.options} if source.options else {}),
        dynamics={take.dynamic: take.velocity for take in sorted(takes, key=lambda t: t.velocity) if take.dynamic},
        pitches=(min(pitches), max(pitches)),
        top_hz=top_hz if top_hz < BAND_HIGH_HZ else None,
    )
