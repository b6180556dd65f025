"""Laws as text: how one law is written in a patch file, read back, and described in the schema."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from backtune.axes import AXES
from backtune.errors import InputError, nearest
from backtune.formulas import FORMULAS
from backtune.law import Law, LawSpec, multiples
from backtune.shapes import Items, Number, Shape, Table, Text, told
from backtune.yaml_text import number_text, wrapped

PROVENANCES = ("fitted", "assumed", "edited")
FORMS = ("grid", "notes", *FORMULAS)
MOST_NUMBERS = 1_000_000  # of one law: zeros left out of short rows must not fill the memory
SMALLEST_STEP = 1e-10  # 10,000 dB/s, the highest value allowed anywhere, is a whole number of them that floats hold
MOST_IN_REAL_UNITS = 64  # larger tables are rows of steps: nobody edits them number by number

_NUMBERS = Items(Number())
_FIELDS: dict[str, Shape] = {
    "form": Text(FORMS),
    "over": Table({axis: Items(Number(), 1) for axis in AXES}, sentence="knots of each axis, rising"),
    "step": Number(SMALLEST_STEP),
    "provenance": Text(PROVENANCES),
    "value": Number(),
    "values": Items(_NUMBERS),
    "rows": Text(longest=2_000_000),
    "coefficients": Table(
        {name: Number(*form.bounds.get(name, ())) for form in FORMULAS.values() for name in form.coefficients}
    ),
}
_TENSORS = ("value", "values", "rows", "coefficients")


@dataclass(frozen=True)
class LawShape(Shape):
    """One law: a number, or a table with its form, its knots and its numbers."""

    spec: LawSpec

    def read(self, data: Any, where: str) -> Law:
        if not isinstance(data, dict):
            return Law.constant(self.spec.name, self.spec.unit, self._number.read(data, where))
        shapes = _FIELDS | {"values": _NUMBERS} if _is_flat(data.get("values")) else _FIELDS
        given = Table(shapes).read(data, where)
        held = [name for name in _TENSORS if name in given]
        if len(held) != 1:
            raise InputError(
                f"{where}: {' and '.join(held) or 'no number'} given; one of {', '.join(_TENSORS)} is needed"
            )
        form = given.get("form", "grid")
        common = {"step": given.get("step", 0.0), "provenance": given.get("provenance", "fitted")}
        if (form in FORMULAS) != (held[0] == "coefficients"):
            raise InputError(f"{where}.{held[0]}: does not belong to the form '{form}'")
        if form in FORMULAS:
            return self._formula(form, given, common, where)
        if form == "notes" and not self.spec.low <= 0.0 <= self.spec.high:
            raise InputError(f"{where}.form: a law by notes is 0 between them, and {self.spec.name} may not be 0")
        over = given.get("over", {})
        shape = tuple(len(knots) for knots in over.values())
        if math.prod(shape) > MOST_NUMBERS:
            raise InputError(f"{where}.over: {math.prod(shape)} numbers; at most {MOST_NUMBERS} are allowed")
        if (held[0] == "value") != (not shape):
            raise InputError(
                f"{where}.{held[0]}: a law over {', '.join(over) or 'nothing'} has "
                + ("values" if shape else "one value")
            )
        values = _rows(given["rows"], shape, common["step"], f"{where}.rows") if "rows" in given else given[held[0]]
        try:
            tensor = np.array(values, float)
        except ValueError:
            raise InputError(f"{where}.values: the lists inside are not equally long") from None
        knots = tuple(np.array(k) for k in over.values())
        return self._law(tensor, tuple(over), knots, form, common, where)

    def _formula(self, form: str, given: dict[str, Any], common: dict[str, Any], where: str) -> Law:
        formula, said = FORMULAS[form], given["coefficients"]
        for name in said:
            if name not in formula.coefficients:
                raise InputError(
                    f"{where}.coefficients.{name}: not in {formula.text}; {nearest(name, formula.coefficients)}"
                )
        for name in formula.coefficients:
            if name not in said:
                raise InputError(f"{where}.coefficients.{name}: missing")
        values = np.array([said[name] for name in formula.coefficients])
        law = self._law(values, formula.axes, (), form, common, where)
        return law

    def _law(self, values: Any, axes: Any, knots: Any, form: str, common: dict[str, Any], where: str) -> Law:
        try:
            return Law(self.spec.name, self.spec.unit, values, axes, knots, form, **common)
        except InputError as error:
            raise InputError(f"{where.removesuffix(self.spec.name)}{error}") from None

    @property
    def _number(self) -> Number:
        return Number(self.spec.low, self.spec.high, self.spec.unit)

    def schema(self) -> dict[str, Any]:
        number = self._number.schema()
        axes = {axis: Items(Number(), 1).schema() for axis in self.spec.axes}
        table = Table(_FIELDS).schema()
        table["properties"] |= {
            "value": number,
            "values": {"type": "array", "items": {"anyOf": [number, {"type": "array"}]}},
            "over": {"type": "object", "properties": axes, "additionalProperties": False},
        }
        table["oneOf"] = [{"required": [name]} for name in _TENSORS]
        return {"description": about(self.spec), "anyOf": [number, table]}


def _is_flat(values: Any) -> bool:
    return not (isinstance(values, list) and values and isinstance(values[0], list))


def _rows(text: str, shape: tuple[int, ...], step: float, where: str) -> Any:
    rows = text.splitlines()
    if len(rows) != math.prod(shape[:-1]):
        raise InputError(
            f"{where}: {len(rows)} rows; {math.prod(shape[:-1])} are needed, one for each knot before the last axis"
        )
    out = np.zeros((len(rows), shape[-1]))
    for index, row in enumerate(rows):
        try:
            numbers = np.array(row.split(), float)
        except ValueError:
            raise InputError(f"{where}[{index}]: {told(row)}; numbers with spaces between them are needed") from None
        if len(numbers) > shape[-1]:
            raise InputError(f"{where}[{index}]: {len(numbers)} numbers; at most {shape[-1]} are allowed")
        out[index, : len(numbers)] = numbers
    return (out * step if step > 0 else out).reshape(shape)


def about(spec: LawSpec) -> str:
    """Return what a law means, with its unit, on one line."""
    return f"{spec.unit}: {spec.sentence}" if spec.unit else spec.sentence


def law_lines(law: Law, spec: LawSpec, indent: int) -> list[str]:
    """Return the lines of a patch file that hold `law`, `indent` spaces in."""
    pad = " " * indent
    note = f"  # {about(spec)}"
    extras = [f"step: {number_text(law.step)}"] if law.step else []
    extras += [f"provenance: {law.provenance}"] if law.provenance != "fitted" else []
    if law.values.ndim == 0:
        value = _shortest(float(law.values), law.step)
        return [f"{pad}{law.name}: " + (f"{{{', '.join([f'value: {value}', *extras])}}}" if extras else value) + note]
    lines = [f"{pad}{law.name}:{note}"]
    inner = pad + "  "
    if law.form in FORMULAS:
        formula = FORMULAS[law.form]
        lines.append(f"{inner}form: {law.form}  # {formula.text}, m = MIDI pitch")
        pairs = [
            f"{n}: {_shortest(v, law.step)}" for n, v in zip(formula.coefficients, law.values.tolist(), strict=True)
        ]
        return lines + [inner + one for one in extras] + wrapped(f"{inner}coefficients: ", pairs, "{}", indent + 4)
    if law.form != "grid":
        lines.append(f"{inner}form: {law.form}")
    lines.append(f"{inner}over:")
    for axis, knots in zip(law.axes, law.knots, strict=True):
        lines += wrapped(f"{inner}  {axis}: ", [number_text(k, 6) for k in knots.tolist()], "[]", indent + 6)
    lines += [inner + one for one in extras]
    return lines + _tensor_lines(law, inner)


def _tensor_lines(law: Law, pad: str) -> list[str]:
    if law.values.ndim == 1:
        return wrapped(f"{pad}values: ", [_shortest(v, law.step) for v in law.values.tolist()], "[]", len(pad) + 2)
    if law.values.ndim == 2 and law.values.size <= MOST_IN_REAL_UNITS:
        lines = [f"{pad}values:"]
        for knot, row in zip(law.knots[0].tolist(), law.values.tolist(), strict=True):
            numbers = ", ".join(_shortest(v, law.step) for v in row)
            lines.append(f"{pad}- [{numbers}]  # {law.axes[0]} {number_text(knot, 6)}")
        return lines
    unit = f"steps of {law.step:g} {law.unit}".rstrip() if law.step else law.unit or "numbers"
    order = f"a row for each {', '.join(law.axes[:-1])}, over {law.axes[-1]}"
    lines = [f"{pad}rows: |  # {unit}; {order}; zeros at the end left out"]
    rows = law.values.reshape(-1, law.values.shape[-1])
    if law.step:
        texts = [[str(k) for k in row] for row in np.rint(rows / law.step).astype(np.int64).tolist()]
    else:
        texts = [[number_text(v, 6) for v in row] for row in rows.tolist()]
    for row in texts:
        while len(row) > 1 and row[-1] == "0":
            row.pop()
        lines.append(f"{pad} {' '.join(row)}")
    return lines


def _shortest(value: float, step: float) -> str:
    """Return the shortest text that becomes `value` again when rounded to `step`."""
    if step == 0:
        return number_text(value, 6)
    for digits in range(1, 18):
        text = number_text(value, digits)
        if multiples(float(text), step) == value:
            return text
    return number_text(value)
