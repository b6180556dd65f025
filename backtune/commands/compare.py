"""backtune compare: a patch against recordings, beside plugins and SoundFonts, or against those alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backtune.commands._examples import examples
from backtune.commands._hosting import LoadLimit, RenderLimit, WarmUp
from backtune.commands._sources import SOURCE_HELP, Channel, Jobs, Preset, Split, With, open_with
from backtune.errors import InputError

if TYPE_CHECKING:
    from backtune.challenge import Challenge
    from backtune.patch import Patch
    from backtune.source import Source

PLACE = 40
EPILOG = examples(
    "backtune compare piano.yaml recordings/ --split test -o compared/",
    "backtune compare piano.yaml --against Piano.vst3 --against gm.sf2:0 --recordings recordings/ -o compared/",
    "backtune compare piano.yaml --against Piano.vst3@warm.vstpreset --keys A1:C7:9 --velocities 40,80,120",
)
VELOCITIES = "32,64,96,127"


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=EPILOG, no_args_is_help=True)(compare)


def compare(
    patch: Annotated[Path, typer.Argument(metavar="PATCH", help="Patch file, or a shipped one by name.")],
    source: Annotated[Path | None, typer.Argument(metavar="[SOURCE]", help=SOURCE_HELP)] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X.vst3[@Y.vstpreset]|X.sf2:PROGRAM",
            help="Plugin or SoundFont to play the same notes (repeatable).",
        ),
    ] = None,
    recordings: Annotated[Path | None, typer.Option(help="The same as SOURCE.")] = None,
    keys: Annotated[
        str, typer.Option(help="Without recordings: FROM:TO:STEP or a list.", show_default="range of the patch, by 6")
    ] = "",
    velocities: Annotated[
        str, typer.Option(help="Without recordings: 1..127, with commas.", show_default=VELOCITIES)
    ] = "",
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder for tables (CSV, JSON), a plot with --against, and audio."),
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
    load_limit: LoadLimit = 30.0,
    render_limit: RenderLimit = 60.0,
    warm_up: WarmUp = 0.0,
    jobs: Jobs = 2,
) -> None:
    """Render the same notes at the same velocities and tell how far each is from its recording.

    With --against, plugins and SoundFonts play them too, and all are ranked at equal levels and at their own;
    without recordings, the patch is compared with each of them over keyboard and velocity.
    """
    from backtune.commands._writable import check_folder
    from backtune.patch_file import read_patch
    from backtune.terminal import remark

    if source is not None and recordings is not None:
        raise InputError("SOURCE, --recordings: one of them may be given")
    source = source or recordings
    if source is None and not against:
        raise InputError("compare: nothing to compare with; SOURCE, --recordings or --against is needed")
    if source is not None and (keys or velocities):
        raise InputError("--keys, --velocities: recordings are compared at their own; allowed without recordings")
    if against and match_level is not None:
        raise InputError("--match-level, --natural-level: with --against both are told; allowed without it")
    if output is not None:
        check_folder(output)
    chosen = read_patch(patch)
    takes = None if source is None else open_with(source, split, preset, channel, others)
    for line in () if takes is None else (*takes.remarks, *takes.problems):
        remark(line)
    if against:
        from backtune.challenge import Challenge, keys_of
        from backtune.hosting.process import Limits
        from backtune.reading.key_lists import parse_keys, parse_velocities

        chosen_keys = parse_keys(keys) if keys else keys_of(chosen)
        limits = Limits(load_limit, render_limit, warm_up)
        asked = Challenge(tuple(against), takes, chosen_keys, parse_velocities(velocities or VELOCITIES), limits)
        _among_rivals(chosen, asked, output, pairs, jobs)
    elif takes is not None:
        _with_takes(chosen, takes, match_level, output, pairs, jobs)


def _among_rivals(patch: Patch, asked: Challenge, output: Path | None, pairs: int, jobs: int) -> None:
    from backtune.challenge import hold, told, told_data
    from backtune.terminal import Stopped, progress, remark, say

    try:
        with progress() as report:
            contests = hold(patch, asked, output, jobs=jobs, pairs=pairs, progress=report)
    except KeyboardInterrupt:
        raise Stopped("stopped; no table was written") from None
    for line in dict.fromkeys(line for one in contests for line in one.remarks):
        remark(line)
    data = told_data(contests)
    if isinstance(data, dict):
        data.pop("remarks")  # they are told among those of the command
    say(told(contests), data)
    if output is not None:
        remark(f"{output}: contest.csv, contest.json, contest.png" + (", listen/" if pairs else ""))


def _with_takes(
    patch: Patch, takes: Source, match_level: bool | None, output: Path | None, pairs: int, jobs: int
) -> None:
    from backtune.comparison import compare as compared
    from backtune.terminal import Stopped, progress, remark, say

    try:
        with progress() as report:
            found = compared(
                patch, takes, match_level=match_level, jobs=jobs, pairs=pairs, folder=output, progress=report
            )
    except KeyboardInterrupt:
        kept = "" if output is None else f"; audio pairs made so far are in {output / 'listen'}"
        raise Stopped(f"stopped; no table was written{kept}") from None
    for line in found.remarks:
        remark(line)
    say(str(found), found.as_data())
    if output is not None:
        remark(f"{output}: comparison.csv, comparison.json" + (", listen/" if pairs else ""))
