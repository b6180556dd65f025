"""The parts of a score: which notes of a MIDI file belong to one player, and the tempo map they share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backtune.errors import InputError, nearest
from backtune.midi import Score, each_on_the_clock, on_the_clock, open_midi
from backtune.whole_file import beside

CONDUCTING = ("set_tempo", "time_signature", "key_signature", "marker", "smpte_offset")
DRUMS = 10


@dataclass(frozen=True)
class ScorePart:
    """One part: `number` from 1 in the order of the file, `name` of its track or channel, its notes on the clock."""

    number: int
    name: str
    score: Score


def read_parts(path: Path) -> list[ScorePart]:
    """Return the parts of a Standard MIDI file, all as long as the whole score.

    A file with several tracks that hold notes has a part a track, named as the track is. One with all its notes in
    one track has a part a channel ("channel 3"). Raises InputError when the file is none, or holds no note.
    """
    file = open_midi(path)
    playing = [any(message.type == "note_on" for message in track) for track in file.tracks]
    if sum(playing) == 1:
        return _by_channel(on_the_clock(path, file.tracks, file.ticks_per_beat))
    scores = each_on_the_clock(path, file.tracks, file.ticks_per_beat)
    if not any(playing):
        raise InputError(f"{path}: holds no note")
    held = [(track, score) for track, score, plays in zip(file.tracks, scores, playing, strict=True) if plays]
    return [
        ScorePart(number, str(track.name).strip() or f"track {number}", score)
        for number, (track, score) in enumerate(held, start=1)
    ]


def find_part(parts: list[ScorePart], text: str, where: str) -> ScorePart:
    """Return the part of that number or name; raise InputError that lists the parts when there is none."""
    for part in parts:
        if text == str(part.number) or text.casefold() == part.name.casefold():
            return part
    known = ", ".join(f"{part.number} ({part.name})" for part in parts)
    hint = "" if text.isdigit() else f"; {nearest(text, [part.name for part in parts])}"
    raise InputError(f"{where}: no part '{text}'; it has {known}{hint}")


def write_tempo_map(path: Path, to: Path) -> None:
    """Write the tempo, time signatures and markers of a MIDI file as a MIDI file without notes."""
    import mido

    file = open_midi(path)
    merged = mido.merge_tracks([_conducting(track) for track in file.tracks])
    out = mido.MidiFile(type=0, ticks_per_beat=file.ticks_per_beat, tracks=[merged])
    with beside(to) as part:
        out.save(part)


def _by_channel(score: Score) -> list[ScorePart]:
    """Return a part for each channel that holds notes."""
    channels = sorted({status & 0x0F for _, status, *_ in score.messages if status & 0xF0 == 0x90})
    parts = []
    for number, channel in enumerate(channels, start=1):
        messages = tuple(message for message in score.messages if message[1] & 0x0F == channel)
        name = "drums" if channel + 1 == DRUMS else f"channel {channel + 1}"
        parts.append(ScorePart(number, name, Score(messages, score.seconds)))
    return parts


def _conducting(track: Any) -> Any:
    """Return the events of a track that conduct (tempo, metre, markers), at their times."""
    import mido

    kept, waited = mido.MidiTrack(), 0
    for message in track:
        waited += message.time
        if message.type in CONDUCTING or message.type == "end_of_track":
            kept.append(message.copy(time=waited))
            waited = 0
    return kept
