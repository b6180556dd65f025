"""Named laws in place of surfaces: they find the coefficients that were put in, and give way where they do not fit."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from known_instrument import core, grid, known_patch, takes_of

from backtune.analysis.listen import listen
from backtune.analysis.residual import Residual, sharper_cents
from backtune.fit import beside
from backtune.formulas import FORMULAS, SAMPLED
from backtune.growth_record import Step
from backtune.kinship import laws_of
from backtune.law import Law, LawSpec
from backtune.layers.note_correction import NoteCorrection
from backtune.layers.tonal_core import TonalCore
from backtune.library import library
from backtune.named_laws import candidates, nearest_formula, with_named
from backtune.naming import named_again
from backtune.notes import NoteEvent
from backtune.patch import Patch
from backtune.patch_file import dump_patch, parse_patch
from backtune.units import midi_to_hz

KNOWN = {  # coefficients as instruments have them
    "two_bridges": (-0.09, -6.0, 0.093, -13.6),
    "line": (-3.0, 0.08),
    "exponential": (-4.0, -0.03),
    "railsback": (0.5, 0.12, 2.0, 0.09, 1.5),
    "losses": (1.5, 0.02, 0.7, 1.2),
    "tilt": (-4.0, 6.0, 3.0, 1.2),
    "stroke": (-4.0, 6.0, 2.0, 2.2, 0.5),
}
TUNED_CENTS = 0.5  # the line alone is 2 cents off in the middle
WITHIN = 0.01  # of the range of a surface: how near its knots a formula has to come


def surface_of(form: str) -> tuple[Law, LawSpec]:
    """Return the surface of a known formula on coarse knots, and a spec that allows it."""
    formula = FORMULAS[form]
    knots = {
        "pitch": np.linspace(24, 100, 9),
        "velocity": np.array([30.0, 60, 90, 120]),
        "partial": np.array([1, 2, 4, 8, 16, 32.0]),
    }
    exact = Law("law", "", np.array(KNOWN[form]), formula.axes, (), form)
    at = {axis: knots[axis] for axis in formula.axes}
    values = np.asarray(exact(**at))
    positive = values.min() > 0
    spec = LawSpec("law", "" if positive else "dB", 0.0 if positive else -1e4, 1e4, "any", formula.axes)
    return Law("law", spec.unit, values, formula.axes, tuple(at.values())), spec


def test_every_formula_has_a_known_case() -> None:
    assert set(KNOWN) == set(FORMULAS)


@pytest.mark.parametrize("form", KNOWN)
def test_a_formula_is_found_again_from_its_surface(form: str) -> None:
    law, spec = surface_of(form)
    found = nearest_formula(law, spec, form)
    assert found is not None
    again = np.asarray(found(**dict(zip(law.axes, law.knots, strict=True))))
    assert np.max(np.abs(again - law.values)) < WITHIN * np.ptp(law.values)


@pytest.mark.parametrize("form", KNOWN)
def test_a_formula_says_the_same_on_grids_points_and_single_places(form: str) -> None:
    law = Law("law", "", np.array(KNOWN[form]), FORMULAS[form].axes, (), form)
    at = {axis: SAMPLED[axis] for axis in law.axes}
    table = np.asarray(law(**at))
    assert table.shape == tuple(len(x) for x in at.values())
    flat = {axis: x.ravel() for axis, x in zip(at, np.meshgrid(*at.values(), indexing="ij"), strict=True)}
    assert np.allclose(law.along(flat), table.ravel())
    last = {axis: float(x[-1]) for axis, x in at.items()}
    assert law(**last) == pytest.approx(table.ravel()[-1])


@pytest.mark.parametrize(("power", "bound"), [(-1, 0.0), (6, 4.0)])
def test_a_formula_found_beyond_its_bounds_is_written_at_them(power: float, bound: float) -> None:
    knots = np.linspace(24, 60, 7), np.array([1, 2, 4, 8, 16, 32.0])
    khz = midi_to_hz(knots[0])[:, None] * knots[1] / 1000
    law = Law("law", "", 5 + 2 * khz**power, ("pitch", "partial"), knots)
    found = nearest_formula(law, LawSpec("law", "", 0, 1e9, "any", law.axes), "losses")
    assert found is not None
    assert found.values[3] == bound


def test_a_formula_that_leaves_the_range_is_none() -> None:
    law = grid("law", "dB", [0.0, 0, 0, 8], pitch=(60, 62, 64, 66))
    spec = LawSpec("law", "dB", -1.0, 10.0, "any", ("pitch",))
    assert nearest_formula(law, spec, "line") is None


def test_a_named_law_is_written_read_and_heard() -> None:
    patch = known_patch(core())
    told = dict.fromkeys((kind, law) for kind, law, _ in candidates(patch))
    assert ("tonal_core", "colour_db") in told
    named = with_named(patch, "tonal_core", "colour_db", "tilt")
    law = named.layer("tonal_core").laws["colour_db"]
    assert law.form == "tilt"
    assert law.numbers < patch.layer("tonal_core").laws["colour_db"].numbers
    text = dump_patch(named)
    assert dump_patch(parse_patch(text)) == text
    note = NoteEvent(60, 100)
    a, b = (one.voice(note, 0.3).partial_db for one in (patch, named))
    assert np.max(np.abs(a - b)[:8]) < 1.5


def test_a_record_makes_its_replacements_again(tmp_path: Path) -> None:
    patch = known_patch(core())
    kept = Step("keep", "tonal_core", "would lose", law="attack_s", form="exponential")
    taken = Step("replace", "tonal_core", "says the same", law="colour_db", form="tilt")
    gone = replace(taken, kind="breath")
    takes = takes_of(patch)[::4]
    fitted = Residual(tuple(listen(takes, False, cache=tmp_path)), (), False)
    named = named_again(patch, (kept, taken, gone), fitted)
    assert named.layer("tonal_core").laws["colour_db"].form == "tilt"
    assert named.record == (kept, taken, gone)
    assert named_again(patch, (kept,), fitted).layers == patch.layers


def test_a_formula_that_leaves_the_takes_it_stands_for_does_not_take_the_place_of_the_surface(tmp_path: Path) -> None:
    patch = known_patch(core())
    law = patch.layer("tonal_core").laws["colour_db"]
    bent = law.with_values(law.values + 8.0 * np.cos(np.arange(law.values.size)).reshape(law.values.shape))
    bent_patch = patch.with_layer(patch.layer("tonal_core").with_laws(bent))
    takes = takes_of(bent_patch)[::4]
    fitted = Residual(tuple(listen(takes, False, cache=tmp_path)), (), False)
    taken = Step("replace", "tonal_core", "says the same", law="colour_db", form="tilt")
    named = named_again(bent_patch, (taken,), fitted)
    assert named.layer("tonal_core").laws["colour_db"].form == "grid"
    (told,) = named.record
    assert told.action == "keep"
    assert re.match(r"tilt in place of the surface of colour_db leaves the takes by \d\.\d\d dB", told.reason)


def tuned(*cents: float) -> Patch:
    """Return an instrument so sharp at MIDI 50, 66 and 83."""
    stretch = grid("stretch_cents", "cents", cents, pitch=(50, 66, 83))
    return known_patch(core().with_laws(stretch))


@pytest.mark.parametrize(("top_cents", "stands"), [(60.0, False), (18.0, True)])
def test_a_formula_that_mistunes_a_single_note_does_not_take_the_place_of_the_surface(
    top_cents: float, stands: bool, tmp_path: Path
) -> None:
    patch = tuned(0, 8, top_cents)  # no level tells anything of it
    fitted = Residual(tuple(listen(takes_of(patch)[::3], False, cache=tmp_path)), (), False)
    taken = Step("replace", "tonal_core", "says the same", law="stretch_cents", form="line")
    (told,) = named_again(patch, (taken,), fitted).record
    assert told.action == ("replace" if stands else "keep")
    assert stands or re.match(
        r"line in place of the surface of stretch_cents leaves the takes by \d\d cents", told.reason
    )


def test_notes_keep_their_own_tuning_when_their_law_is_named(tmp_path: Path) -> None:
    patch = tuned(0, 4, 16)
    fitted = Residual(tuple(listen(takes_of(patch), False, cache=tmp_path)), (), False)
    table = NoteCorrection.guess(beside(patch, fitted)).with_laws(*laws_of(0.5, 3.0).values())
    grown = patch.with_layer(table)
    taken = Step("replace", "tonal_core", "says the same", law="stretch_cents", form="line")
    named = named_again(grown, (taken,), fitted)
    assert named.layer("tonal_core").laws["stretch_cents"].form == "line"
    cents = [sharper_cents(*pair) for pair in zip(fitted.heard, beside(named, fitted).voices, strict=True)]
    assert np.max(np.abs(cents)) < TUNED_CENTS
    assert named.layer("note_correction").laws["kinship"]() == 0.5


@pytest.mark.parametrize("kind", sorted(library()))
def test_forms_that_a_law_lists_exist_and_depend_on_no_other_axis(kind: str) -> None:
    for spec in library()[kind].specs:
        for form in spec.forms:
            assert set(FORMULAS[form].axes) <= set(spec.axes), spec.name


def test_the_core_lists_forms_that_are_tried() -> None:
    assert sum(len(spec.forms) for spec in TonalCore.specs) >= 6
