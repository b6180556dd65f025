"""Each layer opened: its facts, its laws as plots and, where they are few, as numbers; what it sounds like."""

from __future__ import annotations

from html import escape
from typing import Any

from backtune.formulas import FORMULAS
from backtune.law import Law, LawSpec
from backtune.layer import Layer
from backtune.patch import Patch
from backtune.report.html_parts import details, paragraph, plot, section, table
from backtune.report.html_story import three_keys
from backtune.report.plot_axes import label_of, named_place
from backtune.report.plots import Dots, law_figure
from backtune.report.shares import Share
from backtune.report.text_plot import number
from backtune.units import note_name

Data = dict[str, Any]
MOST_ROWS, MOST_COLUMNS = 24, 20  # a larger law is shown as a map, its numbers are in the patch file


def layer_section(patch: Patch, data: Data, share: Share, dots: dict[str, Dots], players: str) -> str:
    """Return one layer down to its laws; `data` is its part of `story_data`, `dots` are measured notes by law."""
    layer = patch.layer(data["kind"])
    won = f", won {data['gain_db']:.2f} dB on takes it had not heard" if data["gain_db"] is not None else ""
    facts = f"{data['depth']}; {data['numbers']:,} numbers, {data['bytes']:,} bytes; {share}{won}."
    parts = [paragraph(data["explains"]), f'<p class="facts">{escape(facts)}</p>', players]
    specs = {spec.name: spec for spec in layer.specs}
    for name, law in layer.laws.items():
        parts.append(_law(patch, layer, law, specs[name], dots.get(name)))
    return section(f"layer-{layer.kind}", layer.kind, *parts, level=3)


def _law(patch: Patch, layer: Layer, law: Law, spec: LawSpec, dots: Dots | None) -> str:
    told = f"{spec.sentence[:1].upper()}{spec.sentence[1:]}; {_count(law.numbers)}, {law.provenance}."
    parts = [f"<p>{escape(told)} In the patch file: <code>{escape(law.name)}</code>.</p>"]
    keys = [(note_name(key), _told(law, key)) for key in three_keys(patch)] if law.axes == ("pitch",) else []
    if not law.axes:
        parts.append(paragraph(f"{number(float(law.values))} {law.unit}".rstrip() + ", the same everywhere."))
    else:
        words = f"{label_of(law)} over {', '.join(law.axes)}. " + ", ".join(f"{key}: {value}" for key, value in keys)
        caption = f"{label_of(law)} over {', '.join(_AXIS[axis] for axis in law.axes)}{_shown(law)}"
        drawn = law_figure(law, spec, patch.origin.pitches, dots)
        parts.append(plot(drawn, f"{layer.kind}-{law.name}", caption, words))
        parts.append(_numbers(law))
    return section(f"law-{layer.kind}-{law.name}", label_of(law), *parts, level=4)


def _count(numbers: int) -> str:
    return "one number" if numbers == 1 else f"{numbers:,} numbers"


_AXIS = {"pitch": "the keyboard", "velocity": "velocity", "partial": "overtones", "hz": "frequency", "time_s": "time"}


def _shown(law: Law) -> str:
    return "; slices at three places, the law has more" if len(law.axes) > 2 else ""


def _told(law: Law, key: float) -> str:
    return f"{number(float(law(pitch=key)))} {law.unit}".rstrip()


def _numbers(law: Law) -> str:
    """Return the law's own numbers as a table that opens, where they are few enough to be read."""
    unit = f" in {law.unit}" if law.unit else ""
    if law.form in FORMULAS:
        formula = FORMULAS[law.form]
        rows = [(name, f"{value:.6g}") for name, value in zip(formula.coefficients, law.values.tolist(), strict=True)]
        return details("The numbers", table(formula.text, ("coefficient", "value"), rows))
    if len(law.axes) == 1:
        axis, unit_head = law.axes[0], law.unit or "value"
        pairs = zip(law.knots[0].tolist(), law.values.tolist(), strict=True)
        rows = [(_knot(axis, x), f"{value:.6g}") for x, value in pairs]
        return details("The numbers", table(f"{law.name}{unit}", (axis, unit_head), rows))
    if len(law.axes) == 2 and law.values.shape[0] <= MOST_ROWS and law.values.shape[1] <= MOST_COLUMNS:
        first, second = law.axes
        head = (first, *(_knot(second, x) for x in law.knots[1].tolist()))
        pairs = zip(law.knots[0].tolist(), law.values.tolist(), strict=True)
        cells = [(_knot(first, x), *(f"{value:.6g}" for value in row)) for x, row in pairs]
        return details("The numbers", table(f"{law.name}{unit}", head, cells))
    return ""


def _knot(axis: str, x: float) -> str:
    """Return where a knot lies, exactly: keys between the semitones as numbers."""
    if axis == "pitch":
        return note_name(x) if x == round(x) else f"{note_name(x)} {100 * (x - round(x)):+.0f} cents"
    return named_place(axis, x)
