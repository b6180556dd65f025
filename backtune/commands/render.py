"""backtune render: a patch plays a note, a chord, a scale, a MIDI file, or every row of a table."""

from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backtune.commands._examples import examples
from backtune.commands._settings import Map
from backtune.commands._sources import Jobs
from backtune.errors import InputError

if TYPE_CHECKING:
    from backtune.patch import Patch
    from backtune.sound import Sound

PLACE = 30
STEP_S = 0.4  # from one note of a scale to the next
USUAL_VELOCITY, USUAL_RATE = 90.0, 44100
# What is told by the notes of a song, or by the rows of a table, no option tells.
NOTES_UNHEARD = ("--split",)
UNHEARD = {
    "SONG.mid": ("--velocity", "--seconds", "--gate", "--split"),
    "--index": ("--velocity", "--seconds", "--gate", "--rate"),
}
EPILOG = examples(
    "backtune render piano.yaml --note C4 -o c4.wav",
    "backtune render piano.yaml song.mid -o song.wav",
    "backtune render piano.yaml --chord 'C4 E4 G4' --solo tonal_core -o chord.wav",
    "backtune render piano.yaml song.mid --automation moves.csv --write-automation moves.mid -o song.wav",
    "backtune render piano.yaml --index index.csv --split test -o renders/",
)

Layers = list[str] | None


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=EPILOG, no_args_is_help=True)(render)


