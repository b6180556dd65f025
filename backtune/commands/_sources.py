"""Options that every command with a SOURCE shares, and opening it with them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backtune.errors import InputError

if TYPE_CHECKING:
    from backtune.source import Source

SOURCE_HELP = "Folder of recordings, .sfz, .sf2 or instrument plugin (`backtune sources` tells what each may hold)."

SourcePath = Annotated[Path, typer.Argument(metavar="SOURCE", help=SOURCE_HELP)]
Split = Annotated[
    str | None, typer.Option(help="Rows of index.csv to take: train, test... or all.", show_default="train")
]
Preset = Annotated[
    str | None, typer.Option(help="SoundFont preset: name or bank:program; of a plugin: a .vstpreset file.")
]
Channel = Annotated[int | None, typer.Option(help="Channel of stereo recordings: 0 is left.", show_default="0")]
With = Annotated[list[str] | None, typer.Option("--with", metavar="NAME=VALUE", help="Another option of the source.")]
Jobs = Annotated[int, typer.Option(min=1, max=256, help="Workers; results do not depend on it.")]


def open_with(
    path: Path,
    split: str | None,
    preset: str | None,
    channel: int | None,
    others: list[str] | None,
) -> Source:
    """Return the takes of `path`; an option is passed on only when it was given. Sampling a plugin shows progress.

    Raises InputError for an option the kind of source does not have, or a value of the wrong kind.
    """
    from backtune.source import find_kind, open_source, source_options, tells_progress
    from backtune.terminal import Stopped, progress

    given: dict[str, Any] = {"split": split, "preset": preset, "channel": channel}
    options = {name: value for name, value in given.items() if value is not None}
    kind = find_kind(Path(os.path.expanduser(path)))
    known = source_options(kind)
    for text in others or []:
        name, sign, value = text.partition("=")
        if not sign:
            raise InputError(f"--with: '{text}'; NAME=VALUE is needed, such as octave=3")
        options[name] = _typed(name, value, str(known[name].annotation)) if name in known else value
    if not tells_progress(kind):
        return open_source(path, **options)
    try:
        with progress() as report:
            return open_source(path, report, **options)
    except KeyboardInterrupt:
        raise Stopped("stopped; the takes sampled so far are kept, the same command goes on") from None


def _typed(name: str, value: str, annotation: str) -> Any:
    kinds = {"int": int, "float": float}
    for word, kind in kinds.items():
        if word in annotation.replace("|", " ").split():
            try:
                return kind(value)
            except ValueError:
                raise InputError(f"--with {name}: '{value}'; a number is needed") from None
    return value
