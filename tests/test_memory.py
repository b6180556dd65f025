"""Memory: of a fit of a whole piano, and of a render of an hour, over all processes that take part."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from known_instrument import breath, core, known_patch
from proofs import Proof
from test_killed import song

from backtune.patch_file import write_patch

MOST_BYTES = 2e9  # of a fit of 226 takes, 22 minutes of audio
FLAT = 1.15  # of the memory that an hour may take beside six minutes: the score itself is ten times longer
LOOK_S = 0.5  # between two looks, each of which takes the kernel 50 ms for three processes of 0.3 GB
linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


def peak_bytes(*command: object) -> int:
    """Run the program; return the most memory that its processes held together, shared pages counted once."""
    whole = [sys.executable, "-m", "backtune", *map(str, command)]
    program = subprocess.Popen(whole, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0
    while program.poll() is None:
        peak = max(peak, sum(held_bytes(pid) for pid in family(program.pid)))
        time.sleep(LOOK_S)
    assert program.returncode == 0
    return peak


def family(pid: int) -> list[int]:
    """Return a process and all that it started, theirs too."""
    try:
        told = [path.read_text(encoding="utf-8") for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return []
    return [pid, *(one for text in told for child in text.split() for one in family(int(child)))]


def held_bytes(pid: int) -> int:
    """Return the proportional set size of a process."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return 0


@linux
@pytest.mark.nightly
@pytest.mark.skipif("BACKTUNE_RECORDINGS" not in os.environ, reason="BACKTUNE_RECORDINGS names the recordings")
def test_a_whole_piano_is_fitted_in_two_gigabytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    piano = Path(os.environ["BACKTUNE_RECORDINGS"]) / "piano"
    peak = peak_bytes("fit", piano, "--split", "all", "-o", tmp_path / "piano.yaml", "--jobs", 2)
    Proof("memory of a fit", 1, 1, int(peak < MOST_BYTES), f"226 takes in {peak / 1e6:.0f} MB, 2000 allowed").settle()


@linux
@pytest.mark.nightly
def test_an_hour_of_stems_takes_no_more_than_six_minutes(tmp_path: Path) -> None:
    patch = tmp_path / "patch.yaml"
    write_patch(known_patch(core(), breath()), patch)
    peaks = []
    for minutes in (6, 60):
        score = song(tmp_path / f"{minutes}.mid", 60.0 * minutes)
        parts = ["--part", f"1={patch}", "--part", f"2={patch}:concert_room"]
        peaks.append(peak_bytes("stem", score, *parts, "-o", tmp_path / f"{minutes}", "--lufs", "-30"))
    told = f"6 minutes in {peaks[0] / 1e6:.0f} MB, an hour in {peaks[1] / 1e6:.0f} MB"
    Proof("memory of an hour of stems", 2, 1, int(peaks[1] < FLAT * peaks[0]), told).settle()
