"""backtune demo: a real instrument, end to end, in one folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backtune.commands._examples import examples
from backtune.commands._sources import Jobs

PLACE = 50
EPILOG = examples(
    "backtune demo",
    "backtune demo --preset Flute",
    "backtune demo --recordings recordings/piano",
)


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=EPILOG)(demo)


def demo(
    recordings: Annotated[
        str, typer.Option(help="Folder, .sfz or .sf2 to take.", show_default="BACKTUNE_RECORDINGS, or what is found")
    ] = "",
    preset: Annotated[str, typer.Option(help="Preset of a SoundFont: name or bank:program.")] = "0:0",
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write.")] = Path("backtune-demo"),
    jobs: Jobs = 2,
    seed: Annotated[int, typer.Option(help="Where random choices start from.")] = 0,
) -> None:
    """Fit a real instrument in about a minute: patch, explanation, audio beside the originals, comparison table."""
    from backtune.demo import NAMES, run_demo
    from backtune.report.explain import story, story_data
    from backtune.terminal import Stopped, progress, remark, say

    try:
        with progress() as report:
            made = run_demo(output, recordings, preset, jobs, seed, report, lambda text: remark(text))
    except KeyboardInterrupt:
        raise Stopped(f"stopped; what was finished is in {output}, analysed takes are kept for the next run") from None
    data = {"patch": story_data(made.patch), "comparison": made.comparison.as_data()}
    say(f"{story(made.patch)}\n\n{made.comparison}", data)
    remark(f"{output}: {', '.join(NAMES)}, comparison.csv, comparison.json, listen/")
    if made.better:
        remark(made.better)
