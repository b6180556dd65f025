"""Parts of a song: on the clock of the whole, by the names of its tracks, however many there are."""

from __future__ import annotations

from pathlib import Path

import mido
import numpy as np
import pytest
from counted import TWICE_AS_MUCH, calls_made
from stem_songs import SECONDS

from backtune.errors import InputError
from backtune.midi import read_midi
from backtune.score_parts import find_part, read_parts


def test_parts_share_the_tempo_map_and_keep_their_names(song: Path) -> None:
    piano, flute = read_parts(song)
    assert (piano.number, piano.name, flute.name) == (1, "Piano", "Flute")
    assert piano.score.seconds == flute.score.seconds == pytest.approx(SECONDS)
    onsets = [time for time, status, *_ in flute.score.messages if status & 0xF0 == 0x90]
    assert onsets == pytest.approx([0.0, 0.5, 1.0])
    assert find_part([piano, flute], "flute", "x") is flute
    assert find_part([piano, flute], "1", "x") is piano
    with pytest.raises(InputError, match=r"no part 'flut'; it has 1 \(Piano\), 2 \(Flute\); did you mean 'Flute'"):
        find_part([piano, flute], "flut", "x")


def test_one_track_has_a_part_a_channel(tmp_path: Path) -> None:
    track = mido.MidiTrack()
    for channel in (9, 0, 4):
        track.append(mido.Message("note_on", note=60, velocity=80, channel=channel))
        track.append(mido.Message("note_off", note=60, time=240, channel=channel))
    mido.MidiFile(type=0, tracks=[track]).save(tmp_path / "one.mid")
    assert [part.name for part in read_parts(tmp_path / "one.mid")] == ["channel 1", "channel 5", "drums"]
    mido.MidiFile(type=0, tracks=[mido.MidiTrack()]).save(tmp_path / "none.mid")
    with pytest.raises(InputError, match="holds no note"):
        read_parts(tmp_path / "none.mid")


def test_parts_are_on_the_clock_of_the_whole(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    file = mido.MidiFile(type=1, ticks_per_beat=480)
    for number in range(4):
        track = mido.MidiTrack()
        for tempo, key, wait in rng.integers((200_000, 20, 0), (900_000, 100, 700), (50, 3)).tolist():
            track.append(mido.MetaMessage("set_tempo", tempo=tempo, time=wait // 3))
            track.append(mido.Message("note_on", note=key, velocity=90, channel=number, time=wait))
        file.tracks.append(track)
    file.save(tmp_path / "many.mid")
    parts, whole = read_parts(tmp_path / "many.mid"), read_midi(tmp_path / "many.mid")
    assert sorted(one for part in parts for one in part.score.messages) == sorted(whole.messages)
    assert {part.score.seconds for part in parts} == {whole.seconds}


def test_tracks_with_tempi_are_read_as_fast_each_however_many_they_are(tmp_path: Path) -> None:
    def written(count: int) -> Path:
        file = mido.MidiFile(type=1)
        for number in range(count):
            tempo = mido.MetaMessage("set_tempo", tempo=500_000 + number)
            struck = mido.Message("note_on", note=60, velocity=90, time=10)
            file.tracks.append(mido.MidiTrack([tempo, struck] if number % 2 else [tempo]))
        file.save(tmp_path / f"{count}.mid")
        return tmp_path / f"{count}.mid"

    some, more = written(100), written(200)
    assert [part.name for part in read_parts(more)] == [f"track {number}" for number in range(1, 101)]
    assert calls_made(lambda: read_parts(more)) < TWICE_AS_MUCH * calls_made(lambda: read_parts(some))