def render(
    patch: Annotated[Path, typer.Argument(metavar="PATCH", help="Patch file, or a shipped one by name.")],
    midi: Annotated[Path | None, typer.Argument(metavar="[SONG.mid]", help="Standard MIDI file.")] = None,
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", help="Sound file (.wav, .flac, .aiff, .ogg), or folder with --index.", show_default=False
        ),
    ] = ...,  # type: ignore[assignment]
    note: Annotated[str | None, typer.Option(help="One note: C4, F#3, 60.")] = None,
    chord: Annotated[str | None, typer.Option(help="Notes together: 'C4 E4 G4'.")] = None,
    scale: Annotated[str | None, typer.Option(help="A major scale: C4-C5.")] = None,
    index: Annotated[Path | None, typer.Option(help="Every row of this index.csv, under its own file name.")] = None,
    split: Annotated[
        str | None, typer.Option(help="Rows to render with --index: train, test... or all.", show_default="all")
    ] = None,
    velocity: Annotated[float | None, typer.Option(min=1, max=127, show_default="90")] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Length of the sound, s.", show_default="4, or the scale's")
    ] = None,
    gate: Annotated[
        float | None, typer.Option(min=0, help="Release keys after this long, s.", show_default="held")
    ] = None,
    rate: Annotated[int | None, typer.Option(help="Samples per second.", show_default="44100")] = None,
    mute: Annotated[Layers, typer.Option(metavar="LAYER", help="Leave this layer out (may be repeated).")] = None,
    solo: Annotated[Layers, typer.Option(metavar="LAYER", help="Hear only this layer (may be repeated).")] = None,
    set_controls: Annotated[
        Layers, typer.Option("--set", metavar="NAME=VALUE", help="Set a control (may be repeated).")
    ] = None,
    automation: Annotated[
        Path | None, typer.Option(help="Controls over time: a .csv or .json table, a MIDI file, a .dawproject.")
    ] = None,
    write_automation: Annotated[
        Path | None, typer.Option(help="Write the moves that were played: .csv, .json, .mid or .dawproject.")
    ] = None,
    controller_map: Map = "",
    jobs: Jobs = 1,
) -> None:
    """Play a patch into sound files."""
    from backtune.commands._moves import Held, moves_of
    from backtune.commands._settings import with_settings
    from backtune.commands._writable import check_folder, check_spared, check_writable
    from backtune.instrument import check_seconds
    from backtune.patch_file import read_patch
    from backtune.phrase import major_scale, parse_notes
    from backtune.sound import write_sound
    from backtune.terminal import remark

    asked = {"SONG.mid": midi, "--note": note, "--chord": chord, "--scale": scale, "--index": index}
    given = [name for name, value in asked.items() if value is not None]
    if len(given) != 1:
        raise InputError(
            f"render: {' and '.join(given) or 'nothing to play'} given; one of {', '.join(asked)} is needed"
        )
    if mute and solo:
        raise InputError("--mute, --solo: one of them may be given")
    said = {"--velocity": velocity, "--seconds": seconds, "--gate": gate, "--rate": rate, "--split": split}
    for name in [name for name, value in said.items() if value is not None]:
        if name in UNHEARD.get(given[0], NOTES_UNHEARD):
            raise InputError(f"{name}: {given[0]} leaves nothing for it to change; leave it out")
    for name, value in (("--gate", gate), ("--seconds", seconds)):
        check_seconds(name, value or 0.0)
    velocity = USUAL_VELOCITY if velocity is None else velocity
    rate = USUAL_RATE if rate is None else rate
    chosen = read_patch(patch)
    chosen = with_settings(chosen, set_controls)
    chosen = chosen.only(*solo) if solo else chosen.without(*(mute or []))
    moves = moves_of(chosen, automation, midi, controller_map)
    if index is not None:
        if moves.lanes:
            raise InputError("--automation, --index: rows are single notes, whose controls stand still; leave one out")
        check_folder(output)
        _render_rows(chosen, index, "all" if split is None else split, output, jobs)
        return
    check_writable(output)
    if write_automation is not None:
        check_writable(write_automation)
        check_spared(write_automation, patch, midi)
        moves.require_any(write_automation)
    if moves.score is not None:
        sound = moves.render_song(moves.score, rate, jobs)
    else:
        pitches = major_scale(scale) if scale else parse_notes(note or chord or "")
        step_s = STEP_S if scale else 0.0
        if moves.lanes:
            sound = moves.render_held(Held(tuple(pitches), step_s, velocity, gate, seconds), rate)
        else:
            sound = _render_notes(chosen, pitches, step_s, velocity, seconds, gate, rate)
    if sound.peak_db > 0:
        softer = f"--set level=-{ceil(sound.peak_db)} plays it softer"
        raise InputError(f"{output}: peaks {sound.peak_db:.1f} dB above full scale; {softer}")
    write_sound(output, sound, rate)
    if write_automation is not None:
        moves.write(write_automation)
    remark(
        f"{output}: {sound.seconds:.2f} s, peak {sound.peak_db:.1f} dB", seconds=sound.seconds, peak_db=sound.peak_db
    )


def _render_notes(
    patch: Patch,
    pitches: list[float],
    step_s: float,
    velocity: float,
    seconds: float | None,
    gate_s: float | None,
    rate: int,
) -> Sound:
    from backtune.notes import NoteEvent
    from backtune.phrase import render_phrase

    held_s = step_s if gate_s is None and step_s else gate_s
    notes = [(i * step_s, NoteEvent(pitch, velocity, held_s)) for i, pitch in enumerate(pitches)]
    length = seconds if seconds is not None else (len(pitches) * step_s + 1.0 if step_s else 4.0)
    return render_phrase(patch, notes, length, rate)


def _render_rows(patch: Patch, index: Path, split: str, folder: Path, jobs: int) -> None:
    from backtune.rows import render_rows
    from backtune.terminal import Stopped, progress, remark

    done, softer = 0, {}
    try:
        with progress() as report:
            for count, total, name, softer_db in render_rows(patch, index, split, folder, jobs):
                done = count
                report("rendering", count, total)
                if softer_db:
                    softer[name] = softer_db
                    remark(f"{name}: would peak above full scale, written {softer_db:.1f} dB softer")
    except KeyboardInterrupt:
        raise Stopped(f"stopped; {done} files are in {folder}") from None
    remark(f"{folder}: {done} files", files=done, softer_db=softer)
