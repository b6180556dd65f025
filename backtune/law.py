"""A law: one named number of the instrument over pitch, velocity, partial, frequency or time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtune.axes import AXES, at_note, at_place, remembered_basis, tensor_weights, warped
from backtune.errors import InputError, nearest
from backtune.formulas import FORMULAS, SAMPLED
from backtune.shapes import Number

Floats = NDArray[np.float64]


def significant(values: Floats) -> Floats:
    """Return `values` with six significant digits: what a patch file holds, so that reading it changes nothing."""
    return np.array([float(f"{value:.6g}") for value in values.ravel().tolist()]).reshape(values.shape)


def multiples(values: Floats | float, step: float) -> Floats:
    """Return `values` rounded to whole multiples of `step`, each the float nearest to its decimal text.

    Counts are divided by 1/step, whole for the steps in use: 95 * 0.01 is 0.9500000000000001, 95 / 100 is 0.95.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # a law checks that what comes out is finite
        return np.asarray(np.round(np.asarray(values) / step) / (1 / step))


@dataclass(frozen=True)
class Law:
    """One named number over its axes.

    - `name`, `unit`: what it is, in the field's words. `axes`: which of `AXES` it depends on, in order.
    - `form`: "grid" (values at knots, linear between them on the warped axes), "notes" (the same, but the
      first axis is pitch and holds only at the pitches listed: elsewhere the law is 0), or a name in `FORMULAS`.
    - `knots`: one rising array an axis (grid and notes). `values`: their tensor, or the formula's coefficients.
    - `step`: the resolution values are written with (0 = six significant digits); 4 is enough for anything heard.
    - `provenance`: "fitted", "assumed" (no recording told it) or "edited".
    """

    name: str
    unit: str
    values: Floats
    axes: tuple[str, ...] = ()
    knots: tuple[Floats, ...] = ()
    form: str = "grid"
    step: float = 0.0
    provenance: str = "fitted"

    def __post_init__(self) -> None:
        """Raise InputError when axes, knots and values do not belong together."""
        for axis in self.axes:
            if axis not in AXES:
                raise InputError(f"{self.name}.axes: '{axis}' is no axis; {nearest(axis, AXES)}")
        values = np.asarray(self.values, float)
        values = multiples(values, self.step) if self.step > 0 else significant(values)
        if not np.all(np.isfinite(values)):  # asked after rounding: a step of 1e-310 makes NaN of 5
            raise InputError(f"{self.name}.values: not all are finite numbers")
        object.__setattr__(self, "values", values)
        if self.form in FORMULAS:
            formula = FORMULAS[self.form]
            if values.shape != (len(formula.coefficients),) or self.axes != formula.axes:
                raise InputError(
                    f"{self.name}: the form '{self.form}' takes {', '.join(formula.coefficients)} "
                    f"over {', '.join(formula.axes)}"
                )
            for name, value in zip(formula.coefficients, values.tolist(), strict=True):
                Number(*formula.bounds.get(name, ())).read(value, f"{self.name}.coefficients.{name}")
            return
        if self.form not in ("grid", "notes"):
            raise InputError(f"{self.name}.form: '{self.form}'; {nearest(self.form, ['grid', 'notes', *FORMULAS])}")
        if self.form == "notes" and self.axes[:1] != ("pitch",):
            raise InputError(f"{self.name}.axes: a law by notes has pitch as its first axis")
        knots = tuple(significant(np.asarray(k, float)) for k in self.knots)
        object.__setattr__(self, "knots", knots)
        shape = tuple(len(k) for k in knots)
        if len(knots) != len(self.axes) or shape != values.shape:
            raise InputError(f"{self.name}.values: shape {values.shape} does not fit its knots {shape}")
        for axis, k in zip(self.axes, knots, strict=True):
            if not np.all(np.isfinite(k)) or np.any(np.diff(k) <= 0):
                raise InputError(f"{self.name}.{axis}: knots must rise")

    @classmethod
    def constant(cls, name: str, unit: str, value: float, provenance: str = "fitted", step: float = 0.0) -> Law:
        """Return a law that is the same number everywhere."""
        return cls(name, unit, np.array(float(value)), provenance=provenance, step=step)

    def __call__(self, **at: Any) -> Any:
        """Return the law's value; coordinates are named by axis, others are ignored.

        A scalar coordinate drops its axis; arrays of lengths a, b... give the (a, b, ...) tensor of
        all combinations, in the order of `axes`. A missing coordinate raises KeyError.
        """
        if self.axes != ("pitch",) or not isinstance(at["pitch"], float):
            return self._told(at)
        if at["pitch"] not in self._by_pitch:
            self._by_pitch[at["pitch"]] = self._told(at)
        return self._by_pitch[at["pitch"]]

    @cached_property
    def _by_pitch(self) -> dict[float, Any]:
        """What a law over pitch alone has told already: a key is asked for at every velocity."""
        return {}

    def _told(self, at: Mapping[str, Any]) -> Any:
        if self.form in FORMULAS:
            coordinates = [np.asarray(at[a], float) for a in self.axes]
            lists = [x for x in coordinates if x.ndim]
            grid = iter(np.ix_(*lists)) if len(lists) > 1 else iter(lists)
            return FORMULAS[self.form].function(self.values, *(next(grid) if x.ndim else x for x in coordinates))
        value: Any = self.values
        for axis, knots, places in zip(self.axes, self.knots, self._places, strict=True):
            x = at[axis]
            by_notes = self.form == "notes" and knots is self.knots[0]
            if isinstance(x, float) or np.ndim(x) == 0:
                value = at_note(value, places, x) if by_notes else at_place(value, places, warped(axis, float(x)))
                continue
            weights = remembered_basis(axis, knots.tobytes(), np.asarray(x, float).tobytes(), by_notes)
            # contract the leading axis, append the result at the end: after all axes the order is restored
            rest = value.shape[1:]
            value = (value.reshape(len(value), -1).T @ weights.T).reshape(*rest, len(weights))
        return float(value) if np.ndim(value) == 0 else value

    def over(self, *axes: str, **at: Any) -> Floats:
        """Return the law on the grid of `axes`, in this order, whichever of them it depends on.

        Every one of `axes` has an array of coordinates in `at`; coordinates of the law's other axes are scalars.
        """
        mine = [axis for axis in self.axes if axis in axes]
        value = np.asarray(self(**at), float)
        if len(mine) > 1:
            value = np.transpose(value, sorted(range(len(mine)), key=lambda i: axes.index(mine[i])))
        full = tuple(len(at[axis]) for axis in axes)
        value = value.reshape([n if axis in mine else 1 for axis, n in zip(axes, full, strict=True)])
        return value if value.shape == full else np.broadcast_to(value, full)

    def along(self, at: Mapping[str, Floats]) -> Floats:
        """Return the law at N points, (N,); `at` gives each axis N coordinates (others are ignored)."""
        count = len(next(iter(at.values())))
        if self.form in FORMULAS:
            return np.asarray(FORMULAS[self.form].function(self.values, *(at[a] for a in self.axes)))
        index, share = tensor_weights(self.axes, self.knots, self.form == "notes", at, count)
        return np.asarray(np.sum(self.values.ravel()[index] * share, axis=1))

    @property
    def numbers(self) -> int:
        """How many free numbers the law holds."""
        return int(self.values.size)

    @property
    def coordinates(self) -> tuple[Floats, ...]:
        """Coordinates along each axis that tell the law: its knots, or, of a formula, where it is looked at."""
        return tuple(SAMPLED[axis] for axis in self.axes) if self.form in FORMULAS else self.knots

    @cached_property
    def _places(self) -> tuple[list[float], ...]:
        """Where the knots lie on their warped axes."""
        return tuple(np.asarray(AXES[axis](k)).tolist() for axis, k in zip(self.axes, self.knots, strict=True))

    @cached_property
    def known_pitches(self) -> Floats:
        """Pitches a law by notes knows, as MIDI numbers; empty for other forms."""
        return self.knots[0] if self.form == "notes" else np.zeros(0)

    def with_values(self, values: Any, provenance: str | None = None) -> Law:
        """Return the law with other values on the same knots."""
        return replace(self, values=np.asarray(values, float), provenance=provenance or self.provenance)


