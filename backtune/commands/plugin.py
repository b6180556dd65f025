"""backtune plugin: which plugins there are, and everything known of one of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backtune.commands._examples import examples
from backtune.commands._hosting import LoadLimit, Which
from backtune.commands._sources import Json

PLACE = 50
ABOUT = "Find plugins, and look into one of them."
SCAN_EPILOG = examples("backtune plugin scan", "backtune plugin scan ~/plugins --json")
INFO_EPILOG = examples("backtune plugin info Synth.vst3", "backtune plugin info Synth.vst3 --json")


def add_to(app: typer.Typer) -> None:
    """Add the commands to `app`, below one name."""
    group = typer.Typer(help=ABOUT, no_args_is_help=True)
    group.command(epilog=SCAN_EPILOG)(scan)
    group.command(epilog=INFO_EPILOG, no_args_is_help=True)(info)
    app.add_typer(group, name="plugin")


def scan(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[DIR]...", help="Folders to look in.", show_default="this system's plugin folders"),
    ] = None,
    load_limit: LoadLimit = 30.0,
    as_json: Json = False,
) -> None:
    """List the plugins that can be used, and why the others cannot; each is opened in a process of its own."""
    from backtune.hosting.process import Limits
    from backtune.hosting.scan import as_json as scan_json
    from backtune.hosting.scan import scan as scanned
    from backtune.hosting.scan import scan_text
    from backtune.terminal import say

    found = scanned(folders or None, Limits(load_s=load_limit))
    say(scan_json(found) if as_json else scan_text(found))


def info(
    plugin: Annotated[Path, typer.Argument(metavar="X.vst3", help="Plugin file or bundle.")],
    which: Which = None,
    load_limit: LoadLimit = 30.0,
    as_json: Json = False,
) -> None:
    """Tell what a plugin is, and its parameters with ranges, units, steps, texts and raw values."""
    from backtune.hosting.process import Limits
    from backtune.hosting.scan import as_json as info_json
    from backtune.hosting.scan import info as looked
    from backtune.hosting.scan import info_text
    from backtune.terminal import say

    told = looked(plugin, which, Limits(load_s=load_limit))
    say(info_json(told) if as_json else info_text(told))
