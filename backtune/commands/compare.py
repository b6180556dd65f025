"""backtune compare: a patch against recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backtune.commands._examples import examples
from backtune.commands._sources import Channel, Jobs, Json, Preset, Quiet, SourcePath, Split, With, open_with

PLACE = 40
EPILOG = examples(
    "backtune compare piano.yaml recordings/ --split test -o compared/",
)


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=EPILOG, no_args_is_help=True)(compare)


def compare(
    patch: Annotated[Path, typer.Argument(metavar="PATCH", help="Patch file.")],
    source: SourcePath,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder for comparison.csv, comparison.json and audio pairs.")
    ] = None,
    pairs: Annotated[int, typer.Option(min=0, help="Pairs of audio files to write, spread over the takes.")] = 12,
    match_level: Annotated[
        bool | None,
        typer.Option(
            "--match-level/--natural-level", help="Compare at equal level.", show_default="as the source says"
        ),
    ] = None,
    split: Split = None,
    preset: Preset = None,
    channel: Channel = None,
    others: With = None,
    jobs: Jobs = 2,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Render the same notes at the same velocities and tell how far each is from its recording."""
    from backtune.comparison import compare as compared
    from backtune.patch_file import read_patch
    from backtune.terminal import Stopped, progress, remark, say, say_json

    chosen = read_patch(patch)
    takes = open_with(source, split, preset, channel, others)
    for line in (*takes.remarks, *takes.problems):
        remark(line, quiet)
    try:
        with progress(quiet) as report:
            found = compared(
                chosen, takes, match_level=match_level, jobs=jobs, pairs=pairs, folder=output, progress=report
            )
    except KeyboardInterrupt:
        kept = "" if output is None else f"; audio pairs made so far are in {output / 'listen'}"
        raise Stopped(f"stopped; no table was written{kept}") from None
    if as_json:
        say_json(found.as_data())
    else:
        say(str(found))
    if output is not None:
        remark(f"{output}: comparison.csv, comparison.json" + (", listen/" if pairs else ""), quiet)
