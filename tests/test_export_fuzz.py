"""Ten thousand values through every format that holds them: exact at the ends, one way, finite, whatever the ranges."""

from __future__ import annotations

import csv
import io
import json
import math
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from playable import playable_patch

from backtune.automation_file import read_automation_lanes, write_automation_lanes
from backtune.control import Control
from backtune.errors import InputError
from backtune.export_format import Order, export_formats
from backtune.hosting.preset import unpack_preset
from backtune.lane import Lane
from backtune.patch import Patch

VALUES, EXAMPLES = 25, 400  # ten thousand a format
FEW = 8  # examples in every run; all of them nightly
QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
PATCH = playable_patch()
OWN = {name: one.cc for name, one in PATCH.panel.controls.items() if one.cc is not None}
# how far a value may come back from where it was, of the way from low to high
RESOLUTION = {".csv": 0.0, ".json": 0.0, ".dawproject": 0.0, "controllers.mid": 0.5 / 127, "nrpn.mid": 0.5 / 16383}

moving = st.tuples(
    st.sampled_from(sorted(PATCH.panel.controls)),
    st.lists(st.floats(0, 1), min_size=VALUES, max_size=2 * VALUES, unique=True),
)


def check_trip(format_name: str, drawn: tuple[str, list[float]], folder: Path) -> None:
    """Send values of one control through a file of automation and compare what comes back."""
    name, ways = drawn
    control = PATCH.panel.controls[name]
    at = sorted({0.0, 1.0, *ways})
    values = tuple(control.real(way) for way in at)
    lane = Lane(tuple(float(index) for index in range(len(values))), values, ("hold",) * len(values))
    controllers = {} if format_name == "nrpn.mid" else OWN
    path = folder / f"moves{format_name}"
    write_automation_lanes(path, PATCH, {name: lane}, controllers, None)
    back = read_automation_lanes(path, PATCH.panel, controllers, None)[name]
    middle = np.arange(len(values)) + 0.5
    seen = [back.at(second, control.default) for second in middle]
    seen = [one if control.choices else float(one[0]) for one in seen]
    asked, got = (np.array([control.normalised(one) for one in some]) for some in (values, seen))
    assert (seen[0], seen[-1]) == (values[0], values[-1])
    assert np.all(np.isfinite(got))
    assert np.all(np.diff(got) >= 0.0)
    coarse = RESOLUTION[format_name]
    own = control.normalised(control.default)
    nearest_to_own = (got == own) & (np.abs(asked - own) <= 2 * coarse + 1e-12)  # that step means the default
    assert np.all((np.abs(got - asked) <= coarse + 1e-12) | nearest_to_own), name
    if not RESOLUTION[format_name]:
        assert list(seen) == list(values)


@pytest.mark.parametrize("format_name", sorted(RESOLUTION))
@settings(max_examples=FEW, deadline=None, suppress_health_check=QUIET)
@given(drawn=moving)
def test_values_come_back_from_every_format(tmp_path: Path, format_name: str, drawn: tuple[str, list[float]]) -> None:
    check_trip(format_name, drawn, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("format_name", sorted(RESOLUTION))
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=QUIET)
@given(drawn=moving)
def test_ten_thousand_values_come_back_from_every_format(
    tmp_path: Path, format_name: str, drawn: tuple[str, list[float]]
) -> None:
    check_trip(format_name, drawn, tmp_path)


