"""The Python interface: short calls, lazy imports, notebooks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import source
from some_patches import simple_patch
from tolerances import PHRASE

import backtune as bt
from backtune.errors import InputError
from backtune.fit_plan import FitPlan
from backtune.notes import NoteEvent
from backtune.patch_file import dump_patch
from backtune.phrase import major_scale, parse_notes, render_phrase


def test_importing_is_light() -> None:
    code = "import sys, backtune; print([name for name in ('numpy', 'scipy', 'numba', 'yaml') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_save_and_load(tmp_path: Path) -> None:
    bt.save(simple_patch(), tmp_path / "p.yaml")
    assert dump_patch(bt.load(tmp_path / "p.yaml")) == dump_patch(simple_patch())
    with pytest.raises(InputError):
        bt.load(tmp_path / "none.yaml")


def test_fit_returns_the_patch_and_its_record(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def fitted(takes: Any, plan: FitPlan, **_: Any) -> Any:
        asked.update(seed=plan.seed, name=takes.name)
        return simple_patch()

    monkeypatch.setattr("backtune.workshop.fit_source", fitted)
    patch, record = bt.fit(source([60.0], [90.0]), seed=3)
    with pytest.raises(InputError, match="split given with a source that is open"):
        bt.fit(source([60.0], [90.0]), split="train")
    assert record == patch.record
    assert (asked["seed"], asked["name"]) == (3, "strings")


def test_fit_stays_a_function_after_the_module_of_that_name_is_imported() -> None:
    import importlib

    importlib.import_module("backtune.fit")
    assert callable(bt.fit)
    assert callable(bt.compare)


def test_compare_is_one_call() -> None:
    found = bt.compare(simple_patch(), source([60.0], [90.0]))
    assert found.median_db["total"] > 0


def test_a_rendered_note_is_an_array_that_plays() -> None:
    audio = simple_patch().render("C4", velocity=90, seconds=0.5)
    assert isinstance(audio, np.ndarray)
    assert audio.shape == (22050,)
    assert "<audio" in audio._repr_html_()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"note": None}, "note: None is no note"),
        ({"velocity": "90"}, "velocity: '90' is no number"),
        ({"velocity": 0}, "velocity: 0 is outside"),
        ({"seconds": float("nan")}, "seconds: nan is no number"),
        ({"seconds": 0}, "positive length"),
        ({"gate_s": float("inf")}, "gate_s: inf is no number"),
        ({"gate_s": -1.0}, "gate_s: -1 s; 0..3600 s is allowed"),
        ({"rate": 44100.5}, "rate: 44100.5 Hz; whole numbers"),
        ({"rate": 100}, "rate: 100 Hz; 8000..384000"),
    ],
    ids=str,
)
def test_what_cannot_be_played_is_told(given: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        simple_patch().render(**{"note": "C4", "seconds": 0.5} | given)


def test_a_key_held_long_beyond_the_sound_changes_nothing_in_it() -> None:
    once, again = (simple_patch().render("C4", seconds=0.5, gate_s=gate_s) for gate_s in (20.0, 3600.0))
    assert np.array_equal(once, again)


def test_a_notebook_shows_a_patch_as_its_summary() -> None:
    html = simple_patch()._repr_html_()
    for word in ("old upright", "tonal_core", "CC0", "6.0"):
        assert word in html


def test_a_phrase_of_one_note_is_that_note() -> None:
    patch = simple_patch()
    phrase = render_phrase(patch, [(0.0, NoteEvent(60, 90))], 0.5, 44100)
    np.testing.assert_allclose(phrase, patch.render("C4", velocity=90, seconds=0.5), atol=PHRASE)
    with pytest.raises(InputError, match="a positive length is needed"):
        render_phrase(patch, [], 0.0, 44100)


@pytest.mark.parametrize(("text", "pitches"), [("C4", [60]), ("C4 E4,G4", [60, 64, 67]), ("60 64.5", [60, 64.5])])
def test_lists_of_notes(text: str, pitches: list[float]) -> None:
    assert parse_notes(text) == pitches


@pytest.mark.parametrize(
    ("text", "pitches"),
    [("C4-C5", [60, 62, 64, 65, 67, 69, 71, 72]), ("D3-G3", [50, 52, 54, 55]), ("C-1-E-1", [0, 2, 4])],
)  # fmt: skip
def test_major_scales(text: str, pitches: list[float]) -> None:
    assert major_scale(text) == pitches
