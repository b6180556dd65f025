"""backtune morph: a patch on the way from one instrument to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backtune.commands._examples import examples

PLACE = 36
EPILOG = examples(
    "backtune morph piano.yaml harp.yaml --amount 0.3 -o pianoharp.yaml",
    "backtune morph flute.yaml sax.yaml --amount 0.5 --layers breath -o airy.yaml",
)


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=EPILOG, no_args_is_help=True)(morph)


def morph(
    first: Annotated[Path, typer.Argument(metavar="A", help="Patch at amount 0.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Patch at amount 1.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Patch to be written.", show_default=False)],
    amount: Annotated[float, typer.Option(help="How far from A to B, 0..1.")] = 0.5,
    layers: Annotated[list[str] | None, typer.Option(help="Only this layer moves (may be repeated).")] = None,
) -> None:
    """Blend two patches law by law into a third."""
    from backtune.commands._writable import check_writable
    from backtune.morph import morph as blend
    from backtune.patch_file import read_patch, write_patch
    from backtune.terminal import remark

    check_writable(output)
    made = blend(read_patch(first), read_patch(second), amount, tuple(layers or ()))
    write_patch(made, output)
    remark(f"{output}: {made.name}; {', '.join(made.kinds)}", name=made.name, layers=made.kinds)
