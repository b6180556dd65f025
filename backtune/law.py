"""A law: one named number of the instrument over pitch, velocity, partial, frequency or time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtune.errors import InputError, nearest
from backtune.units import hz_to_erb

Floats = NDArray[np.float64]

NOTE_REACH = 0.5  # semitones: a law by notes holds for the key, bent or retuned
TIME_KNEE_S = 0.01  # below 10 ms the time axis is linear, above it is logarithmic, as onsets are heard

# An axis is warped before interpolation, so that equal steps on it are about equal steps for the ear.
AXES: dict[str, Callable[[Any], Any]] = {
    "pitch": lambda x: np.asarray(x, float),  # MIDI number
    "velocity": lambda x: np.asarray(x, float),  # 1..127
    "partial": lambda x: np.log2(np.asarray(x, float)),  # overtone number, 1 = fundamental
    "hz": lambda x: hz_to_erb(x),
    "time_s": lambda x: np.arcsinh(np.asarray(x, float) / TIME_KNEE_S),
}


@dataclass(frozen=True)
class Formula:
    """A named physical law: its coefficients' names, its axes, and the function itself."""

    coefficients: tuple[str, ...]
    axes: tuple[str, ...]
    function: Callable[..., Floats]
    text: str


# Sources: Rauhala and Valimaki 2007 (bridges); Chaigne and Askenfelt 1994 (losses).
FORMULAS: dict[str, Formula] = {
    "two_bridges": Formula(
        ("bass_slope", "bass", "treble_slope", "treble"),
        ("pitch",),
        lambda p, pitch: np.exp(p[0] * pitch + p[1]) + np.exp(p[2] * pitch + p[3]),
        "exp(bass_slope m + bass) + exp(treble_slope m + treble)",
    ),
    "line": Formula(("at_zero", "slope"), ("pitch",), lambda p, pitch: p[0] + p[1] * pitch, "at_zero + slope m"),
}


def hats(axis: str, knots: Floats, x: Any) -> tuple[NDArray[np.int64], Floats]:
    """Return the knots around each coordinate, (N, 2), and their shares in linear interpolation, (N, 2).

    Outside the knots the nearest knot's value holds. A single knot gives (N, 1). Shares sum to 1.
    """
    at = np.atleast_1d(AXES[axis](x))
    if len(knots) == 1:
        return np.zeros((len(at), 1), np.int64), np.ones((len(at), 1))
    k = np.asarray(AXES[axis](knots))
    at = np.clip(at, k[0], k[-1])
    right = np.clip(np.searchsorted(k, at, side="right"), 1, len(k) - 1)
    share = (at - k[right - 1]) / (k[right] - k[right - 1])
    return np.stack([right - 1, right], axis=1), np.stack([1.0 - share, share], axis=1)


def exact(knots: Floats, x: Any) -> tuple[NDArray[np.int64], Floats]:
    """Return the knot within half a semitone of each coordinate, (N, 1), and 1, or 0 where there is none."""
    at = np.atleast_1d(np.asarray(x, float))
    near = np.argmin(np.abs(at[:, None] - knots), axis=1)
    return near[:, None], (np.abs(knots[near] - at) < NOTE_REACH).astype(float)[:, None]


def tensor_weights(
    axes: tuple[str, ...], knots: tuple[Floats, ...], by_notes: bool, at: Mapping[str, Any], count: int
) -> tuple[NDArray[np.int64], Floats]:
    """Return for N points the flat indices into a tensor of values, (N, K), and their shares, (N, K).

    `by_notes`: the first axis is pitch and holds at its knots alone.
    """
    index, share = np.zeros((count, 1), np.int64), np.ones((count, 1))
    for position, (axis, k) in enumerate(zip(axes, knots, strict=True)):
        i, w = exact(k, at[axis]) if by_notes and position == 0 else hats(axis, k, at[axis])
        index = (index[:, :, None] * len(k) + i[:, None, :]).reshape(count, -1)
        share = (share[:, :, None] * w[:, None, :]).reshape(count, -1)
    return index, share


def significant(values: Floats) -> Floats:
    """Return `values` with six significant digits: what a patch file holds, so that reading it changes nothing."""
    return np.array([float(f"{value:.6g}") for value in values.ravel().tolist()]).reshape(values.shape)


