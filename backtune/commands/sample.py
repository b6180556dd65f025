"""backtune sample: an instrument plugin or a SoundFont preset, note by note, into a folder of recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backtune.commands._examples import examples
from backtune.commands._hosting import LoadLimit, RenderLimit, Settings, State, VstPreset, WarmUp, Which

PLACE = 52
EPILOG = examples(
    "backtune sample Synth.vst3 -o recordings/ --keys A0:C8:3 --velocities 32,64,96,127",
    "backtune sample Synth.vst3 -o bright/ --set 'Cutoff=800 Hz' --seconds 4",
    "backtune sample gm.sf2:0:73 -o flute/ --keys C4:C7:2",
)


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=EPILOG, no_args_is_help=True)(sample)


def sample(
    instrument: Annotated[str, typer.Argument(metavar="X.vst3|X.sf2:BANK:PROGRAM", help="What to sample.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for takes and index.csv.", show_default=False)],
    keys: Annotated[str, typer.Option(help="FROM:TO:STEP in semitones, or a list: C4,E4,60.")] = "A0:C8:3",
    velocities: Annotated[str, typer.Option(help="1..127, with commas between.")] = "32,64,96,127",
    seconds: Annotated[float, typer.Option(help="How long keys are held, s.")] = 6.0,
    release: Annotated[float, typer.Option(help="How long to listen after that, s.")] = 2.0,
    gain: Annotated[float, typer.Option(help="Gain of all takes alike, dB.")] = 0.0,
    rate: Annotated[int, typer.Option(help="Samples per second.")] = 44100,
    which: Which = None,
    state: State = None,
    preset: VstPreset = None,
    settings: Settings = None,
    load_limit: LoadLimit = 30.0,
    render_limit: RenderLimit = 60.0,
    warm_up: WarmUp = 0.0,
) -> None:
    """Play every key at every velocity; the takes become a source for `fit`. Started again, it goes on."""
    from backtune.commands._writable import check_folder
    from backtune.hosting.players import open_player
    from backtune.hosting.process import Limits
    from backtune.hosting.sampling import SamplingPlan, report_data, report_text
    from backtune.hosting.sampling import sample as sampled
    from backtune.reading.key_lists import parse_keys, parse_velocities
    from backtune.terminal import Stopped, progress, remark, say

    check_folder(output)
    plan = SamplingPlan(parse_keys(keys), parse_velocities(velocities), seconds, release, gain)
    limits = Limits(load_limit, render_limit, warm_up)
    try:
        with (
            open_player(instrument, rate, which, state, preset, settings or [], limits) as player,
            progress() as report,
        ):
            found = sampled(player, plan, output, lambda done, total: report("sampling", done, total))
    except KeyboardInterrupt:
        raise Stopped(f"stopped; the takes written so far are in {output}, the same command goes on") from None
    for line in found.warnings:
        remark(line)
    say(report_text(found), report_data(found))
