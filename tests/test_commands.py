"""The commands of the spine: what each plays, prints and writes."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import mido
import numpy as np
import pytest
import soundfile
import yaml
from fakes import folder
from program import run
from some_patches import simple_patch

from backtune.fit_plan import FitPlan, Watch
from backtune.patch_file import read_patch


def test_render_plays_a_note(patch: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = patch.parent / "c4.wav"
    assert run("render", patch, "--note", "C4", "--velocity", 90, "--seconds", 1.5, "-o", out) == 0
    audio, rate = soundfile.read(out)
    assert (rate, len(audio)) == (44100, 66150)
    spectrum = np.abs(np.fft.rfft(audio))
    peak = np.argmax(spectrum) * rate / len(audio)
    assert min(abs(peak - n * 261.63) for n in (1, 2, 3, 4)) < 3
    said = capsys.readouterr()
    assert said.out == ""
    assert "c4.wav: 1.50 s, peak -" in said.err


def test_a_chord_is_the_sum_of_its_notes(patch: Path) -> None:
    place, parts = patch.parent, []
    for note in ("C4", "E4", "C4 E4"):
        assert run("render", patch, "--chord", note, "--seconds", 1, "-q", "-o", place / "x.wav") == 0
        parts.append(soundfile.read(place / "x.wav")[0])
    np.testing.assert_allclose(parts[0] + parts[1], parts[2], atol=1e-4)


def test_a_muted_only_layer_leaves_silence_and_solo_leaves_all(patch: Path) -> None:
    place = patch.parent
    levels = {}
    for option in ("--mute", "--solo"):
        assert run("render", patch, "--note", "C4", "--seconds", 1, option, "tonal_core", "-o", place / "x.wav") == 0
        levels[option] = np.max(np.abs(soundfile.read(place / "x.wav")[0]))
    assert levels["--mute"] == 0
    assert levels["--solo"] > 0.01


def test_a_scale_rises(patch: Path) -> None:
    assert run("render", patch, "--scale", "C4-C5", "-o", patch.parent / "s.wav") == 0
    audio, rate = soundfile.read(patch.parent / "s.wav")
    assert len(audio) == round((8 * 0.4 + 1.0) * rate)


def test_a_midi_file_is_played(patch: Path) -> None:
    song = mido.MidiFile()
    track = mido.MidiTrack()
    song.tracks.append(track)
    track.append(mido.Message("note_on", note=60, velocity=90, time=480))
    track.append(mido.Message("note_off", note=60, time=480))
    song.save(patch.parent / "song.mid")
    assert run("render", patch, patch.parent / "song.mid", "-o", patch.parent / "song.wav") == 0
    assert run("render", patch, patch.parent / "song.mid", "--jobs", 2, "-o", patch.parent / "two.wav") == 0
    assert (patch.parent / "song.wav").read_bytes() == (patch.parent / "two.wav").read_bytes()
    audio, rate = soundfile.read(patch.parent / "song.wav")
    assert np.max(np.abs(audio[: round(0.4 * rate)])) < 1e-6
    assert np.max(np.abs(audio[round(0.5 * rate) : rate])) > 0.01


def test_rows_are_rendered_under_their_names(patch: Path) -> None:
    takes, out = folder(patch.parent / "t", [60.0, 62.0], [40.0, 100.0]), patch.parent / "out"
    assert run("render", patch, "--index", takes / "index.csv", "--split", "test", "-o", out, "-q") == 0
    assert len(list(out.glob("*.flac"))) == 2


def test_explain_prints_text_or_json(patch: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("explain", patch) == 0
    assert "tonal_core" in capsys.readouterr().out
    assert run("explain", patch, "--json") == 0
    assert json.loads(capsys.readouterr().out)["name"] == "old upright"
    assert run("explain", patch, "--layer", "tonal_core", "--json") == 0
    assert json.loads(capsys.readouterr().out)["laws"]["release_s"]["values"] == 0.2
    assert run("explain", patch, "--growth", "--json") == 0
    assert [step["action"] for step in json.loads(capsys.readouterr().out)] == ["core", "refuse"]
    assert run("explain", patch, "--growth") == 0
    assert "cannot" not in capsys.readouterr().err


def test_the_printed_schema_accepts_the_patch(patch: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("schema") == 0
    schema = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(patch.read_text(encoding="utf-8")))


def test_compare_prints_and_writes(patch: Path, capsys: pytest.CaptureFixture[str]) -> None:
    takes, out = folder(patch.parent / "t", [60.0, 62.0], [40.0, 100.0]), patch.parent / "out"
    assert run("compare", patch, takes, "--split", "test", "-o", out, "--pairs", 1, "--jobs", 1, "--json") == 0
    said = capsys.readouterr()
    assert json.loads((out / "comparison.json").read_text(encoding="utf-8")).items() <= json.loads(said.out).items()
    assert len(list((out / "listen").iterdir())) == 2
    assert "2 of 4 rows have split=test" in said.err


@pytest.mark.parametrize("options", [("--keys", "C4"), ("--velocities", "64"), ("--against", "x.sf2", "--match-level")])
def test_compare_takes_no_option_that_would_do_nothing(
    patch: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    takes = folder(patch.parent / "t", [60.0, 62.0], [40.0, 100.0])
    assert run("compare", patch, takes, *options) == 2
    assert re.search(r"--keys, --velocities: recordings|--match-level.*both are told", capsys.readouterr().err)


def test_lists_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    for command, word in (("layers", "tonal_core"), ("sources", "folder_index"), ("corpora", "ixox-flute")):
        assert run(command) == 0
        assert word in capsys.readouterr().out
        assert run(command, "--json") == 0
        assert word in json.dumps(json.loads(capsys.readouterr().out))


def test_fit_writes_the_patch_and_tells_its_story(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def fitted(source: Any, plan: FitPlan, *, watch: Watch, **_: Any) -> Any:
        asked.update(plan=plan, takes=len(source.takes))
        watch.progress("listening", 1, 1)
        return replace(simple_patch(), name="fitted")

    monkeypatch.setattr("backtune.workshop.fit_source", fitted)
    takes = folder(tmp_path / "t", [60.0, 62.0], [40.0, 100.0])
    assert run("fit", takes, "-o", tmp_path / "p.yaml", "--seed", 7, "--budget", 80) == 0
    assert asked == {"plan": FitPlan(seed=7, budget_bytes=80_000), "takes": 2}
    assert read_patch(tmp_path / "p.yaml").name == "fitted"
    said = capsys.readouterr()
    assert said.out.startswith("fitted: 1 layer")
    assert "listening: 1 done" in said.err
    assert run("fit", takes, "-o", tmp_path / "p.yaml", "--quiet", "--split", "all") == 0
    assert capsys.readouterr().err == ""
    assert asked["takes"] == 4
