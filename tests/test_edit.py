"""Editing: one law changes, every other line and comment stays, and the change is heard."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from some_patches import patches, relaxed, simple_patch

from backtune.cli import main
from backtune.edit import constant, edit_file, edit_text, find_law, scaled, shifted
from backtune.errors import InputError
from backtune.law import Law
from backtune.library import library
from backtune.patch import Patch
from backtune.patch_file import dump_patch, parse_patch, read_patch, write_patch


def commented() -> str:
    """Return a patch file in which a person wrote comments, spaces and another order of quotation."""
    text = dump_patch(simple_patch())
    text = text.replace("backtune: 1", "# my grand, do not touch the stretch\nbacktune: 1   # format")
    text = text.replace("    fall_db_s:", "    # measured twice, 3 May\n    fall_db_s:")
    text = text.replace("values: [4, 8, 30]", "values: [4, 8, 30]  # treble is a guess")
    return text.replace("    release_s: 0.2", "    release_s:     0.2")


def test_only_the_law_changes_and_comments_survive() -> None:
    text = commented()
    edited = edit_text(text, "level_db", scaled(-6.0))
    assert edited.comments_kept
    gone = [line for line in text.split("\n") if line not in edited.text.split("\n")]
    assert [re.sub(r"#.*", "", line).strip() for line in gone] == ["- [-40, -20]", "- [-42, -22]", "- [-46, -26.5]"]
    for said in ("do not touch the stretch", "# format", "measured twice, 3 May", "release_s:     0.2"):
        assert said in edited.text
    before, after = parse_patch(text), parse_patch(edited.text)
    np.testing.assert_allclose(after.layers[0].laws["level_db"].values, before.layers[0].laws["level_db"].values - 6)
    assert after.layers[0].laws["level_db"].provenance == "edited"
    assert after.without("tonal_core") == before.without("tonal_core")


def test_comments_inside_the_law_move_above_it() -> None:
    edited = edit_text(commented(), "fall_db_s", scaled(0.5))
    lines = edited.text.split("\n")
    where = next(i for i, line in enumerate(lines) if line.startswith("    fall_db_s:"))
    assert [line.strip() for line in lines[where - 2 : where]] == ["# measured twice, 3 May", "# treble is a guess"]
    assert parse_patch(edited.text).layers[0].laws["fall_db_s"].values.tolist() == [2, 4, 15]


def test_a_file_in_braces_is_written_anew_and_says_so() -> None:
    text = "backtune: 1  # mine\nname: x\nlayers: [{kind: breath, laws: {noise_db: -60, velocity_db: 0}}]\n"
    edited = edit_text(text, "noise_db", shifted(-3.0))
    assert not edited.comments_kept
    assert parse_patch(edited.text).layers[0].laws["noise_db"].values == -63


@relaxed
@given(patches(), st.data())
def test_any_law_of_any_patch_can_be_edited_in_its_place(patch: Patch, data: st.DataObject) -> None:
    assume(any(layer.laws for layer in patch.layers))
    layer = data.draw(st.sampled_from([one for one in patch.layers if one.laws]))
    name = data.draw(st.sampled_from(sorted(layer.laws)))
    spec = next(spec for spec in layer.specs if spec.name == name)
    text = dump_patch(patch).replace("layers:\n", "# kept\nlayers:\n", 1)
    value = round(data.draw(st.floats(max(spec.low, -100.0), min(spec.high, 100.0))), 3)
    assume(spec.low <= value <= spec.high)
    law = layer.laws[name]
    assume(law.axes or abs(float(law.values) - value) > 1)  # else nothing changes, which is refused
    edited = edit_text(text, name, constant(value), layer.kind)
    again = parse_patch(edited.text)
    assert "# kept" in edited.text
    assert again.layer(layer.kind).laws[name].values == pytest.approx(value)
    assert again.origin == parse_patch(text).origin
    assert [one.kind for one in again.layers] == list(patch.kinds)


def test_levels_scale_in_decibels_and_everything_else_by_a_factor() -> None:
    patch = simple_patch()
    for name, by, wanted in (("spectrum_db", 2.0, 2.0), ("stretch_cents", 2.0, -3.0), ("attack_s", 2.0, 0.004)):
        before = find_law(patch, name)[2].values
        after = scaled(by)(find_law(patch, name)[2]).values
        assert float(after.flat[0] - before.flat[0]) == pytest.approx(wanted)


def test_a_changed_number_is_heard(tmp_path: Path) -> None:
    path = tmp_path / "upright.yaml"
    write_patch(simple_patch(), path)
    before = read_patch(path).render("C4", seconds=0.5)
    edit_file(path, "level_db", scaled(-6.0))
    after = read_patch(path).render("C4", seconds=0.5)
    ratio = np.sqrt(np.sum(after**2) / np.sum(before**2))
    assert 20 * np.log10(ratio) == pytest.approx(-6.0, abs=0.01)


def test_misspelt_ambiguous_and_impossible_edits_are_refused() -> None:
    text = commented()
    for name, change, said in (
        ("level_bd", scaled(1.0), "has no 'level_bd'; did you mean 'level_db'?"),
        ("attack_s", scaled(-1.0), "attack_s: -0.004 is below the allowed 0.0005 s"),
        ("level_db", scaled(0.01), "leaves every number as it is: it is written in steps of 0.1 dB"),
    ):
        with pytest.raises(InputError, match=re.escape(said)):
            edit_text(text, name, change)
    both = simple_patch().with_layer(library()["velocity_colour"]({"colour_db": Law.constant("colour_db", "dB", 0.0)}))
    with pytest.raises(InputError, match="'colour_db' is a law of tonal_core, velocity_colour; name one"):
        find_law(both, "colour_db")
    assert find_law(both, "colour_db", "velocity_colour")[0].kind == "velocity_colour"


def test_a_formula_is_not_scaled_but_can_be_replaced() -> None:
    law = Law("inharmonicity", "", np.array([-0.09, -6.0, 0.093, -13.6]), ("pitch",), (), "two_bridges")
    with pytest.raises(InputError, match="edit its coefficients in the file"):
        scaled(2.0)(law)
    assert constant(0.001)(law).values == 0.001


def test_the_command_edits_in_place_or_beside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "upright.yaml"
    path.write_text(commented(), "utf-8")
    assert main(["edit", str(path), "--layer", "tonal_core", "--scale", "level_db", "-6"]) == 0
    assert read_patch(path).layers[0].laws["level_db"].values[0, 0] == -46
    assert "do not touch" in path.read_text("utf-8")
    assert main(["edit", str(path), "--set", "release_s", "0.3", "-o", str(tmp_path / "other.yaml")]) == 0
    assert read_patch(tmp_path / "other.yaml").layers[0].laws["release_s"].values == pytest.approx(0.3)
    assert read_patch(path).layers[0].laws["release_s"].values == pytest.approx(0.2)
    capsys.readouterr()
    assert main(["edit", str(path)]) == 2
    assert "one of --scale, --shift, --set is needed" in capsys.readouterr().err
    assert main(["edit", str(path), "--shift", "stretch_cents", "900"]) == 2
    assert "above the allowed 300 cents" in capsys.readouterr().err
    assert len(list(tmp_path.iterdir())) == 2


def test_a_patch_edited_into_another_folder_still_finds_its_temperament(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    text = commented().replace("layers:", "controls:\n  temperament: ./mine.scl  # café\nlayers:", 1)
    for name, written in (("a.yaml", "./mine.scl"), ("other/a.yaml", str(tmp_path / "mine.scl"))):
        (tmp_path / "a.yaml").write_text(text, "utf-8")
        edit_file(tmp_path / "a.yaml", "release_s", constant(0.3), target=tmp_path / name)
        assert parse_patch((tmp_path / name).read_text("utf-8")).controls["temperament"] == written
        assert "# café" in (tmp_path / name).read_text("utf-8")