@dataclass(frozen=True)
class LawSpec:
    """What a layer type says of one of its laws: name, unit, range allowed, the axes it may use, its meaning.

    `forms`: named formulas that can stand for its surface. `leaps`: between two instruments it is that of the nearer.
    """

    name: str
    unit: str
    low: float
    high: float
    sentence: str
    axes: tuple[str, ...] = ()
    optional: bool = False
    forms: tuple[str, ...] = ()
    leaps: bool = False

    def check(self, law: Law, where: str) -> None:
        """Raise InputError when a value of `law` is outside the range or an axis is not allowed.

        A formula is looked at on the whole keyboard, at all velocities and partials.
        """
        for axis in law.axes:
            if axis not in self.axes:
                raise InputError(f"{where}.{self.name}: depends on '{axis}'; allowed: {', '.join(self.axes) or 'none'}")
        values = law.values
        if law.form in FORMULAS:
            values = np.asarray(law(**dict(zip(law.axes, law.coordinates, strict=True))))
            if not np.all(np.isfinite(values)):
                raise InputError(f"{where}.{self.name}: is not finite on every key; check its coefficients")
        low, high = float(np.min(values, initial=np.inf)), float(np.max(values, initial=-np.inf))
        if values.size and low < self.low:
            raise InputError(f"{where}.{self.name}: {low:g} is below the allowed {self.low:g} {self.unit}".rstrip())
        if values.size and high > self.high:
            raise InputError(f"{where}.{self.name}: {high:g} is above the allowed {self.high:g} {self.unit}".rstrip())


def laws_by_name(laws: Mapping[str, Law], specs: tuple[LawSpec, ...], where: str) -> dict[str, Law]:
    """Return `laws` in the order of `specs`, each checked against its spec.

    Raises InputError for a missing or unknown law, or a value outside its range.
    """
    known = {spec.name: spec for spec in specs}
    for name in laws:
        if name not in known:
            raise InputError(f"{where}.{name}: unknown law; {nearest(name, known)}")
    for spec in specs:
        if spec.name in laws:
            spec.check(laws[spec.name], where)
        elif not spec.optional:
            raise InputError(f"{where}.{spec.name}: missing ({spec.sentence})")
    return {spec.name: laws[spec.name] for spec in specs if spec.name in laws}
