"""backtune play: a patch under a MIDI keyboard, live."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Annotated

import typer

from backtune.commands._examples import examples
from backtune.commands._settings import Map, settings
from backtune.errors import InputError

if TYPE_CHECKING:
    from backtune.live import Live, Meter
    from backtune.patch import Patch
    from backtune.terminal import Report
    from backtune.tuning import Tuning

PLACE = 35
METER_S = 1.0  # how often the meter is printed
EPILOG = examples(
    "backtune play piano.yaml",
    "backtune play piano.yaml --port 'Digital Piano' --temperament vallotti",
    "backtune play piano.yaml --bind 21=brightness --bind 22=temperament",
    "backtune play flute.yaml --vibrato 30 --pressure 6",
    "backtune play --ports",
)


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=EPILOG, no_args_is_help=True)(play)


def play(
    patch: Annotated[Path | None, typer.Argument(metavar="PATCH", help="Patch file, or a shipped one by name.")] = None,
    ports: Annotated[bool, typer.Option("--ports", help="List the MIDI inputs and end.")] = False,
    port: Annotated[str | None, typer.Option(help="MIDI input, or part of its name.", show_default="the first")] = None,
    temperament: Annotated[str, typer.Option(help="equal, just, meantone, vallotti, werckmeister3...")] = "equal",
    scl: Annotated[Path | None, typer.Option(help="Scala scale; A4 is 440 Hz unless --kbm says otherwise.")] = None,
    kbm: Annotated[Path | None, typer.Option(help="Scala keyboard mapping of the scale.")] = None,
    controller_map: Map = "own",
    bind: Annotated[
        list[str] | None, typer.Option(metavar="CC=CONTROL", help="Controller that moves a control; may be repeated.")
    ] = None,
    vibrato: Annotated[float, typer.Option(help="Depth of the modulation wheel, cents.")] = 0.0,
    pressure: Annotated[float, typer.Option(help="Gain at full key pressure, dB.")] = 0.0,
    curve: Annotated[float, typer.Option(help="Velocity curve: above 1 the keyboard feels heavier.")] = 1.0,
    rate: Annotated[int, typer.Option(help="Samples per second.")] = 48000,
    block: Annotated[int, typer.Option(help="Samples a block.")] = 128,
    ahead: Annotated[float, typer.Option(help="How far ahead blocks are made, ms: more when the sound has gaps.")] = 10,
    voices: Annotated[int, typer.Option(help="Voices that may sound at once.")] = 64,
) -> None:
    """Play a patch from a MIDI keyboard through the sound card, until Ctrl-C.

    Controllers move the patch's controls, and so do lines such as "temperament=vallotti" typed while it plays: what is
    struck from then on sounds so.
    """
    from backtune.controller_map import controllers_for
    from backtune.desk import Desk, bound
    from backtune.expression import Expression
    from backtune.live import playing
    from backtune.midi_input import midi_ports
    from backtune.patch_file import read_patch
    from backtune.player import Player
    from backtune.terminal import progress, remark, say

    if ports:
        found = midi_ports()
        say("\n".join(found), found)
        return
    if patch is None:
        raise InputError("play: a patch is needed")
    how = Expression(vibrato_cents=vibrato, pressure_db=pressure, velocity_curve=curve)
    tuning = _tuning(temperament, scl, kbm)
    chosen = read_patch(patch)
    desk = Desk(chosen, bound(controllers_for(chosen.panel, controller_map), bind or []))
    player = Player(chosen, rate, voices, expression=how, tuning=tuning, latency_s=0.0)
    with ExitStack() as stage:
        with progress() as report:
            prepared = partial(_prepared, report)
            live = stage.enter_context(playing(player, port, block, ahead_s=ahead / 1000, progress=prepared, desk=desk))
        Thread(target=_obey, args=(live, chosen), daemon=True).start()
        try:
            time.sleep(METER_S)
            remark(_begun(live))
            while live.fault is None:
                time.sleep(METER_S)
                remark(_line(live.meter))
        except KeyboardInterrupt:
            say(_line(live.meter), vars(live.meter))


def _obey(live: Live, patch: Patch) -> None:
    """Move controls as lines that are typed say, until there are no more."""
    from backtune.desk import with_values
    from backtune.terminal import remark

    for line in sys.stdin:
        try:
            values = settings(patch, line.split())
            with_values(patch, values)  # refused here, where it was typed, and not beside the sound
            live.move(values)
        except InputError as error:
            remark(str(error))


def _prepared(report: Report, share: float) -> None:
    report("preparing keys, %", round(100 * share), 100)


def _tuning(temperament: str, scl: Path | None, kbm: Path | None) -> Tuning:
    from backtune.scala import read_tuning
    from backtune.temperaments import temperament as named

    if scl is None and kbm is not None:
        raise InputError("--kbm: a keyboard mapping needs a scale, --scl")
    return named(temperament) if scl is None else read_tuning(scl, kbm)


def _begun(live: Live) -> str:
    order = "before other programs" if live.precedes else "in turn with other programs: no right to real-time priority"
    return f"playing, {1000 * live.ahead_s:.1f} ms ahead, {order}; Ctrl-C ends"


def _line(meter: Meter) -> str:
    return (
        f"{meter.voices} voices, load {100 * meter.load_mean:.0f} % (worst {100 * meter.load_worst:.0f} %), "
        f"{meter.late} blocks late and {meter.missed} missed of {meter.blocks}, {meter.stolen} voices stolen"
    )
