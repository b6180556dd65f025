"""The demo: which takes it fits and which it keeps to compare with, and what it leaves in its folder."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from fakes import folder, takes
from program import run
from some_patches import simple_patch

from backtune.demo import MOST_DYNAMICS, MOST_PITCHES, NAMES, divided, run_demo, thinned
from backtune.errors import InputError
from backtune.patch_file import read_patch


def test_a_large_instrument_is_thinned_evenly() -> None:
    pitches = [float(m) for m in range(30, 90)]
    chosen = thinned(takes(pitches, [20.0, 40.0, 60.0, 80.0, 100.0], seconds=0.1))
    assert len(chosen) == MOST_PITCHES * MOST_DYNAMICS
    found = sorted({take.midi for take in chosen})
    assert (found[0], found[-1]) == (30, 89)
    assert max(b - a for a, b in pairwise(found)) <= 9
    assert {take.velocity for take in chosen} == {20, 60, 100}


def test_repeats_are_left_out_and_small_instruments_kept() -> None:
    some = takes([60.0, 62.0], [40.0], seconds=0.1)
    assert thinned([*some, replace(some[0], number=2)]) == some


def test_a_note_whose_first_take_is_not_there_gives_its_next() -> None:
    first, other = takes([60.0, 62.0], [40.0], seconds=0.1)
    left = [first, replace(other, number=3), replace(other, number=2)]
    assert thinned(left) == [first, left[2]]


def test_whole_pitches_are_kept_from_the_fit() -> None:
    some = takes([float(m) for m in range(60, 69)], [40.0, 100.0], seconds=0.1)
    heard, unheard = divided(some)
    assert {take.midi for take in unheard} == {62, 66}
    assert not {take.midi for take in heard} & {take.midi for take in unheard}
    assert len(heard) + len(unheard) == len(some)
    few = takes([60.0, 62.0, 64.0], [40.0], seconds=0.1)
    assert divided(few) == (few, few)


def test_the_folder_holds_everything_a_listener_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted: dict[str, Any] = {}

    def fit(source: Any, *_: Any, **__: Any) -> Any:
        fitted["pitches"] = sorted({take.midi for take in source.takes})
        return simple_patch()

    monkeypatch.setattr("backtune.workshop.fit_source", fit)
    recordings = folder(tmp_path / "in", [48.0, 50.0, 52.0, 53.0, 55.0], [40.0, 70.0, 100.0])
    out = tmp_path / "demo"
    (out / "listen").mkdir(parents=True)
    (out / "listen/021_A0_v001_1_1_recorded.wav").write_bytes(b"of an earlier demo")
    (out / "listen/mine.wav").write_bytes(b"of somebody")
    told: list[str] = []
    made = run_demo(out, recordings, jobs=1, tell=told.append)
    assert told == [f"recordings: the recordings in {recordings}"]
    assert fitted["pitches"] == [48, 50, 53, 55]
    assert {note.midi for note in made.comparison.notes} == {52}
    names = {one.name for one in out.iterdir()}
    assert names == {*NAMES, "comparison.csv", "comparison.json", "listen"}
    assert read_patch(out / "patch.yaml").name == "old upright"
    heard = sorted(one.name for one in (out / "listen").iterdir())
    assert "mine.wav" in heard
    assert "021_A0_v001_1_1_recorded.wav" not in heard
    assert len(heard) == 1 + 2 * len(made.comparison.notes)


def test_what_was_written_is_told_in_a_plain_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("backtune.workshop.fit_source", lambda *_, **__: simple_patch())
    recordings = folder(tmp_path / "in", [48.0, 50.0, 52.0, 53.0, 55.0], [40.0, 100.0])
    assert run("demo", "--recordings", recordings, "-o", tmp_path / "demo", "--jobs", 1) == 0
    told = capsys.readouterr().err
    assert f"\n{tmp_path / 'demo'}: {', '.join(NAMES)}" in told
    assert "\\n" not in told


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    recordings = folder(tmp_path / "in", [48.0], [40.0, 100.0])
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        run_demo(tmp_path / "file", recordings)
