"""Commands of controls, exports and divergence: from a fitted patch to a session, as a user types it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile
from playable import playable_patch

from backtune.automation_file import beat_clock
from backtune.cli import main
from backtune.control import Control
from backtune.controller_map import OWN, controllers_for, preset_maps, read_map
from backtune.controls.temperament import tuning_of
from backtune.errors import InputError
from backtune.export_format import export_formats
from backtune.panel import common_controls
from backtune.patch_file import read_patch, write_patch
from backtune.scala import write_kbm, write_scl
from backtune.song import Song
from backtune.temperaments import SCALES, temperament
from backtune.tuning import KeyMap
from backtune.whole_file import read_whole


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_patch(playable_patch(), tmp_path / "piano.yaml")
    file = mido.MidiFile(ticks_per_beat=480)
    notes = [mido.Message("note_on", note=60, velocity=90), mido.Message("note_off", note=60, time=480)]
    sent = [mido.Message("control_change", control=74, value=127, time=0)]
    file.tracks.append(mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=1_000_000), *sent, *notes]))
    file.save(tmp_path / "song.mid")
    mute = [one for one in file.tracks[0] if one not in notes]
    mido.MidiFile(tracks=[mido.MidiTrack(mute)]).save(tmp_path / "mute.mid")
    (tmp_path / "moves.csv").write_text("beats,control,value,curve\n0,brightness,-6,smooth\n1,brightness,6,hold\n")
    return tmp_path


def run(line: str) -> int:
    return main(line.split())


def test_commands_from_a_patch_to_a_session(here: Path) -> None:
    for line in (
        "control piano.yaml brightness=2 temperament=werckmeister3 -o mine.yaml",
        "control mine.yaml --make warmth --move brightness=0..-4 --move tonal_core.attack_s=1..2 -o mine.yaml",
        "control mine.yaml warmth=0.5 -o mine.yaml",
        "render mine.yaml song.mid --automation moves.csv --write-automation moves.mid --rate 16000 -o song.wav",
        "export mine.yaml -o mine.csv",
        "export mine.yaml --format midnam --map daw_remote -o mine.midnam",
        "export mine.yaml --song song.mid --automation moves.csv --stem song.wav --chain radio -o song.dawproject",
        "render mine.yaml song.mid --automation song.dawproject --rate 16000 -o again.wav",
        "vary mine.yaml --seed 4 --amount 0.2 --count 3 -o many",
        "morph mine.yaml many/mine_1.yaml --amount 0.3 -o between.yaml",
        "graft piano.yaml --layer breath --into mine.yaml -o grafted.yaml",
    ):
        assert run(line) == 0, line
    mine = read_patch("mine.yaml")
    assert (mine.controls["brightness"], mine.controls["temperament"]) == (2.0, "werckmeister3")
    assert mine.controls["warmth"]["value"] == 0.5
    one, again = soundfile.read("song.wav")[0], soundfile.read("again.wav")[0]
    assert np.max(np.abs(one - again)) < 0.02 * np.max(np.abs(one))  # smooth ways became 10 ms lines
    assert len(list(Path("many").iterdir())) == 3
    assert [one["how"] for one in read_patch("between.yaml").origin.options["made"]] == ["morph"]
    with zipfile.ZipFile("song.dawproject") as archive:
        assert set(archive.namelist()) == {"project.xml", "metadata.xml", "audio/01_song.wav"}


def test_a_song_is_read_once_by_all_who_play_it(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    monkeypatch.setattr("backtune.midi.read_whole", lambda path, *how: (read.append(path), read_whole(path, *how))[1])
    for moved in ("", " --map daw_remote", " --automation moves.csv"):
        assert run(f"render piano.yaml song.mid{moved} --rate 16000 -o song.wav") == 0
    assert read == [Path("song.mid")] * 3


def test_the_table_of_controls_shows_where_they_stand(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("control piano.yaml brightness=2 -o mine.yaml")
    assert run("control mine.yaml") == 0
    out = capsys.readouterr().out
    assert "* brightness" in out
    assert "CC74" in out
    assert run("control mine.yaml --json") == 0
    facts = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert facts["brightness"]["value"] == 2.0
    assert run("control mine.yaml --reset -o mine.yaml") == 0
    assert read_patch("mine.yaml").controls == {}
    assert run("control sax individuality_amount=1 brightness=2 -o mine.yaml") == 0
    assert run("control mine.yaml --reset level=-3 -o mine.yaml") == 0
    assert read_patch("mine.yaml").controls == {**read_patch("sax").controls, "level": -3.0}


def test_commands_name_what_they_moved_and_nothing_else(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for line, told in (
        ("control sax brightness=2 brightness=3 -o mine.yaml", "mine.yaml: brightness set"),
        ("control mine.yaml --make warmth --move level=0..-3 warmth=1 -o mine.yaml", "mine.yaml: warmth set"),
        ("control mine.yaml --make cold --move level=0..3 attack=2 -o mine.yaml", "mine.yaml: cold, attack set"),
        ("control mine.yaml --reset -o back.yaml", "back.yaml: all as fitted"),
        ("control mine.yaml --reset level=-3 -o back.yaml", "back.yaml: all as fitted, level set"),
        ("vary mine.yaml --amount 0 --count 1 -o many", "many/mine_1.yaml: nothing moved"),
    ):
        assert run(line) == 0
        assert capsys.readouterr().err.splitlines()[-1] == told
    assert run("vary mine.yaml --count 1 -o many") == 0
    told = dict(one.rsplit(" ", 1) for one in capsys.readouterr().err.strip().partition(": ")[2].split(", "))
    before, after = read_patch("mine.yaml").panel, read_patch("many/mine_1.yaml").panel
    assert set(told) == {name for name in after.controls if after.value(name) != before.value(name)}
    assert "individuality_amount" not in told


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("control piano.yaml brightnes=2 -o x.yaml", "did you mean 'brightness'"),
        ("control piano.yaml brightness=20 -o x.yaml", "20 is above the allowed 9 dB/octave"),
        ("control piano.yaml brightness=2", "-o FILE is needed"),
        ("control piano.yaml -o x.yaml", "no change given for x.yaml; one of NAME=VALUE, --make, --reset is needed"),
        ("control piano.yaml brightness -o x.yaml", "NAME=VALUE"),
        ("control piano.yaml --make a --move brightness=3 -o x.yaml", "LOW..HIGH"),
        ("control piano.yaml --make a -o x.yaml", "--move"),
        ("control piano.yaml --make a --move level=0..-3 --move level=0..3 -o x.yaml", "level is given twice"),
        ("control piano.yaml --make a --move brightness=0..-12 -o x.yaml", "controls.a: brightness: -12 is outside"),
        ("control piano.yaml --make a --move tonal_core.attack_s=1..900 -o x.yaml", "27 is above the allowed 2 s"),
        ("export piano.yaml -o x.doc", "no format has this ending"),
        (
            "export piano.yaml --song song.mid -o x.csv",
            "--song: csv files have no place for it; allowed with dawproject",
        ),
        ("export piano.yaml --budget 1 -o x.mid", "--budget: mid files have no place for it; allowed with sfz"),
        (
            "export piano.yaml --chain radio -o x.rpp",
            "--chain: reaper files have no place for it; allowed with dawproj",
        ),
        ("export piano.yaml --automation moves.csv -o x.sfz", "--automation: sfz files have no place for it; allowed"),
        ("export piano.yaml --stem a.wav -o x.json", "--stem: json files have no place for it; allowed with"),
        ("export piano.yaml --map novation -o x.csv", "no controller map"),
        ("render piano.yaml --note C4 --set bright=1 -o x.wav", "no control of this patch"),
        ("render piano.yaml --note C4 --automation piano.yaml -o x.wav", "automation ends with .csv"),
        ("render piano.yaml --note C4 --write-automation x.csv -o x.wav", "nothing moves"),
        ("render piano.yaml --note 60.5 --automation moves.csv -o x.wav", "between keys"),
        ("render piano.yaml mute.mid -o x.wav", "mute.mid: holds no note"),
        ("compare piano.yaml . -o song.mid", "'song.mid' is a file; the name of a folder is needed"),
        ("render piano.yaml --index . -o song.mid", "'song.mid' is a file; the name of a folder is needed"),
        ("morph piano.yaml piano.yaml --amount 2 -o x.yaml", "outside 0..1"),
        ("graft piano.yaml --layer breth --into piano.yaml -o x.yaml", "did you mean 'breath'"),
        ("vary piano.yaml --count 0 -o many", "outside 1..1000"),
    ],
)
def test_mistakes_are_told_in_one_sentence_and_nothing_is_written(
    here: Path, capsys: pytest.CaptureFixture[str], line: str, message: str
) -> None:
    before = set(here.iterdir())
    assert run(line) == 2
    assert message in capsys.readouterr().err
    assert set(here.iterdir()) == before


@pytest.mark.parametrize(
    "line",
    [
        "export piano.yaml --song song.mid --automation moves.csv -o song.mid",
        "export piano.yaml --format csv -o piano.yaml",
        "render piano.yaml song.mid --automation moves.csv --write-automation song.mid -o x.wav",
        "render piano.yaml --note C4 --automation moves.csv --write-automation moves.csv -o x.wav",
        "report piano.yaml --note C4 -o piano.yaml",
        "fit song.mid -o song.mid",
    ],
)
def test_what_a_command_reads_is_not_written_over(here: Path, capsys: pytest.CaptureFixture[str], line: str) -> None:
    before = {path: path.read_bytes() for path in here.iterdir()}
    assert run(line) == 2
    assert ": is read by the same command and would be lost" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in here.iterdir()} == before


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("missing.scl", "'missing.scl' is not there; a name or a file .scl, .kbm or .scl+.kbm is needed"),
        ("a.scl,a.kbm", "'a.scl,a.kbm' is not there"),
        ("a.scl+missing.kbm", "'missing.kbm' is not there"),
        ("a.kbm+a.scl", "'a.kbm+a.scl'; a file .scl, .kbm or .scl+.kbm is needed"),
        ("broken.scl", "broken.scl, line 3: 'twelve' is neither cents"),
    ],
)
def test_a_temperament_that_cannot_be_played_is_refused_where_it_is_set(
    here: Path, capsys: pytest.CaptureFixture[str], value: str, message: str
) -> None:
    write_scl("a.scl", SCALES["just"])
    write_kbm("a.kbm", KeyMap())
    Path("broken.scl").write_text("x\n1\ntwelve\n")
    for line in ("control piano.yaml {} -o x.yaml", "render piano.yaml --set {} --note C4 -o x.wav"):
        assert run(line.format(f"temperament={value}")) == 2
        assert message in capsys.readouterr().err
    assert not Path("x.yaml").exists()
    assert run("control piano.yaml temperament=a.scl+a.kbm -o x.yaml") == 0
    assert run("control x.yaml") == 0
    assert "or a file .scl, .kbm or .scl+.kbm)" in capsys.readouterr().out


def test_a_patch_finds_its_temperament_from_any_folder_and_in_any_it_is_written_to(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("scales", "other"):
        Path(folder).mkdir()
    write_scl("scales/just.scl", SCALES["just"])
    write_scl("other/t.scl", SCALES["meantone"])
    assert run("control piano.yaml temperament=scales/just.scl -o t.yaml") == 0
    assert "temperament: scales/just.scl" in Path("t.yaml").read_text()
    monkeypatch.chdir(here / "other")
    assert run("control ../t.yaml brightness=1 -o moved.yaml") == 0  # other than where its file lies: absolute
    assert run("control moved.yaml level=-3 -o ../back.yaml") == 0
    assert run("control ../piano.yaml temperament=t.scl -o ../t2.yaml") == 0
    assert run("vary ../t.yaml --count 1 -o many") == 0
    monkeypatch.chdir(here / "scales")
    assert "temperament: scales/just.scl" in Path("../back.yaml").read_text()
    assert "temperament: other/t.scl" in Path("../t2.yaml").read_text()
    for patch, pitch in (
        ("t", "just"),
        ("other/moved", "just"),
        ("back", "just"),
        ("other/many/t_1", "just"),
        ("t2", "meantone"),
    ):
        value = read_patch(f"../{patch}.yaml").panel.value("temperament")
        assert tuning_of(str(value)).pitch(64) == pytest.approx(temperament(pitch).pitch(64), abs=1e-6)
    assert run("render ../t.yaml --note C4 --seconds 0.2 -o t.wav") == 0


def test_controllers_of_a_song_move_controls_only_by_a_map(here: Path) -> None:
    run("render piano.yaml song.mid --rate 16000 -o plain.wav")
    run("render piano.yaml song.mid --map general_midi --rate 16000 -o mapped.wav")
    run("render piano.yaml song.mid --set brightness=9 --rate 16000 -o bright.wav")
    plain, mapped, bright = (soundfile.read(f"{name}.wav")[0] for name in ("plain", "mapped", "bright"))
    assert not np.allclose(plain, mapped, atol=1e-3)
    np.testing.assert_allclose(mapped, bright, atol=1e-4)


@pytest.mark.parametrize("name", sorted(preset_maps()))
def test_every_shipped_map_moves_controls_that_exist_each_by_its_own_controller(name: str) -> None:
    found = read_map(name)
    assert found.sentence
    assert set(found.controllers) <= set(common_controls())
    assert len(set(found.controllers.values())) == len(found.controllers)
    reserved = {6, 7, 11, 38, 64, 66, 67, 98, 99, 100, 101}  # these the player itself obeys
    assert not reserved & set(found.controllers.values())


def test_maps_of_a_player_are_checked(tmp_path: Path) -> None:
    panel = playable_patch().panel
    assert controllers_for(panel, OWN)["brightness"] == 74
    assert isinstance(panel.controls["brightness"], Control)
    path = tmp_path / "mine.yaml"
    for text, message in (
        ("name: x\ncontrollers: {brightnes: 3}\n", "did you mean 'brightness'"),
        ("name: x\ncontrollers: {brightness: 3, attack: 3}\n", "moves brightness already"),
        ("name: x\ncontrollers: {brightness: 120}\n", "above the allowed 119"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=message):
            controllers_for(panel, str(path))
    path.write_text("name: x\ncontrollers: {resonance: 3, attack: 4}\n")  # this one has no resonance
    assert controllers_for(panel, str(path)) == {"attack": 4}


def test_beats_follow_the_tempo_map_of_the_song(tmp_path: Path) -> None:
    file = mido.MidiFile(ticks_per_beat=480)
    slow, fast = mido.MetaMessage("set_tempo", tempo=1_000_000), mido.MetaMessage("set_tempo", tempo=250_000, time=960)
    file.tracks.append(mido.MidiTrack([slow, fast, mido.MetaMessage("end_of_track", time=960)]))
    file.save(tmp_path / "a.mid")
    clock = beat_clock(Song(tmp_path / "a.mid"))
    assert [clock(beat) for beat in (0.0, 1.0, 2.0, 3.0, 8.0)] == [0.0, 1.0, 2.0, 2.25, 3.5]
    assert beat_clock(None)(4.0) == 2.0


def test_help_names_every_format(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    run("export --help")
    out = capsys.readouterr().out
    assert all(name in out for name in export_formats())
