"""Files made to harm, through the program as a user runs it: one sentence, nothing written, little memory, no hang."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from deprived import MOST_MB, run
from hostile import HOSTILE, Hostile
from proofs import Proof


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.name)
def test_a_hostile_file_is_refused_in_one_sentence_and_nothing_is_written(hostile: Hostile, tmp_path: Path) -> None:
    refused(hostile, tmp_path)


@pytest.mark.nightly
def test_all_hostile_files_are_refused(tmp_path: Path) -> None:
    recovered = 0
    for number, hostile in enumerate(HOSTILE):
        (tmp_path / str(number)).mkdir()
        try:
            refused(hostile, tmp_path / str(number), cold=True)
            recovered += 1
        except (AssertionError, subprocess.TimeoutExpired) as error:
            print(hostile.name, error)
    Proof("hostile files", len(HOSTILE), len(HOSTILE), recovered, f"each below {MOST_MB} MB of memory").settle()


def refused(hostile: Hostile, place: Path, cold: bool = False) -> None:
    """Open a hostile file in an empty folder; raise AssertionError unless it is refused as promised."""
    command = hostile.make(place)
    before = sorted(place.iterdir())
    answer = run(*command, cold=cold)
    assert re.search(hostile.told, answer.sentence, re.IGNORECASE)
    assert sorted(place.iterdir()) == before
