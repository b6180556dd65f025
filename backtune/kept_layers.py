"""Fitted layers kept as plain data, every bit of them: a fit that goes on does not fit again what was fitted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from typing import Any, Concatenate, ParamSpec

import numpy as np

from backtune.analysis.residual import Residual
from backtune.errors import Declined
from backtune.kept import is_keeping, kept
from backtune.law import Law
from backtune.layer import Layer
from backtune.library import layer_type
from backtune.patch import Patch

Settings = ParamSpec("Settings")


def fitted_once(
    fit: Callable[Concatenate[Patch, Settings], Patch],
) -> Callable[Concatenate[Patch, Settings], Patch]:
    """Return `fit`, a function that finds numbers of a patch's layers, so that what it found is kept.

    What it depends on are its arguments: the patch, takes beside which it fits, layer types, numbers.
    That a layer type declined is kept with its reason.
    """

    @wraps(fit)
    def once(patch: Patch, /, *args: Settings.args, **kwargs: Settings.kwargs) -> Patch:
        if not is_keeping():
            return fit(patch, *args, **kwargs)

        def make() -> dict[str, Any]:
            try:
                return patch_data(fit(patch, *args, **kwargs))
            except Declined as reason:
                return {"declined": str(reason)}

        given = [_argument(one) for one in (*args, *sorted(kwargs.items()))]
        found = kept(make, fit.__name__, patch_data(patch), given)
        if "declined" in found:
            raise Declined(found["declined"])
        return replace(patch, layers=layers_of(found["layers"]), controls=found["controls"])

    return once


def patch_data(patch: Patch) -> dict[str, Any]:
    """Return all of a patch that is heard, as plain data."""
    origin = {"seed": patch.origin.seed, "top_hz": patch.origin.top_hz}
    rest = {"lead_s": patch.lead_s, "struck": patch.struck, **origin}
    return {"layers": layers_data(patch), "controls": patch.controls, **rest}


def layers_data(patch: Patch) -> list[dict[str, Any]]:
    """Return the layers of a patch as plain data from which `layers_of` makes the same ones."""
    return [{"kind": layer.kind, "laws": [_law_data(law) for law in layer.laws.values()]} for layer in patch.layers]


def layers_of(data: Sequence[dict[str, Any]]) -> tuple[Layer, ...]:
    """Return the layers that `layers_data` told."""
    return tuple(layer_type(one["kind"])({law["name"]: _law_of(law) for law in one["laws"]}) for one in data)


def _law_data(law: Law) -> dict[str, Any]:
    plain = {name: getattr(law, name) for name in ("name", "unit", "form", "step", "provenance")}
    return {
        **plain,
        "values": law.values.tolist(),
        "axes": list(law.axes),
        "knots": [np.asarray(one, float).tolist() for one in law.knots],
    }


def _law_of(data: dict[str, Any]) -> Law:
    knots = tuple(np.array(one, float) for one in data["knots"])
    return Law(**data | {"values": np.array(data["values"], float), "axes": tuple(data["axes"]), "knots": knots})


def _argument(one: Any) -> Any:
    if isinstance(one, Residual):
        return [one.struck, one.levels_natural, [[h.name, repr(h.note), h.gain_db] for h in one.heard]]
    return one.kind if isinstance(one, type) and issubclass(one, Layer) else one
