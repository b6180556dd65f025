"""Live play: messages reach the right samples; a real JACK server where there is one."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from threading import Event
from types import SimpleNamespace

import numpy as np
import pytest
from playable import playable_patch
from small_instruments import Struck

from backtune.cli import main
from backtune.desk import Desk, bound
from backtune.errors import BacktuneError, InputError
from backtune.live import VELOCITIES, Live, playing
from backtune.midi_input import open_port
from backtune.player import Player

RATE = 48000
NEEDED = [name for name in ("sounddevice", "rtmidi") if importlib.util.find_spec(name) is None]
if shutil.which("jackd") is None:
    NEEDED.append("jackd")


def blocks(live, count, frames=256):
    return np.concatenate([live.play(frames) for _ in range(count)])


def test_what_is_sent_is_played_on_all_channels():
    live = Live(Player(Struck(), RATE))
    assert not np.any(blocks(live, 2))
    live.send([0x90, 60, 100])
    audio = blocks(live, 20)
    assert np.max(np.abs(audio)) > 0.01
    assert np.array_equal(audio[:, 0], audio[:, 1])
    assert live.meter.voices == 1


def test_a_message_is_as_far_into_its_block_as_it_came(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("backtune.live.time.perf_counter", lambda: now[0])
    player = Player(Struck(), RATE)
    seen = []
    monkeypatch.setattr(player, "process", lambda events, n: (seen.extend(events), np.zeros(n, np.float32))[1])
    live = Live(player)
    for came in (100.001, 100.0045, 100.5):
        now[0] = came
        live.send([0x90, 60, 90])
    now[0] = 100.010
    live.play(480)
    assert [event.frame for event in seen] == [48, 216]
    now[0] = 100.6  # a late block: what came long ago is played at its end at the latest, never outside it
    live.play(480)
    assert [event.frame for event in seen] == [48, 216, 479]


def test_velocities_are_the_nearest_of_those_prepared(monkeypatch):
    seen = []
    player = Player(Struck(), RATE)
    monkeypatch.setattr(player, "process", lambda events, n: (seen.extend(events), np.zeros(n, np.float32))[1])
    live = Live(player)
    for velocity in range(1, 128):
        live.send([0x93, 60, velocity])
    live.send([0x93, 60, 0])
    time.sleep(0.001)
    live.play(64)
    found = [event.data2 for event in seen]
    assert found[-1] == 0
    assert set(found[:-1]) == set(VELOCITIES)
    assert max(abs(a - b) for a, b in zip(found, range(1, 128), strict=False)) <= 8


@pytest.mark.parametrize("message", [[], [0xF8], [0xF0, 1, 2, 0xF7], [60, 90]])
def test_what_is_no_channel_message_is_passed_over(message):
    live = Live(Player(Struck(), RATE))
    live.send(message)
    assert not np.any(blocks(live, 3))


def test_a_program_change_of_two_bytes_is_taken():
    live = Live(Player(Struck(), RATE))
    live.send([0xC0, 5])
    live.send([0xD0, 100])
    assert not np.any(blocks(live, 2))


def test_the_meter_counts_blocks_load_and_misses():
    live = Live(Player(Struck(), RATE, voices=2))
    for key in (60, 62, 64, 65):
        live.send([0x90, key, 90])
    live.play(256)
    live.play(256, dry=True)
    assert live.meter.blocks == 2
    assert live.meter.missed == 1
    assert live.meter.stolen == 2
    assert 0 < live.meter.load_mean <= live.meter.load_worst


def test_prepared_keys_are_compiled_once(monkeypatch):
    calls = []
    instrument = Struck(partials=2)
    monkeypatch.setattr(
        Struck, "voice", lambda self, note, s, old=Struck.voice: (calls.append(note), old(self, note, s))[1]
    )
    live, shares = Live(Player(instrument, RATE)), []
    live.prepare(shares.append)
    assert len(calls) == 88 * len(VELOCITIES) + 2  # two are played to load the kernels
    assert shares[-1] == 1.0
    for key in range(21, 109):
        live.send([0x90, key, 1 + key])
    blocks(live, 2)
    assert len(calls) == 88 * len(VELOCITIES) + 2


class Card:
    """A sound card that says, whenever it is asked, how much room its store has; it ends play after the last."""

    def __init__(self, rooms, ends):
        self.rooms, self.ends, self.played = list(rooms), ends, []

    @property
    def write_available(self):
        return self.rooms.pop(0)

    def write(self, block):
        self.played.append(block)
        if not self.rooms:
            self.ends.set()


@pytest.fixture
def in_turn(monkeypatch):
    """Leave the tests' own thread its ordinary priority."""
    monkeypatch.setattr("backtune.live._precede", lambda: False)
    monkeypatch.setattr("backtune.live.DRAIN_S", 0.0)


