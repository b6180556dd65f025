"""REAPER: a project with the song and its controller lanes as a MIDI item, stems as tracks, level as an envelope."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from backtune.errors import InputError
from backtune.export_format import ExportFormat, Order
from backtune.lane import Lane
from backtune.lane_midi import steps_of
from backtune.midi import Score, read_midi
from backtune.tempo_map import TempoMap, song_tempo_map
from backtune.units import db_to_amplitude
from backtune.whole_file import write_beside

TICKS_A_BEAT = 960
SQUARE = 1  # of tempo: holds until the next
SHAPES = {"linear": 0, "hold": 1, "smooth": 2, "exponential": 4}  # REAPER's numbers; 4 ends fast
# REAPER chooses the decoder by the type of the source: FLAC under WAVE is reported to be an empty item. AIFF is WAVE.
PLAIN = {"WAV": "WAVE", "WAVEX": "WAVE", "RF64": "WAVE", "W64": "WAVE", "AIFF": "WAVE", "FLAC": "FLAC", "MP3": "MP3"}
IN_OGG = {"VORBIS": "VORBIS", "OPUS": "OPUS"}
MARKS = ('"', "'", "`")  # that quote
NO_SONG = Score((), 0.0)


def _write(order: Order, path: Path) -> None:
    song = read_midi(order.song) if order.song else NO_SONG
    tempo = song_tempo_map(order.song)
    _, numerator, denominator = tempo.metres[0]
    lines = ['<REAPER_PROJECT 0.1 "7.0" 0', f"  TEMPO {tempo.bpm(0)!r} {numerator} {denominator}"]
    if len(tempo.beats) > 1:
        changes = [f"    PT {at!r} {tempo.bpm(place)!r} {SQUARE}" for place, at in enumerate(tempo.seconds)]
        lines += ["  <TEMPOENVEX", "    ACT 1 -1", "    VIS 1 0 1", "    ARM 0", *changes, "  >"]
    lines += _track(0, order.patch.name, _midi_item(order, song, tempo), order.lanes.get("level"))
    for number, stem in enumerate(order.stems, start=1):
        lines += _track(number, stem.stem, _audio_item(stem, path.parent), None)
    write_beside(path, ("\n".join([*lines, ">"]) + "\n").encode())


def _track(number: int, name: str, item: list[str], level: Lane | None) -> list[str]:
    guid = str(uuid.uuid5(uuid.NAMESPACE_URL, f"backtune/{number}/{name}")).upper()  # the same in the same session
    lines = [f"  <TRACK {{{guid}}}", f"    NAME {_label(name)}"]
    if level is not None:
        lines += ["    <VOLENV2", "      ACT 1 -1", "      VIS 1 1 1", "      ARM 0"]
        for time_s, value, curve in zip(level.times_s, level.values, level.curves, strict=True):
            lines.append(f"      PT {time_s!r} {float(db_to_amplitude(float(value)))!r} {SHAPES[curve]}")
        lines.append("    >")
    return [*lines, *item, "  >"]


def _midi_item(order: Order, song: Score, tempo: TempoMap) -> list[str]:
    events = [(at, tuple(message)) for at, *message in song.messages]
    for name, lane in order.lanes.items():
        if name == "level":  # an envelope of the track
            continue
        for at, pairs in steps_of(lane, order.patch.panel.controls[name], order.controllers.get(name)):
            events += [(at, (0xB0, *pair)) for pair in pairs]
    last_s = max([song.seconds, *(at for at, _ in events)], default=0.0)
    lines = ["    <ITEM", "      POSITION 0", f"      LENGTH {last_s!r}", f"      NAME {_label(order.patch.name)}"]
    lines += ["      <SOURCE MIDI", f"        HASDATA 1 {TICKS_A_BEAT} QN"]
    before = 0
    for at, message in sorted(events, key=lambda event: event[0]):
        tick = round(tempo.beats_at(at) * TICKS_A_BEAT)
        data = [*message, 0][:3]
        lines.append(f"        E {tick - before} " + " ".join(f"{byte:02x}" for byte in data))
        before = tick
    end = max(round(tempo.beats_at(last_s) * TICKS_A_BEAT) - before, 0)
    return [*lines, f"        E {end} b0 7b 00", "      >", "    >"]  # all notes off is where REAPER's items end


def _audio_item(stem: Path, folder: Path) -> list[str]:
    import soundfile

    try:
        facts: Any = soundfile.info(stem)
    except (ValueError, soundfile.LibsndfileError) as error:  # ValueError: named in another encoding
        raise InputError(f"{stem}: not readable as audio ({getattr(error, 'error_string', error)})") from None
    near = stem.resolve()
    file = (near.relative_to(folder.resolve()) if near.is_relative_to(folder.resolve()) else near).as_posix()
    if any(ord(sign) < 32 for sign in file) or all(mark in file for mark in MARKS):
        raise InputError(
            f"{file!r}: no REAPER project can name it; allowed: one line, without one of {' '.join(MARKS)}"
        )
    kind = IN_OGG.get(facts.subtype) if facts.format == "OGG" else PLAIN.get(facts.format)
    if kind is None:
        raise InputError(f"{stem}: is {facts.format_info}; allowed in a REAPER project: WAV, AIFF, FLAC, Ogg, MP3")
    return [
        "    <ITEM",
        "      POSITION 0",
        f"      LENGTH {facts.duration!r}",
        f"      NAME {_label(stem.stem)}",
        f"      <SOURCE {kind}",
        f"        FILE {_quoted(file)}",
        "      >",
        "    >",
    ]


def _label(text: str) -> str:
    """Return a name as REAPER shows it, on one line."""
    return _quoted(" ".join(text.split()))


def _quoted(text: str) -> str:
    """Return a text in the first kind of quotation marks that it does not hold itself."""
    for mark in MARKS:
        if mark not in text:
            return f"{mark}{text}{mark}"
    return f"`{text.replace('`', chr(39))}`"


REAPER = ExportFormat(
    "reaper",
    ".rpp",
    "A REAPER project: song, controller lanes, stems, level envelope.",
    _write,
    ("song", "lanes", "stems"),
)
