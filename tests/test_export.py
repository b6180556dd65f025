"""Exports: every format is read by another program's reader, and parameters are exact at both ends."""

from __future__ import annotations

import csv
import json
import math
import os
import shutil
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
import soundfile
from hosted import made_plugin, sound_font
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from playable import playable_patch

from backtune.chain import Chain, EffectSlot
from backtune.control import Control
from backtune.controls.temperament import tuning_of
from backtune.errors import InputError
from backtune.export_format import Order, export_formats, find_format
from backtune.hosting.preset import unpack_preset
from backtune.lane import Lane
from backtune.lane_dawproject import read_dawproject_lanes
from backtune.lane_midi import read_lanes
from backtune.library import library
from backtune.midi import read_midi
from backtune.panel import common_controls, layer_control
from backtune.parameter_table import NRPN_NUMBERS, parameter_id, parameter_table
from backtune.reading.fluidsynth import fluidsynth_command
from backtune.sample_set import FADE_S, RATE, looped, plans
from backtune.scala import read_kbm, read_scl, write_scl
from backtune.score_notes import score_notes
from backtune.source import open_source
from backtune.temperaments import SCALES
from backtune.tuning import Scale

PATCH = playable_patch()
PANEL = PATCH.panel
CONTROLLERS = {name: one.cc for name, one in PANEL.controls.items() if one.cc is not None}
ORDER = Order(PATCH, CONTROLLERS)
LANES = {
    "brightness": Lane((0.0, 1.0, 2.0), (0.0, 3.0, -3.0), ("linear", "hold", "hold")),
    "temperament": Lane((0.0, 1.5), ("equal", "just"), ("hold", "hold")),
    "level": Lane((0.0, 0.5), (0.0, -6.0), ("smooth", "hold")),
}


def written(name: str, folder: Path, order: Order = ORDER) -> Path:
    one = export_formats()[name]
    path = folder / f"out{one.ending}"
    one.write(order, path)
    return path


def song(folder: Path) -> Path:
    file = mido.MidiFile(ticks_per_beat=480)
    on, off = mido.Message("note_on", note=60, velocity=100), mido.Message("note_off", note=60, velocity=30, time=480)
    file.tracks.append(mido.MidiTrack([on, off, mido.Message("note_on", note=64, velocity=127, time=240)]))
    file.tracks[0].append(mido.MetaMessage("end_of_track", time=480))
    file.save(folder / "song.mid")
    return folder / "song.mid"


def stem(folder: Path) -> Path:
    soundfile.write(folder / "piano & bass.wav", np.zeros((4410, 2)), 44100)
    return folder / "piano & bass.wav"


def test_the_formats_are_those_promised() -> None:
    promised = {"csv", "json", "midnam", "dawproject", "sfz", "scl", "mid", "reaper", "vstpreset"}
    assert promised <= set(export_formats())
    with pytest.raises(InputError, match="did you mean 'midnam'"):
        find_format("midnan", Path("x"))
    with pytest.raises(InputError, match="no format has this ending"):
        find_format("", Path("x.doc"))
    assert find_format("", Path("x.rpp")).name == "reaper"
    with pytest.raises(InputError, match=r"another format's; csv files end with \.csv"):
        find_format("csv", Path("x.scl"))
    assert find_format("csv", Path("x.txt")).name == "csv"


def test_numbers_of_parameters_never_change_and_never_meet() -> None:
    names = [*common_controls(), *(layer_control(kind).name for kind in library().values())]
    ids = [parameter_id(name) for name in names]
    assert len(set(ids)) == len(ids)
    assert len({number % NRPN_NUMBERS for number in ids}) == len(ids)
    assert parameter_id("brightness") == 131918646
    assert len(set(CONTROLLERS.values())) == len(CONTROLLERS)


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


