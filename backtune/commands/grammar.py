"""backtune grammar: which layers recur across instruments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backtune.commands._examples import examples
from backtune.errors import InputError

PLACE = 27
EPILOG = examples(
    "backtune grammar presets/patches",
    "backtune grammar piano.yaml flute.yaml --json",
)


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=EPILOG)(grammar)


def grammar(
    patches: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATCH]...", help="Patch files, folders of them, or names; none: the shipped ones."),
    ] = None,
) -> None:
    """Tell which layers recur across instruments and families, and what each won on takes never fitted."""
    from backtune.grammar import grammar as read_grammar
    from backtune.grammar import grammar_data, grammar_text
    from backtune.patch_file import read_patch
    from backtune.shipped import shipped
    from backtune.terminal import say

    found: dict[str, Path] = {}
    for given in patches or shipped("patches"):
        path = Path(given)
        for one in sorted(path.glob("*.yaml")) if path.is_dir() else [path]:
            name = one.stem if one.stem not in found else str(one)
            found[name] = one
    if not found:
        raise InputError(f"grammar: no patch (.yaml) in {', '.join(patches or ['presets/patches'])}")
    told = read_grammar({name: read_patch(path) for name, path in found.items()})
    say(grammar_text(told), grammar_data(told))
