"""Named laws in place of surfaces: the same said with fewer numbers, where held-out takes do not mind."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from backtune.errors import InputError
from backtune.formulas import FORMULAS, HIGHEST_HZ
from backtune.law import Law, LawSpec
from backtune.patch import Patch
from backtune.units import midi_to_hz

Floats = NDArray[np.float64]

MOST_EVALUATIONS = 400  # of a fit of at most five numbers; it settles within 50
DIGITS = 1e-9  # of the fit, far below the six digits that are written
LEAST_B = 1e-7


def candidates(patch: Patch) -> Iterator[tuple[str, str, str]]:
    """Yield (kind, law, form) of every surface of `patch` that a named form of fewer numbers may stand for."""
    for layer in patch.layers:
        for spec in layer.specs:
            law = layer.laws.get(spec.name)
            for form in spec.forms:
                formula = FORMULAS[form]
                if law is None or law.form != "grid":
                    continue
                if set(formula.axes) == set(law.axes) and len(formula.coefficients) < law.numbers:
                    yield layer.kind, spec.name, form


def with_named(patch: Patch, kind: str, name: str, form: str) -> Patch:
    """Return `patch` with the formula `form` nearest to the surface of a law in its place.

    A patch in which the law is no surface, or where the formula would leave the law's range, is returned as it is.
    """
    layer = patch.layer(kind)
    law, spec = layer.laws[name], next(spec for spec in layer.specs if spec.name == name)
    if law.form != "grid" or set(law.axes) != set(FORMULAS[form].axes):
        return patch
    found = nearest_formula(law, spec, form)
    return patch if found is None else patch.with_layer(layer.with_laws(found))


def nearest_formula(law: Law, spec: LawSpec, form: str) -> Law | None:
    """Return the formula nearest to a surface at its knots; None where it leaves the law's range or is not finite.

    Where a value may not be negative, ratios count, else differences. Knots of partials above 16 kHz do not count.
    """
    from scipy.optimize import least_squares

    formula = FORMULAS[form]
    grid = np.meshgrid(*law.knots, indexing="ij")
    at = {axis: x.ravel() for axis, x in zip(law.axes, grid, strict=True)}
    heard = np.ones(len(law.values.ravel()), bool)
    if "pitch" in at and "partial" in at:
        heard = at["partial"] * midi_to_hz(at["pitch"]) <= HIGHEST_HZ
    coordinates = [at[axis][heard] for axis in formula.axes]
    wanted = law.values.ravel()[heard]
    ratios = spec.low >= 0 or spec.unit == "dB/s"
    least = max(spec.low, LEAST_B if spec.unit == "" else 1e-3)

    def errors(p: Floats) -> Floats:
        value = formula.function(formula.within(p), *coordinates)
        if ratios:
            return np.asarray(np.log(np.maximum(value, least)) - np.log(np.maximum(wanted, least)))
        return np.asarray(value - wanted)

    if len(wanted) <= len(formula.coefficients):
        return None
    found = least_squares(errors, formula.start, x_scale="jac", max_nfev=MOST_EVALUATIONS, xtol=DIGITS, ftol=DIGITS)
    if not np.all(np.isfinite(found.x)):
        return None
    named = Law(law.name, law.unit, formula.within(found.x), formula.axes, (), form, provenance=law.provenance)
    try:
        spec.check(named, "law")
    except InputError:
        return None
    return named
