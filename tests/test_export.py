"""Exports: every format is read by another program's reader."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile
from exported import CONTROLLERS, LANES, ORDER, PANEL, PATCH, schemas, session, song, stem, written
from hosted import made_plugin, sound_font
from lxml import etree

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
from backtune.scala import read_kbm, read_scl
from backtune.score_notes import score_notes


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


@pytest.mark.parametrize("name", ["equal", "werckmeister3", "just"])
def test_scala_files_read_back_are_the_tuning(tmp_path: Path, name: str) -> None:
    path = written("scl", tmp_path, replace(ORDER, patch=PATCH.with_controls(temperament=name)))
    scale, keys = read_scl(path), read_kbm(path.with_suffix(".kbm"))
    np.testing.assert_allclose(scale.cents, tuning_of(name).scale.cents, atol=1e-5)
    assert keys.reference_hz == pytest.approx(440.0)
    again = tuning_of(f"{path}+{path.with_suffix('.kbm')}")
    for key in range(21, 109):
        assert again.pitch(key) == pytest.approx(tuning_of(name).pitch(key), abs=1e-6)


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


@pytest.mark.parametrize(
    ("ending", "subtype", "kind"),
    [
        (".wav", None, "WAVE"),
        (".aiff", None, "WAVE"),
        (".flac", None, "FLAC"),
        (".ogg", "VORBIS", "VORBIS"),
        (".ogg", "OPUS", "OPUS"),
        (".mp3", None, "MP3"),
    ],
)
def test_a_reaper_project_names_the_decoder_of_each_stem(
    tmp_path: Path, ending: str, subtype: str | None, kind: str
) -> None:
    path = tmp_path / f"a{ending}"
    soundfile.write(path, np.zeros(4800), 48000, subtype=subtype)
    assert f"      <SOURCE {kind}\n" in written("reaper", tmp_path, replace(ORDER, stems=(path,))).read_text()


def test_a_stem_that_no_reaper_project_can_play_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.au", np.zeros(4800), 48000)
    with pytest.raises(InputError, match="allowed in a REAPER project: WAV, AIFF, FLAC, Ogg, MP3"):
        written("reaper", tmp_path, replace(ORDER, stems=(tmp_path / "a.au",)))


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
