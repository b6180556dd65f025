"""Shipped patches: each one plays, names its source and licence, and stands for its file; the grammar reads them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from known_instrument import breath, core, known_patch

from backtune.cli import main
from backtune.grammar import grammar, grammar_text
from backtune.library import library
from backtune.patch import Patch, Step
from backtune.patch_file import dump_patch, read_patch
from backtune.shipped import shipped

NAMES = sorted(shipped("patches"))
MOST_BYTES = 150_000


def test_patches_come_with_the_program() -> None:
    assert {"sax", "flute"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_patch_names_source_and_licence(name: str) -> None:
    patch = read_patch(name)
    assert patch.origin.name
    assert patch.origin.licence
    assert patch.origin.takes > 0
    assert patch.record
    path = shipped("patches")[name]
    assert path.stat().st_size <= MOST_BYTES
    assert dump_patch(patch) == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_patch_sounds_over_its_range(name: str) -> None:
    patch = read_patch(name)
    low, high = patch.origin.pitches
    for midi in (low, (low + high) // 2, high):
        sound = patch.render(midi, 90, seconds=0.5)
        assert np.isfinite(sound).all()
        assert 0.003 < np.abs(sound).max() < 2.0


def test_a_name_stands_for_its_file_everywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "sax", "--note", "C4", "--seconds", "0.3", "-o", str(tmp_path / "c4.wav")]) == 0
    assert main(["explain", "sax"]) == 0
    assert "saxophone" in capsys.readouterr().out


def test_a_file_comes_before_a_shipped_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sax").write_text(dump_patch(known_patch(core())), encoding="utf-8")
    assert read_patch("sax").name == "known"


def test_a_misspelt_name_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "saxx"]) == 2
    assert "did you mean 'sax'?" in capsys.readouterr().err


def test_a_shipped_patch_is_not_edited_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    before = shipped("patches")["sax"].read_bytes()
    assert main(["edit", "sax", "--set", "release_s", "0.3"]) == 2
    assert "comes with backtune" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    assert main(["edit", "sax", "--set", "release_s", "0.3", "-o", str(tmp_path / "mine.yaml")]) == 0
    assert read_patch(tmp_path / "mine.yaml").layer("tonal_core").laws["release_s"]() == pytest.approx(0.3)
    assert shipped("patches")["sax"].read_bytes() == before


def test_patches_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["patches"]) == 0
    listed = capsys.readouterr().out
    assert main(["patches", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert sorted(told) == NAMES
    assert all(name in listed and told[name]["licence"] in listed for name in NAMES)


def _told(patch: Patch, *record: Step) -> Patch:
    return Patch(patch.name, patch.layers, struck=patch.struck, record=record)


def test_grammar_counts_families_and_gains() -> None:
    airy = _told(
        known_patch(core(), breath()),
        Step("add", "breath", "wins", gain_db=0.9),
        Step("refuse", "breath", "later", gain_db=0.1),
    )
    airier = _told(known_patch(core(), breath()), Step("add", "breath", "wins", gain_db=0.5))
    plain = _told(
        Patch("struck", (core(),), struck=True),
        Step("refuse", "breath", "no", gain_db=0.01),
        Step("decline", "drift", "steady"),
    )
    found = grammar({"a": airy, "b": airier, "c": plain})
    words = {word.kind: word for word in found.words}
    assert set(words) == set(library())
    assert found.words[0].kind == "tonal_core"
    assert words["breath"].has == ("a", "b")
    assert words["breath"].families == {"struck": 0, "sustained": 2}
    assert words["breath"].gains_db == {"a": 0.9, "b": 0.5}
    assert words["breath"].refused == ("c",)
    assert words["drift"].declined == ("c",)
    row = next(line for line in grammar_text(found).splitlines() if line.startswith("breath"))
    assert "+0.70 dB" in row
    assert "+0.50..+0.90" in row


def test_grammar_of_a_folder_and_of_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(dump_patch(known_patch(core())), encoding="utf-8")
    assert main(["grammar", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["families"]["sustained"] == ["one", "two"]
    assert main(["grammar", str(tmp_path / "one.yaml"), "sax"]) == 0
    assert "2 instruments" in capsys.readouterr().out
    (tmp_path / "empty").mkdir()
    assert main(["grammar", str(tmp_path / "empty")]) == 2
    assert "no patch" in capsys.readouterr().err
