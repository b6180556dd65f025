"""Exports of parameters as tables: every control as it stands, exact at both ends, one way between."""

from __future__ import annotations

import csv
import json
import math
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exported import CONTROLLERS, ORDER, PANEL, PATCH, written
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from backtune.control import Control
from backtune.errors import InputError
from backtune.export_format import export_formats
from backtune.parameter_table import parameter_table
from backtune.scala import read_scl, write_scl
from backtune.temperaments import SCALES
from backtune.tuning import Scale


def read_csv(path: Path) -> list[dict[str, Any]]:
    rows = list(csv.DictReader(path.open(encoding="utf-8", newline="")))
    for row in rows:
        for name in ("minimum", "maximum", "default", "normalised_default", "skew"):
            row[name] = float(row[name])
        if row["normalised"]:  # a file has no place, and is its own value
            row |= {name: float(row[name]) for name in ("value", "normalised")}
        row["texts"] = row["texts"].split("|") if row["texts"] else []
    return rows


def read_json(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text(encoding="utf-8"))["parameters"]


@pytest.mark.parametrize(("name", "read"), [("csv", read_csv), ("json", read_json)])
def test_tables_hold_every_control_as_it_stands(tmp_path: Path, name: str, read: Any) -> None:
    order = replace(ORDER, patch=PATCH.with_controls(brightness=3.0, temperament="vallotti"))
    rows = {row["name"]: row for row in read(written(name, tmp_path, order))}
    assert list(rows) == list(PANEL.controls)
    for one in parameter_table(order.patch.panel, CONTROLLERS):
        row = rows[one.name]
        for field in ("minimum", "maximum", "default", "normalised_default", "value", "normalised", "skew"):
            assert row[field] == getattr(one, field), (one.name, field)
        assert int(row["id"]) == one.id
        assert row["description"] == one.description
        assert tuple(row["texts"]) == one.texts
    assert rows["brightness"]["value"] == 3.0
    assert rows["temperament"]["value"] == list(rows["temperament"]["texts"]).index("vallotti")


def normalised_by(row: dict[str, Any], value: float) -> float:
    """Return what a host makes of a value, knowing the table alone."""
    low, high = row["minimum"], row["maximum"]
    return math.log(value / low) / math.log(high / low) if row["curve"] == "log" else (value - low) / (high - low)


@pytest.mark.parametrize(("name", "read"), [("csv", read_csv), ("json", read_json)])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_ten_thousand_values_a_format_are_one_way_and_finite(
    tmp_path_factory: Any, name: str, read: Any, seed: int
) -> None:
    rows = read(written(name, tmp_path_factory.mktemp("fuzz")))
    rng = np.random.default_rng(seed)
    for row in rows:
        control: Control = PANEL.controls[row["name"]]
        at = np.sort(np.concatenate([[0.0, 1.0], rng.uniform(0, 1, 500 // len(rows) + 24)]))
        values = [control.real(float(x)) for x in at]
        counted = [float(control.choices.index(v)) if isinstance(v, str) else v for v in values]
        assert np.all(np.isfinite(counted))
        assert np.all(np.diff(counted) >= 0)
        assert (counted[0], counted[-1]) == (row["minimum"], row["maximum"])
        back = [control.normalised(value) for value in values]
        assert (back[0], back[-1]) == (0.0, 1.0)
        assert np.all(np.diff(back) >= 0)
        if not control.choices:
            told = [normalised_by(row, value) for value in counted]
            np.testing.assert_allclose(told, back, atol=1e-12)


def test_the_skew_is_exact_at_the_ends_and_the_default() -> None:
    for one in ORDER.parameters:
        way = (one.default - one.minimum) / (one.maximum - one.minimum)
        assert way**one.skew == pytest.approx(one.normalised_default, abs=1e-12)


NUMBERS_ONLY = {"mid", "vstpreset"}  # formats that tell a temperament as a number, which a file has none of


@pytest.mark.parametrize("name", sorted(export_formats()))
def test_a_temperament_that_is_a_file_is_told_as_itself_or_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    scale = tmp_path / "nineteen tones.scl"
    write_scl(scale, Scale("nineteen", tuple(1200 * step / 19 for step in range(1, 20))))
    tuned = PATCH.with_controls(temperament=str(scale))
    order = replace(ORDER, patch=replace(tuned, origin=replace(PATCH.origin, pitches=(60.0, 61.0))), budget_mb=2.0)
    if name in NUMBERS_ONLY:
        with pytest.raises(InputError, match=r"temperament: '.*nineteen tones\.scl' is a file, which has no place"):
            written(name, tmp_path, order)
        return
    path = written(name, tmp_path, order)
    if read := {"csv": read_csv, "json": read_json}.get(name):
        row = next(row for row in read(path) if row["name"] == "temperament")
        assert (row["value"], row["normalised"]) == (str(scale), "" if name == "csv" else None)
    if name == "dawproject":
        with zipfile.ZipFile(path) as archive:
            told = next(etree.fromstring(archive.read("project.xml")).iter("EnumParameter"))
        labels = told.get("labels").split()
        assert len(labels) == int(told.get("count")) == len(SCALES) + 1
        assert labels[int(told.get("value"))] == str(scale).replace(" ", "_")
    if name == "scl":
        assert len(read_scl(path).cents) == 19
