"""A full disk, a closed folder, a file that may not be read: one sentence, and what was there stays."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from commands_tried import WRITING, prepare
from deprived import contents, run
from proofs import Proof

from backtune.cli import build

pytestmark = pytest.mark.skipif(os.name != "posix", reason="limits and permissions of POSIX systems")
SMALL = 200  # bytes that a file may have: less than everything the commands write


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the commands need; they run in it."""
    monkeypatch.chdir(prepare(tmp_path))
    return tmp_path


def test_every_command_that_writes_is_tried() -> None:
    known = {name.split()[0] for name in WRITING}
    elsewhere = {
        "fit",
        "refit",
        "fit-library",
        "demo",
        "sample",
        "prune",
    }  # the same writer, hours or plugins before it
    app = build()
    commands = [one.name or one.callback.__name__ for one in app.registered_commands if one.callback]
    writing = {name for name, one in zip(commands, app.registered_commands, strict=True) if _writes(one.callback)}
    assert writing <= known | elsewhere


def _writes(callback: object) -> bool:
    return "output" in getattr(callback, "__annotations__", {})


@pytest.mark.parametrize("name", WRITING)
def test_a_full_disk_is_one_sentence_and_what_was_there_stays(name: str, place: Path) -> None:
    fill_the_disk(name, place, SMALL)


@pytest.mark.nightly
def test_a_disk_that_fills_up_at_any_byte_harms_nothing(place: Path) -> None:
    tried = recovered = 0
    for name in WRITING:
        for most in (0, 44, 199, *within(name, place)):  # nothing, a header, a header and a little...
            tried += 1
            try:
                fill_the_disk(name, place, most, cold=True)
                recovered += 1
            except AssertionError as error:
                print(name, most, error)
    told = "every command that writes, full at its beginning, half-way and at its last byte; what was there stays"
    Proof("disks that are full", tried, tried, recovered, told).settle()


def within(name: str, place: Path) -> tuple[int, ...]:
    """Return half the length of the one file that a command writes, and all of it but one byte; () of a folder."""
    out = place / WRITING[name][WRITING[name].index("-o") + 1]
    if not out.suffix:
        return ()
    assert run(*WRITING[name]).code == 0
    size = out.stat().st_size
    out.unlink()
    return size // 2, size - 1


def fill_the_disk(name: str, place: Path, most_bytes: int, cold: bool = False) -> None:
    """Run a command that may write so many bytes a file; raise AssertionError unless nothing has changed."""
    out = place / WRITING[name][WRITING[name].index("-o") + 1]
    if out.suffix:
        out.write_bytes(b"as it was")
    before = contents(place)
    numba = os.environ.get("NUMBA_CACHE_DIR", "")
    answer = run(*WRITING[name], file_bytes=most_bytes, cold=cold, NUMBA_CACHE_DIR=numba)
    assert re.search("too large|cannot be (read or )?written", answer.sentence)
    assert contents(place) == before


@pytest.mark.parametrize("name", ["render wav", "stem", "edit", "export csv", "plot", "chain run"])
def test_a_folder_that_may_not_be_written_is_one_sentence(name: str, place: Path) -> None:
    command = list(WRITING[name])
    target = command.index("-o") + 1
    closed = place / "closed"
    closed.mkdir()
    command[target] = f"closed/{command[target]}"
    closed.chmod(0o555)
    try:
        answer = run(*command, stripped=True)
    finally:
        closed.chmod(0o755)
    assert "closed" in answer.sentence
    assert contents(closed) == {}


@pytest.mark.parametrize(
    "command",
    [
        ["explain", "p.yaml"],
        ["render", "q.yaml", "s.mid", "-o", "out.wav"],
        ["chain", "run", "tape", "C4.wav", "-o", "out.wav"],
        ["fit", "takes", "-o", "out.yaml"],
    ],
    ids=" ".join,
)
def test_a_file_that_may_not_be_read_is_one_sentence(command: list[str], place: Path) -> None:
    for name in ("p.yaml", "s.mid", "C4.wav", "takes/index.csv"):
        (place / name).chmod(0)
    answer = run(*command, stripped=True)
    assert "permission denied" in answer.sentence.lower() or "not readable" in answer.sentence
    assert not list(place.glob("out*"))


def test_a_result_that_cannot_be_printed_is_one_sentence(place: Path) -> None:
    import subprocess
    import sys

    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "backtune", "explain", "p.yaml"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "the result cannot be written" in done.stderr
