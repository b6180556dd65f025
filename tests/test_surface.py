"""Surfaces and laws: bends on uneven knots, what a fit takes out of the render, laws at points as on grids."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from some_patches import KNOT_RANGE, laws, relaxed

from backtune.analysis.observations import Observations
from backtune.analysis.surface import Surface, _bends, fit_levels
from backtune.formulas import FORMULAS
from backtune.law import Law, LawSpec

UNEVEN = np.array([1.0, 2.0, 4.0, 4.5, 9.0, 20.0])


def test_a_parabola_bends_alike_everywhere_however_uneven_the_knots() -> None:
    bends = _bends(UNEVEN)
    np.testing.assert_allclose(bends @ (3 * UNEVEN - 7), 0.0, atol=1e-12)
    np.testing.assert_allclose(bends @ UNEVEN**2, 2 * np.diff(UNEVEN).mean() ** 2)
    np.testing.assert_allclose(_bends(np.arange(4.0)).toarray(), [[1, -2, 1, 0], [0, 1, -2, 1]])


def seen_beside(rendered_db: np.ndarray) -> Observations:
    """Return levels that fall with the pitch and scatter; a floor hides every third, mostly from well above it."""
    rng, count = np.random.default_rng(7), len(rendered_db)
    pitch, hidden = np.linspace(30.0, 90.0, count), np.arange(count) % 3 == 0
    level = -0.5 * pitch + rng.normal(0.0, 1.0, count)
    floor = level + np.where(np.arange(count) % 9 == 0, -6.0, 12.0)
    measured = np.where(hidden, floor, level)
    return Observations({"pitch": pitch}, measured, rendered_db, np.ones(count), hidden, np.arange(count))


@pytest.mark.parametrize("usual_db", [None, 2.0])
def test_a_layers_own_share_of_the_render_does_not_change_what_is_found(usual_db: float | None) -> None:
    others = np.full(90, -3.0)
    own = np.random.default_rng(8).normal(-3.0, 6.0, 90)
    surface = Surface(("pitch",), (np.array([30.0, 50.0, 70.0, 90.0]),), (0.1,))
    (alone,) = fit_levels([surface], seen_beside(others), usual_db=usual_db)
    (again,) = fit_levels([surface], seen_beside(others + own), own, usual_db)
    np.testing.assert_allclose(again, alone, atol=1e-3)  # rounds begin elsewhere


AT = ("pitch", "velocity", "time_s")
SPEC = LawSpec("level_db", "dB", -100, 50, "a level", AT)


@relaxed
@given(data=st.data())
def test_a_law_along_points_is_the_law_at_each_of_them(data: st.DataObject) -> None:
    law = data.draw(laws(SPEC))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    at = {axis: rng.uniform(*KNOT_RANGE[axis], 8) for axis in AT}
    for axis, knots in zip(law.axes, law.knots, strict=True):  # half of them at knots: a law by notes is 0 elsewhere
        at[axis][:4] = rng.choice(knots, 4)
    wanted = [law(**{axis: float(x[i]) for axis, x in at.items()}) for i in range(8)]
    np.testing.assert_allclose(law.along(at), wanted, atol=1e-9)
    every = law.over(*AT, **at)  # of all combinations those of one point each
    np.testing.assert_allclose(np.einsum("iii->i", every), wanted, atol=1e-9)


@pytest.mark.parametrize("form", FORMULAS)
def test_a_formula_along_points_is_the_formula_at_each_of_them(form: str) -> None:
    formula = FORMULAS[form]
    law = Law("any", "", np.array(formula.start), formula.axes, form=form)
    at = {"pitch": np.array([30.0, 60, 80]), "velocity": np.array([20.0, 64, 120]), "partial": np.array([1.0, 3, 9])}
    wanted = [float(law(**{axis: float(x[i]) for axis, x in at.items()})) for i in range(3)]
    np.testing.assert_allclose(law.along(at), wanted)