def test_a_gap_is_when_the_store_of_the_sound_card_has_run_dry(in_turn):
    live, ends = Live(Player(Struck(), RATE)), Event()
    card = Card([256, 128, 255, 256, 64], ends)  # the first says how large it is; filled once, it is dry but once
    live.feed(card, 128, ends)
    assert live.ahead_s == 256 / RATE
    assert live.meter.blocks == len(card.played) == 3 + 4
    assert live.meter.missed == 1
    assert not live.precedes
    assert card.played[0].shape == (128, 2)
    assert card.played[0].dtype == np.float32


def test_a_sound_card_that_fails_is_told(in_turn):
    live, ends = Live(Player(Struck(), RATE)), Event()
    live.feed(None, 128, ends)
    assert "write_available" in str(live.fault)


class Opened:
    """A MIDI port and a sound card that record what is done to them; `fails` is what `at` raises."""

    def __init__(self, fails, at="open"):
        self.record, self.fails, self.at, self.PortAudioError = [], fails, at, OSError

    def OutputStream(self, *how, **more):
        self.do("open")
        return self

    def start(self):
        self.do("start")
        self.record.append("start")

    def do(self, what):
        if self.fails and self.at == what:
            raise self.fails

    def __getattr__(self, name):
        return lambda *given: self.record.append(name)


@pytest.mark.parametrize(
    ("fails", "stops", "record"),
    [
        (OSError("busy"), None, ["close_port"]),
        (ValueError("no such rate"), None, ["close_port"]),
        (None, KeyboardInterrupt(), ["close", "close_port"]),
        (None, None, ["set_callback", "start", "stop", "close", "close_port"]),
    ],
)
def test_what_was_opened_is_closed_whatever_stops_the_play(monkeypatch, fails, stops, record):
    def prepare(live, progress):
        if stops:
            raise stops

    machine = Opened(fails)
    monkeypatch.setitem(sys.modules, "sounddevice", machine)
    monkeypatch.setattr("backtune.live.open_port", lambda name: machine)
    monkeypatch.setattr(Live, "prepare", prepare)
    monkeypatch.setattr(Live, "feed", lambda live, stream, frames, ends: None)
    switch = sys.getswitchinterval()
    with suppress(BacktuneError, ValueError, KeyboardInterrupt), playing(Player(Struck(), RATE)):
        assert sys.getswitchinterval() != switch
    assert machine.record == record
    assert sys.getswitchinterval() == switch


@pytest.mark.parametrize("at", ["open", "start"])
def test_a_sound_card_that_does_not_begin_is_told(monkeypatch, at):
    machine = Opened(OSError("device unavailable"), at)
    monkeypatch.setitem(sys.modules, "sounddevice", machine)
    monkeypatch.setattr("backtune.live.open_port", lambda name: None)
    monkeypatch.setattr(Live, "prepare", lambda live, progress: None)
    with pytest.raises(BacktuneError, match=f"at {RATE} Hz .device unavailable"), playing(Player(Struck(), RATE)):
        pass
    assert machine.record == ["close"] * (at == "start")


@pytest.mark.parametrize("name", ["piano", None])
def test_a_midi_port_that_is_taken_is_told_by_name(monkeypatch, name):
    class Taken(Exception):
        pass

    def taken(index):
        raise Taken("error creating port")

    machine = SimpleNamespace(get_ports=lambda: ["Piano"], open_port=taken)
    fake = SimpleNamespace(get_compiled_api=lambda: [1], MidiIn=lambda system: machine, RtMidiError=Taken)
    monkeypatch.setitem(sys.modules, "rtmidi", fake)
    with pytest.raises(BacktuneError, match=r"MIDI port 'Piano': cannot be opened .error creating port"):
        open_port(name)


@pytest.mark.parametrize("ahead_s", [-0.001, 1.5, float("nan")])
def test_a_lead_that_cannot_be_is_refused(ahead_s):
    with pytest.raises(InputError, match="ahead"), playing(Player(Struck(), RATE), ahead_s=ahead_s):
        pass


@pytest.fixture
def still(monkeypatch):
    """Stop the clock, so that every message comes at the beginning of a block."""
    monkeypatch.setattr("backtune.live.time.perf_counter", lambda: 100.0)


def desk_and_live(**controllers):
    patch = playable_patch()
    desk = Desk(patch, controllers)
    return desk, Live(Player(patch, RATE, latency_s=0.0), desk)


def struck(live):
    live.send([0x90, 60, 90])
    return blocks(live, 40)


