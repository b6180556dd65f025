"""Commands around plugins, chains and stems: the words of a terminal in, files and sentences out."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import hosted
import mido
import numpy as np
import pytest
import soundfile
from playable import playable_patch
from some_patches import simple_patch

from backtune.chain_run import apply_chain
from backtune.cli import main
from backtune.patch_file import write_patch
from backtune.source import open_source

RATE = 44100
HEAVY = ("numpy", "scipy", "numba", "soundfile", "pedalboard", "mido", "yaml", "matplotlib")
COMMANDS = [["plugin", "scan"], ["plugin", "info"], ["sample"], ["stem"]]
COMMANDS += [["chain", one] for one in ("list", "show", "check", "run")]
SHORT = ("--keys", "C4:C5:6", "--velocities", "40,110", "--seconds", "0.3", "--release", "0.1")


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """Return a MIDI file of two tracks, one note of 0.5 s each."""
    file = mido.MidiFile()
    for channel, (name, key) in enumerate((("Low", 60), ("High", 72))):
        track = mido.MidiTrack([mido.MetaMessage("track_name", name=name)])
        track.append(mido.Message("note_on", note=key, velocity=90, channel=channel))
        track.append(mido.Message("note_off", note=key, time=480, channel=channel))
        file.tracks.append(track)
    file.save(tmp_path / "song.mid")
    write_patch(simple_patch(), tmp_path / "p.yaml")
    return tmp_path / "song.mid"


def run(*arguments: Any) -> int:
    """Run the program in this process; return its exit code."""
    return main([str(one) for one in arguments])


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_imports_nothing_heavy_and_shows_examples(command: list[str]) -> None:
    code = (
        "import sys; from backtune.cli import main; "
        f"code = main({[*command, '--help']!r}); "
        f"print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules]); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)
    assert "HEAVY []" in done.stdout
    assert "Examples" in done.stdout


MISTAKES: list[tuple[str, str]] = [
    ("plugin scan nowhere", "nowhere: no such folder"),
    ("plugin info none.vst3", "none.vst3: no such file"),
    ("plugin info p.yaml", "p.yaml: not a"),
    ("plugin scna", "no such command"),
    ("sample none.vst3 -o out", "none.vst3: no such file"),
    ("sample none.sf2:0:4 -o out", "none.sf2: no such file"),
    ("sample X -o out --set Atack=5", "did you mean 'Attack'?"),
    ("sample X -o out --set Attack", "NAME=VALUE"),
    ("sample X -o out --keys C5:C4", "runs downwards"),
    ("sample X -o out --velocities 0", "outside 1..127"),
    ("sample X -o out --seconds 0", "held longer than 0 s"),
    ("sample X -o out --rate 10", "rate: 10 Hz"),
    ("sample X -o out --preset none.vstpreset", "none.vstpreset: cannot be read"),
    ("sample X -o p.yaml", "the name of a folder is needed"),
    ("chain show tap", "did you mean 'tape'?"),
    ("chain check p.yaml", "p.yaml.backtune: unknown; allowed: chain, purpose"),
    ("chain check tape --rate 10", "rate: 10 Hz"),
    ("chain run tape none.wav -o wet.wav", "none.wav: no such file"),
    ("chain run tape p.yaml -o wet.wav", "cannot be read"),
    ("chain run tape dry.wav -o wet.mp4", "no sound format"),
    ("chain run tape dry.wav -o none/wet.wav", "the folder 'none' does not exist"),
    ("chain run tape dry.wav -o wet.wav --tail -1", "tail: -1 s"),
    ("stem song.mid --part 3=p.yaml -o out", "no part '3'"),
    ("stem song.mid --part p.yaml -o out", "PART=PATCH"),
    ("stem song.mid --part 1=none.yaml -o out", "none.yaml: cannot be read"),
    ("stem song.mid --part 1=p.yaml:tap -o out", "did you mean 'tape'?"),
    ("stem song.mid --part 1=p.yaml -o out --bits 20", "bits: 20"),
    ("stem song.mid --part 1=p.yaml -o out --lufs 3", "lufs: 3"),
    ("stem song.mid --part 1=p.yaml -o p.yaml", "the name of a folder is needed"),
    ("stem song.mid --part 1=p.yaml -o out --mix none/mix.wav", "the folder 'none' does not exist"),
    (
        "stem song.mid --part 1=p.yaml -o out --mix mix.flac",
        "mix.flac: the ending of the mix is '.flac'; allowed: .wav",
    ),
    ("stem song.mid --part 1=p.yaml -o out --mix out/01_Low.wav", "out/01_Low.wav: is where a stem is written"),
    ("stem song.mid --part 1=p.yaml -o out --session a.txt", "a.txt: a session ends with .dawproject"),
    ("stem p.yaml --part 1=p.yaml -o out", "not a readable Standard MIDI file"),
]


@pytest.mark.parametrize(("words", "told"), MISTAKES, ids=[words for words, _ in MISTAKES])
def test_a_mistake_gets_one_sentence(
    words: str, told: str, song: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    soundfile.write("dry.wav", np.zeros(100), RATE)
    before = {path for path in tmp_path.rglob("*") if "cache" not in path.parts}
    arguments = [str(hosted.made_plugin()) if one == "X" else one for one in words.split()]
    assert run(*arguments) == 2
    said = capsys.readouterr()
    assert told.lower() in said.err.lower()
    assert said.err.count("\n") == 1
    assert said.out == ""
    left = {path for path in tmp_path.rglob("*") if "cache" not in path.parts} - before
    assert not [path for path in left if path.is_file()]


def test_plugins_are_scanned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for bundle in (hosted.made_plugin(), hosted.made_plugin("HangsAtLoad", "LOAD_FAULT=2")):
        shutil.copytree(bundle, tmp_path / "plugins" / bundle.name)
    assert run("plugin", "scan", "plugins", "--load-limit", "0.5") == 0
    assert "1 of 2 plugins can be used" in capsys.readouterr().out
    assert run("plugin", "scan", "plugins", "--load-limit", "0.5", "--json") == 0
    assert [one["facts"] is None for one in json.loads(capsys.readouterr().out)] == [True, False]


def test_a_plugin_is_described(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("plugin", "info", hosted.made_plugin()) == 0
    assert "-60..6 dB\n" in capsys.readouterr().out
    assert run("plugin", "info", hosted.made_plugin(), "--json") == 0
    assert json.loads(capsys.readouterr().out)["parameters"]["Decay"]["high"] == 20.0


def test_a_plugin_that_crashes_is_a_failure_not_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("plugin", "info", hosted.made_plugin("CrashesAtLoad", "LOAD_FAULT=1")) == 1
    assert "crashed while loading" in capsys.readouterr().err
    assert run("sample", hosted.made_plugin(), "-o", "out", *SHORT, "--set", "Fault=1", "-q") == 1
    assert "crashed while rendering" in capsys.readouterr().err


def test_an_instrument_is_sampled_and_sampling_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    sampled = ("sample", hosted.made_plugin(), "-o", "out", *SHORT, "--set", "Gain=-20", "--set", "Attack=raw 0")
    assert run(*sampled) == 0
    assert "6 takes written; the instrument repeats itself" in capsys.readouterr().out
    takes = open_source("out").takes
    assert [(take.midi, take.velocity) for take in takes] == [(k, v) for k in (60, 66, 72) for v in (40, 110)]
    assert np.max(np.abs(takes[1].audio()[0])) < 0.05  # -20 dB of a quarter of full scale and its harmonics
    Path("out/066_Fs4_v040_1.flac").unlink()
    assert run(*sampled, "--json", "-q") == 0
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert (told["takes"], told["deterministic"]) == ({"written": 1, "kept": 5}, True)
    assert "out/066_Fs4_v040_1.flac" in [one["path"] for one in told["written"]]
    assert said.err == ""


def test_shipped_chains_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("chain", "list") == 0
    listed = capsys.readouterr().out.splitlines()
    assert max(map(len, listed)) <= 80
    names = [line.split()[0] for line in listed if not line.startswith(" ")]
    assert len(names) >= 8
    assert run("chain", "list", "--json") == 0
    assert list(json.loads(capsys.readouterr().out)) == names
    assert run("chain", "show", "tape") == 0
    Path("mine.yaml").write_text(capsys.readouterr().out, encoding="utf-8")
    assert run("chain", "check", "mine.yaml", "--json") == 0
    mine = json.loads(capsys.readouterr().out)
    assert run("chain", "check", "tape", "--json") == 0
    assert json.loads(capsys.readouterr().out) == mine


def test_a_sound_goes_through_a_chain_block_by_block(capsys: pytest.CaptureFixture[str]) -> None:
    from backtune.chain_file import open_chain

    dry = 0.1 * np.random.default_rng(3).standard_normal((30000, 2)).astype(np.float32)
    soundfile.write("dry.wav", dry, RATE, subtype="FLOAT")
    assert run("chain", "run", "slap_delay", "dry.wav", "-o", "wet.wav", "--tail", "0.5", "-q") == 0
    wet, rate = soundfile.read("wet.wav", dtype="float32")
    assert (rate, wet.shape) == (RATE, (30000 + RATE // 2, 2))
    expected = apply_chain(open_chain("slap_delay"), dry.T, RATE, 0.5)
    np.testing.assert_allclose(wet.T, expected, atol=2**-23)  # one step of 24 bits
    assert np.max(np.abs(wet[30000:])) > 1e-3
    assert capsys.readouterr().err == ""


def test_a_chain_that_is_too_loud_leaves_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Path("loud.yaml").write_text("chain: Loud\npurpose: Too much.\nslots:\n  - effect: gain\n    gain_db: 30\n")
    soundfile.write("dry.wav", 0.5 * np.ones(1000), RATE)
    assert run("chain", "run", "loud.yaml", "dry.wav", "-o", "wet.wav", "-q") == 1
    assert "above full scale" in capsys.readouterr().err
    assert sorted(path.name for path in Path().glob("*wet*")) == []


def test_automation_moves_a_chain() -> None:
    Path("g.yaml").write_text("chain: G\npurpose: A gain.\nslots:\n  - effect: gain\n    name: g\n    gain_db: 0\n")
    Path("a.csv").write_text("time_s,target,value\n0,g.gain_db,0\n1,g.gain_db,-40\n")
    soundfile.write("dry.wav", 0.5 * np.ones(RATE), RATE)
    assert run("chain", "run", "g.yaml", "dry.wav", "-o", "wet.wav", "--tail", "0", "--automation", "a.csv", "-q") == 0
    wet, _ = soundfile.read("wet.wav")
    assert 20 * np.log10(wet[RATE // 2, 0] / 0.5) == pytest.approx(-20, abs=0.5)


def test_automation_of_parts_is_refused_where_there_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.csv").write_text("time_s,part,target,value\n0,,reverb.mix,0\n0,Low,reverb.mix,1\n")
    soundfile.write("dry.wav", np.zeros(100), RATE)
    assert run("chain", "run", "concert_room", "dry.wav", "-o", "wet.wav", "--automation", "a.csv") == 2
    assert "a.csv line 3: reverb.mix of part 'Low'; a sound file has no parts" in capsys.readouterr().err


def test_stems_add_up_to_the_mix(song: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plugin = hosted.made_plugin()
    parts = ("--part", "1=p.yaml:tape", "--part", f"High={plugin}")
    form = ("--rate", RATE, "--bits", 16, "--tail", 0.5, "--lufs", -24)
    assert run("stem", song, *parts, "-o", "stems", "--mix", "stems/mix.wav", *form, "--json", "-q") == 0
    told = json.loads(capsys.readouterr().out)
    low, high, mix = (soundfile.read(f"stems/{n}.wav")[0] for n in ("01_Low", "02_High", "mix"))
    assert len(low) == len(high) == len(mix) == RATE
    assert np.max(np.abs(low + high - mix)) < 10 ** (-120 / 20)
    assert soundfile.info("stems/mix.wav").subtype == "PCM_16"
    assert told["mix"]["lufs"] == pytest.approx(-24, abs=0.2)


def test_a_song_is_not_written_over_by_its_tempo_map(song: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = song.rename("tempo.mid").read_bytes()
    assert run("stem", "tempo.mid", "--part", "Low=p.yaml", "-o", ".") == 2
    assert "tempo.mid: is the score" in capsys.readouterr().err
    assert Path("tempo.mid").read_bytes() == before


def test_a_stem_for_each_layer(song: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("stem", song, "--part", "Low=p.yaml", "-o", "stems", "--per-layer") == 0
    said = capsys.readouterr()
    assert "1 stems of" in said.out
    assert Path("stems/01_Low_tonal_core.wav").is_file()
    assert "Low tonal_core, frames: " in said.err


def test_layers_through_a_chain_that_is_not_linear_are_told(song: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_patch(playable_patch(), Path("p.yaml"))
    words = ("-o", "stems", "--per-layer", "--tail", 0.1, "-q")
    for chain, told in (("mastering", True), ("slap_delay", False)):
        assert run("stem", song, "--part", f"Low=p.yaml:{chain}", *words) == 0
        assert ("layers sent through one by one miss the whole by" in capsys.readouterr().out) == told


def test_a_plugin_is_saved_as_it_is_set(song: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plugin = hosted.made_plugin()
    assert run("plugin", "save", plugin, "--set", "Gain=-30", "-o", "soft.vstpreset") == 0
    assert run("plugin", "save", f"{plugin}@soft.vstpreset", "--set", "Attack=40 ms", "-o", "soft.state", "-q") == 0
    assert run("stem", song, "--part", f"High={plugin}@soft.state", "-o", "soft", "-q") == 0
    assert run("stem", song, "--part", f"High={plugin}", "-o", "plain", "-q") == 0
    soft, plain = (np.max(np.abs(soundfile.read(f"{one}/01_High.wav")[0])) for one in ("soft", "plain"))
    assert 20 * np.log10(soft / plain) == pytest.approx(-24, abs=1)
    assert run("plugin", "save", plugin, "-o", "none/soft.state") == 2


def test_automation_moves_a_part(song: Path) -> None:
    with Path("a.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["time_s", "part", "target", "value"], [0, "High", "Gain", -60]])
    part = ("--part", f"2={hosted.made_plugin()}", "--tail", "0.2", "-q")
    assert run("stem", song, *part, "-o", "plain") == 0
    assert run("stem", song, *part, "-o", "moved", "--automation", "a.csv") == 0
    plain, moved = (np.max(np.abs(soundfile.read(f"{one}/01_High.wav")[0])) for one in ("plain", "moved"))
    assert 20 * np.log10(moved / plain) == pytest.approx(-54, abs=1)
