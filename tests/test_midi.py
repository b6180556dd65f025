"""MIDI files on the clock, and what keys, pedals and wheels do."""

from __future__ import annotations

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_instruments import Blown, Struck

from backtune.errors import InputError
from backtune.expression import Expression, damper_pressure, damper_speed, fader_db
from backtune.held import held_s
from backtune.midi import MidiEvent, read_midi
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


def sounds(*events, seconds=1.0, instrument=None, expression=None):
    """Play (frame, status, data1, data2) events; return samples without latency."""
    player = Player(instrument or Struck(), RATE, expression=expression)
    skip = player.latency_frames
    length = round(seconds * RATE) + skip
    return player.process([MidiEvent(*event) for event in events], length)[skip:]


def level_db(audio, at_s, window_s=0.05):
    begin = round(at_s * RATE)
    return 10 * np.log10(np.mean(audio[begin : begin + round(window_s * RATE)].astype(float) ** 2) + 1e-20)


def pitch_hz(audio, begin_s, length_s=0.5, low=20.0):
    begin, n = round(begin_s * RATE), round(length_s * RATE)
    spectrum = np.abs(np.fft.rfft(audio[begin : begin + n] * np.hanning(n), 1 << 19))
    spectrum[: int(low * (1 << 19) / RATE)] = 0.0
    return np.argmax(spectrum) * RATE / (1 << 19)


ON, OFF = (0, 0x90, 60, 90), (6000, 0x80, 60, 64)
STEADY = Blown(vibrato_cents=0.0)


def test_the_sustain_pedal_holds_and_lets_go():
    down, up = (3000, 0xB0, 64, 127), (12000, 0xB0, 64, 0)
    held, free = sounds(ON), sounds(ON, OFF)
    pedalled = sounds(ON, down, OFF, up)
    assert np.array_equal(pedalled[:12000], held[:12000])
    assert level_db(pedalled, 0.9) < level_db(held, 0.9) - 30
    assert level_db(free, 0.45) < level_db(held, 0.45) - 15


def test_half_pedal_lies_between():
    levels = [level_db(sounds(ON, (3000, 0xB0, 64, value), OFF), 0.6) for value in (0, 64, 127)]
    assert levels[0] + 10 < levels[1] < levels[2] - 10
    assert damper_pressure(0) == damper_pressure(31) == 1.0
    assert damper_pressure(127) == damper_pressure(96) == 0.0
    assert np.all(np.diff([damper_pressure(v) for v in range(128)]) <= 0)


def test_sostenuto_holds_only_what_was_down():
    catch = (2000, 0xB0, 66, 127)
    caught = sounds(ON, catch, OFF)
    assert np.array_equal(caught, sounds(ON))
    late = sounds((0, 0x90, 48, 1), catch, (3000, 0x90, 60, 90), (6000, 0x80, 60, 64))
    assert level_db(late, 0.6) < level_db(sounds((3000, 0x90, 60, 90)), 0.6) - 15  # a soft C3 goes on
    let_go = sounds(ON, catch, OFF, (9000, 0xB0, 66, 0))
    assert level_db(let_go, 0.8) < level_db(caught, 0.8) - 30


def test_the_soft_pedal_softens_what_is_struck_after():
    soft = sounds((0, 0xB0, 67, 127), (0, 0x90, 60, 90))
    assert -6 < level_db(soft, 0.1) - level_db(sounds(ON), 0.1) < -2.5
    assert np.array_equal(sounds(ON, (1, 0xB0, 67, 127)), sounds(ON))


@pytest.mark.parametrize(("controller", "value"), [(7, 64), (11, 64), (11, 100)])
def test_volume_and_expression_are_faders(controller, value):
    found = level_db(sounds(ON, (6000, 0xB0, controller, value)), 0.5) - level_db(sounds(ON), 0.5)
    assert found == pytest.approx(40 * np.log10(value / 127), abs=0.05)


def test_a_fader_at_zero_is_silence():
    assert fader_db(0) <= -100
    assert level_db(sounds(ON, (6000, 0xB0, 11, 0)), 0.5) < -100


