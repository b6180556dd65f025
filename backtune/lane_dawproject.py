"""Automation lanes of a DAWproject session, read as courses of controls."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import Any

from backtune.control import Value
from backtune.dawproject_units import Told, told_in
from backtune.errors import InputError
from backtune.lane import Lane
from backtune.lane_clip import Scope, heard, joined, scope_of
from backtune.panel import Panel
from backtune.parameter_table import parameter_id
from backtune.tempo_map import MINUTE_US, TempoMap, tempo_map_of
from backtune.whole_file import DAMAGED_ZIP

USUAL_BPM, SLOWEST_BPM, FASTEST_BPM = 120.0, 1, 999
MOST_BYTES = 50_000_000  # of project.xml: an hour of every control at 10 ms has less


def read_dawproject_lanes(path: Path, panel: Panel, part: str = "") -> dict[str, Lane]:
    """Return the lanes whose target is a parameter of this instrument, known by its number or its name.

    `part`: when a track of this name has an instrument, only what moves there is returned. Beats are those of the
    session, clips play where they lie. Raises InputError for a file that is no session, values out of range, time
    going back, lanes of which nobody can tell when they play, or when nothing in it moves this instrument.
    """
    root = _project(path)
    tempo = _tempo_map(path, root)
    own = [one for one in root.iter("Track") if part and one.get("name") == part and one.find(".//Devices") is not None]
    targets: dict[str, tuple[str, str | None]] = {}  # by the id of a parameter: our name, and the unit it is told in
    for one in (found for place in own or [root] for found in place.iter("RealParameter", "EnumParameter")):
        for name in panel.controls:
            if one.get("parameterID") == str(parameter_id(name)) or one.get("name") == name:
                targets[str(one.get("id"))] = name, one.get("unit")
    lanes: dict[str, list[Lane]] = {}
    for points in root.iter("Points"):
        target = points.find("Target")
        moved = targets.get(str(target.get("parameter"))) if target is not None else None
        if moved is None or (scope := scope_of(points, f"{path}: {moved[0]}", tempo)) is None:
            continue
        name, unit = moved
        told = told_in(points.get("unit", unit), panel.controls[name], scope.where)
        lane = heard(_lane(points, told, scope), scope)
        if lane is not None:
            lanes.setdefault(name, []).append(lane)
    if not lanes:
        raise InputError(f"{path}: no lane in it moves a control of this instrument")
    return {name: joined(found, f"{path}: {name}") for name, found in lanes.items()}


def _lane(points: Any, told: Told, scope: Scope) -> Lane:
    line: list[tuple[float, float, Value, str]] = []
    for number, point in enumerate(points.iterchildren("RealPoint", "EnumPoint"), start=1):
        where = f"{scope.where}, point {number}"
        try:
            at, given = float(point.get("time")), float(point.get("value"))
        except (TypeError, ValueError):
            raise InputError(f"{where}: time and value are no numbers") from None
        time_s = scope.seconds(at)
        if not (at >= 0.0 and math.isfinite(time_s)) or (line and time_s < line[-1][0]):
            raise InputError(f"{where}: time {at:g}; times rise from 0")
        value, curve = told.value(given, where), point.get("interpolation", "hold")
        line.append((time_s, given, value, "linear" if curve == "linear" and not isinstance(value, str) else "hold"))
    if not line:
        raise InputError(f"{scope.where}: its lane holds no points")
    times, numbers, values, curves = zip(*line, strict=True)
    if told.bent:
        times, numbers, curves = zip(*Lane(times, numbers, curves).sampled(), strict=True)
        values = tuple(told.value(float(number), scope.where) for number in numbers)
    return Lane(times, values, curves)


def _tempo_map(path: Path, root: Any) -> TempoMap:
    """Return the tempo map of a session; changes of tempo hold until the next, as all that is not linear does."""
    try:
        first = float(root.find(".//Transport/Tempo").get("value"))
    except (AttributeError, TypeError):
        first = USUAL_BPM  # the session does not say
    except ValueError:
        raise InputError(f"{path}: its tempo is no number") from None
    changes = [(0.0, first)]
    for point in root.iterfind(".//TempoAutomation/RealPoint"):
        try:
            changes.append((float(point.get("time")), float(point.get("value"))))
        except (TypeError, ValueError):
            raise InputError(f"{path}: a change of tempo in it is no number") from None
    if not all(0.0 <= at < math.inf and SLOWEST_BPM <= bpm <= FASTEST_BPM for at, bpm in changes):
        raise InputError(f"{path}: a tempo in it is outside {SLOWEST_BPM}..{FASTEST_BPM} beats a minute, or before 0")
    return tempo_map_of([(at, round(MINUTE_US / bpm)) for at, bpm in changes], [])


def _project(path: Path) -> Any:
    from lxml import etree

    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("project.xml").file_size > MOST_BYTES:
                raise InputError(f"{path}: its project.xml is over {MOST_BYTES} bytes")
            text = archive.read("project.xml")
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
        return etree.fromstring(text, parser)
    except (*DAMAGED_ZIP, etree.XMLSyntaxError) as error:
        raise InputError(f"{path}: not a readable DAWproject session ({str(error) or 'cut short'})") from None
