"""Whole sessions: a song of two instruments with chains and automation, as another program will read them."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
from hosted import zam_plugin
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from playable import playable_patch

from backtune.automation import curve_of
from backtune.chain import Chain, EffectSlot, PluginSlot, PluginValue
from backtune.errors import InputError
from backtune.export.dawproject import left_out, write_session
from backtune.export_format import Order, export_formats
from backtune.hosting.preset import unpack_preset
from backtune.lane_dawproject import read_dawproject_lanes
from backtune.patch_file import write_patch
from backtune.session import Session, SessionPart
from backtune.stem import StemFormat
from backtune.stem_song import StemOptions, parse_assignment, stem_song
from backtune.tempo_map import song_tempo_map, tempo_map_of

PANEL = playable_patch().panel
ROWS = """beats,part,target,value,curve
0,Piano,brightness,-6,linear
4,Piano,brightness,6,hold
0,Flute,level,-12,smooth
2,Flute,level,0,hold
0,Flute,temperament,equal,hold
1,Flute,temperament,just,hold
0,Piano,hall.room_size,0.2,linear
4,Piano,hall.room_size,0.8,linear
"""


def song(folder: Path) -> Path:
    """Write two tracks at 90 and, from beat 2, at 45 beats a minute, in 3/4; the piano has a pedal and a bend."""
    conductor = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(90))])
    conductor.append(mido.MetaMessage("time_signature", numerator=3, denominator=4))
    conductor.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(45), time=960))
    conductor.append(mido.MetaMessage("time_signature", numerator=6, denominator=8, time=480))
    piano = mido.MidiTrack([mido.MetaMessage("track_name", name="Piano")])
    piano.append(mido.Message("control_change", control=64, value=127))
    piano.append(mido.Message("note_on", note=60, velocity=100))
    piano.append(mido.Message("pitchwheel", pitch=1000, time=240))
    piano.append(mido.Message("note_off", note=60, time=1200))
    flute = mido.MidiTrack([mido.MetaMessage("track_name", name="Flute")])
    flute.append(mido.Message("note_on", note=72, velocity=64, channel=3, time=960))
    flute.append(mido.Message("note_off", note=72, channel=3, time=480))
    mido.MidiFile(tracks=[conductor, piano, flute], ticks_per_beat=480).save(folder / "song.mid")
    return folder / "song.mid"


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("session")
    write_patch(playable_patch(), folder / "piano.yaml")
    (folder / "moves.csv").write_text(ROWS)
    (folder / "hall.yaml").write_text(
        "chain: Hall\npurpose: dry beside wet\nslots:\n"
        "  - parallel:\n      - name: dry\n      - name: wet\n        gain_db: -9\n        slots:\n"
        "          - effect: reverb\n            name: hall\n            room_size: 0.4\n    name: room\n"
    )
    words = [f"Piano={folder}/piano.yaml:{folder}/hall.yaml", f"Flute={folder}/piano.yaml:tape"]
    options = StemOptions(automation=folder / "moves.csv", session=folder / "song.dawproject")
    assigned = [parse_assignment(text) for text in words]
    report = stem_song(song(folder), assigned, folder / "stems", StemFormat(16000, tail_s=0.5), None, options)
    assert len(report.stems) == 2
    return folder / "song.dawproject"


def project(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return etree.fromstring(archive.read("project.xml"))


@pytest.mark.parametrize(("name", "schema"), [("project.xml", "Project.xsd"), ("metadata.xml", "MetaData.xsd")])
def test_a_session_of_two_parts_follows_the_published_schema(session: Path, name: str, schema: str) -> None:
    folder = os.environ.get("BACKTUNE_DAWPROJECT_XSD", "")
    if not Path(folder, schema).is_file() or not folder:
        pytest.skip("BACKTUNE_DAWPROJECT_XSD does not name the folder of the published schemas")
    rules = etree.XMLSchema(etree.parse(Path(folder) / schema))
    with zipfile.ZipFile(session) as archive:
        rules.assertValid(etree.fromstring(archive.read(name)))


def test_tracks_hold_notes_and_stems_of_each_part(session: Path) -> None:
    root = project(session)
    assert [one.get("name") for one in root.iter("Track")] == ["Piano", "Flute", "Piano", "Flute", "Master"]
    notes = {
        lanes.get("track"): [(n.get("key"), float(n.get("time")), float(n.get("duration"))) for n in lanes.iter("Note")]
        for lanes in root.iter("Lanes")
        if lanes.get("track") in ("part1", "part2")
    }
    assert notes == {
        "part1": [("60", 0.0, pytest.approx(3.0))],
        "part2": [("72", pytest.approx(2.0), pytest.approx(1.0))],
    }
    with zipfile.ZipFile(session) as archive:
        for file in root.iter("File"):
            stem = session.parent / "stems" / file.get("path").partition("_")[2]
            assert archive.read(file.get("path")) == stem.read_bytes()
    assert len(list(root.iter("File"))) == 2


def test_tempo_and_metre_change_where_the_song_does(session: Path) -> None:
    root = project(session)
    assert float(root.find("Transport/Tempo").get("value")) == 90.0
    points = root.findall(".//TempoAutomation/RealPoint")
    assert [(float(p.get("time")), float(p.get("value"))) for p in points] == [(0.0, 90.0), (2.0, 45.0)]
    metres = root.findall(".//TimeSignatureAutomation/TimeSignaturePoint")
    assert [(float(p.get("time")), p.get("numerator"), p.get("denominator")) for p in metres] == [
        (0.0, "3", "4"),
        (3.0, "6", "8"),
    ]


def test_pedals_and_wheels_stay_with_the_notes(session: Path) -> None:
    found = {}
    for points in project(session).iter("Points"):
        target = points.find("Target")
        if target.get("expression"):
            point = points.find("RealPoint")
            found[target.get("expression"), target.get("controller")] = (point.get("time"), float(point.get("value")))
    assert found[("channelController", "64")] == ("0.0", 1.0)
    assert found[("pitchBend", None)] == ("0.5", pytest.approx((8192 + 1000) / 16383))


def test_chains_are_devices_with_their_numbers_and_what_moves_them(session: Path) -> None:
    root = project(session)
    devices = root.find(".//Track[@id='part1']//Devices")
    assert [one.get("deviceName") for one in devices] == ["backtune", "parallel"]
    numbers = {one.get("name"): float(one.get("value")) for one in devices[1].iter("RealParameter")}
    assert numbers["hall.room_size"] == 0.4
    assert numbers["wet.gain_db"] == -9.0
    by_id = {one.get("id"): one.get("name") for one in root.iter("RealParameter", "EnumParameter")}
    moved = [by_id[p.find("Target").get("parameter")] for p in root.iter("Points") if p.find("Target").get("parameter")]
    assert sorted(moved) == ["brightness", "hall.room_size", "level", "temperament"]


def test_lanes_of_each_part_come_back_on_the_clock_of_its_tempo_map(session: Path) -> None:
    beat = song_tempo_map(session.parent / "song.mid").seconds_at
    piano, flute = (read_dawproject_lanes(session, PANEL, part) for part in ("Piano", "Flute"))
    assert set(piano) == {"brightness"}
    assert set(flute) == {"level", "temperament"}
    at = np.linspace(0.0, beat(4.0), 50)
    meant = -6.0 + 12.0 * at / beat(4.0)  # straight over the change of tempo
    np.testing.assert_allclose(piano["brightness"].at(at, 0.0), meant, atol=1e-6)
    assert flute["temperament"].times_s == pytest.approx((0.0, beat(1.0)))
    assert flute["level"].at(beat(1.0), 0.0) == pytest.approx(-6.0, abs=0.02)


def test_lines_are_cut_where_the_tempo_changes(session: Path) -> None:
    root = project(session)
    (target,) = (one.get("id") for one in root.find(".//Track[@id='part1']").iter() if one.get("name") == "brightness")
    (lane,) = (one for one in root.iter("Points") if one.find("Target").get("parameter") == target)
    read = [(float(one.get("time")), float(one.get("value"))) for one in lane.iter("RealPoint")]
    assert read == [
        (0.0, -6.0),
        (2.0, pytest.approx(-2.0, abs=1e-5)),
        (4.0, 6.0),
    ]  # a third of the time at 90, the rest at 45


def test_a_reaper_project_keeps_tempi_metre_and_beats(session: Path) -> None:
    rpp = pytest.importorskip("rpp")
    path = session.parent / "song.rpp"
    export_formats()["reaper"].write(Order(playable_patch(), {}, song=session.parent / "song.mid"), path)
    root = rpp.loads(path.read_text())
    assert [float(x) for x in root.find("TEMPO")[1:]] == [90.0, 3.0, 4.0]
    points = [row for row in root.find("TEMPOENVEX") if row[0] == "PT"]
    assert [(round(float(at), 3), float(bpm)) for _, at, bpm, _ in points] == [(0.0, 90.0), (1.333, 45.0)]
    source = root.find("TRACK").find("ITEM").find("SOURCE")
    events = [row for row in source if row[0] == "E"]
    beats = np.cumsum([int(row[1]) for row in events]) / 960
    struck = [(float(at), row[3]) for at, row in zip(beats, events, strict=True) if row[2].startswith("9")]
    assert struck == [(0.0, "3c"), (2.0, "48")]


def test_automation_that_a_session_cannot_hold_is_told() -> None:
    for values in ({}, {"Gain": PluginValue("-3 dB", 0.4)}):  # there a parameter of a plugin is a number 0..1
        chain = Chain("c", "p", (PluginSlot("plug", Path("x.vst3"), values=values),))
        moved = {"plug.Gain": curve_of([(0.0, 1.0)]), "plug.mix": curve_of([(0.0, 1.0)])}
        part = SessionPart("Piano", "piano", chain=chain, curves=moved)
        (sentence,) = left_out(Session("s", (part,)))
        assert sentence == "part 'Piano': plug.Gain moves in its stem, but not in the session"


def test_lanes_are_in_the_unit_of_what_they_move(tmp_path: Path) -> None:
    chain = Chain("c", "p", (EffectSlot("gain", "gain"),))
    moved = {"gain.gain_db": curve_of([(0.0, -6.0)])}
    write_session(Session("s", (SessionPart("Piano", "piano", chain=chain, curves=moved),)), tmp_path / "a.dawproject")
    (lane,) = project(tmp_path / "a.dawproject").iter("Points")
    assert lane.get("unit") == "decibel"


def test_a_plugin_is_known_by_its_class_and_its_state_goes_along(tmp_path: Path) -> None:
    chain = Chain("c", "p", (PluginSlot("plug", zam_plugin("ZamGate")),))
    path = tmp_path / "a.dawproject"
    write_session(Session("s", (SessionPart("Piano", "piano", chain=chain),)), path)
    root = project(path)
    if schemas := os.environ.get("BACKTUNE_DAWPROJECT_XSD", ""):
        etree.XMLSchema(etree.parse(Path(schemas) / "Project.xsd")).assertValid(root)
    (device,) = root.iter("Vst3Plugin")
    with zipfile.ZipFile(path) as archive:
        preset = unpack_preset(archive.read(device.find("State").get("path")), "state")
    assert device.get("deviceID").replace("-", "").upper() == preset.class_id.upper()
    assert [len(part) for part in device.get("deviceID").split("-")] == [8, 4, 4, 4, 12]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('value="45', 'value="0.0'),
        ('value="45', 'value="nan'),
        ('time="2.0" value="45', 'time="-2.0" value="45'),
        ('time="2.0" value="45', 'time="two" value="45'),
        ('value="90', 'value="fast'),
    ],
)
def test_sessions_with_broken_tempi_are_refused(session: Path, tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "broken.dawproject"
    with zipfile.ZipFile(session) as archive, zipfile.ZipFile(path, "w") as broken:
        text = archive.read("project.xml").decode()
        assert old in text
        broken.writestr("project.xml", text.replace(old, new))
    with pytest.raises(InputError, match=r"broken\.dawproject: .*tempo"):
        read_dawproject_lanes(path, PANEL)


@pytest.mark.parametrize("packed", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damaged_sessions_are_refused(tmp_path: Path, packed: int) -> None:
    path = tmp_path / "broken.dawproject"
    with zipfile.ZipFile(path, "w", packed) as archive:
        archive.writestr("metadata.xml", "<MetaData/>" * 20)
        archive.writestr("project.xml", f"<Project>{'<Transport/>' * 50}</Project>")
    whole, rng = path.read_bytes(), np.random.default_rng(packed)
    for _ in range(600):
        data = np.frombuffer(whole, np.uint8).copy()
        places = rng.integers(0, len(data), rng.integers(1, 5))
        data[places] = rng.choice([0, 1, 8, 255], len(places))
        path.write_bytes(data.tobytes()[: None if rng.random() < 0.9 else rng.integers(len(data))])
        with pytest.raises(InputError, match=r"broken\.dawproject: [^\n]+$"):
            read_dawproject_lanes(path, PANEL)


def test_of_two_tempi_or_metres_at_one_beat_the_later_holds() -> None:
    tempo = tempo_map_of([(4.0, 1_000_000), (4.0, 500_000)], [(0.0, 7, 8), (0.0, 3, 4)])
    assert tempo.tempo_us == (500_000, 500_000)
    assert tempo.metres == ((0.0, 3, 4),)


changes = st.lists(st.tuples(st.floats(0, 500), st.integers(60_606, 60_000_000)), max_size=8)


@given(changes=changes, beats=st.lists(st.floats(0, 1000), min_size=2, max_size=8))
def test_beats_and_seconds_are_one_way(changes: list[tuple[float, int]], beats: list[float]) -> None:
    tempo = tempo_map_of(changes, [])
    seconds = [tempo.seconds_at(beat) for beat in sorted(beats)]
    assert np.all(np.diff(seconds) >= 0.0)
    for beat, second in zip(sorted(beats), seconds, strict=True):
        assert tempo.beats_at(second) == pytest.approx(beat, abs=1e-6)
    assert tempo.seconds_at(0.0) == 0.0