def basis(axis: str, knots: Floats, x: Any, by_notes: bool) -> Floats:
    """Return the (len(x), len(knots)) matrix of shares of one axis."""
    index, share = exact(knots, x) if by_notes else hats(axis, knots, x)
    out = np.zeros((len(index), len(knots)))
    np.put_along_axis(out, index, share, axis=1)
    return out


@lru_cache(maxsize=512)
def _remembered_basis(axis: str, knots: bytes, x: bytes, by_notes: bool) -> Floats:
    """Return `basis` of arrays given as bytes: notes share their frames, and laws their knots."""
    return basis(axis, np.frombuffer(knots), np.frombuffer(x), by_notes)


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
        if not np.all(np.isfinite(values)):
            raise InputError(f"{self.name}.values: not all are finite numbers")
        values = np.round(values / self.step) * self.step if self.step > 0 else significant(values)
        object.__setattr__(self, "values", values)
        if self.form in FORMULAS:
            formula = FORMULAS[self.form]
            if values.shape != (len(formula.coefficients),) or self.axes != formula.axes:
                raise InputError(
                    f"{self.name}: the form '{self.form}' takes {', '.join(formula.coefficients)} "
                    f"over {', '.join(formula.axes)}"
                )
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
        if self.form in FORMULAS:
            return FORMULAS[self.form].function(self.values, *(np.asarray(at[a], float) for a in self.axes))
        value: Any = self.values
        by_notes = self.form == "notes"
        for index, (axis, knots) in enumerate(zip(self.axes, self.knots, strict=True)):
            x = at[axis]
            weights = _remembered_basis(axis, knots.tobytes(), np.asarray(x, float).tobytes(), by_notes and index == 0)
            # contract the leading axis, append the result at the end: after all axes the order is restored
            rest = value.shape[1:]
            value = (value.reshape(len(value), -1).T @ weights.T).reshape(*rest, len(weights))
        drop = tuple(i for i, axis in enumerate(self.axes) if np.ndim(at[axis]) == 0)
        value = np.squeeze(value, axis=drop) if drop else value
        return float(value) if np.ndim(value) == 0 else value

    def over(self, *axes: str, **at: Any) -> Floats:
        """Return the law on the grid of `axes`, in this order, whichever of them it depends on.

        Every one of `axes` has an array of coordinates in `at`; coordinates of the law's other axes are scalars.
        """
        mine = [axis for axis in self.axes if axis in axes]
        value = np.asarray(self(**at), float)
        value = np.transpose(value, sorted(range(len(mine)), key=lambda i: axes.index(mine[i])))
        shape = tuple(len(at[axis]) if axis in mine else 1 for axis in axes)
        return np.broadcast_to(value.reshape(shape), tuple(len(at[axis]) for axis in axes))

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

    @cached_property
    def known_pitches(self) -> Floats:
        """Pitches a law by notes knows, as MIDI numbers; empty for other forms."""
        return self.knots[0] if self.form == "notes" else np.zeros(0)

    def with_values(self, values: Any, provenance: str | None = None) -> Law:
        """Return the law with other values on the same knots."""
        return replace(self, values=np.asarray(values, float), provenance=provenance or self.provenance)


@dataclass(frozen=True)
class LawSpec:
    """What a layer type says of one of its laws: name, unit, range allowed, the axes it may use, its meaning."""

    name: str
    unit: str
    low: float
    high: float
    sentence: str
    axes: tuple[str, ...] = ()
    optional: bool = False

    def check(self, law: Law, where: str) -> None:
        """Raise InputError when a value of `law` is outside the range or an axis is not allowed."""
        for axis in law.axes:
            if axis not in self.axes:
                raise InputError(f"{where}.{self.name}: depends on '{axis}'; allowed: {', '.join(self.axes) or 'none'}")
        if law.form in FORMULAS:
            return
        low, high = float(np.min(law.values, initial=np.inf)), float(np.max(law.values, initial=-np.inf))
        if law.values.size and low < self.low:
            raise InputError(f"{where}.{self.name}: {low:g} is below the allowed {self.low:g} {self.unit}".rstrip())
        if law.values.size and high > self.high:
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
