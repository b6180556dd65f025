"""Automation of controls: no clicks, no losses beyond a format's resolution, and bad tables told with their line."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playable import playable_patch

from backtune.automation import CURVES
from backtune.control import Control
from backtune.errors import InputError
from backtune.lane import Lane
from backtune.lane_midi import TICK_S, lanes_file, lanes_of, read_lanes
from backtune.lane_table import read_table, table_text
from backtune.library import library
from backtune.midi import Score, read_midi
from backtune.moving import Moving, render_moving
from backtune.panel import common_controls, layer_control
from backtune.parameter_table import parameter_nrpn
from backtune.patch import Patch
from backtune.patch_file import read_patch
from backtune.performance import render_score
from backtune.shipped import shipped
from backtune.voice import Floats

PATCH = playable_patch()
PANEL = PATCH.panel
CONTROLLERS = {name: one.cc for name, one in PANEL.controls.items() if one.cc is not None}
RATE = 16000
SHARPER = 1.6  # a bend this much sharper than those of the sound itself is a click
LOUDER_DB = 6.0  # how much louder than without automation all of it may become


def no_beats(beats: float) -> float:
    raise AssertionError("there are no beats here")


def held(seconds: float, *keys: int) -> Score:
    """Return a score that strikes keys again every 4 s and holds them."""
    messages = []
    for at in np.arange(0.0, seconds, 4.0).tolist():
        messages += [(at, 0x90, key, 90) for key in keys] + [(at + 3.9, 0x80, key, 64) for key in keys]
    return Score(tuple(messages), seconds)


def sweep(control: Control, seconds: float, number: int) -> Lane:
    """Return a lane that wanders over a control's middle half in all kinds of ways, but makes nothing louder."""
    times = np.arange(0.0, seconds, 1.5 + 0.1 * number)
    if control.choices:
        names = [control.choices[i % len(control.choices)] for i in range(len(times))]
        return Lane(tuple(times.tolist()), tuple(names), ("hold",) * len(times))
    ways = [np.sin(2.0 + 1.7 * i + number) for i in range(len(times))]
    values = [float(control.real(0.5 + 0.25 * way)) for way in ways]
    if control.unit in ("dB", "dB/octave"):  # louder or brighter is no click, and silence would hide one
        values = [float(control.default) - 1.5 + 1.5 * way for way in ways]
    return Lane(tuple(times.tolist()), tuple(values), tuple(CURVES[i % 4] for i in range(len(times))))