@pytest.mark.parametrize("name", ["equal", "werckmeister3", "just"])
def test_scala_files_read_back_are_the_tuning(tmp_path: Path, name: str) -> None:
    path = written("scl", tmp_path, replace(ORDER, patch=PATCH.with_controls(temperament=name)))
    scale, keys = read_scl(path), read_kbm(path.with_suffix(".kbm"))
    np.testing.assert_allclose(scale.cents, tuning_of(name).scale.cents, atol=1e-5)
    assert keys.reference_hz == pytest.approx(440.0)
    again = tuning_of(f"{path}+{path.with_suffix('.kbm')}")
    for key in range(21, 109):
        assert again.pitch(key) == pytest.approx(tuning_of(name).pitch(key), abs=1e-6)


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


@pytest.mark.parametrize("name", ["dawproject", "mid", "reaper"])
def test_lanes_to_a_file_are_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    moved = {"temperament": Lane((0.0, 1.0), ("equal", "t19.scl"), ("hold", "hold"))}
    with pytest.raises(InputError, match=r"temperament: 't19\.scl' is a file, which has no place"):
        written(name, tmp_path, replace(ORDER, lanes=moved))


# the elements and attributes of the published DTD that a file with controllers uses, in its order
MIDNAM_DTD = """
<!ELEMENT MIDINameDocument (Author,(MasterDeviceNames|ExtendingDeviceNames|StandardDeviceMode)*)>
<!ELEMENT Author (#PCDATA)><!ELEMENT Manufacturer (#PCDATA)><!ELEMENT Model (#PCDATA)>
<!ELEMENT MasterDeviceNames (Manufacturer,Model+,CustomDeviceMode*,ChannelNameSet*,PatchNameList*,ControlNameList*)>
<!ELEMENT CustomDeviceMode (ChannelNameSetAssignments)><!ATTLIST CustomDeviceMode Name CDATA #REQUIRED>
<!ELEMENT ChannelNameSetAssignments (ChannelNameSetAssign+)>
<!ELEMENT ChannelNameSetAssign EMPTY>
<!ATTLIST ChannelNameSetAssign Channel CDATA #REQUIRED NameSet CDATA #REQUIRED>
<!ELEMENT ChannelNameSet (AvailableForChannels,UsesControlNameList?,PatchBank*)>
<!ATTLIST ChannelNameSet Name CDATA #REQUIRED>
<!ELEMENT AvailableForChannels (AvailableChannel+)><!ELEMENT AvailableChannel EMPTY>
<!ATTLIST AvailableChannel Channel CDATA #REQUIRED Available (true|false) #REQUIRED>
<!ELEMENT UsesControlNameList EMPTY><!ATTLIST UsesControlNameList Name CDATA #REQUIRED>
<!ELEMENT PatchBank (PatchNameList)><!ATTLIST PatchBank Name CDATA #REQUIRED>
<!ELEMENT PatchNameList (Patch+)><!ATTLIST PatchNameList Name CDATA #REQUIRED>
<!ELEMENT Patch EMPTY><!ATTLIST Patch Number CDATA #REQUIRED Name CDATA #REQUIRED ProgramChange CDATA #IMPLIED>
<!ELEMENT ControlNameList (Control+)><!ATTLIST ControlNameList Name CDATA #REQUIRED>
<!ELEMENT Control (Values?)><!ATTLIST Control Type (7bit|14bit|RPN|NRPN) "7bit" Number CDATA #REQUIRED
  Name CDATA #REQUIRED>
<!ELEMENT Values (ValueNameList?)><!ATTLIST Values Min CDATA #REQUIRED Max CDATA #REQUIRED Default CDATA #IMPLIED>
<!ELEMENT ValueNameList (Value+)><!ATTLIST ValueNameList Name CDATA #REQUIRED>
<!ELEMENT Value EMPTY><!ATTLIST Value Number CDATA #REQUIRED Name CDATA #REQUIRED>
"""


