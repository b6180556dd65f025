"""Rows: a table's notes under their own file names, lengths and rates, for any judge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from fakes import folder
from some_patches import simple_patch
from tolerances import FILE_24_BIT

from backtune.errors import InputError
from backtune.notes import NoteEvent
from backtune.render import render_take
from backtune.rows import read_rows, render_rows

PATCH = simple_patch()


def table(path: Path, *rows: str) -> Path:
    """Write an index.csv without recordings."""
    path.mkdir(exist_ok=True)
    (path / "index.csv").write_text(
        "\n".join(["file,midi,velocity,onset_s,gate_s,duration_s,split", *rows]) + "\n", encoding="utf-8"
    )
    return path / "index.csv"


def test_every_row_has_its_recording_s_name_length_and_rate(tmp_path: Path) -> None:
    index = folder(tmp_path / "in", [60.0, 62.0], [40.0, 100.0])
    done = list(render_rows(PATCH, index / "index.csv", "test", tmp_path / "out", 1))
    assert [one[:2] for one in done] == [(1, 2), (2, 2)]
    assert sorted(one.name for one in (tmp_path / "out").iterdir()) == sorted(one[2] for one in done)
    for _, _, name, softer_db in done:
        here, there = soundfile.info(tmp_path / "in" / name), soundfile.info(tmp_path / "out" / name)
        assert (here.frames, here.samplerate, here.channels) == (there.frames, there.samplerate, there.channels)
        assert softer_db == 0


def test_recordings_are_not_written_over(tmp_path: Path) -> None:
    index = folder(tmp_path / "in", [60.0, 62.0], [40.0, 100.0])
    (tmp_path / "link").symlink_to(index)
    before = {path: path.read_bytes() for path in index.iterdir()}
    for place in (index, tmp_path / "link", tmp_path / "in" / ".." / "in"):
        with pytest.raises(InputError, match="is the recording itself; another folder"):
            list(render_rows(PATCH, index, "test", place, 1))
    assert {path: path.read_bytes() for path in index.iterdir()} == before


def test_onset_and_gate_are_those_of_the_row(tmp_path: Path) -> None:
    index = table(tmp_path, "a/x.wav,60,90,0.25,0.75,1.5,test")
    ((_, _, name, _),) = render_rows(PATCH, index, "all", tmp_path / "out", 1)
    audio, rate = soundfile.read(tmp_path / "out" / name)
    assert (rate, len(audio)) == (44100, 66150)
    wanted = render_take(PATCH, NoteEvent(60, 90, 0.5), 0.25, 1.5, 44100)
    np.testing.assert_allclose(audio, wanted, atol=FILE_24_BIT)


def test_a_render_above_full_scale_is_written_softer_and_told(tmp_path: Path) -> None:
    from dataclasses import replace

    from backtune.law import Law

    core = PATCH.layers[0]
    loud = type(core)({**core.laws, "level_db": Law.constant("level_db", "dB", 6.0)})
    index = table(tmp_path, "x.wav,60,90,0.1,,0.5,")
    ((_, _, _, softer_db),) = render_rows(replace(PATCH, layers=(loud,)), index, "all", tmp_path / "out", 1)
    audio, _ = soundfile.read(tmp_path / "out/x.wav")
    wanted = render_take(replace(PATCH, layers=(loud,)), NoteEvent(60, 90), 0.1, 0.5, 44100)
    assert softer_db > 1
    assert np.max(np.abs(audio)) == pytest.approx(1.0, abs=1e-4)
    np.testing.assert_allclose(audio * 10 ** (softer_db / 20), wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("row", "split", "told"),
    [
        ("x.wav,60,90,0,,1,test", "tset", "no row has split 'tset'; did you mean 'test'?"),
        ("x.wav,60,900,0,,1,test", "all", "row 2: velocity is '900'"),
        ("x.wav,60,,0,,1,test", "all", "row 2: velocity is empty"),
        ("x.wav,H4,90,0,,1,test", "all", "row 2: note: 'H4' is not a note name"),
        ("x.wav,60,90,0,,,test", "all", "neither the recording nor duration_s"),
        ("x.mp4,60,90,0,,1,test", "all", "allowed endings"),
        ("../x.wav,60,90,0,,1,test", "all", "lies outside the folder"),
    ],
)
def test_a_broken_row_is_told(tmp_path: Path, row: str, split: str, told: str) -> None:
    with pytest.raises(InputError) as error:
        read_rows(table(tmp_path, row), split)
    assert told in str(error.value)


@pytest.mark.parametrize("again", ["x.wav", "./x.wav", "a/../x.wav"])
def test_two_rows_of_one_file_are_refused_before_anything_is_rendered(tmp_path: Path, again: str) -> None:
    rows = ("x.wav,60,90,0,,0.1,test", "y.wav,60,90,0,,0.1,test", f"{again},64,90,0,,0.1,test")
    index = table(tmp_path, *rows, "y.wav,62,90,0,,0.1,train")
    with pytest.raises(InputError) as error:
        list(render_rows(PATCH, index, "test", tmp_path / "out", 1))
    assert str(error.value) == f"{index}: rows 2 and 4 would both be written to '{again}'"
    assert not (tmp_path / "out").exists()
    assert len(read_rows(index, "train")) == 1
