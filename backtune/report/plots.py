"""Plots of laws: lines where few curves tell a law, contoured maps where it is a surface; readable without colour."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from backtune.errors import InputError, nearest
from backtune.formulas import FORMULAS
from backtune.law import Law, LawSpec
from backtune.report.plot_axes import LABELS, axis_points, drawn_axes, label_of, named_place, ticks, warp
from backtune.report.text_plot import number
from backtune.whole_file import beside

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
Dots = tuple[Floats, Floats]  # measured notes: coordinates on the first axis, values

FORMATS = (".svg", ".png", ".pdf")
MOST_LINES = 4  # a surface with more knots than this on its second axis is drawn as a map
PANELS = 3  # of a law over three axes or more: low, middle, high
POINTS = 160  # across a plot; knots lie at least twice as far apart
WIDTH_IN, HEIGHT_IN, DPI = 7.0, 3.2, 160
# Inks of plots; a page replaces them by those of its theme. Lines differ by dash and marker as well.
INK, FAINT, ACCENT, SECOND = "#1a1b1c", "#b4b5b6", "#1f5fa9", "#b3470b"
LINES = (("-", "o"), ("--", "s"), (":", "^"), ("-.", "D"))
COLOURS = "cividis"  # dark to light without a turn: the same order in grey and for the colour-blind
LIGHTEST = 0.82  # of the scale: white contours are still seen on it
STYLE: Any = {
    "svg.fonttype": "none",  # text stays text: read aloud, searched, set in the page's letters
    "svg.hashsalt": "backtune",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.8,
    "lines.markersize": 4,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}


def style() -> AbstractContextManager[None]:
    """Return the context in which all plots are drawn and written."""
    from matplotlib import rc_context

    return rc_context(STYLE)


def figure(width_in: float = WIDTH_IN, height_in: float = HEIGHT_IN) -> Figure:
    """Return an empty figure in the style of all plots; draw inside `style()`."""
    from matplotlib.figure import Figure

    return Figure((width_in, height_in), layout="constrained")


def law_figure(law: Law, spec: LawSpec, pitches: tuple[float, float], dots: Dots | None = None) -> Figure:
    """Return the plot of a law with at least one axis; `dots` are measured notes beside a law over pitch.

    `pitches` is the range of a keyboard axis. Laws over three axes and more are shown at a low, a middle
    and a high place of their first axis and in the middle of the others. Raises InputError for a law
    that is one number.
    """

    if not law.axes:
        raise InputError(f"{law.name}: is one number, {number(float(law.values))} {law.unit}: nothing to plot".rstrip())
    with style():
        if len(law.axes) > 2:
            return _panels(law, pitches)
        out = figure(WIDTH_IN, HEIGHT_IN if dots is None or len(law.axes) == 1 else 2 * HEIGHT_IN)
        if len(law.axes) == 1:
            axes = out.subplots()
            draw_line(axes, law, law.axes[0], pitches, {}, 0)
        elif dots is None:
            axes = out.subplots()
            _surface(axes, law, pitches)
        else:  # the notes beside the law of the fundamental, the whole law below
            axes, below = out.subplots(2, 1)
            first = {axis: float(k[0]) for axis, k in zip(law.axes, law.coordinates, strict=True) if axis != "pitch"}
            draw_line(axes, law, "pitch", pitches, first, 0)
            _surface(below, law, pitches)
        if dots is not None:
            axes.plot(warp("pitch", dots[0]), dots[1], "o", color=SECOND, ms=3.5, alpha=0.7, label="recorded notes")
            axes.legend()
        _logarithmic(axes, law)
        axes.set_title(spec.sentence, fontsize=10, loc="left", wrap=True)
        return out


def _surface(axes: Axes, law: Law, pitches: tuple[float, float]) -> None:
    """Draw a law over two axes: as lines where one axis has few knots, else as a map."""
    across, up = drawn_axes(law.axes)
    knots = law.coordinates[law.axes.index(up)]
    if len(knots) > MOST_LINES:
        draw_map(axes, law, across, up, pitches, {})
        return
    for index, x in enumerate(knots.tolist()):
        draw_line(axes, law, across, pitches, {up: x}, index)
    axes.legend()


def draw_line(
    axes: Axes, law: Law, across: str, pitches: tuple[float, float], held: dict[str, float], index: int
) -> None:
    """Draw `law` along the axis `across` into `axes`, other axes at `held`; `index` chooses dash and marker."""
    dash, marker = LINES[index % len(LINES)]
    colour = (ACCENT, INK, SECOND, INK)[index % 4]
    by_notes = law.form == "notes" and across == "pitch"
    at = axis_points(law, across, pitches, POINTS)
    label = ", ".join(named_place(axis, x) for axis, x in held.items()) or "law"
    values = np.atleast_1d(law(**{across: at}, **held))
    style = "" if by_notes else dash
    axes.plot(warp(across, at), values, ls=style, color=colour, marker=marker if by_notes else "", label=label)
    if not by_notes and law.form not in FORMULAS:
        knots = law.coordinates[law.axes.index(across)]
        knots = knots[(knots >= at[0]) & (knots <= at[-1])]
        axes.plot(warp(across, knots), np.atleast_1d(law(**{across: knots}, **held)), marker, color=colour)
    _axis(axes.xaxis, across, at)
    axes.set_ylabel(label_of(law))


def draw_map(axes: Axes, law: Law, across: str, up: str, pitches: tuple[float, float], held: dict[str, float]) -> None:
    """Draw `law` over two axes as a shaded map with labelled contours, other axes at `held`."""
    x, y = axis_points(law, across, pitches, POINTS), axis_points(law, up, pitches, POINTS)
    values = np.array(law.over(up, across, **{across: x, up: y}, **held))
    heat_map(axes, warp(across, x), warp(up, y), values, label_of(law))
    contours(axes, warp(across, x), warp(up, y), values)
    _axis(axes.xaxis, across, x)
    _axis(axes.yaxis, up, y)


def heat_map(
    axes: Axes, x: Floats, y: Floats, values: Floats, label: str, ends: tuple[float, float] | None = None
) -> None:
    """Draw `values` (len(y), len(x)) as shades, dark to light, beside a scale named `label`; NaN stays empty.

    `ends`: what is darkest and lightest (beyond, it gets no darker or lighter); by default the least and greatest.
    """
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    axes.grid(False)
    scale = ListedColormap(colormaps[COLOURS](np.linspace(0, LIGHTEST, 256)))
    image = axes.pcolormesh(x, y, values, cmap=scale, shading="nearest", rasterized=True)
    if ends is not None:
        image.set_clim(*ends)
    beyond = "neither" if ends is None else "both"
    bar = axes.figure.colorbar(image, ax=axes, label=label, pad=0.02, extend=beyond)
    bar.outline.set_visible(False)


def contours(axes: Axes, x: Floats, y: Floats, values: Floats) -> None:
    """Draw labelled contours of `values` (len(y), len(x)) where they differ."""
    if min(values.shape) > 1 and np.ptp(values) > 0:
        lines = axes.contour(x, y, values, levels=5, colors="white", linewidths=0.8)
        axes.clabel(lines, fontsize=8, fmt=lambda level: number(float(level)))


def save_figure(drawn: Figure, path: str | Path) -> None:
    """Write a figure as .svg, .png or .pdf, beside its place and renamed there.

    Raises InputError for another suffix or a place that cannot be written.
    """

    target = Path(path)
    if target.suffix.lower() not in FORMATS:
        raise InputError(f"{target}: '{target.suffix}' is no format of plots; {nearest(target.suffix, FORMATS)}")
    kind = target.suffix.lower().removeprefix(".")
    undated = {"Date": None} if kind == "svg" else None  # the same plot gives the same bytes
    with beside(target) as part, style():
        drawn.savefig(part, format=kind, dpi=DPI, facecolor="white", metadata=undated)


def _panels(law: Law, pitches: tuple[float, float]) -> Figure:
    first, *rest = law.axes
    across, up, *others = drawn_axes(rest)
    held = {axis: float(k[len(k) // 2]) for axis, k in zip(law.axes, law.coordinates, strict=True) if axis in others}
    knots = law.coordinates[0]
    picked = knots[np.unique(np.linspace(0, len(knots) - 1, min(PANELS, len(knots))).round().astype(int))]
    out = figure(WIDTH_IN, 2.4 * len(picked) + 0.3)
    for axes, x in zip(np.atleast_1d(out.subplots(len(picked), 1, sharex=True)), picked.tolist(), strict=True):
        here = {first: x} | held
        draw_map(axes, law, across, up, pitches, here)
        axes.set_title(", ".join(named_place(axis, one) for axis, one in here.items()), fontsize=10, loc="left")
        if x != picked[-1]:
            axes.set_xlabel("")
    return out


def _axis(axis: Any, name: str, at: Floats) -> None:
    marks = ticks(name, float(at[0]), float(at[-1]))
    axis.set_ticks(warp(name, [x for x, _ in marks]), [text for _, text in marks])
    axis.set_label_text(LABELS[name])


def _logarithmic(axes: Axes, law: Law) -> None:
    """Draw numbers that cover more than a factor of 20, and no sign, on a logarithmic scale."""
    if law.unit in ("dB", "cents") or len(law.axes) != 1 or law.values.min() <= 0 or law.form in FORMULAS:
        return
    if law.values.max() / law.values.min() > 20:
        axes.set_yscale("log")
