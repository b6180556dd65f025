"""backtune export: a patch for hosts, samplers and people - tables, sessions, sample sets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backtune.commands._examples import examples
from backtune.commands._hosting import Allow
from backtune.commands._settings import Map
from backtune.errors import InputError

if TYPE_CHECKING:
    from backtune.export_format import ExportFormat

PLACE = 34
EPILOG = examples(
    "backtune export piano.yaml -o piano.csv",
    "backtune export piano.yaml --format sfz --budget 20 -o piano.sfz",
    "backtune export piano.yaml --song song.mid --automation moves.csv --stem piano.wav -o song.dawproject",
)
USUAL_BUDGET_MB = 50.0
OPTIONS = {  # by the field of an order they fill
    "lanes": "--automation",
    "song": "--song",
    "stems": "--stem",
    "chain": "--chain",
    "budget_mb": "--budget",
    "class_id": "--class-id",
}


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
    budget: Annotated[
        float | None,
        typer.Option(min=0.1, max=10000, help="Size of all samples of an SFZ, MB.", show_default="50"),
    ] = None,
    class_id: Annotated[str, typer.Option(help="VST3 class of the plugin a preset is for, 32 hex digits.")] = "",
) -> None:
    """Write a patch, its controls and a session around it in the format of another program."""
    from backtune.automation_file import read_automation_lanes
    from backtune.chain_file import open_chain
    from backtune.commands._writable import check_spared, check_writable
    from backtune.controller_map import controllers_for
    from backtune.export_format import Order, find_format
    from backtune.patch_file import read_patch
    from backtune.song import Song
    from backtune.terminal import remark

    form = find_format(format_name, output)
    given = {"lanes": automation, "song": song, "stems": stem, "chain": chain, "budget_mb": budget}
    _check_held(form, {name for name, value in {**given, "class_id": class_id or None}.items() if value is not None})
    check_writable(output)
    check_spared(output, patch, song, automation, *(stem or ()))
    chosen = read_patch(patch)
    controllers = controllers_for(chosen.panel, controller_map)
    played = None if song is None else Song(song)
    lanes = read_automation_lanes(automation, chosen.panel, controllers, played) if automation is not None else {}
    order = Order(
        chosen,
        controllers,
        lanes,
        song,
        tuple(stem or ()),
        open_chain(chain, allow or ()) if chain is not None else None,
        USUAL_BUDGET_MB if budget is None else budget,
        class_id,
    )
    form.write(order, output)
    remark(f"{output}: {form.sentence}", format=form.name)


def _check_held(form: ExportFormat, given: set[str]) -> None:
    """Raise InputError for an option the format has no place for; a song tells the beats of automation, too."""
    from backtune.export_format import export_formats

    for name in sorted(given - set(form.holds)):
        if name == "song" and "lanes" in given:
            continue
        able = [one.name for one in export_formats().values() if name in one.holds]
        raise InputError(f"{OPTIONS[name]}: {form.name} files have no place for it; allowed with {', '.join(able)}")
