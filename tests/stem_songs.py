"""Songs for tests of stems, and parts that play them."""

from __future__ import annotations

from pathlib import Path

import mido
from small_instruments import Blown, Struck

from backtune.automation import Curve
from backtune.chain import Chain
from backtune.score_parts import read_parts
from backtune.stem_part import NO_CHAIN, Part
from backtune.stem_patch import PatchPerformer

RATE = 48000
SECONDS = 2.0


def two_track_song(folder: Path) -> Path:
    """Write a MIDI file of two tracks with a change of tempo between their notes, which lasts 2 s; return it."""
    conductor = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=500_000), mido.MetaMessage("time_signature")])
    conductor.append(mido.MetaMessage("set_tempo", tempo=1_000_000, time=960))
    piano, flute = mido.MidiTrack(), mido.MidiTrack()
    piano.append(mido.MetaMessage("track_name", name="Piano"))
    flute.append(mido.MetaMessage("track_name", name="Flute"))
    for track, key, channel in ((piano, 60, 0), (flute, 72, 3)):
        for number in range(3):
            track.append(mido.Message("note_on", note=key + number, velocity=60 + 20 * number, channel=channel))
            track.append(mido.Message("note_off", note=key + number, time=480, channel=channel))
    path = folder / "song.mid"
    mido.MidiFile(type=1, ticks_per_beat=480, tracks=[conductor, piano, flute]).save(path)
    return path


def two_parts(song: Path, chain: Chain = NO_CHAIN, curves: dict[str, Curve] | None = None) -> list[Part]:
    """Return the parts of a song of two, the first through a chain that curves may move."""
    first, second = read_parts(song)
    return [
        Part(first.name, PatchPerformer(Struck()), first.score, chain, curves or {}),
        Part(second.name, PatchPerformer(Blown()), second.score),
    ]
