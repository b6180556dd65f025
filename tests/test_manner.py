"""How commands speak: as one JSON object that names every file written, quietly, without colours - all of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commands_tried import FITTING, LONGER, TELLING, WRITING, prepare
from hosted import made_plugin
from some_patches import simple_patch
from test_everyday import COMMANDS

from backtune.cli import main
from backtune.manner import Manner

TRIED = WRITING | LONGER | FITTING | TELLING
WITH_PLUGIN = {"plugin info": ["plugin", "info"], "plugin save": ["plugin", "save", "-o", "out.vstpreset"]}
ELSEWHERE = {"play", "fit-library"}  # wants a sound card; a cluster: tests/test_library_fit.py


def name_of(words: list[str]) -> str:
    """Return the command that words begin with."""
    return next(name for name in (" ".join(words[:2]), words[0]) if name in COMMANDS)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the commands need; they run in it, with caches of its own and a fit that is quick."""
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.chdir(prepare(place))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for where in ("workshop", "refit"):
        monkeypatch.setattr(f"backtune.{where}.fit_source", lambda *_, **__: simple_patch())
    return place


def files(place: Path) -> dict[str, tuple[int, int]]:
    """Return which file lies under which name in a folder, hidden ones too, by inode and size."""
    return {str(p.relative_to(place)): (p.stat().st_ino, p.stat().st_size) for p in place.rglob("*") if p.is_file()}


def test_every_command_is_tried() -> None:
    assert {name_of(words) for words in TRIED.values()} | set(WITH_PLUGIN) | ELSEWHERE == set(COMMANDS)


@pytest.mark.parametrize("name", TRIED)
def test_json_is_one_object_that_names_every_file_written(
    name: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(place)
    assert main([*TRIED[name], "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer != {}, "an empty answer"
    written = {name: size for name, (inode, size) in files(place).items() if before.get(name, (0, 0))[0] != inode}
    told = answer.get("written", []) if isinstance(answer, dict) else []
    assert {one["path"]: one["bytes"] for one in told} == written
    assert (name not in TELLING) == bool(written)
    assert "quiet" not in answer


@pytest.mark.parametrize("name", WITH_PLUGIN)
def test_commands_around_a_plugin_answer_too(name: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WITH_PLUGIN[name], str(made_plugin()), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [one["path"] for one in answer.get("written", [])] == sorted(files(place).keys() & {"out.vstpreset"})


@pytest.mark.parametrize("name", TRIED)
def test_quiet_leaves_stderr_empty_and_results_alone(
    name: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(TRIED[name]) == 0
    loud = capsys.readouterr()
    assert main([*TRIED[name], "-q"]) == 0
    quiet = capsys.readouterr()
    assert quiet.err == ""
    assert bool(quiet.out) == bool(loud.out)
    assert loud.out or loud.err


def test_files_that_workers_write_are_named(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["render", "p.yaml", "--index", "takes/index.csv", "-o", "out", "--jobs", "2", "--json", "--quiet"]
    assert main(words) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [one["path"] for one in answer["written"]] == sorted(str(one) for one in Path("out").iterdir())
    assert answer["files"] == len(answer["written"]) == 2


@pytest.mark.parametrize("words", [["explain", "none.yaml"], ["render", "p.yaml", "-o", "out.wav"], ["fit"]], ids=str)
def test_a_mistake_leaves_stdout_empty_and_is_told_though_quiet(
    words: list[str], place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--json", "--quiet"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("backtune")


def test_a_failure_that_was_found_is_answered_with_its_exit_code(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["refit", "p.yaml", "takes", "--check", "--json", "-q"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["same"] is False
    assert any("recordings are others" in sentence for sentence in answer["remarks"])


def test_silence_has_no_level(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "p.yaml", "--note", "C4", "--seconds", "0.01", "--mute", "tonal_core", "--mute", "breath",
                 "-o", "out.wav", "--json"]) == 0  # fmt: skip
    assert json.loads(capsys.readouterr().out)["peak_db"] is None


def test_what_was_found_as_a_list_stays_one_unless_files_were_written(tmp_path: Path) -> None:
    one = Manner(as_json=True, result=[1, 2], remarks=["r"])
    assert one.answer(None) == [1, 2]
    (tmp_path / "f").write_bytes(b"abc")
    told: Any = one.answer([tmp_path / "f"])
    assert told == {"found": [1, 2], "remarks": ["r"], "written": [{"path": str(tmp_path / "f"), "bytes": 3}]}
