"""MIDI files on the clock, played to their end."""

from __future__ import annotations

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_instruments import Blown, Struck

from backtune.errors import InputError
from backtune.held import held_s
from backtune.midi import read_midi
from backtune.performance import midi_blocks, render_score
from backtune.player import Player

RATE = 24000


def write(path, *tracks, division=480, kind=1):
    file = mido.MidiFile(type=kind, ticks_per_beat=division)
    for messages in tracks:
        track = mido.MidiTrack()
        track.extend(messages)
        file.tracks.append(track)
    file.save(path)
    return path


def note(key, velocity=90, time=0, channel=0):
    return mido.Message("note_on", note=key, velocity=velocity, time=time, channel=channel)


def tempo(bpm, time=0):
    return mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm), time=time)


def test_the_tempo_map_holds_over_all_tracks(tmp_path):
    path = write(tmp_path / "a.mid", [tempo(60), tempo(120, 480)], [note(60, time=480), note(62, time=480)])
    score = read_midi(path)
    assert [m[0] for m in score.messages] == pytest.approx([1.0, 1.5])
    assert score.seconds == pytest.approx(1.5)
    assert [e.frame for e in score.events(RATE)] == [24000, 36000]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(20, 300), st.integers(0, 960)), min_size=1, max_size=20))
def test_times_are_those_of_mido(tmp_path_factory, steps):
    messages = [part for bpm, ticks in steps for part in (tempo(bpm), note(60, time=ticks))]
    path = write(tmp_path_factory.mktemp("midi") / "a.mid", messages)
    clock, wanted = 0.0, []
    for message in mido.MidiFile(path):
        clock += message.time
        if message.type == "note_on":
            wanted.append(clock)
    assert [m[0] for m in read_midi(path).messages] == pytest.approx(wanted)


def test_smpte_time_is_read(tmp_path):
    path = write(tmp_path / "a.mid", [note(60, time=50)])
    data = bytearray(path.read_bytes())
    data[12:14] = bytes([256 - 25, 40])  # 25 frames a second, 40 ticks a frame: milliseconds
    path.write_bytes(bytes(data))
    assert read_midi(path).messages[0][0] == pytest.approx(0.050)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a readable"),
        (b"RIFF....WAVE", "not a readable"),
        (b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\x01\xe0MTrk\x00\x00\x00\xff\x00", "not a readable"),
        (b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x00\x00MTrk\x00\x00\x00\x04\x00\xff\x2f\x00", "0 ticks"),
        (b"MThd\x00\x00\x00\x06\x00\x02\x00\x01\x01\xe0MTrk\x00\x00\x00\x04\x00\xff\x2f\x00", "type 2"),
    ],
)
def test_broken_files_get_one_sentence(tmp_path, content, reason):
    path = tmp_path / "broken.mid"
    path.write_bytes(content)
    with pytest.raises(InputError, match=reason) as caught:
        read_midi(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_midi(tmp_path / "none.mid")


def test_a_tempo_of_zero_and_endless_music_are_refused(tmp_path):
    with pytest.raises(InputError, match="tempo 0"):
        read_midi(write(tmp_path / "a.mid", [mido.MetaMessage("set_tempo", tempo=0, time=1)]))
    with pytest.raises(InputError, match="hours"):
        read_midi(write(tmp_path / "b.mid", [note(60, time=2**27)]))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_can_do_worse_than_an_input_error(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("fuzz") / "a.mid"
    path.write_bytes(b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\x01\xe0MTrk" + len(data).to_bytes(4, "big") + data)
    try:
        score = read_midi(path)
    except InputError:
        return
    assert all(0x80 <= m[1] < 0xF0 for m in score.messages)


def test_a_file_is_played_to_its_end_and_until_all_is_silent(tmp_path):
    path = write(tmp_path / "a.mid", [note(60), note(60, 0, 480), note(64, time=0), note(64, 0, 480)])
    audio = render_score(Struck(), read_midi(path), RATE)
    assert len(audio) > RATE
    assert np.max(np.abs(audio[-200:])) < 1e-3
    onset = np.flatnonzero(np.abs(audio) > 1e-3)[0]
    assert onset < 0.001 * RATE  # the perceived onset of the first note is the first sample


def test_what_is_never_let_go_fades_out_where_it_is_cut(tmp_path):
    path = write(tmp_path / "a.mid", [note(60), mido.Message("control_change", control=7, value=127, time=480)])
    audio = render_score(Blown(), read_midi(path), RATE)
    assert 10.0 < len(audio) / RATE < 11.5
    loud = np.max(np.abs(audio[-RATE // 10 : -RATE // 100]))
    assert loud > 1e-2
    assert abs(audio[-1]) < 1e-3 * loud
    assert np.max(np.abs(audio[-RATE // 500 :])) < 0.5 * loud


def test_only_the_channels_asked_for_are_played(tmp_path):
    path = write(tmp_path / "a.mid", [note(60), note(72, channel=9), note(60, 0, 240), note(72, 0, 0, 9)])
    both, first = (
        render_score(Struck(), read_midi(path), RATE),
        render_score(Struck(), read_midi(path), RATE, channels=[1]),
    )
    assert not np.array_equal(both[: len(first)], first)
    with pytest.raises(InputError, match="channel: 17"):
        render_score(Struck(), read_midi(path), RATE, channels=[17])


def test_blocks_are_the_file(tmp_path):
    path = write(tmp_path / "a.mid", [note(60), note(60, 0, 480)])
    blocks = list(midi_blocks(Player(Struck(), RATE), read_midi(path)))
    assert np.array_equal(np.concatenate(blocks), render_score(Struck(), read_midi(path), RATE).astype(np.float32))


def test_two_cores_play_a_file_as_one_does(tmp_path):
    random = np.random.default_rng(3)
    messages = [note(int(random.integers(40, 80)), int(random.integers(0, 120)), 90) for _ in range(80)]
    path = write(tmp_path / "a.mid", messages)
    assert np.array_equal(
        render_score(Struck(), read_midi(path), RATE, cores=2), render_score(Struck(), read_midi(path), RATE)
    )


def test_how_long_notes_are_held_by_key_and_pedal():
    on, off, pedal = 0x90, 0x80, 0xB0
    messages = [
        (0.0, on, 60, 90),
        (0.5, pedal, 64, 127),
        (1.0, off, 60, 64),
        (1.5, on, 62, 90),
        (2.0, on, 62, 80),
        (2.5, pedal, 64, 0),
        (3.0, on, 62, 0),
        (3.5, on, 65, 90),
        (3.6, on | 1, 65, 90),
        (4.0, off | 1, 65, 0),
    ]
    found = held_s(messages)
    assert {index: length for index, length in enumerate(found) if length is not None} == pytest.approx(
        {0: 2.5, 3: 1.0, 4: 1.0, 8: 0.4}
    )


def test_voices_are_compiled_no_longer_than_they_are_held(tmp_path, monkeypatch):
    asked = []
    voice = Struck.voice
    monkeypatch.setattr(Struck, "voice", lambda self, note, s: (asked.append((note.midi, s)), voice(self, note, s))[1])
    path = write(tmp_path / "a.mid", [note(60), note(60, 0, 960), note(64), note(67), note(67, 0, 14 * 960)])
    render_score(Struck(), read_midi(path), RATE)
    assert sorted(asked) == [(60.0, 2.0), (64.0, 8.0), (67.0, 16.0)]
