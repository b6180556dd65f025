"""backtune report: a patch as one page to read, see and hear."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backtune.commands._examples import examples
from backtune.commands._sources import Channel, Jobs, Preset, Split, With, open_with

PLACE = 22
EPILOG = examples(
    "backtune report piano.yaml -o piano.html",
    "backtune report piano.yaml recordings/ --note C2 --note C6 -o piano.html",
)


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=EPILOG, no_args_is_help=True)(report)


def report(
    patch: Annotated[Path, typer.Argument(metavar="PATCH", help="Patch file, or a shipped one by name.")],
    source: Annotated[
        Path | None, typer.Argument(metavar="[SOURCE]", help="Recordings to stand beside the patch.")
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="Page to write (.html).", show_default=False)] = ...,  # type: ignore[assignment]
    note: Annotated[
        list[str] | None, typer.Option(help="Note to hear and see, C4 or 60 (may be repeated).", show_default="three")
    ] = None,
    split: Split = None,
    preset: Preset = None,
    channel: Channel = None,
    others: With = None,
    jobs: Jobs = 2,
) -> None:
    """Write a page that teaches how the instrument works: story, growth, every law, sound; it opens from disk."""
    from backtune.commands._writable import check_spared, check_writable
    from backtune.patch_file import read_patch
    from backtune.report.html import write_report
    from backtune.terminal import Stopped, progress, remark
    from backtune.units import parse_note

    check_writable(output)
    check_spared(output, patch, source)
    keys = [parse_note(one) for one in note or []]
    chosen = read_patch(patch)
    takes = None if source is None else open_with(source, split, preset, channel, others)
    for line in () if takes is None else (*takes.remarks, *takes.problems):
        remark(line)
    try:
        with progress() as tell:
            size = write_report(chosen, output, takes, keys=keys, jobs=jobs, progress=tell)
    except KeyboardInterrupt:
        raise Stopped(f"stopped; {output} was not written") from None
    remark(f"{output}: {size:,} bytes")
