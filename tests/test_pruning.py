"""Smaller patches from the record: budgets kept, provenance kept, refusals in one sentence."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from known_instrument import breath, core, grid, known_patch
from some_patches import patches, relaxed

import backtune.curve
from backtune.analysis.distance import Distance
from backtune.analysis.residual import Residual
from backtune.cli import main
from backtune.curve import measure_cuts, sized
from backtune.errors import InputError
from backtune.growth_record import Audit, Baseline, Cut, Step
from backtune.layers.velocity_colour import VelocityColour
from backtune.library import library
from backtune.notes import NoteEvent
from backtune.patch import Patch
from backtune.patch_file import dump_patch, parse_patch, patch_bytes, write_patch
from backtune.provenance import bare
from backtune.pruning import cut, possible_cuts, prune, within
from backtune.units import parse_bytes

CUTS = (
    Cut("round", "velocity_colour", "colour_db", step=0.5, distance_db=3.01),
    Cut("thin", "velocity_colour", "colour_db", axis="partial", distance_db=3.1),
    Cut("leave out", "velocity_colour", distance_db=3.4),
    Cut("leave out", "breath", distance_db=4.2),
)


def colour() -> VelocityColour:
    """Return a field of 768 numbers, none of them zero."""
    values = np.random.default_rng(3).normal(0, 6, (4, 4, 8, 6))
    axes = {
        "velocity": (20, 50, 80, 110),
        "pitch": (50, 60, 70, 80),
        "partial": (1, 2, 4, 8, 16, 32, 64, 100),
        "time_s": (-0.02, 0, 0.02, 0.08, 0.3, 1.2),
    }
    law = grid("colour_db", "dB", values, **axes)
    return VelocityColour({"colour_db": replace(law, step=0.1)})


@pytest.fixture(scope="module")
def grown() -> Patch:
    """A patch of three layers with a record, as a fit leaves it."""
    patch = known_patch(core(), breath(), colour())
    steps = [
        Step("core", "tonal_core", "first", distance_db=5.0, size_bytes=1500),
        Step("add", "breath", "won", 0.8, 0.5, 1.0, 4.2, 2500),
        *(
            Step("refuse", "drift", "cannot be told from chance" + "." * 80, 0.1, -0.1, 0.3, 4.2, 2600)
            for _ in range(20)
        ),
        Step("add", "velocity_colour", "won", 1.2, 0.9, 1.4, 3.0, 8000),
    ]
    return replace(patch, record=tuple(steps), quality={"unheard_pitches_db": 3.0}, cuts=sized(CUTS, patch))


def test_every_possible_cut_makes_the_patch_smaller(grown: Patch) -> None:
    cuts = possible_cuts(grown)
    assert {one.action for one in cuts} == {"leave out", "round", "thin"}
    for one in cuts:
        assert patch_bytes(bare(cut(grown, one))) < patch_bytes(bare(grown)), one


def test_cuts_follow_each_other_and_a_cut_made_twice_changes_nothing(grown: Patch) -> None:
    now = grown
    for one in grown.cuts:
        after = cut(now, one)
        assert patch_bytes(bare(after)) == one.size_bytes
        now = after
    assert cut(now, CUTS[-1]) is now
    assert now.kinds == ("tonal_core",)


def test_a_field_is_not_rounded_to_a_step_as_fine_as_its_own_or_finer(grown: Patch) -> None:
    once = cut(grown, CUTS[0])
    assert once is not grown
    assert cut(once, CUTS[0]) is once
    assert cut(once, replace(CUTS[0], step=0.1)) is once


def test_notes_of_their_own_are_never_thinned_out(grown: Patch) -> None:
    values = np.random.default_rng(5).normal(0, 6, (8, 6, 4))
    axes = {"pitch": range(60, 68), "partial": range(1, 7), "time_s": (0.0, 0.1, 0.4, 1.6)}
    field = replace(grid("field_db", "dB", values, **axes), form="notes", step=0.1)
    tuning = replace(grid("tuning_cents", "cents", np.ones(8), pitch=axes["pitch"]), form="notes")
    own = library()["note_correction"]({"field_db": field, "tuning_cents": tuning})
    cuts = [one for one in possible_cuts(grown.with_layer(own)) if one.kind == "note_correction"]
    assert [(one.action, one.axis) for one in cuts if one.law] == [
        ("round", ""),
        ("thin", "partial"),
        ("thin", "time_s"),
    ]
    assert cut(grown.with_layer(own), Cut("thin", "note_correction", "field_db", axis="pitch")).layer(own.kind) is own


def test_thinned_and_rounded_laws_stay_near(grown: Patch) -> None:
    law = grown.layer("velocity_colour").laws["colour_db"]
    rounded = cut(grown, CUTS[0]).layer("velocity_colour").laws["colour_db"]
    assert np.max(np.abs(rounded.values - law.values)) <= 0.25 + 1e-9
    thinned = cut(grown, CUTS[1]).layer("velocity_colour").laws["colour_db"]
    assert thinned.knots[2].tolist() == [1, 4, 16, 64, 100]
    assert np.array_equal(thinned.values, law.values[:, :, [0, 2, 4, 6, 7]])


@pytest.mark.parametrize("budget", [2600, 4000, 5500, 9000])
def test_a_pruned_patch_keeps_its_budget_and_plays(grown: Patch, budget: int) -> None:
    small = prune(grown, budget)
    assert patch_bytes(small) <= budget
    assert dump_patch(parse_patch(dump_patch(small))) == dump_patch(small)
    assert np.isfinite(small.voice(NoteEvent(60, 80), 0.2).partial_db).all()


def test_what_was_refused_is_forgotten_before_anything_that_sounds(grown: Patch) -> None:
    silent = sum(step.action == "refuse" for step in grown.record)
    small = prune(grown, patch_bytes(grown) - 500)
    assert silent
    assert not any(step.action == "refuse" for step in small.record)
    assert small.layers == grown.layers
    assert small.quality == grown.quality


def test_provenance_and_the_way_down_are_kept(grown: Patch) -> None:
    small = prune(grown, patch_bytes(bare(grown)) - 1500)
    assert small.origin.options["made"][-1]["how"] == "prune"
    assert small.record[-1].action in ("remove", "coarsen")
    assert small.quality == {"unheard_takes_db": small.record[-1].distance_db}
    left = [one for one in grown.cuts if one.size_bytes < small.record[-1].size_bytes]
    assert list(small.cuts) == left


def test_the_distance_is_kept_when_the_story_no_longer_fits(grown: Patch) -> None:
    small = prune(grown, 1900)
    assert (small.record, small.cuts) == ((), ())
    assert small.quality["unheard_takes_db"] == CUTS[-1].distance_db


def test_a_patch_within_the_budget_stays_as_it_is(grown: Patch) -> None:
    assert prune(grown, patch_bytes(grown)) is grown


def test_a_large_cut_does_not_speak_for_those_before_it(grown: Patch, monkeypatch: pytest.MonkeyPatch) -> None:
    class Bench:
        def measure(self, patches: tuple[Patch, ...]) -> list[Distance]:
            return [Distance(*[5.0 - len(patches[0].layers)] * 7)]

    monkeypatch.setattr(backtune.curve, "misheard", lambda patch, held: float(len(patch.layers) < 3))
    cuts = measure_cuts((bare(grown),), Residual((), (), False), Bench())  # type: ignore[arg-type]
    assert cuts[-1].action == "leave out"
    layers, now = 3, bare(grown)
    for one in cuts:
        now = cut(now, one)
        layers -= one.action == "leave out"
        assert one.distance_db == 5.0 - layers, one


def test_what_cannot_be_reached_is_refused_with_what_can(grown: Patch) -> None:
    with pytest.raises(InputError, match=r"budget: 1 KB cannot be reached; .* takes \d\.\d KB$"):
        prune(grown, 1000)
    with pytest.raises(InputError, match="it records no cuts"):
        prune(replace(grown, cuts=()), 1000)


def test_cuts_baselines_and_audit_are_written_and_read_back(grown: Patch) -> None:
    told = replace(
        grown,
        baselines=(Baseline("sampler, FLAC", 61000, 4.9, 40, 1), Baseline("resynthesis", 900, 1.3, 40, 40)),
        audit=Audit(4, 60, 1, 24, {"drift": 1}),
    )
    text = dump_patch(told)
    again = parse_patch(text)
    assert (again.cuts, again.baselines, again.audit) == (told.cuts, told.baselines, told.audit)
    assert dump_patch(again) == text


@pytest.mark.parametrize(
    ("text", "size"),
    [("20KB", 20_000), ("20", 20_000), ("0.5MB", 500_000), ("800 kb", 800_000), ("4500B", 4_500), (" .1 MB ", 100_000)],
)
def test_sizes_are_read_with_their_units(text: str, size: int) -> None:
    assert parse_bytes(text, "budget") == size


@pytest.mark.parametrize("text", ["", "KB", "-3KB", "20GB", "1e3", "twenty", "0.2KB", "3MB", "0"])
def test_sizes_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="budget: "):
        parse_bytes(text, "budget")


def test_the_command_prunes_and_says_what_it_cost(
    grown: Patch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, small = tmp_path / "whole.yaml", tmp_path / "small.yaml"
    write_patch(grown, whole)
    assert main(["prune", str(whole), "--budget", "3KB", "-o", str(small)]) == 0
    assert small.stat().st_size <= 3000
    assert "dB from takes never fitted" in capsys.readouterr().err
    assert main(["prune", str(whole), "--budget", "1KB", "-o", str(small)]) == 2
    assert "cannot be reached" in capsys.readouterr().err


@relaxed
@given(patch=patches(), data=st.data())
def test_any_patch_keeps_any_budget_or_says_which_it_can(patch: Patch, data: st.DataObject) -> None:
    cuts = data.draw(st.permutations(possible_cuts(patch)))[: data.draw(st.integers(0, 12))]
    patch = replace(patch, cuts=sized(cuts, patch))
    budget = data.draw(st.integers(0, patch_bytes(patch) + 300))
    for smaller in (within, prune):
        try:
            assert patch_bytes(smaller(patch, budget)) <= budget
        except InputError as error:
            (reached,) = re.findall(r"takes ([\d.]+) KB", str(error))
            assert 1000 * float(reached) > budget
            smaller(patch, round(1000 * float(reached)))


def test_a_patch_keeps_its_budget_where_it_is_written(
    grown: Patch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("five.scl").write_text("! five.scl\nslendro\n 5\n 240.\n 480.\n 720.\n 960.\n 2/1\n")
    Path("away").mkdir()
    write_patch(grown.with_controls(temperament="five.scl"), "whole.yaml")
    size = Path("whole.yaml").stat().st_size
    assert main(["prune", "whole.yaml", "--budget", f"{size}B", "-o", "away/small.yaml"]) == 0
    assert Path("away/small.yaml").stat().st_size <= size  # although the scale is named by its whole path from there
