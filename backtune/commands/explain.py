"""backtune explain: the story of a patch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backtune.commands._examples import examples
from backtune.errors import InputError

PLACE = 20
EPILOG = examples(
    "backtune explain piano.yaml",
    "backtune explain piano.yaml --layer tonal_core",
    "backtune explain piano.yaml --growth",
)


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=EPILOG, no_args_is_help=True)(explain)


def explain(
    patch: Annotated[Path, typer.Argument(metavar="PATCH", help="Patch file, or a shipped one by name.")],
    layer: Annotated[str | None, typer.Option(help="Go down to the laws of this layer.")] = None,
    growth: Annotated[
        bool, typer.Option("--growth", help="What growth tried: bytes against held-out distance.")
    ] = False,
) -> None:
    """Tell what a patch is made of: what carries the sound, what each layer won and cost, where it fails."""
    from backtune.patch_file import read_patch
    from backtune.report.explain import layer_story, story, story_data
    from backtune.report.growth_story import growth_data
    from backtune.report.growth_table import growth_table
    from backtune.terminal import say

    if layer is not None and growth:
        raise InputError("--layer, --growth: one of them may be given")
    chosen = read_patch(patch)
    if layer is not None:
        text, layers = layer_story(chosen, layer), story_data(chosen)["layers"]
        say(text, next(one for one in layers if one["kind"] == layer))
    elif growth:
        say(lambda: growth_table(chosen), lambda: growth_data(chosen))
    else:
        say(lambda: story(chosen), lambda: story_data(chosen))