def test_midnam_follows_its_document_type_and_names_every_controller(tmp_path: Path) -> None:
    import io

    bright = replace(PATCH, name='Old <"upright"> & co').with_controls(brightness=9.0)
    path = written("midnam", tmp_path, replace(ORDER, patch=bright))
    tree = etree.parse(path)
    dtd = etree.DTD(io.StringIO(MIDNAM_DTD))
    assert dtd.validate(tree), dtd.error_log
    assert {int(one.get("Number")) for one in tree.iter("Control")} == set(CONTROLLERS.values())
    told = {int(one.get("Number")): int(one.find("Values").get("Default")) for one in tree.iter("Control")}
    assert told == {
        cc: PANEL.controls[name].to_controller(PANEL.controls[name].default) for name, cc in CONTROLLERS.items()
    }
    lists = {one.get("Name") for one in tree.iter("ControlNameList")}
    assert {one.get("Name") for one in tree.iter("UsesControlNameList")} == lists
    assert tree.findtext(".//Model") == 'Old <"upright"> & co'
    with pytest.raises(InputError, match="no control has a controller"):
        written("midnam", tmp_path, Order(PATCH, {}))


def test_midi_holds_the_controllers_where_they_stand_or_the_lanes(tmp_path: Path) -> None:
    path = written("mid", tmp_path, replace(ORDER, patch=PATCH.with_controls(brightness=9.0)))
    values = {m.control: m.value for m in mido.MidiFile(path) if m.type == "control_change"}
    assert values[CONTROLLERS["brightness"]] == 127
    assert set(values) == {*CONTROLLERS.values(), 99, 98, 6, 38}  # the rest by NRPN
    standing = read_lanes(path, PANEL, CONTROLLERS)
    assert {name: lane.values for name, lane in standing.items()} == {
        name: (9.0 if name == "brightness" else one.default,) for name, one in PANEL.controls.items()
    }
    lanes = read_lanes(written("mid", tmp_path, replace(ORDER, lanes=LANES)), PANEL, CONTROLLERS)
    assert set(lanes) == set(LANES)
    assert lanes["temperament"].values == ("equal", "just")


