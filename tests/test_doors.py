"""Files that are wrong in any way: every door refuses them or reads them; a short run of what the night does."""

from __future__ import annotations

from pathlib import Path

import pytest
from doors import DOORS, Door
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from backtune.errors import BacktuneError

SOME = settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), phases=set(Phase) - {Phase.explain}
)


@st.composite
def damaged(draw: st.DrawFn, door: Door) -> bytes:
    """Draw a true file of that kind with up to eight damages: bytes changed, cut out, repeated, words put in."""
    data = bytearray(draw(st.sampled_from(door.seeds)))
    pieces = st.binary(max_size=8) | (st.sampled_from(door.words) if door.words else st.nothing())
    for _ in range(draw(st.integers(0, 8))):
        start = draw(st.integers(0, len(data)))
        stop = min(len(data), start + draw(st.sampled_from([0, 0, 1, 2, 4, 30, 10**6])))
        data[start:stop] = draw(pieces) if draw(st.booleans()) else bytes(data[start:stop]) * draw(st.integers(0, 3))
    return bytes(data[: door.most_bytes])


def test_there_are_doors_of_every_kind() -> None:
    assert {"patch", "sfz", "soundfont", "index.csv", "midi", "automation csv", "scl", "kbm", "chain"} <= set(DOORS)


@pytest.mark.parametrize("door", DOORS.values(), ids=lambda door: door.name)
def test_true_files_are_read(door: Door, tmp_path: Path) -> None:
    for seed in door.seeds:
        (tmp_path / door.file).write_bytes(seed)
        door.enter(tmp_path / door.file)


@pytest.mark.parametrize("door", DOORS.values(), ids=lambda door: door.name)
@SOME
@given(data=st.data())
def test_damaged_files_are_read_or_refused_in_one_sentence(
    door: Door, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("door") / door.file
    path.write_bytes(data.draw(damaged(door)))
    try:
        door.enter(path)
    except BacktuneError as error:
        told = str(error)
    else:
        return
    assert told.strip()