def test_a_fader_moves_without_a_click():
    steady, moved = sounds(ON, instrument=STEADY), sounds(ON, (12000, 0xB0, 11, 20), instrument=STEADY)
    bend = np.abs(np.diff(moved, 2))[11900:12300]
    assert np.max(bend) < 1.1 * np.max(np.abs(np.diff(steady, 2))[11000:12000])


@pytest.mark.parametrize(("wheel", "cents"), [(16383, 200.0), (8192, 0.0), (0, -200.0), (12288, 100.0)])
def test_the_pitch_wheel_reaches_two_semitones(wheel, cents):
    audio = sounds((0, 0xE0, wheel & 127, wheel >> 7), (0, 0x90, 69, 90), seconds=1.5, instrument=STEADY)
    assert 1200 * np.log2(pitch_hz(audio, 0.5) / 440.0) == pytest.approx(cents, abs=1.0)


def test_the_wheel_bends_what_sounds_and_its_reach_can_be_set():
    reach = [(0, 0xB0, 101, 0), (0, 0xB0, 100, 0), (0, 0xB0, 6, 12)]
    audio = sounds(*reach, (0, 0x90, 57, 90), (3000, 0xE0, 127, 127), seconds=1.5, instrument=STEADY)
    assert pitch_hz(audio, 0.5) == pytest.approx(440.0, rel=2e-3)
    none = sounds((0, 0xB0, 99, 0), (0, 0xB0, 98, 0), (0, 0xB0, 6, 12), (0, 0x90, 57, 90), (0, 0xE0, 127, 127),
                  seconds=1.5, instrument=STEADY)  # fmt: skip
    assert 1200 * np.log2(pitch_hz(none, 0.5) / 220.0) == pytest.approx(200.0, abs=1.0)


def test_the_modulation_wheel_is_vibrato():
    how = Expression(vibrato_cents=50.0, vibrato_hz=5.0)
    events = [(0, 0x90, 69, 90), (0, 0xB0, 1, 127)]
    audio = sounds(*events, seconds=2.0, instrument=Blown(partials=1, vibrato_cents=0.0), expression=how)
    pitches = [pitch_hz(audio, at, 0.06) for at in np.arange(0.5, 1.5, 0.02)]
    cents = 1200 * np.log2(np.array(pitches) / 440.0)
    assert 35 < np.max(cents) < 52
    assert -52 < np.min(cents) < -35
    steps = np.abs(np.fft.rfft(cents - np.mean(cents)))
    assert np.argmax(steps) == 5


def test_pressure_swells_and_brightens():
    how = Expression(pressure_db=6.0, pressure_tilt_db=3.0)
    for pressed in ((6000, 0xD0, 127, 0), (6000, 0xA0, 60, 127)):
        plain = sounds(ON, instrument=STEADY, seconds=2)
        found = sounds(ON, pressed, instrument=STEADY, expression=how, seconds=2)
        spectra = [np.abs(np.fft.rfft(audio[RATE:] * np.hanning(RATE))) for audio in (found, plain)]
        at = np.round(261.6256 * np.array([1, 4])).astype(int)
        assert 20 * np.log10(spectra[0][at] / spectra[1][at]) == pytest.approx([6.0, 12.0], abs=0.5)


def test_the_velocity_curve():
    assert Expression(velocity_curve=2.0).velocity(127) == pytest.approx(127)
    assert Expression(velocity_curve=2.0).velocity(64) == pytest.approx(64**2 / 127)
    heavy = sounds((0, 0x90, 60, 64), expression=Expression(velocity_curve=2.0))
    assert level_db(heavy, 0.1) < level_db(sounds((0, 0x90, 60, 64)), 0.1) - 3


def test_release_velocity_sets_the_speed_of_the_damper():
    levels = [level_db(sounds(ON, (6000, 0x80, 60, speed)), 0.45) for speed in (0, 64, 127)]
    assert levels[0] > levels[1] + 5 > levels[2] + 10
    assert damper_speed(64) == 1.0
    assert level_db(sounds(ON, (6000, 0x90, 60, 0)), 0.45) == levels[1]


