"""Live play: messages reach the right samples, controllers and typed lines move controls of the patch."""

from __future__ import annotations

import time

import numpy as np
import pytest
from playable import playable_patch
from small_instruments import Struck

from backtune.cli import main
from backtune.desk import Desk, bound
from backtune.errors import InputError
from backtune.live import VELOCITIES, Live
from backtune.player import Player

RATE = 48000


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
