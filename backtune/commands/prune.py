"""backtune prune: the same patch in fewer bytes, without fitting again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backtune.commands._examples import examples

PLACE = 38
EPILOG = examples("backtune prune piano.yaml --budget 20KB -o small_piano.yaml")


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=EPILOG, no_args_is_help=True)(prune)


def prune(
    patch: Annotated[Path, typer.Argument(metavar="PATCH", help="Patch file with a record of its fit.")],
    budget: Annotated[str, typer.Option(help="Largest file: 20KB, 0.1MB, or KB as a number.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", help="Patch to be written.", show_default=False)],
) -> None:
    """Make a patch smaller: leave out layers, coarsen fields, those first that its fit found worth least."""
    from backtune.commands._writable import check_writable
    from backtune.patch_file import patch_bytes, read_patch, write_patch
    from backtune.pruning import prune as pruned
    from backtune.terminal import remark
    from backtune.units import parse_bytes

    allowed = parse_bytes(budget, "budget")
    check_writable(output)
    whole = read_patch(patch)
    small = pruned(whole, allowed, output.parent)  # files that it names are named otherwise from there
    write_patch(small, output)
    if small is whole:
        remark(f"{output}: {patch_bytes(whole, output.parent):,} bytes, as {patch} was: it keeps the budget already")
        return
    for step in small.record[len([s for s in whole.record if s in small.record]) :]:
        remark(f"{step.action} {step.kind}: {step.reason}")
    distance = small.quality.get("unheard_takes_db")
    told = "" if distance is None else f", {distance:.2f} dB from takes never fitted"
    size, before = (patch_bytes(one, output.parent) for one in (small, whole))
    remark(f"{output}: {size:,} bytes of {before:,}{told}", unheard_takes_db=distance)
