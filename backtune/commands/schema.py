"""backtune schema: the JSON Schema of patch files."""

from __future__ import annotations

import typer

from backtune.commands._examples import examples

PLACE = 90
EPILOG = examples(
    "backtune schema > patch.schema.json",
)


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=EPILOG)(schema)


def schema() -> None:
    """Print the JSON Schema of patch files, made from what reads them."""
    import json

    from backtune.patch_file import patch_schema
    from backtune.terminal import say

    found = patch_schema()
    say(json.dumps(found, indent=1), found)
