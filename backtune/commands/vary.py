"""backtune vary: random but musical variations of a patch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backtune.commands._examples import examples

PLACE = 38
EPILOG = examples("backtune vary piano.yaml --seed 4 --amount 0.2 --count 8 -o pianos/")


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=EPILOG, no_args_is_help=True)(vary)


def vary(
    patch: Annotated[Path, typer.Argument(metavar="PATCH", help="Patch file, or a shipped one by name.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write into.", show_default=False)],
    seed: Annotated[int, typer.Option(help="The same seed gives the same variations.")] = 0,
    amount: Annotated[float, typer.Option(help="How far controls may move, 0..1 of half their range.")] = 0.2,
    count: Annotated[int, typer.Option(help="How many.")] = 8,
) -> None:
    """Write variations of a patch whose controls are moved within their ranges."""
    from backtune.commands._writable import check_folder
    from backtune.patch_file import read_patch, write_patch
    from backtune.terminal import remark
    from backtune.vary import vary as variations

    check_folder(output)
    chosen = read_patch(patch)
    made = variations(chosen, seed, amount, count)
    output.mkdir(parents=True, exist_ok=True)
    every = {}
    for number, one in enumerate(made, start=1):
        target = output / f"{patch.stem}_{number:0{len(str(count))}d}.yaml"
        write_patch(one, target)
        stands = {name: one.panel.value(name) for name in one.panel.controls}
        moved = {name: value for name, value in stands.items() if value != chosen.panel.value(name)}
        every[target.name] = moved
        settings = ", ".join(f"{name} {value:g}" for name, value in moved.items())
        remark(f"{target}: {settings or 'nothing moved'}", controls=every)
