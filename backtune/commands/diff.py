"""backtune diff: what makes one patch differ from another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backtune.commands._examples import examples

PLACE = 26
EPILOG = examples(
    "backtune diff steinway.yaml yamaha.yaml",
)


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=EPILOG, no_args_is_help=True)(diff)


def diff(
    first: Annotated[Path, typer.Argument(metavar="A", help="Patch file.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Patch file that is told by how it differs from A.")],
) -> None:
    """Tell what differs between two patches in musical words and numbers, laws first."""
    from backtune.patch_file import read_patch
    from backtune.report.diff import diff_data, diff_text
    from backtune.terminal import say

    one, other = read_patch(first), read_patch(second)
    say(diff_text(one, other), diff_data(one, other))
