"""Automation of controls in files of any kind: tables, MIDI files, DAWproject sessions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from backtune.errors import InputError
from backtune.export_format import Order, find_format
from backtune.lane import Lane
from backtune.lane_dawproject import read_dawproject_lanes
from backtune.lane_midi import read_lanes
from backtune.lane_table import read_table, table_text
from backtune.panel import Panel
from backtune.patch import Patch
from backtune.song import Song
from backtune.tempo_map import EVEN
from backtune.whole_file import write_beside

MIDI_ENDINGS = (".mid", ".midi", ".smf")
TABLES = (".csv", ".json")
SESSIONS = (".dawproject",)


def beat_clock(song: Song | None) -> Callable[[float], float]:
    """Return the function from beats to s of a song's tempo map; 120 beats a minute without a song."""
    return (EVEN if song is None else song.tempo).seconds_at


def read_automation_lanes(
    path: Path, panel: Panel, controllers: Mapping[str, int], song: Song | None, part: str = ""
) -> dict[str, Lane]:
    """Return the lanes of controls in a .csv or .json table, a MIDI file or a .dawproject session.

    Beats are those of `song`, in a session those of the session, of
    its track `part` if it has one. Raises InputError for another ending, and everything
    that the kinds of file refuse.
    """
    ending = path.suffix.lower()
    if ending in TABLES:
        return read_table(path, panel, beat_clock(song))
    if ending in MIDI_ENDINGS:
        return read_lanes(path, panel, controllers)
    if ending in SESSIONS:
        return read_dawproject_lanes(path, panel, part)
    raise InputError(f"{path}: automation ends with {', '.join((*TABLES, *MIDI_ENDINGS, *SESSIONS))}")


def write_automation_lanes(
    path: Path, patch: Patch, lanes: Mapping[str, Lane], controllers: Mapping[str, int], song: Path | None
) -> None:
    """Write lanes as a table (nothing is lost), a MIDI file (127 steps, or 16383 by NRPN) or a session.

    In a session bent ways become lines of 10 ms. Raises InputError for another ending.
    """
    ending = path.suffix.lower()
    if ending in TABLES:
        write_beside(path, table_text(lanes, patch.panel, ending == ".json").encode())
    elif ending in (".mid", *SESSIONS):
        find_format("", path).write(Order(patch, controllers, lanes, song), path)
    else:
        raise InputError(f"{path}: automation is written to {', '.join((*TABLES, '.mid', *SESSIONS))}")
