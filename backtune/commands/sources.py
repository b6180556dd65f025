"""backtune sources: the kinds of sources and their options."""

from __future__ import annotations

import typer

from backtune.commands._examples import examples

PLACE = 80
EPILOG = examples(
    "backtune sources",
    "backtune fit samples/ --with octave=3 -o patch.yaml",
)


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=EPILOG)(sources)


def sources() -> None:
    """List what SOURCE may be, and the options each kind takes with --with NAME=VALUE."""
    from backtune.source import source_kinds, source_options
    from backtune.terminal import say

    found = {
        name: {
            "explains": kind.explains,
            "options": {one: option.default for one, option in source_options(kind).items()},
        }
        for name, kind in source_kinds().items()
    }
    lines = []
    for name, kind in source_kinds().items():
        lines.append(f"{name}: {kind.explains}")
        for one, option in source_options(kind).items():
            default = "chosen by what is there" if option.default in (None, "") else option.default
            lines.append(f"  {one:12} {default}")
    say("\n".join(lines), found)
