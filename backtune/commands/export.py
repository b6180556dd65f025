"""backtune export: a patch for hosts, samplers and people - tables, sessions, sample sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backtune.commands._examples import examples
from backtune.commands._hosting import Allow
from backtune.commands._settings import Map

PLACE = 34
EPILOG = examples(
    "backtune export piano.yaml -o piano.csv",
    "backtune export piano.yaml --format sfz --budget 20 -o piano.sfz",
    "backtune export piano.yaml --song song.mid --automation moves.csv --stem piano.wav -o song.dawproject",
)


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=EPILOG, no_args_is_help=True)(export)


def export(
    patch: Annotated[Path, typer.Argument(metavar="PATCH", help="Patch file, or a shipped one by name.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="File to be written.", show_default=False)],
    format_name: Annotated[
        str, typer.Option("--format", help="csv, json, scl, mid, midnam, sfz, reaper, dawproject, vstpreset.")
    ] = "",
    controller_map: Map = "own",
    song: Annotated[Path | None, typer.Option(help="MIDI file that goes into a session.")] = None,
    automation: Annotated[Path | None, typer.Option(help="Automation that goes into a session or MIDI file.")] = None,
    stem: Annotated[list[Path] | None, typer.Option(help="Sound file that becomes a track (may be repeated).")] = None,
    chain: Annotated[str | None, typer.Option(help="Effect chain behind it: a file or a shipped one.")] = None,
    allow: Allow = None,
    budget: Annotated[float, typer.Option(min=0.1, max=10000, help="Size of all samples of an SFZ, MB.")] = 50.0,
    class_id: Annotated[str, typer.Option(help="VST3 class of the plugin a preset is for, 32 hex digits.")] = "",
) -> None:
    """Write a patch, its controls and a session around it in the format of another program."""
    from backtune.automation_file import read_automation_lanes
    from backtune.chain_file import open_chain
    from backtune.commands._writable import check_writable
    from backtune.controller_map import controllers_for
    from backtune.export_format import Order, find_format
    from backtune.patch_file import read_patch
    from backtune.terminal import remark

    form = find_format(format_name, output)
    check_writable(output)
    chosen = read_patch(patch)
    controllers = controllers_for(chosen.panel, controller_map)
    lanes = read_automation_lanes(automation, chosen.panel, controllers, song) if automation is not None else {}
    order = Order(
        chosen,
        controllers,
        lanes,
        song,
        tuple(stem or ()),
        open_chain(chain, allow or ()) if chain is not None else None,
        budget,
        class_id,
    )
    form.write(order, output)
    remark(f"{output}: {form.sentence}", format=form.name)