def crests(audio: Floats, rate: int) -> Floats:
    """Return how far the sharpest bend of each 20 ms stands out of the others; not of those where notes change."""
    bends = np.diff(audio, 2)
    length = rate // 50
    each = bends[: len(bends) // length * length].reshape(-1, length)
    strength = np.sqrt(np.mean(each**2, axis=1))
    share = np.max(np.abs(each), axis=1) / np.maximum(strength, 1e-3 * np.max(strength))
    since = (np.arange(len(share)) * 0.02 + 0.15) % 4.0  # notes are lifted at 3.9 s and struck at 4 s
    return np.asarray(share[since > 0.25])


def under_all(patch: Patch, score: Score, rate: int) -> tuple[Floats, Floats]:
    """Return a score played still, and while every control moves."""
    lanes = {name: sweep(one, score.seconds, i) for i, (name, one) in enumerate(patch.panel.controls.items())}
    assert set(lanes) == set(patch.panel.controls)
    return render_moving(Moving(patch, {}), score, rate), render_moving(Moving(patch, lanes), score, rate)


def check_a_minute(patch: Patch, keys: tuple[int, int], rate: int) -> None:
    plain, moved = under_all(patch, held(60.0, *keys), rate)
    assert np.all(np.isfinite(moved))
    loudness = 20 * np.log10(np.sqrt(np.mean(moved**2)) / np.sqrt(np.mean(plain**2)))
    assert -12.0 < loudness < LOUDER_DB, loudness  # as loud as before, so that a click would be seen
    # a click stands out of its own 20 ms; the largest step of all also grows where a note is louder or brighter
    assert np.max(crests(moved, rate)) <= SHARPER * np.max(crests(plain, rate))
    noise = [layer.kind for layer in patch.layers if layer.adds_sound and layer.depth == 1]  # it would hide clicks
    plain, moved = under_all(patch.without(*noise), held(16.0, *keys), rate)
    assert np.max(crests(moved, rate)) <= SHARPER * np.max(crests(plain, rate))


def test_a_click_would_be_seen() -> None:
    plain = render_moving(Moving(PATCH.without("breath"), {}), held(8.0, 48, 60), RATE)
    loudest = 2 * RATE + int(np.argmax(np.abs(plain[2 * RATE : 2 * RATE + 200])))
    clicked = np.where(np.arange(len(plain)) < loudest, plain, 0.88 * plain)  # 1.1 dB, at once
    assert np.max(crests(clicked, RATE)) > SHARPER * np.max(crests(plain, RATE))


def test_all_controls_moving_at_once_for_a_minute_do_not_click() -> None:
    check_a_minute(PATCH, (48, 60), RATE)


@pytest.mark.nightly
@pytest.mark.parametrize("name", sorted(shipped("patches")))
def test_nor_do_those_of_shipped_instruments(name: str) -> None:
    patch = read_patch(name)
    low, high = patch.origin.pitches
    check_a_minute(patch, (round(low + 7), round(high - 9)), 44100)


def test_lanes_that_stay_at_the_default_are_the_unmoved_render(tmp_path: Path) -> None:
    score = held(4.0, 60)
    lanes = {name: Lane((0.0,), (one.default,), ("hold",)) for name, one in PANEL.controls.items()}
    still, moved = render_moving(Moving(PATCH, {}), score, RATE), render_moving(Moving(PATCH, lanes), score, RATE)
    np.testing.assert_allclose(moved[: len(still)], still[: len(moved)], atol=1e-5)


def test_a_held_note_follows_its_lane() -> None:
    lane = Lane((0.0, 1.0, 2.0), (0.0, 0.0, -40.0), ("hold", "linear", "hold"))
    audio = render_moving(Moving(PATCH, {"level": lane}), Score(((0.0, 0x90, 60, 90),), 3.0), RATE)
    plain = render_moving(Moving(PATCH, {}), Score(((0.0, 0x90, 60, 90),), 3.0), RATE)
    for at, expected in ((0.5, 0.0), (1.5, -20.0), (2.5, -40.0)):
        part = slice(int((at - 0.02) * RATE), int((at + 0.02) * RATE))
        gain = 20 * np.log10(np.std(audio[part]) / np.std(plain[part]))
        assert gain == pytest.approx(expected, abs=0.6)


def test_the_ways_between_points_are_what_they_are_called() -> None:
    lane = Lane(
        (0.0, 1.0, 2.0, 3.0, 4.0), (0.0, 1.0, 2.0, 3.0, 4.0), ("linear", "hold", "smooth", "exponential", "hold")
    )
    at = lane.at(np.array([-1.0, 0.25, 1.75, 2.5, 2.25, 3.5, 9.0]), -7.0)
    assert at[0] == -7.0
    assert at[1] == pytest.approx(0.25)
    assert at[2] == 1.0
    assert at[3] == pytest.approx(2.5)
    assert at[4] == pytest.approx(2.0 + 0.15625)
    assert 3.0 < at[5] < 3.25
    assert at[6] == 4.0
    jump = Lane((1.0, 1.0), (0.0, 5.0), ("linear", "linear"))
    assert jump.at(np.array([0.99, 1.0]), 2.0).tolist() == [2.0, 5.0]


@st.composite
def drawn_lanes(draw: st.DrawFn) -> dict[str, Lane]:
    names = draw(st.lists(st.sampled_from(sorted(PANEL.controls)), unique=True, min_size=1, max_size=4))
    lanes = {}
    for name in names:
        one = PANEL.controls[name]
        times = sorted(draw(st.lists(st.floats(0, 3600), min_size=1, max_size=8)))
        value = st.sampled_from(one.choices) if one.choices else st.floats(one.low, one.high)
        values = tuple(draw(value) for _ in times)
        lanes[name] = Lane(tuple(times), values, tuple(draw(st.sampled_from(CURVES)) for _ in times))
    return lanes


@pytest.mark.parametrize("as_json", [False, True])
@settings(max_examples=100, deadline=None)
@given(lanes=drawn_lanes())
def test_tables_lose_nothing(tmp_path_factory: Any, as_json: bool, lanes: dict[str, Lane]) -> None:
    path = tmp_path_factory.mktemp("table") / ("a.json" if as_json else "a.csv")
    path.write_text(table_text(lanes, PANEL, as_json), encoding="utf-8")
    assert read_table(path, PANEL, no_beats) == lanes


@pytest.mark.parametrize("controllers", [CONTROLLERS, {}], ids=["controllers", "nrpn"])
@settings(max_examples=60, deadline=None)
@given(lanes=drawn_lanes())
def test_midi_loses_no_more_than_its_steps_and_ticks(
    tmp_path_factory: Any, controllers: dict[str, int], lanes: dict[str, Lane]
) -> None:
    held_lanes = {}
    for name, lane in lanes.items():
        times = tuple(sorted(time_s % 60.0 for time_s in lane.times_s))
        held_lanes[name] = Lane(times, lane.values, ("hold",) * len(times))
    path = tmp_path_factory.mktemp("midi") / "a.mid"
    lanes_file(held_lanes, PANEL, controllers).save(path)
    again = read_lanes(path, PANEL, controllers)
    for name, lane in held_lanes.items():
        one = PANEL.controls[name]
        resolution = 0.5 / (127 if name in controllers else 16383)
        for time_s, after in zip(lane.times_s, [*lane.times_s[1:], 1e9], strict=True):
            if after - time_s < 4 * TICK_S:
                continue
            middle = time_s + min(2 * TICK_S, 0.5 * (after - time_s))
            asked, got = lane.at(middle, one.default), again[name].at(middle, one.default)
            asked, got = (asked, got) if one.choices else (float(asked[0]), float(got[0]))
            asked_at, got_at, own_at = (one.normalised(value) for value in (asked, got, one.default))
            is_own = (
                got == one.default and abs(asked_at - own_at) <= 2 * resolution + 1e-9
            )  # that step means the default
            assert abs(asked_at - got_at) <= resolution + 1e-9 or is_own


def test_parameters_are_chosen_a_channel_and_data_for_registered_ones_moves_nothing() -> None:
    number = parameter_nrpn("brightness")
    choose = [(0.0, 0xB3, 99, number >> 7), (0.0, 0xB3, 98, number & 127)]
    other = [(0.1, 0xB5, 6, 127)]  # nothing was chosen on this channel
    high = [(0.2, 0xB3, 6, 127)]  # alone: the end of the way
    both = [(0.3, 0xB3, 6, 64), (0.3, 0xB3, 38, 0)]
    registered = [(0.4, 0xB3, 101, 0), (0.4, 0xB3, 100, 0), (0.4, 0xB3, 6, 12)]  # the reach of the pitch wheel
    lanes = lanes_of(Score((*choose, *other, *high, *both, *registered), 1.0), PANEL, {})
    assert set(lanes) == {"brightness"}
    assert lanes["brightness"].times_s == (0.2, 0.3)
    assert lanes["brightness"].values == (9.0, 0.0)  # the step nearest to the default is the default


def test_no_two_controls_share_a_parameter() -> None:
    every = {*common_controls(), *(layer_control(kind).name for kind in library().values())}
    assert len({parameter_nrpn(name) for name in every}) == len(every)


def test_a_second_round_through_midi_changes_nothing(tmp_path: Path) -> None:
    lanes = {"brightness": Lane((0.0, 1.0), (-3.0, 6.0), ("smooth", "hold"))}
    lanes_file(lanes, PANEL, CONTROLLERS).save(tmp_path / "1.mid")
    once = read_lanes(tmp_path / "1.mid", PANEL, CONTROLLERS)
    lanes_file(once, PANEL, CONTROLLERS).save(tmp_path / "2.mid")
    assert read_lanes(tmp_path / "2.mid", PANEL, CONTROLLERS) == once
    assert len(mido.MidiFile(tmp_path / "1.mid").tracks) == 2


def test_controllers_of_the_song_itself_move_controls(tmp_path: Path) -> None:
    score = Score(((0.0, 0xB0, 74, 127), (0.0, 0x90, 60, 90), (1.0, 0x80, 60, 64)), 1.5)
    lanes = lanes_of(score, PANEL, CONTROLLERS)
    assert lanes["brightness"].values == (9.0,)
    bright = render_moving(Moving(PATCH, lanes), score, RATE)
    still = render_moving(Moving(PATCH.with_controls(brightness=9.0), {}), score, RATE)
    np.testing.assert_allclose(bright, still, atol=2e-5)


BAD = {
    "time_s,control,value\n0,brightnes,1\n": "line 2.*did you mean 'brightness'",
    "time_s,control,value\n0,brightness,1\n1,brightness,99\n": "line 3.*99 is above the allowed 9 dB/octave",
    "time_s,control,value\n1,brightness,1\n0.5,brightness,1\n": "line 3.*before the point above it",
    "time_s,control,value,unit\n0,brightness,1,Hz\n": "line 2.*is in 'dB/octave', not in 'Hz'",
    "time_s,control,value\n0,level,3 cents\n": "line 2.*is in 'dB', not in 'cents'",
    "time_s,control,value\n-1,level,3\n": "line 2.*0 or later",
    "time_s,control,value\nnan,level,3\n": "line 2.*0 or later",
    "time_s,control,value\n0,level,much\n": "line 2",
    "time_s,control,value\n0,level\n": "line 2.*2 cells",
    "time_s,control,value,curve\n0,level,1,liner\n": "line 2.*did you mean 'linear'",
    "time_s,control,valu\n0,level,1\n": "line 1.*did you mean 'value'",
    "control,value\nlevel,1\n": "line 1: 'time_s' or 'beats' is missing",
    "time_s,control,value\n0,temperament,meantoned\n": "line 2.*did you mean 'meantone'",
    "time_s,part,target,value\n0,Flute,level,-6\n": "line 1: 'part' is the part of a song.*`backtune stem` plays",
    "time_s,target,value\n0,level,-6\n": "line 1: 'target' is what moves.*`backtune stem` plays.*column 'control'$",
    "": "line 1",
}


@pytest.mark.parametrize("text", list(BAD))
def test_bad_tables_are_refused_with_their_line_and_the_nearest_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=BAD[text]):
        read_table(path, PANEL, no_beats)


