"""backtune plugin: which plugins there are, and everything known of one of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backtune.commands._examples import examples
from backtune.commands._hosting import LoadLimit, Settings, State, VstPreset, Which

PLACE = 50
ABOUT = "Find plugins, and look into one of them."
SCAN_EPILOG = examples("backtune plugin scan", "backtune plugin scan ~/plugins --json")
SAVE_EPILOG = examples(
    "backtune plugin save Synth.vst3 --set 'Cutoff=800 Hz' --set Wave=Saw -o warm.vstpreset",
    "backtune plugin save Synth.vst3 --preset warm.vstpreset -o warm.state",
)
INFO_EPILOG = examples("backtune plugin info Synth.vst3", "backtune plugin info Synth.vst3 --json")


def add_to(app: typer.Typer) -> None:
    """Add the commands to `app`, below one name."""
    group = typer.Typer(help=ABOUT, no_args_is_help=True)
    group.command(epilog=SCAN_EPILOG)(scan)
    group.command(epilog=INFO_EPILOG, no_args_is_help=True)(info)
    group.command(epilog=SAVE_EPILOG, no_args_is_help=True)(save)
    app.add_typer(group, name="plugin")


def scan(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[DIR]...", help="Folders to look in.", show_default="this system's plugin folders"),
    ] = None,
    load_limit: LoadLimit = 30.0,
) -> None:
    """List the plugins that can be used, and why the others cannot; each is opened in a process of its own."""
    from backtune.hosting.process import Limits
    from backtune.hosting.scan import plain_data
    from backtune.hosting.scan import scan as scanned
    from backtune.hosting.scan_text import scan_text
    from backtune.terminal import progress, say

    with progress() as report:
        found = scanned(folders or None, Limits(load_s=load_limit), report)
    say(scan_text(found), plain_data(found))


def info(
    plugin: Annotated[str, typer.Argument(metavar="X.vst3", help="Plugin file or bundle.")],
    which: Which = None,
    load_limit: LoadLimit = 30.0,
) -> None:
    """Tell what a plugin is, and its parameters with ranges, units, steps, texts and raw values."""
    from backtune.hosting.process import Limits
    from backtune.hosting.scan import info as looked
    from backtune.hosting.scan import plain_data
    from backtune.hosting.scan_text import info_text
    from backtune.hosting.settings import parse_address
    from backtune.terminal import say

    address = parse_address(plugin)
    told = looked(address.path, which or address.name, Limits(load_s=load_limit))
    say(info_text(told), plain_data(told))


def save(
    plugin: Annotated[str, typer.Argument(metavar="X.vst3", help="Plugin file or bundle.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="File to write: .vstpreset, or any other ending for the whole state.")
    ],
    which: Which = None,
    state: State = None,
    preset: VstPreset = None,
    settings: Settings = None,
    load_limit: LoadLimit = 30.0,
) -> None:
    """Set a plugin and write how it is set, for `sample`, `compare`, `stem`, chains, and other hosts."""
    from backtune.commands._writable import check_writable
    from backtune.hosting.plugin import Plugin
    from backtune.hosting.process import Limits
    from backtune.hosting.settings import PRESET, parse_address, prepare
    from backtune.terminal import remark
    from backtune.whole_file import write_beside

    check_writable(output)
    address = parse_address(plugin)
    with Plugin(address.path, which or address.name, limits=Limits(load_s=load_limit)) as opened:
        prepare(opened, state or address.state, preset or address.preset, settings or [])
        content = opened.preset() if output.suffix.lower() == PRESET else opened.state()
        write_beside(output, content)
        remark(f"{output}: {opened.facts.name}, {len(content):,} bytes", plugin=opened.facts.name)
