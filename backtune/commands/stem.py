"""backtune stem: a song as one sound file a part, which add up to the mix."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backtune.commands._examples import examples
from backtune.commands._hosting import Allow, LoadLimit, RenderLimit
from backtune.commands._settings import Map

PLACE = 32
EPILOG = examples(
    "backtune stem song.mid --part 1=piano.yaml --part 2=flute.yaml:concert_room -o stems/",
    "backtune stem song.mid --part 1=Synth.vst3@warm.vstpreset:tape --automation moves.csv -o stems/",
    "backtune stem song.mid --part piano=piano.yaml -o stems/ --per-layer --mix mix.wav --lufs -18",
    "backtune stem song.mid --part piano=piano.yaml:tape -o stems/ --automation moves.csv --session song.dawproject",
)


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=EPILOG, no_args_is_help=True)(stem)


def stem(
    song: Annotated[Path, typer.Argument(metavar="SONG.mid", help="Standard MIDI file.")],
    parts: Annotated[
        list[str],
        typer.Option(
            "--part",
            metavar="PART=PATCH.yaml|X.vst3[@Y.vstpreset][:CHAIN]",
            help="A part by number or name, its patch or plugin, and its chain (may be repeated).",
            show_default=False,
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the stems.", show_default=False)],
    per_layer: Annotated[bool, typer.Option("--per-layer", help="A stem for each layer of each patch.")] = False,
    mix: Annotated[Path | None, typer.Option(help="Write the sum of the stems here (.wav).")] = None,
    tail: Annotated[float, typer.Option(help="Seconds to go on after the score.")] = 3.0,
    rate: Annotated[int, typer.Option(help="Samples per second.")] = 48000,
    bits: Annotated[int, typer.Option(help="16, 24 (both dithered), or 32 for floating point.")] = 24,
    lufs: Annotated[
        float | None, typer.Option(help="Bring the mix to this loudness, LUFS.", show_default="as played")
    ] = None,
    automation: Annotated[
        Path | None,
        typer.Option(help="What moves controls and chains: table of time_s, part, target, value; MIDI; DAWproject."),
    ] = None,
    controller_map: Map = "",
    session: Annotated[
        Path | None, typer.Option(help="Write a session (.dawproject): stems, notes, automation, instruments, chains.")
    ] = None,
    cores: Annotated[int, typer.Option(min=1, max=256, help="Threads; results do not depend on it.")] = 1,
    load_limit: LoadLimit = 30.0,
    render_limit: RenderLimit = 60.0,
    allow: Allow = None,
) -> None:
    """Write a stem for each part of a song: all as long as the score and the tail, in time with each other."""
    from backtune.commands._writable import check_folder, check_writable
    from backtune.hosting.process import Limits
    from backtune.stem import StemFormat
    from backtune.stem_kept import finished_drafts
    from backtune.stem_song import StemOptions, parse_assignment, report_data, report_text, stem_song
    from backtune.terminal import Stopped, progress, remark, say

    check_folder(output)
    if mix is not None and mix.parent.resolve() != output.resolve():
        check_writable(mix)
    if session is not None and session.parent.resolve() != output.resolve():
        check_writable(session)
    form = StemFormat(rate, bits, tail, lufs)
    limits = Limits(load_limit, render_limit)
    options = StemOptions(per_layer, automation, controller_map, session, cores, limits, tuple(allow or ()))
    assignments = [parse_assignment(text) for text in parts]
    try:
        with progress() as report:
            found = stem_song(
                song, assignments, output, form, mix, options, lambda part, *of: report(f"{part}, frames", *of)
            )
    except KeyboardInterrupt:
        kept = finished_drafts(output)
        going_on = f"; {kept} finished parts are kept, the same command goes on from there" if kept else ""
        raise Stopped(f"stopped; no stem was written to {output}{going_on}") from None
    say(report_text(found), report_data(found))
    remark(f"{output}: {len(found.stems)} stems and the tempo map")
