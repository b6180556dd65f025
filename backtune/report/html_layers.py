"""Each layer opened: its facts, its laws as plots and, where they are few, as numbers; what it sounds like."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from backtune.formulas import FORMULAS
from backtune.law import Law, LawSpec
from backtune.layer import Layer
from backtune.patch import Patch
from backtune.report.answers import enumerated, three_keys, title
from backtune.report.html_parts import details, paragraph, plot, section, table
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
    file = f"In the patch file: <code>{escape(layer.kind)}</code>."
    parts = [paragraph(data["explains"]), f'<p class="facts">{escape(facts)} {file}</p>']
    parts.append(f'<div class="several">{players}</div>')
    specs = {spec.name: spec for spec in layer.specs}
    for name, law in layer.laws.items():
        parts.append(_law(patch, layer, law, specs[name], dots.get(name)))
    return section(f"layer-{layer.kind}", _capital(title(layer.kind)), *parts, level=3)


def _law(patch: Patch, layer: Layer, law: Law, spec: LawSpec, dots: Dots | None) -> str:
    told = f"{spec.sentence[:1].upper()}{spec.sentence[1:]}; {_count(law.numbers)}, {law.provenance}."
    parts = [f"<p>{escape(told)} In the patch file: <code>{escape(law.name)}</code>.</p>"]
    if not law.axes:
        parts.append(paragraph(f"{number(float(law.values))} {law.unit}".rstrip() + ", the same everywhere."))
    else:
        axes = enumerated([_AXIS[axis] for axis in law.axes])
        reads = " ".join(filter(None, (_reading(law, dots), _values(patch, law), _shown(law))))
        drawn = law_figure(law, spec, patch.origin.pitches, dots)
        drawn.axes[0].set_title(_panel_title(drawn.axes[0].get_title("left"), spec), fontsize=10, loc="left")
        told = f"{_capital(label_of(law))} over {axes}."
        parts.append(plot(drawn, f"{layer.kind}-{law.name}", f"{told} {reads}", f"{told} {_values(patch, law)}"))
        parts.append(_numbers(law))
    return section(f"law-{layer.kind}-{law.name}", _capital(label_of(law)), *parts, level=4)


def _panel_title(title_: str, spec: LawSpec) -> str:
    """Return the title of a plot's first panel, without the sentence that stands above it on the page."""
    return "" if title_ == spec.sentence else title_


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _reading(law: Law, dots: Dots | None) -> str:
    """Tell how to read the plot of a law."""
    if dots is not None:
        return "The line is the law, its dots the knots that may be edited; the loose dots are single recorded notes."
    if law.form == "notes" and len(law.axes) == 1:
        return "Each mark is one recorded note; 0 is what the laws below say."
    return (
        "Shades run from dark (least) to light (most); the lines on them join equal values."
        if len(law.axes) > 2
        else ""
    )


def _values(patch: Patch, law: Law) -> str:
    """Tell a law over the keyboard at three keys, any other by where it is least and most."""
    if law.axes == ("pitch",) and law.form != "notes":
        return ", ".join(f"{note_name(key)}: {_told(law, key)}" for key in three_keys(patch)) + "."
    if not law.values.size or law.form in FORMULAS:
        return ""
    ends = []
    for word, index in (("Least", law.values.argmin()), ("most", law.values.argmax())):
        at = np.unravel_index(int(index), law.values.shape)
        where = ", ".join(named_place(a, float(k[i])) for a, k, i in zip(law.axes, law.knots, at, strict=True))
        ends.append(f"{word}: {number(float(law.values[at]))} {law.unit}".rstrip() + f" at {where}")
    return f"{ends[0]}; {ends[1]}."


def _count(numbers: int) -> str:
    return "one number" if numbers == 1 else f"{numbers:,} numbers"


_AXIS = {"pitch": "the keyboard", "velocity": "velocity", "partial": "overtones", "hz": "frequency", "time_s": "time"}


def _shown(law: Law) -> str:
    return "Slices at three places; the law has more." if len(law.axes) > 2 else ""


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
