"""Difference of patches: told laws first, in musical words, with the numbers that were changed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from some_patches import patches, relaxed, simple_patch

from backtune.cli import main
from backtune.edit import constant, find_law, scaled, shifted
from backtune.law import Law
from backtune.library import library
from backtune.patch import Origin, Patch
from backtune.patch_file import write_patch
from backtune.report.diff import diff, diff_data, diff_text


def changed(name: str, values: Law) -> Patch:
    patch = simple_patch()
    core = type(patch.layers[0])({**patch.layers[0].laws, name: values})
    return replace(patch, layers=(core,))


def said(text: str) -> str:
    return " ".join(text.split())


def test_a_shift_is_told_everywhere_in_the_words_of_its_unit() -> None:
    patch = simple_patch()
    softer = changed("level_db", scaled(-6.0)(find_law(patch, "level_db")[2]))
    assert "level, dB: 6 dB softer everywhere" in said(diff_text(patch, softer))
    assert "level, dB: 6 dB louder everywhere" in said(diff_text(softer, patch))
    sharper = changed("stretch_cents", shifted(5.0)(find_law(patch, "stretch_cents")[2]))
    assert "stretch, cents: 5 cents sharper everywhere" in said(diff_text(patch, sharper))
    longer = changed("attack_s", scaled(1.5)(find_law(patch, "attack_s")[2]))
    assert "attack, s: 1.5 times longer everywhere" in said(diff_text(patch, longer))
    faster = changed("fall_db_s", scaled(2.0)(find_law(patch, "fall_db_s")[2]))
    assert "fall, dB/s: 2 times slower everywhere" in said(diff_text(faster, patch))


def test_a_local_change_is_told_by_region_and_place() -> None:
    patch = replace(simple_patch(), origin=Origin(pitches=(30.0, 90.0)))
    law = find_law(patch, "stretch_cents")[2]
    other = replace(changed("stretch_cents", law.with_values([-3, 0, 20])), origin=patch.origin)
    (found,) = diff(patch, other)
    assert found.at == {"pitch": 90.0}
    assert found.largest == pytest.approx(6.0)
    assert found.regions["bass"] == 0.0
    assert 0 < found.regions["middle"] < found.regions["treble"]
    assert "most at F#6: 6 cents sharper" in str(found)


def test_a_law_written_otherwise_that_sounds_the_same_says_so() -> None:
    patch = simple_patch()
    law = find_law(patch, "attack_s")[2]
    spread = Law("attack_s", "s", np.full(2, float(law.values)), ("pitch",), (np.array([30.0, 90.0]),))
    text = said(diff_text(patch, changed("attack_s", spread)))
    assert "attack, s: sounds the same; one number became a smooth law over pitch; was assumed, is fitted" in text


def test_laws_stand_before_layers_and_measurements() -> None:
    patch = simple_patch()
    breath = library()["breath"](
        {
            "noise_db": Law.constant("noise_db", "dB", -60.0),
            "velocity_db": Law.constant("velocity_db", "dB", 0.0),
        }
    )
    other = changed("release_s", constant(0.4)(find_law(patch, "release_s")[2])).with_layer(breath)
    text = diff_text(patch, replace(other, quality={"all": 5.0}, struck=False))
    order = [
        "release, s: 2 times longer",
        "layer new: breath",
        "notes last as long",
        "held-out all: 6.00 dB became 5.00",
    ]
    assert sorted(order, key=said(text).index) == order


def test_the_same_patch_does_not_differ() -> None:
    assert diff(simple_patch(), simple_patch()) == []
    assert diff_text(simple_patch(), simple_patch()) == "The patches are the same, byte for byte."
    renamed = replace(simple_patch(), name="another")
    assert "nothing that is heard" in diff_text(simple_patch(), renamed)


@relaxed
@given(patches(), patches())
def test_any_two_patches_can_be_compared(one: Patch, other: Patch) -> None:
    json.dumps(diff_data(one, other), allow_nan=False)
    names = replace(one, name="a", quality={}, controls={}), replace(other, name="b", quality={}, controls={})
    assert max(map(len, diff_text(*names).splitlines())) <= 80


def test_the_command_tells_and_gives_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, patch in (("a", simple_patch()), ("b", changed("release_s", Law.constant("release_s", "s", 0.4)))):
        write_patch(patch, tmp_path / f"{name}.yaml")
    assert main(["diff", str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")]) == 0
    assert "release, s: 2 times longer everywhere" in capsys.readouterr().out
    assert main(["diff", str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml"), "--json"]) == 0
    (law,) = json.loads(capsys.readouterr().out)["laws"]
    assert (law["layer"], law["law"], law["told_as"]) == ("tonal_core", "release_s", "ratio")
    assert law["largest"] == pytest.approx(2.0)
