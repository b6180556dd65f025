"""backtune fit: recordings in, a patch out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backtune.commands._examples import examples
from backtune.commands._sources import Channel, Jobs, Preset, SourcePath, Split, With, open_with

PLACE = 10
EPILOG = examples(
    "backtune fit recordings/ -o piano.yaml",
    "backtune fit grand.sfz -o grand.yaml",
    "backtune fit gm.sf2 --preset Flute -o flute.yaml",
    "backtune fit Synth.vst3 --with keys=C2:C6:3 --with 'settings=Cutoff=800 Hz' -o synth.yaml",
)


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=EPILOG, no_args_is_help=True)(fit)


def fit(
    source: SourcePath,
    output: Annotated[Path, typer.Option("-o", "--output", help="Patch file to write.", show_default=False)],
    split: Split = None,
    preset: Preset = None,
    channel: Channel = None,
    others: With = None,
    budget: Annotated[str, typer.Option(help="Largest patch that may grow: 20KB, 0.1MB, or KB as a number.")] = "150KB",
    audit: Annotated[
        bool, typer.Option("--audit", help="Offer layers for residuals of chance too, and tell how many are accepted.")
    ] = False,
    baselines: Annotated[
        bool, typer.Option("--baselines", help="Measure samplers, interpolation and resynthesis beside the patch.")
    ] = False,
    jobs: Jobs = 2,
    seed: Annotated[int, typer.Option(help="Where random choices start from.")] = 0,
) -> None:
    """Fit a patch to recordings and let it grow, layer by layer, as long as unheard takes get nearer."""
    from backtune.commands._writable import check_spared, check_writable
    from backtune.fit_plan import FitPlan, Watch
    from backtune.known_sources import remember
    from backtune.patch_file import patch_bytes, write_patch
    from backtune.report.explain import story, story_data
    from backtune.terminal import Stopped, progress, remark, say
    from backtune.units import parse_bytes
    from backtune.workshop import fit_source

    plan = FitPlan(seed, parse_bytes(budget, "budget"), audit, baselines)
    check_writable(output)
    check_spared(output, source)
    takes = open_with(source, split, preset, channel, others)
    for line in (*takes.remarks, *takes.problems):
        remark(line)
    try:
        with progress() as report:
            patch = fit_source(takes, plan, jobs=jobs, watch=Watch(remark, report))
    except KeyboardInterrupt as stop:
        what = getattr(stop, "__notes__", ["the takes heard so far are kept for the next run"])
        raise Stopped(f"stopped; {output} was not written; {'; '.join(what)}") from None
    write_patch(patch, output)
    remember(takes)
    said = [story(patch), *([] if patch.audit is None else [patch.audit]), *patch.baselines]
    say("\n".join(map(str, said)), lambda: story_data(patch))
    if baselines and not any("Opus" in one.name for one in patch.baselines):
        remark("baselines: this libsndfile knows no Opus (1.0.29 and later do); the Opus sampler is missing")
    remark(f"{output}: {patch_bytes(patch):,} bytes")