def test_a_struck_string_is_damped_as_it_is_struck_again():
    again = sounds((0, 0x90, 60, 120), (6000, 0x90, 60, 20))
    alone = sounds((6000, 0x90, 60, 20))
    assert level_db(again, 0.9) == pytest.approx(level_db(alone, 0.9), abs=0.5)


def test_all_notes_off_and_all_sound_off():
    assert level_db(sounds(ON, (6000, 0xB0, 123, 0)), 0.6) < level_db(sounds(ON), 0.6) - 20
    off = sounds(ON, (6000, 0xB0, 120, 0))
    assert not np.any(off[6000 + round(0.006 * RATE) :])


def test_reset_puts_controllers_back():
    events = [(0, 0xE0, 127, 127), (0, 0xB0, 11, 30), (0, 0xB0, 121, 0), ON]
    assert np.array_equal(sounds(*events), sounds(ON))


ZONE = [(0, 0xB0, 101, 0), (0, 0xB0, 100, 6), (0, 0xB0, 6, 15)]
MEMBER_ON, MEMBER_OFF = (0, 0x91, 60, 90), (6000, 0x81, 60, 64)


def test_a_zone_bends_and_presses_each_note_by_itself():
    up = round(8192 + 8191 * 12 / 48)
    member = [(0, 0x91, 57, 90), (0, 0x92, 40, 60), (0, 0xE1, up & 127, up >> 7)]
    audio = sounds(*ZONE, *member, seconds=1.5, instrument=Blown(partials=1, vibrato_cents=0.0))
    assert pitch_hz(audio, 0.5, low=200.0) == pytest.approx(440.0, rel=2e-3)
    assert np.abs(np.fft.rfft(audio[RATE // 2 :][:RATE]))[round(82.4)] > 100
    master = sounds(*ZONE, (0, 0x91, 69, 90), (3000, 0xE0, 127, 127), seconds=1.5, instrument=STEADY)
    assert 1200 * np.log2(pitch_hz(master, 0.5) / 440.0) == pytest.approx(200.0, abs=1.0)
    pedal = sounds(*ZONE, (0, 0x91, 60, 90), (10, 0xB0, 64, 127), (6000, 0x81, 60, 64))
    assert level_db(pedal, 0.6) > level_db(sounds(ON, OFF), 0.6) + 20


@pytest.mark.parametrize(
    "events",
    [
        [(10, 0xB0, 64, 127), MEMBER_OFF, (12000, 0xB0, 121, 0)],
        [(10, 0xB0, 66, 127), MEMBER_OFF, (12000, 0xB0, 121, 0)],
        [(10, 0xB0, 66, 127), MEMBER_OFF, (12000, 0xB0, 66, 0)],
        [(12000, 0xB0, 123, 0)],
        [(12000, 0xB0, 120, 0)],
    ],
    ids=["sustain and reset", "sostenuto and reset", "sostenuto", "all notes off", "all sound off"],
)
def test_the_master_of_a_zone_holds_and_lets_go_its_members(events):
    held, let_go = sounds(*ZONE, MEMBER_ON), sounds(*ZONE, MEMBER_ON, *events)
    assert np.array_equal(let_go[:12000], held[:12000])
    assert level_db(let_go, 0.9) < level_db(held, 0.9) - 30


def test_the_master_of_a_zone_softens_and_resets_its_members():
    up = (0, 0xE1, 127, 127)
    assert np.array_equal(sounds(*ZONE, up, (0, 0xB0, 121, 0), MEMBER_ON), sounds(*ZONE, MEMBER_ON))
    soft = sounds(*ZONE, (0, 0xB0, 67, 127), MEMBER_ON)
    assert -6 < level_db(soft, 0.1) - level_db(sounds(*ZONE, MEMBER_ON), 0.1) < -2.5


@pytest.mark.parametrize(("field", "value"), [("velocity_curve", 0.0), ("vibrato_hz", 99.0), ("soft_db", 3.0)])
def test_amounts_that_cannot_be_are_refused(field, value):
    with pytest.raises(InputError, match=f"expression.{field}"):
        Expression(**{field: value})