BAD_JSON = ["{", "{}", "[1]", '[{"time_s": 0}]', '[{"time_s": 0, "control": "x", "value": 1}]', "[" * 9999]


@pytest.mark.parametrize("text", BAD_JSON)
def test_bad_json_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(InputError):
        read_table(path, PANEL, no_beats)


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=200))
def test_any_text_is_a_table_or_refused(tmp_path_factory: Any, text: str) -> None:
    path = tmp_path_factory.mktemp("any") / "a.csv"
    path.write_text("time_s,control,value\n" + text, encoding="utf-8", errors="replace")
    with contextlib.suppress(InputError):
        read_table(path, PANEL, no_beats)


def test_beats_are_put_on_the_clock(tmp_path: Path) -> None:
    path = tmp_path / "beats.csv"
    path.write_text("beats,control,value\n0,level,0\n4,level,-6\n")
    assert read_table(path, PANEL, lambda beats: beats * 0.5)["level"].times_s == (0.0, 2.0)


def test_without_lanes_a_moving_patch_is_the_patch_on_a_keyboard(tmp_path: Path) -> None:
    file = mido.MidiFile(ticks_per_beat=480)
    strike, lift = mido.Message("note_on", note=60, velocity=90), mido.Message("note_off", note=60, time=480)
    file.tracks.append(mido.MidiTrack([strike, lift]))
    file.save(tmp_path / "a.mid")
    one = render_score(PATCH, read_midi(tmp_path / "a.mid"), RATE)
    np.testing.assert_array_equal(render_moving(Moving(PATCH, {}), read_midi(tmp_path / "a.mid"), RATE), one)


def test_steps_take_the_smoothing_time_and_start_no_earlier() -> None:
    level = PANEL.controls["level"]
    lane = Lane((0.0, 1.0), (0.0, -40.0), ("hold", "hold"))
    follow = lane.course(level, 0.5, 0.0)  # of a note that begins at 0.5 s
    before, within, after = follow(np.array([0.499, 0.5 + 0.5 * level.smoothing_s, 0.5 + 1.01 * level.smoothing_s]))
    assert before == 0.0
    assert -30.0 < within < -10.0
    assert after == -40.0
