"""Tables of automation: read back as written, wrong ones told with their line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playable import playable_patch

from backtune.automation import Automation, curve_of, read_automation
from backtune.errors import InputError
from backtune.stem_patch import lane_of


@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(-1e6, 1e6)), min_size=1, max_size=10),
    st.sampled_from(["", "1", "piano"]),
)
def test_tables_are_read_to_the_last_bit(tmp_path_factory: pytest.TempPathFactory, points: list, part: str) -> None:
    points = sorted(points, key=lambda point: point[0])
    path = tmp_path_factory.mktemp("tables") / "a.csv"
    lines = [f"{time_s!r},{part},room.mix,{value!r}" for time_s, value in points]
    path.write_text("\n".join(["time_s,part,target,value", *lines]))
    read = read_automation(path).curves[(part, "room.mix")]
    assert read.times_s.tolist() == [time_s for time_s, _ in points]
    assert read.values.tolist() == [value for _, value in points]


def test_wrong_automation_tables_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for text, says in (
        ("at,target,value\n", "line 1: 'at' is no column"),
        ("target,value\n", "line 1: 'time_s' or 'beats' is missing"),
        ("time_s,target,value,extra\n", "is no column"),
        ("time_s,target,value,value\n0,x,1,2\n", "line 1: the column 'value' is there twice"),
        ("time_s;target;value\n0;level;3\n", "line 1: its columns are separated by semicolons; allowed: commas"),
        ("time_s\ttarget\tvalue\n0\tlevel\t3\n", "line 1: its columns are separated by tabs; allowed: commas"),
        ("time_s,target,value\n1,x,1\n0.5,x,2\n", "line 3: 0.5 s is before the point above"),
        ("time_s,target,value\n-1,x,1\n", "0 or later is allowed"),
        ("time_s,target,value\n1,x\n", "2 cells"),
        ("time_s,target,value\n1,,2\n", "must not be empty"),
        ("time_s,target,value,curve\n1,x,2,liner\n", "line 2: curve 'liner'; did you mean 'linear'"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=says):
            read_automation(path)


@pytest.mark.parametrize("column", ["time_s", "part", "target", "value", "unit", "curve"])
@pytest.mark.parametrize(("cell", "told"), [(None, "nothing"), ([1], "a list"), ({"a": 1}, "a table")])
def test_what_is_neither_number_nor_text_is_refused_in_json(
    tmp_path: Path, column: str, cell: object, told: str
) -> None:
    point = {"time_s": 0, "part": "1", "target": "level", "value": 3, "unit": "dB", "curve": "hold"}
    path = tmp_path / "a.json"
    path.write_text(json.dumps([point]))
    assert read_automation(path).of_part("1")["level"].values.tolist() == [3.0]
    path.write_text(json.dumps([point, point | {column: cell}]))
    with pytest.raises(InputError) as error:
        read_automation(path)
    assert str(error.value) == f"{path} point 2: {column}: {told}; a number or a text is needed"


def test_numbers_that_tell_their_unit_keep_their_ways(tmp_path: Path) -> None:
    level = playable_patch().panel.controls["level"]
    lanes = []
    for unit in ("", " dB"):
        (tmp_path / "a.csv").write_text(
            f"time_s,target,value,curve\n0,level,-40{unit},hold\n1,level,-9{unit},smooth\n2,level,0{unit},linear\n"
        )
        lanes.append(lane_of(read_automation(tmp_path / "a.csv").curves[("", "level")], level))
    assert lanes[0] == lanes[1]
    assert lanes[0].curves == ("hold", "smooth", "linear")


def test_a_part_hears_its_own_automation_before_everyones() -> None:
    everyone, own = curve_of([(0.0, 0.1)]), curve_of([(0.0, 0.9)])
    table = Automation({("", "room.mix"): everyone, ("2", "room.mix"): own, ("3", "x"): own})
    assert table.of_part("1", "piano") == {"room.mix": everyone}
    assert table.of_part("2") == {"room.mix": own}
