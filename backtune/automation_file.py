"""Automation of controls in files of any kind: tables, MIDI files, DAWproject sessions."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from pathlib import Path

from backtune.errors import InputError
from backtune.export_format import Order, find_format
from backtune.lane import Lane
from backtune.lane_dawproject import read_dawproject_lanes
from backtune.lane_midi import read_lanes
from backtune.lane_table import read_table, table_text
from backtune.midi import DEFAULT_TEMPO_US
from backtune.panel import Panel
from backtune.patch import Patch
from backtune.whole_file import write_beside

MIDI_ENDINGS = (".mid", ".midi", ".smf")
TABLES = (".csv", ".json")
SESSIONS = (".dawproject",)


def beat_clock(song: Path | None) -> Callable[[float], float]:
    """Return the function from beats to s of a song's tempo map; 120 beats a minute without a song."""
    import mido

    beats, seconds, tempi = [0.0], [0.0], [DEFAULT_TEMPO_US]
    if song is not None:
        file = mido.MidiFile(song, clip=False)
        for message in mido.merge_tracks(file.tracks):
            beats.append(beats[-1] + message.time / file.ticks_per_beat)
            seconds.append(seconds[-1] + (beats[-1] - beats[-2]) * tempi[-1] * 1e-6)
            tempi.append(message.tempo if message.type == "set_tempo" else tempi[-1])

    def clock(beat: float) -> float:
        place = bisect_right(beats, beat) - 1
        return seconds[place] + (beat - beats[place]) * tempi[place] * 1e-6

    return clock


def read_automation_lanes(
    path: Path, panel: Panel, controllers: Mapping[str, int], song: Path | None
) -> dict[str, Lane]:
    """Return the lanes of controls in a .csv or .json table, a MIDI file or a .dawproject session.

    Beats are those of `song`. Raises InputError for another ending and everything the kinds of file refuse.
    """
    ending = path.suffix.lower()
    if ending in TABLES:
        return read_table(path, panel, beat_clock(song))
    if ending in MIDI_ENDINGS:
        return read_lanes(path, panel, controllers)
    if ending in SESSIONS:
        return read_dawproject_lanes(path, panel, beat_clock(song))
    raise InputError(f"{path}: automation ends with {', '.join((*TABLES, *MIDI_ENDINGS, *SESSIONS))}")


def write_automation_lanes(
    path: Path, patch: Patch, lanes: Mapping[str, Lane], controllers: Mapping[str, int], song: Path | None
) -> None:
    """Write lanes as a table (nothing is lost), a MIDI file (127 steps) or a session (curves become 10 ms lines).

    Raises InputError for another ending, or a control that no controller of a MIDI file moves.
    """
    ending = path.suffix.lower()
    if ending in TABLES:
        write_beside(path, table_text(lanes, patch.panel, ending == ".json").encode())
    elif ending in (".mid", *SESSIONS):
        find_format("", path).write(Order(patch, controllers, lanes, song), path)
    else:
        raise InputError(f"{path}: automation is written to {', '.join((*TABLES, '.mid', *SESSIONS))}")
