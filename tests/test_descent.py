"""Laws that do not enter a level in a straight line: what the descent finds is what the law then is."""

from __future__ import annotations

import numpy as np
import pytest
import tolerances as tol

from backtune.analysis.descent import descend
from backtune.analysis.observations import Observations
from backtune.analysis.surface import Surface
from backtune.law import Law

KNOTS = np.array([60.0, 72.0, 84.0])
FALLS_DB_S = np.array([2.0, 60.0, 5.0])


def _falling(surface: Surface, falls_db_s: np.ndarray) -> tuple[Observations, np.ndarray]:
    """Return levels of notes that fall as a law over pitch says, and when each was seen."""
    pitch, time_s = (x.ravel() for x in np.meshgrid(np.arange(60.0, 85.0), np.linspace(0.1, 1.0, 10)))
    law = Law("fall_db_s", "dB/s", falls_db_s, surface.axes, surface.knots)
    level = -law.along({"pitch": pitch}) * time_s
    full, nothing = np.ones(len(pitch)), np.zeros(len(pitch))
    return Observations({"pitch": pitch}, level, nothing, full, nothing > 0, nothing.astype(int)), time_s


@pytest.mark.parametrize("start", [FALLS_DB_S, np.full(3, 10.0)], ids=["the truth", "elsewhere"])
def test_what_is_found_by_its_logarithm_is_the_law_between_knots_too(start):
    surface = Surface(("pitch",), (KNOTS,), (0.0,), ridge=0.0)
    seen, time_s = _falling(surface, FALLS_DB_S)
    (found,), _ = descend([surface], [start], lambda values: -values[0] * time_s, seen, (0.7,), (10.0,))
    np.testing.assert_allclose(found, FALLS_DB_S, rtol=tol.DESCENT_SHARE)


def test_a_descent_ends_at_the_best_place_it_passed():
    surface = Surface((), (), (), ridge=0.0)
    seen, _ = _falling(Surface(("pitch",), (KNOTS,), (0.0,)), np.zeros(3))
    # from where the curve bends away, every Gauss-Newton step goes farther past its middle
    (found,), _ = descend([surface], [np.array(0.5)], lambda values: 9 * np.arctan(5 * values[0]), seen, (10.0,))
    assert abs(float(found)) <= 0.5
