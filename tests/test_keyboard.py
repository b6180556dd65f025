"""What keys, pedals, wheels and pressure do, on one channel and in zones of MPE."""

from __future__ import annotations

import numpy as np
import pytest
from small_instruments import Blown, Struck

from backtune.errors import InputError
from backtune.expression import Expression, damper_pressure, damper_speed, fader_db
from backtune.midi import MidiEvent
from backtune.player import Player

RATE = 24000


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
