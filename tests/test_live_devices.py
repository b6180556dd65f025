"""Live play on machines: sound cards and MIDI ports that fail, run dry or are missing; a real JACK server."""

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
from small_instruments import Struck

from backtune.errors import BacktuneError, InputError
from backtune.live import Live, playing
from backtune.midi_input import open_port
from backtune.player import Player

RATE = 48000
NEEDED = [name for name in ("sounddevice", "rtmidi") if importlib.util.find_spec(name) is None]
if shutil.which("jackd") is None:
    NEEDED.append("jackd")


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