def csv_rows(path: Path) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def json_rows(path: Path) -> list[dict[str, Any]]:
    def refuse(text: str) -> None:
        raise AssertionError(f"{text} is no JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)["parameters"]


def dawproject_rows(path: Path) -> list[dict[str, Any]]:
    with zipfile.ZipFile(path) as archive:
        root = etree.fromstring(archive.read("project.xml"))
    return [
        {"name": one.get("name"), "minimum": one.get("min"), "maximum": one.get("max"), "value": one.get("value")}
        for one in root.iter("RealParameter")
    ]


TABLES: dict[str, Callable[[Path], Sequence[dict[str, Any]]]] = {
    "csv": csv_rows,
    "json": json_rows,
    "dawproject": dawproject_rows,
}
edge = st.floats(-1e9, 1e9)


@st.composite
def made(draw: st.DrawFn) -> Patch:
    """Draw a patch with controls of the player's own, of any range, and all of the others somewhere."""
    low, high = sorted((draw(edge), draw(edge)))
    standing: dict[str, Any] = {
        name: one.real(draw(st.floats(0, 1))) for name, one in PATCH.panel.controls.items() if draw(st.booleans())
    }
    table = {
        "low": low,
        "high": high,
        "default": low + draw(st.floats(0, 1)) * (high - low),
        "moves": {"tonal_core.attack_s": [0.9, 1.1]},
        "cc": draw(st.sampled_from([14, 15])),
    }
    try:
        return PATCH.with_controls(**standing, own={**table, "default": min(max(table["default"], low), high)})
    except InputError:  # low is high
        return PATCH.with_controls(**standing)


def check_table(format_name: str, patch: Patch, folder: Path) -> None:
    """Compare a parameter table with the controls it was made of, and what a host makes of it."""
    path = folder / f"table{export_formats()[format_name].ending}"
    export_formats()[format_name].write(Order(patch, OWN), path)
    rows = {row["name"]: row for row in TABLES[format_name](path)}
    for name, control in patch.panel.controls.items():
        if control.choices:
            continue
        row = {key: float(rows[name][key]) for key in ("minimum", "maximum", "value")}
        assert (row["minimum"], row["maximum"]) == (control.low, control.high)
        assert row["value"] == patch.panel.value(name)
        check_way(control)


def check_way(control: Control) -> None:
    ways = np.linspace(0.0, 1.0, 33)
    values = [float(control.real(float(way))) for way in ways]
    assert all(map(math.isfinite, values))
    assert (values[0], values[-1]) == (control.low, control.high)
    assert np.all(np.diff(values) >= 0.0)
    back = [control.normalised(value) for value in values]
    assert (back[0], back[-1]) == (0.0, 1.0)
    assert np.all(np.diff(back) >= 0.0)


@pytest.mark.parametrize("format_name", sorted(TABLES))
@settings(max_examples=FEW, deadline=None, suppress_health_check=QUIET)
@given(patch=made())
def test_tables_of_any_controls_hold_them(tmp_path: Path, format_name: str, patch: Patch) -> None:
    check_table(format_name, patch, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("format_name", sorted(TABLES))
@settings(max_examples=10000 // len(PATCH.panel.controls), deadline=None, suppress_health_check=QUIET)
@given(patch=made())
def test_ten_thousand_rows_of_tables_hold_their_controls(tmp_path: Path, format_name: str, patch: Patch) -> None:
    check_table(format_name, patch, tmp_path)


@pytest.mark.nightly
@settings(max_examples=10000 // len(PATCH.panel.controls), deadline=None, suppress_health_check=QUIET)
@given(patch=made())
def test_ten_thousand_numbers_of_presets_are_where_the_controls_stand(tmp_path: Path, patch: Patch) -> None:
    path = tmp_path / "a.vstpreset"
    export_formats()["vstpreset"].write(Order(patch, OWN), path)
    numbers = np.frombuffer(unpack_preset(path.read_bytes(), "preset").chunks["Comp"], "<f8")
    panel = patch.panel
    assert numbers.tolist() == [one.normalised(panel.value(name)) for name, one in panel.controls.items()]
    assert np.all((numbers >= 0.0) & (numbers <= 1.0))


@pytest.mark.nightly
@pytest.mark.parametrize("format_name", ["midnam", "reaper", "mid"])
@settings(max_examples=10000 // len(PATCH.panel.controls), deadline=None, suppress_health_check=QUIET)
@given(patch=made())
def test_no_controls_break_the_other_formats(tmp_path: Path, format_name: str, patch: Patch) -> None:
    path = tmp_path / f"a{export_formats()[format_name].ending}"
    lanes = {
        name: Lane((0.0, 1.0), (one.real(0.0), one.real(1.0)), ("linear", "hold"))
        for name, one in patch.panel.controls.items()
    }
    controllers = {name: one.cc for name, one in patch.panel.controls.items() if one.cc is not None}
    export_formats()[format_name].write(replace(Order(patch, controllers), lanes=lanes), path)
    if format_name == "midnam":
        assert all(0 <= int(one.get("Default")) <= 127 for one in etree.parse(path).iter("Values"))
    assert path.stat().st_size > 0
