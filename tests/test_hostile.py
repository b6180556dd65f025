"""Files made to harm, through the program as a user runs it: one sentence, nothing written, little memory, no hang."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from deprived import run
from hostile import HOSTILE, Hostile


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.name)
def test_a_hostile_file_is_refused_in_one_sentence_and_nothing_is_written(hostile: Hostile, tmp_path: Path) -> None:
    command = hostile.make(tmp_path)
    before = sorted(tmp_path.iterdir())
    answer = run(*command)
    assert re.search(hostile.told, answer.sentence, re.IGNORECASE)
    assert sorted(tmp_path.iterdir()) == before