@pytest.mark.skipif(fluidsynth_command() is None, reason="FluidSynth is missing (apt-get install fluidsynth)")
def test_fluidsynth_plays_the_lanes_of_a_midi_file_as_if_moved_by_hand(tmp_path: Path) -> None:
    level = Lane((0.0, 1.0), (0.0, -24.0), ("hold", "hold"))
    exported = mido.MidiFile(written("mid", tmp_path, Order(PATCH, {"level": 7}, {"level": level})))
    steps = [PANEL.controls["level"].to_controller(value) for value in (0.0, -24.0)]
    moves = [mido.Message("control_change", control=7, value=step, time=1920 * i) for i, step in enumerate(steps)]
    by_hand = mido.MidiFile(ticks_per_beat=960, tracks=[mido.MidiTrack(moves)])  # a second is two beats
    heard = []
    for name, file in (("exported", exported), ("by_hand", by_hand)):
        strike, lift = mido.Message("note_on", note=60, velocity=100), mido.Message("note_off", note=60, time=3840)
        file.tracks.append(mido.MidiTrack([mido.Message("program_change", program=16), strike, lift]))
        file.save(tmp_path / f"{name}.mid")
        out = ["-F", str(tmp_path / f"{name}.wav"), str(sound_font()), str(tmp_path / f"{name}.mid")]
        subprocess.run([str(fluidsynth_command()), "-ni", "-q", *out], check=True, capture_output=True, timeout=120)
        heard.append(soundfile.read(tmp_path / f"{name}.wav")[0])
    np.testing.assert_array_equal(heard[0], heard[1])
    second = 44100
    assert np.std(heard[0][second + second // 2 : 2 * second]) < 0.5 * np.std(heard[0][second // 2 : second])


def test_a_vst3_preset_is_read_by_a_host_into_the_plugin_it_is_for(tmp_path: Path) -> None:
    pedalboard = pytest.importorskip("pedalboard")
    plugin_path = made_plugin()
    quiet = PATCH.with_controls(stretch=10.0, hardness=-18.0)  # the seventh number is the fault the plugin can have
    path = written("vstpreset", tmp_path, replace(ORDER, patch=quiet, class_id="6261636b74756e6574657374696e7374"))
    expected = [one.normalised for one in parameter_table(quiet.panel, CONTROLLERS)]
    unpacked = unpack_preset(path.read_bytes(), "preset")
    np.testing.assert_array_equal(np.frombuffer(unpacked.chunks["Comp"], "<f8"), expected)
    plugin = pedalboard.load_plugin(str(plugin_path))
    plugin.load_preset(str(path))
    heard = [one.raw_value for one in plugin.parameters.values()][:7]
    np.testing.assert_allclose(heard, expected[:7], atol=1e-6)
    with pytest.raises(InputError, match="32 hexadecimal digits"):
        written("vstpreset", tmp_path, replace(ORDER, class_id="zz"))


def test_a_reaper_project_is_read_by_another_program(tmp_path: Path) -> None:
    rpp = pytest.importorskip("rpp")
    order = replace(ORDER, lanes=LANES, song=song(tmp_path), stems=(stem(tmp_path),))
    project = rpp.loads(written("reaper", tmp_path, order).read_text())
    tracks = project.findall("TRACK")
    assert [track.find("NAME")[1] for track in tracks] == ["playable", "piano & bass"]
    points = [row for row in tracks[0].find("VOLENV2") if row[0] == "PT"]
    assert [float(row[2]) for row in points] == pytest.approx([1.0, 10 ** (-6 / 20)])
    assert [row[3] for row in points] == ["2", "1"]
    source = tracks[0].find("ITEM").find("SOURCE")
    events = [row for row in source if row[0] == "E"]
    seconds = np.cumsum([int(row[1]) for row in events]) / 1920
    notes = [
        (round(float(t), 3), row[2], row[3]) for t, row in zip(seconds, events, strict=True) if row[2] in ("90", "80")
    ]
    assert notes == [(0.0, "90", "3c"), (0.5, "80", "3c"), (0.75, "90", "40")]
    bright = [int(row[4], 16) for row in events if row[2:4] == ["b0", f"{CONTROLLERS['brightness']:02x}"]]
    assert bright[0] == 64
    assert max(bright) == PANEL.controls["brightness"].to_controller(3.0)
    assert tracks[1].find("ITEM").find("SOURCE").find("FILE")[1] == "piano & bass.wav"


def test_a_reaper_project_names_stems_as_they_are_called(tmp_path: Path) -> None:
    rpp = pytest.importorskip("rpp")
    (tmp_path / "more").mkdir()
    names = ("two  blanks.wav", 'it\'s "so".wav', "playable.wav", "more/playable.wav")
    stems = tuple(Path(shutil.copy(stem(tmp_path), tmp_path / name)) for name in names)
    tracks = rpp.loads(written("reaper", tmp_path, replace(ORDER, stems=stems)).read_text()).findall("TRACK")
    assert [one.find("ITEM").find("SOURCE").find("FILE")[1] for one in tracks[1:]] == list(names)
    assert len({one.attrib[0] for one in tracks}) == len(tracks)


@pytest.mark.parametrize("name", ["one\ntwo.wav", "\"'`.wav"])
def test_a_stem_that_no_reaper_project_can_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="no REAPER project can name it; allowed: one line"):
        written("reaper", tmp_path, replace(ORDER, stems=(stem(tmp_path).rename(tmp_path / name),)))


@pytest.mark.parametrize("name", ["reaper", "dawproject"])
def test_a_stem_named_in_another_encoding_is_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    try:
        bad = stem(tmp_path).rename(os.fsdecode(os.fsencode(tmp_path) + b"/h\xe4.wav"))
    except OSError:
        pytest.skip("all names are Unicode on this disk")
    with pytest.raises(InputError, match="not readable as audio"):
        written(name, tmp_path, replace(ORDER, stems=(bad,)))


def schemas() -> Path:
    folder = os.environ.get("BACKTUNE_DAWPROJECT_XSD", "")
    if not folder or not Path(folder, "Project.xsd").is_file():
        pytest.skip("BACKTUNE_DAWPROJECT_XSD does not name the folder of the published schemas")
    return Path(folder)


def session(folder: Path) -> Path:
    chain = Chain("room", "a room", (EffectSlot("hall", "reverb", {"room_size": 0.5}),))
    return written(
        "dawproject", folder, replace(ORDER, lanes=LANES, song=song(folder), stems=(stem(folder),), chain=chain)
    )


@pytest.mark.parametrize(("name", "schema"), [("project.xml", "Project.xsd"), ("metadata.xml", "MetaData.xsd")])
def test_a_dawproject_follows_the_published_schema(tmp_path: Path, name: str, schema: str) -> None:
    rules = etree.XMLSchema(etree.parse(schemas() / schema))
    with zipfile.ZipFile(session(tmp_path)) as archive:
        assert archive.testzip() is None
        rules.assertValid(etree.fromstring(archive.read(name)))


def test_a_dawproject_refers_only_to_what_is_in_it(tmp_path: Path) -> None:
    with zipfile.ZipFile(session(tmp_path)) as archive:
        root = etree.fromstring(archive.read("project.xml"))
        for file in root.iter("File"):
            assert archive.read(file.get("path")) == (tmp_path / "piano & bass.wav").read_bytes()
    ids = [one.get("id") for one in root.iter() if one.get("id")]
    assert len(ids) == len(set(ids))
    for name in ("track", "parameter", "destination"):
        used = [one.get(name) for one in root.iter() if one.get(name)]
        assert used
        assert set(used) <= set(ids)
    assert [(n.get("key"), float(n.get("time"))) for n in root.iter("Note")] == [("60", 0.0), ("64", 1.5)]  # beats
    assert {one.get("name") for one in root.iter("RealParameter")} >= {"brightness", "room_size"}
    assert all(one.get("parameterID") for one in root.iter("RealParameter", "EnumParameter"))


def test_lanes_come_back_from_a_dawproject_as_they_were(tmp_path: Path) -> None:
    lanes = read_dawproject_lanes(session(tmp_path), PANEL)
    assert lanes["brightness"] == LANES["brightness"]
    assert lanes["temperament"] == LANES["temperament"]
    times = np.linspace(0, 1, 101)
    smooth = LANES["level"].at(times, 0.0)
    np.testing.assert_allclose(lanes["level"].at(times, 0.0), smooth, atol=0.02)  # dB: bends become 10 ms lines
    assert session(tmp_path).read_bytes() == session(tmp_path).read_bytes()
    (tmp_path / "not.dawproject").write_bytes(b"PK but not much else")
    with pytest.raises(InputError, match="not a readable DAWproject"):
        read_dawproject_lanes(tmp_path / "not.dawproject", PANEL)


def test_notes_have_lengths_and_unended_ones_last_to_the_end(tmp_path: Path) -> None:
    first, second = score_notes(read_midi(song(tmp_path)))
    assert (first.key, first.velocity, first.release_velocity, first.length_s) == (60, 100, 30, 0.5)
    assert (second.start_s, second.length_s) == (0.75, 0.5)


def test_an_sfz_is_read_back_with_every_key_and_velocity_within_its_budget(tmp_path: Path) -> None:
    short = replace(PATCH, struck=False, origin=replace(PATCH.origin, pitches=(55.0, 65.0)))
    order = Order(short.with_controls(level=-3.0), CONTROLLERS, budget_mb=2.0)
    path = written("sfz", tmp_path, order)
    samples = list((tmp_path / "out_samples").glob("*.flac"))
    assert samples
    assert sum(one.stat().st_size for one in samples) <= 2e6
    text = path.read_text()
    assert f"label_cc{CONTROLLERS['brightness']}=Brightness" in text
    assert f"set_hdcc{CONTROLLERS['level']}={57 / 72:.6f}" in text
    takes = open_source(path).takes
    assert {55.0, 65.0} <= {take.midi for take in takes}
    regions = text.split("<region>")[1:]
    assert len(regions) == len(samples)
    for region in regions:
        held = dict(line.split("=", 1) for line in region.split("<group>")[0].split() if "=" in line)
        info = soundfile.info(tmp_path / held["sample"])
        assert 0 < int(held["loop_start"]) < int(held["loop_end"]) < info.frames
    keys = [int(line[6:]) for line in text.splitlines() if line.startswith("lokey=")]
    ends = [int(line[6:]) for line in text.splitlines() if line.startswith("hikey=")]
    assert keys[0] == 0
    assert ends[-1] == 127
    assert [low - 1 for low in keys[1:]] == ends[:-1]
    with pytest.raises(InputError, match="allowed"):
        written("sfz", tmp_path, replace(order, budget_mb=0.01))


def test_an_sfz_replaces_its_own_samples_and_nobody_elses(tmp_path: Path) -> None:
    few = Order(replace(PATCH, origin=replace(PATCH.origin, pitches=(60.0, 61.0))), CONTROLLERS, budget_mb=2.0)
    path = written("sfz", tmp_path, few)
    samples = tmp_path / "out_samples"
    first = {one.name: one.read_bytes() for one in samples.iterdir()}
    (samples / "C4_v3.flac").write_bytes(b"of an export with other velocities")
    written("sfz", tmp_path, few)
    assert {one.name: one.read_bytes() for one in samples.iterdir()} == first
    (samples / "my recording.wav").write_bytes(b"dear")
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"out_samples: holds 'my recording\.wav', which no export wrote"):
        written("sfz", tmp_path, replace(few, budget_mb=3.0))
    assert (samples / "my recording.wav").read_bytes() == b"dear"
    assert path.read_bytes() == before
    assert first.items() <= {one.name: one.read_bytes() for one in samples.iterdir()}.items()


