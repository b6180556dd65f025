"""backtune graft: one layer of an instrument put into another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backtune.commands._examples import examples

PLACE = 37
EPILOG = examples("backtune graft flute.yaml --layer breath --into sax.yaml -o airy_sax.yaml")


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=EPILOG, no_args_is_help=True)(graft)


def graft(
    source: Annotated[Path, typer.Argument(metavar="A", help="Patch that has the layer.")],
    layer: Annotated[str, typer.Option(help="Which layer.", show_default=False)],
    into: Annotated[Path, typer.Option(help="Patch that gets it.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", help="Patch to be written.", show_default=False)],
) -> None:
    """Put one layer of a patch into another patch."""
    from backtune.commands._writable import check_writable
    from backtune.graft import graft as put
    from backtune.patch_file import read_patch, write_patch
    from backtune.terminal import remark

    check_writable(output)
    made = put(read_patch(source), layer, read_patch(into))
    write_patch(made, output)
    remark(f"{output}: {made.name}", name=made.name, layers=made.kinds)
