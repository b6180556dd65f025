"""backtune fit-library: a folder of instruments in, a patch of each out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backtune.commands._examples import examples

PLACE = 12
EPILOG = examples(
    "backtune fit-library instruments/ -o patches/",
    "backtune fit-library instruments/ -o patches/ --workers 8",
    "backtune fit-library /shared/instruments -o /shared/patches --scheduler tcp://10.0.0.1:8786",
)


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("fit-library", epilog=EPILOG, no_args_is_help=True)(fit_library)


def fit_library(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of instruments: a folder, .sfz or .sf2 for each.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the patches.", show_default=False)],
    scheduler: Annotated[
        str, typer.Option(help="local, or the address of a Dask scheduler whose workers see both folders.")
    ] = "local",
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes of a local scheduler.")] = 2,
    budget: Annotated[str, typer.Option(help="Largest patch that may grow: KB, or with a unit.")] = "150",
    seed: Annotated[int, typer.Option(help="Where random choices start from.")] = 0,
) -> None:
    """Fit every instrument of a folder on Dask, here or on a cluster; started again, it goes on."""
    import shutil
    import time

    from backtune.commands._writable import check_folder
    from backtune.library_fit import FAILED, FITTED, THERE, WORK, LibraryReport, Plan, cluster, instruments_in
    from backtune.library_fit import fit_library as fitted
    from backtune.report.library_table import library_data, library_table
    from backtune.terminal import Stopped, progress, remark, say
    from backtune.units import parse_bytes

    found, ignored = instruments_in(folder)
    check_folder(output)
    output.mkdir(parents=True, exist_ok=True)
    plan = Plan(seed, parse_bytes(budget, "budget"), output.absolute() / WORK)
    started = time.monotonic()
    try:
        with cluster(scheduler, workers) as client, progress() as report:
            remark(f"dashboard: {client.dashboard_link}")
            outcomes = fitted(client, found, output, plan, report)
    except KeyboardInterrupt:
        there = sum((output / f"{name}.yaml").exists() for name in found)
        raise Stopped(f"stopped; {there} of {len(found)} patches are in {output}, the same command goes on") from None
    result = LibraryReport(outcomes, ignored, time.monotonic() - started)
    say(library_table(result), library_data(result))
    remark(f"{output}: {result.count(FITTED)} fitted, {result.count(THERE)} were there")
    if result.count(FAILED):
        raise typer.Exit(1)
    shutil.rmtree(plan.work, ignore_errors=True)