def test_a_larger_budget_buys_notes_between_keys_and_between_dynamics() -> None:
    every = list(plans(PATCH))
    assert every[0].count == 88 * 5 == max(plan.count for plan in every)  # two dynamics, three velocities between them
    fitting = [next(plan for plan in every if plan.count <= most) for most in (400, 200, 100, 50, 25)]
    assert all(len(plan.velocities) > 1 for plan in fitting)
    gaps = [int(max(np.diff(plan.keys))) for plan in fitting]
    assert gaps == sorted(gaps)


@settings(max_examples=30, deadline=None)
@given(midi_hz=st.floats(50, 2000), noise=st.floats(0, 0.05), seed=st.integers(0, 99))
def test_loops_run_on_without_a_click(midi_hz: float, noise: float, seed: int) -> None:
    t = np.arange(3 * RATE) / RATE
    rng = np.random.default_rng(seed)
    tone = 0.5 * np.sin(2 * np.pi * midi_hz * t) * np.exp(-0.2 * t) + 0.2 * np.sin(6 * np.pi * midi_hz * t + 1.0)
    audio = tone + noise * rng.standard_normal(len(t))
    out, (start, last) = looped(audio, midi_hz)
    round_again = np.concatenate([out[: last + 1], out[start : last + 1]])
    jump = np.abs(round_again[last + 1] - round_again[last])
    usual = np.max(np.abs(np.diff(audio[start - 2000 : start + 2000])))
    assert jump <= 1.01 * usual
    faded = round_again[last + 1 - round(FADE_S * RATE) : last + 1]
    assert np.sqrt(np.mean(faded**2)) == pytest.approx(np.sqrt(np.mean(audio[start : last + 1] ** 2)), rel=0.3)


def test_names_of_any_kind_go_into_every_format(tmp_path: Path) -> None:
    odd = 'my <knob> & "more" \x01 \u00e9 \u65e5 1'
    made = {odd: {"moves": {"brightness": [0.0, 3.0]}, "cc": 15, "short": "odd"}}
    patch = replace(PATCH, name=odd, controls=made, origin=replace(PATCH.origin, licence="\x00", pitches=(60.0, 61.0)))
    lanes = {odd: Lane((0.0, 1.0), (0.0, 1.0), ("linear", "hold"))}
    order = Order(patch, {**CONTROLLERS, odd: 15}, lanes, budget_mb=20.0)
    for name in export_formats():
        written(name, tmp_path, order)
    assert read_dawproject_lanes(tmp_path / "out.dawproject", patch.panel) == lanes
    rules = etree.XMLSchema(etree.parse(schemas() / "Project.xsd"))
    with zipfile.ZipFile(tmp_path / "out.dawproject") as archive:
        rules.assertValid(etree.fromstring(archive.read("project.xml")))
