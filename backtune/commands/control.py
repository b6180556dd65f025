"""backtune control: what can be moved on a patch, and moving it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from backtune.commands._examples import examples
from backtune.commands._settings import Map
from backtune.errors import InputError

PLACE = 32
EPILOG = examples(
    "backtune control piano.yaml",
    "backtune control piano.yaml brightness=2 temperament=werckmeister3 -o baroque.yaml",
    "backtune control piano.yaml --make warmth --move brightness=0..-4 --move hardness=0..-6 -o warm.yaml",
)


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=EPILOG, no_args_is_help=True)(control)


def control(
    patch: Annotated[Path, typer.Argument(metavar="PATCH", help="Patch file, or a shipped one by name.")],
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME=VALUE]...",
            help="What to set; a temperament may be X.scl or X.scl+Y.kbm: A4 is 440 Hz unless a .kbm says otherwise.",
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Where the changed patch is written.")] = None,
    make: Annotated[str | None, typer.Option(metavar="NAME", help="Make a control of your own, 0..1.")] = None,
    move: Annotated[
        list[str] | None,
        typer.Option(metavar="TARGET=LOW..HIGH", help="What it does to a control or to LAYER.LAW at 0 and at 1."),
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="First undo all: the instrument as fitted.")] = False,
    controller_map: Map = "own",
) -> None:
    """List the controls of a patch, set them, or make one that moves several laws."""
    from backtune.character import as_fitted
    from backtune.commands._settings import with_settings
    from backtune.commands._writable import check_writable
    from backtune.controlled import check_ends
    from backtune.controller_map import controllers_for
    from backtune.patch_file import read_patch, write_patch
    from backtune.terminal import remark, say

    chosen = read_patch(patch)
    controllers = controllers_for(chosen.panel, controller_map)
    if (make is None) != (move is None):
        raise InputError("--make, --move: a control of your own needs a name and at least one move")
    if not (settings or make or reset):
        if output is not None:
            raise InputError(f"control: no change given for {output}; one of NAME=VALUE, --make, --reset is needed")
        say(_table(chosen, controllers), _facts(chosen, controllers))
        return
    if output is None:
        raise InputError("control: -o FILE is needed for the changed patch (it may be the patch itself)")
    check_writable(output)
    changed = as_fitted(chosen) if reset else chosen
    if make is not None:
        changed = changed.with_controls(**{make: {"moves": _moves(move or [])}})
    changed = with_settings(changed, settings)
    if make is not None:
        check_ends(changed.layers, changed.panel, make)
    write_patch(changed, output)
    given = [*([make] if make is not None else []), *(text.partition("=")[0].strip() for text in settings or [])]
    done = [*(["all as fitted"] if reset else []), *([f"{', '.join(dict.fromkeys(given))} set"] if given else [])]
    remark(f"{output}: {', '.join(done)}", controls=changed.controls)


def _moves(texts: list[str]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for target, ends in map(_ends, texts):
        if target in found:
            raise InputError(f"--move: {target} is given twice; one LOW..HIGH for each target is allowed")
        found[target] = ends
    return found


def _ends(text: str) -> tuple[str, list[float]]:
    target, sign, ends = text.partition("=")
    low, dots, high = ends.partition("..")
    try:
        if sign and dots:
            return target.strip(), [float(low), float(high)]
    except ValueError:
        pass
    raise InputError(f"--move: '{text[:60]}'; TARGET=LOW..HIGH is needed, such as brightness=0..-4")


def _facts(patch: Any, controllers: dict[str, int]) -> list[dict[str, Any]]:
    import dataclasses

    from backtune.parameter_table import parameter_table

    return [dataclasses.asdict(one) for one in parameter_table(patch.panel, controllers)]


def _table(patch: Any, controllers: dict[str, int]) -> str:
    lines, group = [], ""
    for name, one in patch.panel.controls.items():
        if one.group != group:
            group = one.group
            lines += ["", group.replace("_", " ")]
        value = patch.panel.value(name)
        star = " " if value == one.default else "*"
        span = "|".join(one.choices) if one.choices else f"{one.low:g}..{one.high:g} {one.unit}".rstrip()
        span += f", or a file {one.endings}" if one.files else ""
        cc = f"CC{controllers[name]}" if name in controllers else ""
        lines.append(f"{star} {name:26} {one.text(value):18} {cc:6} {one.sentence} ({span})")
    return "\n".join(lines[1:])
