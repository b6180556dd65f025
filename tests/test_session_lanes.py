"""Lanes of a session as other programs write them: in clips, in seconds, in any unit that tells something."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from playable import playable_patch

from backtune.errors import InputError
from backtune.lane import Lane
from backtune.lane_dawproject import read_dawproject_lanes

PANEL = playable_patch().panel
TRACK = """<Project version="1.0"><Application name="x" version="1"/>
<Transport><Tempo unit="bpm" value="60" id="tempo"/></Transport>
<Structure><Track id="t"><Channel><Devices><Vst3Plugin deviceName="x" deviceRole="instrument"><Parameters>
<RealParameter id="p" name="brightness" unit="linear"/></Parameters></Vst3Plugin>
</Devices></Channel></Track></Structure>
<Arrangement><Lanes timeUnit="beats" track="t">{}</Lanes></Arrangement><Scenes><Scene>{}</Scene></Scenes></Project>"""


def points(line: dict[float, float], way: str = "linear", **more: str) -> str:
    """Return the XML of a lane of brightness: value by time."""
    inside = "".join(f'<RealPoint time="{at}" value="{value}" interpolation="{way}"/>' for at, value in line.items())
    told = "".join(f' {key}="{value}"' for key, value in more.items())
    return f'<Points{told}><Target parameter="p"/>{inside}</Points>'


def clips(*each: tuple[str, str]) -> str:
    """Return the XML of clips: their attributes and what is inside them."""
    return "<Clips>" + "".join(f"<Clip {told}>{inside}</Clip>" for told, inside in each) + "</Clips>"


def read_back(folder: Path, text: str, control: str) -> Lane:
    """Return the lane of a control that is read of a session."""
    with zipfile.ZipFile(folder / "clips.dawproject", "w") as archive:
        archive.writestr("project.xml", text)
    return read_dawproject_lanes(folder / "clips.dawproject", PANEL)[control]


def brightness(folder: Path, lanes: str, scene: str = "") -> list[tuple[float, float, str]]:
    """Return the points that are read of a session at 60 beats a minute."""
    lane = read_back(folder, TRACK.format(lanes, scene), "brightness")
    return list(zip(lane.times_s, lane.values, lane.curves, strict=True))  # type: ignore[arg-type]


def told(folder: Path, control: str, line: dict[float, float], unit: str, of_lane: bool = True) -> Lane:
    """Return what is read of a lane in a unit that the lane tells, or its parameter alone."""
    text = TRACK.format(points(line, unit=unit) if of_lane else points(line), "")
    text = text.replace('"brightness" unit="linear"', f'"{control}" unit="{"linear" if of_lane else unit}"')
    return read_back(folder, text, control)


@pytest.mark.parametrize(
    ("control", "unit", "number", "value"),
    [
        ("level", "decibel", -6.0, -6.0),
        ("level", "linear", 0.5, -6.0206),
        ("level", "normalized", 0.5, -24.0),
        ("decay", "linear", 2.0, 2.0),
        ("decay", "normalized", 0.75, 5.0**0.5),
        ("decay", "percent", 250.0, 2.5),
        ("fine_tune", "semitones", -0.5, -50.0),
        ("temperament", "normalized", 0.0, "equal"),
    ],
)
def test_numbers_in_another_unit_become_the_control_s_own(
    tmp_path: Path, control: str, unit: str, number: float, value: float | str
) -> None:
    wanted = (value if isinstance(value, str) else pytest.approx(value, abs=1e-4),)
    assert told(tmp_path, control, {0.0: number}, unit).values == wanted
    assert told(tmp_path, control, {0.0: number}, unit, of_lane=False).values == wanted


def test_what_is_straight_in_another_unit_stays_so(tmp_path: Path) -> None:
    at = np.linspace(0.0, 2.0, 41)
    fader = told(tmp_path, "level", {0.0: 1.0, 2.0: 0.25}, "linear").at(at, 0.0)
    np.testing.assert_allclose(fader, 20 * np.log10(1.0 - 0.375 * at), atol=0.15)
    knob = told(tmp_path, "decay", {0.0: 0.0, 2.0: 1.0}, "normalized").at(at, 0.0)
    np.testing.assert_allclose(knob, 0.2 * 25.0 ** (at / 2), rtol=0.02)
    assert len(told(tmp_path, "level", {0.0: 0.0, 2.0: 1.0}, "normalized").times_s) == 2


@pytest.mark.parametrize(
    ("control", "unit", "number", "says"),
    [
        ("level", "percent", 50.0, "level: its points are in 'percent'; allowed: decibel, linear, normalized$"),
        ("brightness", "hertz", 1.0, "brightness: its points are in 'hertz'; allowed: linear, normalized$"),
        ("brightness", "normalized", 1.5, "point 1: 1.5 normalized; allowed: 0..1"),
        ("level", "linear", 8.0, "point 1: 18.0618 is above the allowed 12 dB"),
        ("temperament", "seconds", 1.0, "in 'seconds'"),
    ],
)
def test_units_that_tell_nothing_of_a_control_are_refused(
    tmp_path: Path, control: str, unit: str, number: float, says: str
) -> None:
    with pytest.raises(InputError, match=says):
        told(tmp_path, control, {0.0: number}, unit)


def test_lanes_in_seconds_are_not_read_as_beats(tmp_path: Path) -> None:
    tempo = '</Lanes><TempoAutomation><RealPoint time="1" value="120"/></TempoAutomation><Lanes>'
    line = {0.0: 0.0, 3.0: 1.0}
    for lane, end in ((points(line), 2.0), (points(line, timeUnit="seconds"), 3.0)):
        assert [at for at, *_ in brightness(tmp_path, lane + tempo)] == [0.0, end]
    assert [at for at, *_ in brightness(tmp_path, f'<Lanes timeUnit="seconds">{points(line)}</Lanes>{tempo}')] == [0, 3]


def test_lanes_in_clips_play_where_the_clips_lie_and_join_the_track_s_own(tmp_path: Path) -> None:
    inside = clips(
        ('time="32" duration="8"', points({0.5: 3.0})),
        ('time="16" duration="8" loopStart="0" loopEnd="8"', f"<Lanes>{points({0.5: 2.0})}</Lanes>"),
        ('time="20" duration="8" enable="false"', points({0.5: 5.0})),
    )
    read = brightness(tmp_path, points({0.0: 0.0, 4.0: 1.0}) + inside, clips(('time="0"', points({1.0: -1.0}))))
    assert read == [(0, 0, "linear"), (4, 1, "hold"), (16.5, 2, "hold"), (32.5, 3, "linear")]


def test_one_lane_on_several_tracks_is_one(tmp_path: Path) -> None:
    line = points({0.0: 0.0, 9.0: 1.0})
    assert brightness(tmp_path, line + line) == [(0, 0, "linear"), (9, 1, "linear")]


@pytest.mark.parametrize(
    ("clip", "lane", "heard"),
    [
        ('playStart="1"', {0.0: 0.0, 2.0: 4.0, 3.0: 0.0}, [(10, 2, "linear"), (11, 4, "linear"), (12, 0, "linear")]),
        ('playStop="2"', {0.0: 0.0, 4.0: 4.0}, [(10, 0, "linear"), (12, 2, "hold")]),
        ('contentTimeUnit="seconds" playStart="1"', {1.0: 0.0, 2.5: 4.0}, [(10, 0, "linear"), (11.5, 4, "linear")]),
    ],
)
def test_a_clip_plays_what_it_shows_of_a_lane(
    tmp_path: Path, clip: str, lane: dict[float, float], heard: list[tuple[float, float, str]]
) -> None:
    assert brightness(tmp_path, clips((f'time="10" duration="3" {clip}', points(lane)))) == heard


def test_beats_in_clips_and_seconds_around_them_keep_their_clocks(tmp_path: Path) -> None:
    tempo = '</Lanes><TempoAutomation><RealPoint time="8" value="120"/></TempoAutomation><Lanes>'
    in_seconds = clips(('time="10" duration="9" contentTimeUnit="seconds"', points({0.0: 0.0, 1.0: 1.0})))
    assert [at for at, *_ in brightness(tmp_path, in_seconds + tempo)] == [9.0, 10.0]
    in_beats = clips(('time="7" duration="9" contentTimeUnit="beats"', points({0.0: 0.0, 3.0: 1.0})))
    in_beats = in_beats.replace("<Clips>", '<Clips timeUnit="seconds">')
    assert [at for at, *_ in brightness(tmp_path, in_beats + tempo)] == [7.0, 9.0]


@pytest.mark.parametrize(
    ("lanes", "says"),
    [
        (clips(('time="4" duration="8" loopStart="0" loopEnd="4"', points({0.0: 1.0}))), "the clip at 4 s repeats"),
        (clips(('time="four" duration="8"', points({0.0: 1.0}))), "a clip's time is 'four'"),
        (points({0.0: 0.0, 9.0: 1.0}) + clips(('time="4"', points({0.0: 1.0}))), "two lanes move it at 4 s"),
        (points({4.0: 1.0}) + points({4.0: 2.0}), "two lanes move it at 4 s"),
        (clips(('time="4"', f'<Warps contentTimeUnit="beats">{points({0.0: 1.0})}</Warps>')), "inside Warps"),
        (clips(('time="4"', points({0.0: 1.0}, id="one")), ('time="9" reference="one"', "")), "elsewhere refers to"),
        (points({0.0: 1.0}, timeUnit="bars"), "time in 'bars'; allowed: beats, seconds"),
        (clips(('time="4" duration="8"', points({9.0: 1.0}))), "no lane in it moves"),
    ],
)
def test_lanes_of_which_nobody_can_tell_when_they_play_are_refused(tmp_path: Path, lanes: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        brightness(tmp_path, lanes)
