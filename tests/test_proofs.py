"""The table of nightly proofs: rows written, summed, and a loss is a failure."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from proofs import FOLDER, Proof, not_done, rows, table

TABLE = Path(__file__).parent.parent / "ci" / "proofs.py"


def printed(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, TABLE, folder], capture_output=True, text=True, check=False)


def test_rows_are_collected_and_summed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    first = Proof("kill -9 during a fit", inputs=50, faults=50, recovered=50, note="same bytes")
    second = Proof("damaged patches", inputs=2000, faults=1200, recovered=1200)
    first.settle()
    second.settle()
    assert rows(tmp_path) == [second, first]
    assert table(rows(tmp_path)).splitlines()[-1].split() == ["total", "2,050", "1,250", "1,250", "0"]
    assert printed(tmp_path).returncode == 0
    not_done("dependencies audited", "no database answers")
    said = printed(tmp_path)
    assert "dependencies audited  NOT DONE: no database answers" in said.stdout
    assert "2 of 3 proofs done" in said.stdout
    assert said.returncode == 0


def test_what_is_lost_fails_the_proof_and_the_night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    with pytest.raises(AssertionError, match="1 of 3 faults"):
        Proof("a worker killed", inputs=3, faults=3, recovered=2).settle()
    done = printed(tmp_path)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-2].split()[-1] == "1"


def test_nothing_tried_is_no_proof(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    not_done("dependencies audited", "no database answers")
    assert printed(tmp_path).returncode == 1
    with pytest.raises(AssertionError, match="nothing was tried"):
        Proof("empty", inputs=0, faults=0, recovered=0).settle()
    assert printed(tmp_path).returncode == 1
