"""backtune edit: one law of a patch file changed, everything else left as it was written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backtune.commands._examples import examples
from backtune.errors import InputError

PLACE = 28
EPILOG = examples(
    "backtune edit piano.yaml --layer onset_noise --scale burst_db -6",
    "backtune edit piano.yaml --scale fall_db_s 0.8 -o longer.yaml",
    "backtune edit piano.yaml --set release_s 0.3",
)


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=EPILOG, no_args_is_help=True)(edit)


def edit(
    patch: Annotated[Path, typer.Argument(metavar="PATCH", help="Patch file, or a shipped one by name.")],
    layer: Annotated[str | None, typer.Option(help="The law's layer, where several have such a law.")] = None,
    scale: Annotated[
        tuple[str, float] | None,
        typer.Option(metavar="LAW BY", help="Scale a law: levels by so many dB, everything else by a factor."),
    ] = None,
    shift: Annotated[
        tuple[str, float] | None, typer.Option(metavar="LAW BY", help="Add to a law, in its own unit.")
    ] = None,
    set_to: Annotated[
        tuple[str, float] | None, typer.Option("--set", metavar="LAW VALUE", help="Make a law one number everywhere.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Patch file to write.", show_default="PATCH itself")
    ] = None,
) -> None:
    """Change one law of a patch file; other lines and all comments stay as they are."""
    from backtune.commands._writable import check_writable
    from backtune.edit import constant, edit_file, scaled, shifted
    from backtune.terminal import remark

    asked = {"--scale": (scale, scaled), "--shift": (shift, shifted), "--set": (set_to, constant)}
    given = {name: (what, make) for name, (what, make) in asked.items() if what is not None}
    if len(given) != 1:
        raise InputError(f"edit: {' and '.join(given) or 'no change'} given; one of {', '.join(asked)} is needed")
    ((law, by), make) = next(iter(given.values()))
    target = output or patch
    check_writable(target)
    edited = edit_file(patch, law, make(by), layer, target)
    if not edited.comments_kept:
        remark(f"{target}: the layer was written in braces, so the file was written anew: its comments are gone")
    remark(f"{target}: {law} edited", law=law, comments_kept=edited.comments_kept)