def test_a_controller_moves_its_control_and_back(still):
    desk, live = desk_and_live(level=23)
    plain = struck(live)
    for step in (0, 127):
        _, other = desk_and_live(level=23)
        other.send([0xB0, 23, step])
        moved = struck(other)
        change_db = 20 * np.log10(np.max(np.abs(moved)) / np.max(np.abs(plain)))
        control = desk.patch.panel.controls["level"]
        assert change_db == pytest.approx(control.from_controller(step), abs=0.6)
    _, back = desk_and_live(level=23)
    for step in (0, control.to_controller(control.default)):
        back.send([0xB0, 23, step])
    assert np.array_equal(struck(back), plain)


def test_a_typed_move_and_a_turned_one_are_the_same(still):
    _, typed = desk_and_live(temperament=20)
    desk, turned = desk_and_live(temperament=20)
    control = desk.patch.panel.controls["temperament"]
    typed.move({"temperament": "vallotti"})
    turned.send([0xB0, 20, control.to_controller("vallotti")])
    assert np.array_equal(struck(typed), struck(turned))
    assert desk.place == (("temperament", "vallotti"),)


def test_what_sounds_already_goes_on_as_it_is(still):
    _, plain = desk_and_live(level=23)
    _, moved = desk_and_live(level=23)
    before = struck(plain), struck(moved)
    moved.send([0xB0, 23, 0])
    assert np.array_equal(*before)
    assert np.array_equal(blocks(plain, 10), blocks(moved, 10))


def test_controllers_that_move_nothing_of_the_patch_reach_the_keyboard(still):
    _, live = desk_and_live(level=23)
    live.send([0xB0, 7, 0])  # volume
    assert np.max(np.abs(struck(live))) < 1e-4


@pytest.mark.parametrize(
    ("controllers", "reason"),
    [({"levle": 23}, "level"), ({"level": 120}, "outside 0..119"), ({"level": 23, "dynamics": 23}, "already")],
)
def test_bindings_that_cannot_be_are_refused(controllers, reason):
    with pytest.raises(InputError, match=reason):
        desk_and_live(**controllers)


def test_a_binding_takes_a_controller_from_whatever_had_it():
    assert bound({"brightness": 74, "level": 23}, ["74=vibrato", "9 = level"]) == {"vibrato": 74, "level": 9}
    for text in ("74", "x=level", "=level", "74="):
        with pytest.raises(InputError, match="CONTROLLER=CONTROL"):
            bound({}, [text])


@pytest.mark.parametrize("package", ["sounddevice", "rtmidi"])
def test_missing_packages_are_told_with_the_remedy(monkeypatch, package):
    if package == "rtmidi" and "sounddevice" in NEEDED:
        pytest.skip("sounddevice is missing too")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(BacktuneError, match=r"backtune\[live\]"), playing(Player(Struck(), RATE)):
        pass


@pytest.mark.parametrize("block", [0, 15, 10000])
def test_blocks_that_cannot_be_are_refused(block):
    with pytest.raises(InputError, match="block"), playing(Player(Struck(), RATE), block_frames=block):
        pass


SCRIPT = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
from playable import playable_patch
from small_instruments import Struck
from backtune.live import playing
from backtune.player import Player
with playing(Player(Struck(partials=10), 48000), block_frames=256) as live:
    for key in (60, 64, 67):
        live.send([0x90, key, 90])
    time.sleep(1.5)
    print(json.dumps(vars(live.meter)))
"""


@pytest.mark.skipif(bool(NEEDED), reason=f"not installed: {', '.join(NEEDED)}")
def test_a_chord_on_a_real_jack_server():
    server = f"backtune_test_{os.getpid()}"
    jack = subprocess.Popen(
        ["jackd", "-n", server, "-d", "dummy", "-r", "48000", "-p", "256"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        time.sleep(2.0)
        command = [sys.executable, "-c", SCRIPT, os.path.dirname(__file__)]
        done = subprocess.run(
            command, env={**os.environ, "JACK_DEFAULT_SERVER": server}, capture_output=True, text=True, timeout=120
        )
    finally:
        jack.terminate()
        jack.wait(10)
    assert done.returncode == 0, done.stderr
    meter = json.loads(done.stdout)
    assert meter["blocks"] > 50  # of 281: how many come in time depends on the machine, that they come does not
    assert meter["voices"] == 3


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--kbm", "x.kbm"], "needs a scale"),
        (["--scl", "none.scl"], "none.scl: cannot be read"),
        (["--temperament", "mean"], "meantone"),
        (["--curve", "0"], "velocity_curve"),
    ],
)
def test_the_command_refuses_what_cannot_be_played(options, reason, capsys):
    assert main(["play", "none.yaml", *options]) == 2
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--map", "general_mid"], "general_midi"),
        (["--bind", "21:level"], "CONTROLLER=CONTROL"),
        (["--bind", "21=levle"], "level"),
        (["--ahead", "-1"], "ahead"),
    ],
)
def test_the_command_refuses_controllers_and_leads_that_cannot_be(options, reason, capsys):
    assert main(["play", "flute", *options]) == 2
    assert reason in capsys.readouterr().err
