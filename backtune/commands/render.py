"""backtune render: a patch plays a note, a chord, a scale, a MIDI file, or every row of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backtune.commands._examples import examples
from backtune.commands._moves import Held, Moves, moves_of
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
    from backtune.commands._settings import with_settings
    from backtune.patch_file import read_patch
    from backtune.sound import write_sound
    from backtune.terminal import remark

    music = Music(midi, note, chord, scale, index)
    manner = Manner(velocity, seconds, gate, rate, split)
    kind = music.kind
    if mute and solo:
        raise InputError("--mute, --solo: one of them may be given")
    manner.check(kind)
    whole = with_settings(read_patch(patch), set_controls)
    moves = moves_of(whole.only(*solo) if solo else whole.without(*(mute or [])), automation, midi, controller_map)
    if index is not None:
        _check_rows(moves, output)
        _render_rows(moves.patch, index, manner.rows, output, jobs)
        return
    _check_files(moves, output, write_automation, (patch, midi, automation))
    if moves.score is not None:
        sound = moves.render_song(moves.score, manner.rate_hz, jobs)
    else:
        sound = moves.render_held(_held(music, manner), manner.rate_hz)
    _check_peak(sound, output)
    write_sound(output, sound, sound.rate)
    if write_automation is not None:
        moves.write(write_automation)
    remark(
        f"{output}: {sound.seconds:.2f} s, peak {sound.peak_db:.1f} dB", seconds=sound.seconds, peak_db=sound.peak_db
    )


@dataclass(frozen=True)
class Music:
    """What may be asked for, one of five; None: not given."""

    song: Path | None
    note: str | None
    chord: str | None
    scale: str | None
    index: Path | None

    @property
    def kind(self) -> str:
        """How the one that was given is asked for; InputError unless it is one."""
        asked = {
            "SONG.mid": self.song,
            "--note": self.note,
            "--chord": self.chord,
            "--scale": self.scale,
            "--index": self.index,
        }
        given = [name for name, value in asked.items() if value is not None]
        if len(given) != 1:
            raise InputError(
                f"render: {' and '.join(given) or 'nothing to play'} given; one of {', '.join(asked)} is needed"
            )
        return given[0]


@dataclass(frozen=True)
class Manner:
    """How it is to be played, as it was said; None: not given."""

    velocity: float | None
    seconds: float | None
    gate: float | None
    rate: int | None
    split: str | None

    def check(self, kind: str) -> None:
        """Raise InputError for what music of this kind leaves nothing to, and for times that cannot be."""
        from backtune.instrument import check_seconds

        for option in (field.name for field in fields(self) if getattr(self, field.name) is not None):
            if f"--{option}" in UNHEARD.get(kind, NOTES_UNHEARD):
                raise InputError(f"--{option}: {kind} leaves nothing for it to change; leave it out")
        for option in ("gate", "seconds"):
            check_seconds(f"--{option}", getattr(self, option) or 0.0)

    @property
    def rate_hz(self) -> int:
        """Samples per second."""
        return USUAL_RATE if self.rate is None else self.rate

    @property
    def rows(self) -> str:
        """Which rows of a table are played."""
        return "all" if self.split is None else self.split


def _held(music: Music, manner: Manner) -> Held:
    """Return a note, a chord or a scale as it is held; InputError for anything that is no note."""
    from backtune.phrase import major_scale, parse_notes

    pitches = major_scale(music.scale) if music.scale else parse_notes(music.note or music.chord or "")
    velocity = USUAL_VELOCITY if manner.velocity is None else manner.velocity
    return Held(tuple(pitches), STEP_S if music.scale else 0.0, velocity, manner.gate, manner.seconds)


def _check_rows(moves: Moves, folder: Path) -> None:
    from backtune.commands._writable import check_folder

    if moves.lanes:
        raise InputError("--automation, --index: rows are single notes, whose controls stand still; leave one out")
    check_folder(folder)


def _check_files(moves: Moves, output: Path, written: Path | None, read: Sequence[Path | None]) -> None:
    """Raise InputError when the sound, or the moves if they are to be `written`, cannot be."""
    from backtune.commands._writable import check_spared, check_writable

    check_writable(output)
    if written is not None:
        check_writable(written)
        check_spared(written, *read)
        moves.require_any(written)


def _check_peak(sound: Sound, output: Path) -> None:
    if sound.peak_db > 0:
        softer = f"--set level=-{ceil(sound.peak_db)} plays it softer"
        raise InputError(f"{output}: peaks {sound.peak_db:.1f} dB above full scale; {softer}")


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
