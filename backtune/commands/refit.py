"""backtune refit: a patch fitted again from the same recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backtune.commands._examples import examples
from backtune.commands._sources import SOURCE_HELP, Jobs

PLACE = 11
EPILOG = examples(
    "backtune refit piano.yaml --check",
    "backtune refit piano.yaml recordings/ --check",
    "backtune refit piano.yaml recordings/ -o again.yaml",
)


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=EPILOG, no_args_is_help=True)(refit)


def refit(
    patch: Annotated[Path, typer.Argument(metavar="PATCH.yaml", help="Fitted patch.")],
    source: Annotated[
        Path | None, typer.Argument(metavar="SOURCE", help=SOURCE_HELP, show_default="where they lay when fitted")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail unless the bytes are the same.")] = False,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Patch file to write.")] = None,
    jobs: Jobs = 2,
) -> None:
    """Fit a patch again with the seed and options it records, and tell whether it is the same, byte for byte."""
    from backtune.commands._writable import check_writable
    from backtune.patch_file import MOST_BYTES, read_patch, write_patch
    from backtune.refit import circumstances, fit_again, source_of, verdict
    from backtune.terminal import Stopped, progress, remark, say
    from backtune.whole_file import read_whole

    if check == (output is not None):
        raise typer.BadParameter("one of --check and -o OUTPUT is needed")
    if output is not None:
        check_writable(output)
    before, text = read_patch(patch), read_whole(patch, MOST_BYTES, "a patch")
    takes = source_of(before, source)
    differs = circumstances(before.origin, takes)
    for sentence in differs:
        remark(sentence)
    try:
        with progress() as report:
            again = fit_again(before, takes, jobs, report)
    except KeyboardInterrupt:
        raise Stopped("stopped; nothing was written") from None
    if output is not None:
        write_patch(again, output)
    same, told = verdict(text, again, before, differs)
    say(told, {"same": same, "differs": differs})
    if check and not same:
        raise typer.Exit(1)
