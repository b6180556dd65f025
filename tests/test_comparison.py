"""Comparison: the same notes rendered and measured, in tables and as pairs of files."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fakes import RATE, folder, source, struck
from some_patches import simple_patch
from tiny_soundfont import TinyZone, tiny_soundfont
from written_takes import write_takes

from backtune.analysis.distance import PARTS
from backtune.cli import main
from backtune.comparison import compare
from backtune.contest import contest
from backtune.errors import InputError
from backtune.law import Law
from backtune.note_distance import render_like
from backtune.notes import NoteEvent, Recording, Take
from backtune.patch_file import write_patch
from backtune.render import render_take
from backtune.source import Source

PATCH = simple_patch()
NATURAL = compare(PATCH, source([45.0, 60.0, 62.0], [40.0, 100.0]))


def test_every_take_is_compared_in_every_part() -> None:
    assert [(note.midi, note.velocity) for note in NATURAL.notes] == [(m, v) for m in (45, 60, 62) for v in (40, 100)]
    assert NATURAL.components == ("total", *PARTS)
    assert all(note.distance_db["total"] > 0 for note in NATURAL.notes)


def test_a_patch_is_at_no_distance_from_itself() -> None:
    audio = PATCH.render(60, 90, 1.0, rate=RATE)
    takes = [Take("own", 60, 90, Recording(samples=np.asarray(audio), rate=RATE), onset_s=PATCH.lead_s)]
    own = compare(PATCH, replace(source([60.0], [90.0]), takes=takes))
    assert own.median_db["total"] < 0.01
    assert NATURAL.median_db["total"] > 1


def test_medians_are_those_of_the_notes_in_a_region() -> None:
    regions = NATURAL.median_by(lambda note: note.region)
    assert list(regions) == ["C2-B2", "C4-B4"]
    inside = [note.distance_db["total"] for note in NATURAL.notes if note.midi >= 60]
    assert regions["C4-B4"]["total"] == np.median(inside)


def test_matching_levels_brings_a_softer_render_nearer() -> None:
    quiet = source([60.0], [100.0])
    for take in quiet.takes:
        object.__setattr__(take, "recording", Recording(samples=0.05 * struck(60, 100), rate=RATE))
    natural, matched = compare(PATCH, quiet), compare(PATCH, quiet, match_level=True)
    assert matched.levels_matched
    assert not natural.levels_matched
    assert matched.median_db["total"] < natural.median_db["total"] - 3


def test_the_render_has_the_length_onset_and_gate_of_the_recording() -> None:
    take = source([60.0], [100.0]).takes[0]
    recorded, rendered, rate, onset_s = render_like(PATCH, take)
    assert (rate, onset_s) == (RATE, take.onset_s)
    assert recorded.shape == rendered.shape
    assert np.max(np.abs(rendered[: round((onset_s - PATCH.lead_s) * rate) - 1])) == 0
    gated = Take(take.name, 60, 100, take.recording, onset_s=take.onset_s, gate_s=0.4)
    damped = render_like(PATCH, gated)[1]
    wanted = render_take(PATCH, NoteEvent(60, 100, 0.4 - onset_s), onset_s, len(recorded) / rate, rate)
    np.testing.assert_array_equal(damped, wanted)
    assert np.max(np.abs(damped - rendered)) > 1e-3


def test_tables_and_pairs_are_written(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    made = compare(
        PATCH, source([45.0, 60.0, 62.0], [40.0, 100.0]), pairs=2, folder=tmp_path / "out",
        progress=lambda *said: told.append(said),
    )  # fmt: skip
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out/comparison.csv").read_text())))
    data = json.loads((tmp_path / "out/comparison.json").read_text())
    assert len(rows) == len(data["notes"]) == 6
    assert float(rows[0]["total_db"]) == data["notes"][0]["total_db"] == round(made.notes[0].distance_db["total"], 3)
    names = sorted(one.name for one in (tmp_path / "out/listen").iterdir())
    assert names == [
        f"{stem}_{which}.wav" for stem in ("045_A2_v040_1", "062_D4_v100_1") for which in ("1_recorded", "2_backtune")
    ]
    audio, rate = soundfile.read(tmp_path / "out/listen" / names[0])
    assert rate == RATE
    np.testing.assert_allclose(audio, struck(45, 40), atol=1e-6)
    assert told[-1] == ("comparing", 6, 6)


def test_takes_of_one_note_and_number_are_all_written(tmp_path: Path) -> None:
    twice = source([60.0, 60.0], [100.0])  # an index without a column `take` numbers them alike
    compare(PATCH, twice, pairs=2, folder=tmp_path)
    names = sorted({one.name.partition("_v100_")[2] for one in (tmp_path / "listen").iterdir()})
    assert names == ["1-2_1_recorded.wav", "1-2_2_backtune.wav", "1_1_recorded.wav", "1_2_backtune.wav"]


def test_the_table_in_words_names_regions_dynamics_and_the_farthest() -> None:
    text = str(NATURAL)
    for word in ("C2-B2", "velocity 100", "all", "total", "farthest: "):
        assert word in text
    worst = max(NATURAL.notes, key=lambda note: note.distance_db["total"])
    assert f"farthest: {worst.name}" in text
    assert "<pre>" in NATURAL._repr_html_()


def test_workers_do_not_change_the_result(tmp_path: Path) -> None:
    path = folder(tmp_path / "takes", [60.0, 62.0], [40.0, 100.0])
    assert compare(PATCH, path, jobs=2).notes == compare(PATCH, path, jobs=1).notes


def test_a_source_without_takes_is_told() -> None:
    with pytest.raises(InputError, match="no take to compare with"):
        compare(PATCH, source([], []))


def labelled(semitones: int) -> Source:
    """Return four takes labelled so far above where they sound."""
    four = source([48.0, 60.0], [40.0, 100.0])
    return replace(four, takes=[replace(take, midi=take.midi + semitones) for take in four.takes])


def test_recordings_that_sound_elsewhere_than_the_patch_plays_them_are_told() -> None:
    (told,) = compare(PATCH, labelled(12)).remarks
    assert told.startswith("4 of 4 recordings sound 1 octave below where the patch plays its keys: distances are")
    assert compare(PATCH, labelled(12)).as_data()["sounding_elsewhere"] == [told]
    assert told in contest(PATCH, labelled(12)).remarks
    assert compare(PATCH, labelled(0)).remarks == ()
    organ = PATCH.layers[0].with_laws(Law.constant("transposed_semitones", "semitones", -12))
    transposed = replace(PATCH, layers=(organ, *PATCH.layers[1:]))
    assert compare(transposed, labelled(12)).remarks == ()
    assert "1 octave above" in compare(transposed, labelled(0)).remarks[0]


def test_single_recordings_that_sound_elsewhere_are_named() -> None:
    right, wrong = labelled(0), labelled(12)
    mixed = replace(right, takes=[*right.takes[1:], wrong.takes[0]])
    (told,) = compare(PATCH, mixed).remarks
    assert told.startswith(
        f"1 of 4 recordings sounds 1 octave below where the patch plays its keys ({right.takes[0].name})"
    )


@pytest.mark.parametrize("against", [(), ("--against", "tiny.sf2:5")], ids=["alone", "against"])
def test_the_command_tells_each_remark_once(
    against: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_patch(PATCH, "p.yaml")
    write_takes(labelled(12).takes, Path("takes"))
    Path("tiny.sf2").write_bytes(tiny_soundfont([TinyZone(0, {54: 1})]))
    assert main(["compare", "p.yaml", "takes", *against, "--jobs", "1", "--json"]) == 0
    out, err = capsys.readouterr()
    remarks = json.loads(out)["remarks"]
    assert sum("4 of 4 recordings sound 1 octave below" in one for one in remarks) == 1
    assert err.count("4 of 4 recordings sound 1 octave below") == 1
