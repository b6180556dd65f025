"""The plot of growth: size of the patch against its distance from takes it never heard, steps by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backtune.growth_record import TAKEN, Step
from backtune.patch import Patch
from backtune.report.growth_story import chosen_row
from backtune.report.plots import ACCENT, INK, SECOND, WIDTH_IN, figure, style

FIGURE_IN = 4.0
LETTER_ACROSS, NAME_UP = 0.0108, 0.04  # of the plot, of a letter of a name and of its height
# Where a name may stand: points across and up from its mark, and which of its ends is there; the best place first.
KEPT_SIDES = ((-8, -8, "right"), (-8, 0, "right"), (0, -16, "center"), (0, 14, "center"), (8, 0, "left"))
REFUSED_SIDES = ((7, 0, "left"), (-7, 0, "right"), (0, 10, "center"))
MARKS = ("^", "v", "s", "D", "P")  # of baselines, in the order in which they are told

Side = tuple[float, float, str]
Box = tuple[float, float, float, float]
Steps = list[tuple[int, Step]]

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def growth_steps(patch: Patch) -> list[tuple[int, Step]]:
    """Return (number, step) of the steps that were measured; numbers count all of the record from 1."""
    return [(index + 1, step) for index, step in enumerate(patch.record) if step.distance_db and step.size_bytes]


def growth_figure(patch: Patch) -> Figure:
    """Return the plot: kept steps as filled circles on a line, refused ones as crosses, the patch as it is ringed.

    The ways to a smaller patch are a dashed line, what else scores on the same takes are marks of their own.
    Sizes and distances are those of the record; sizes are logarithmic. Steps are named where there is room.
    """

    chosen = chosen_row(patch)
    steps = growth_steps(patch)
    kept = [(number, step) for number, step in steps if step.action in TAKEN]
    refused = [(number, step) for number, step in steps if step.action == "refuse"]
    with style():
        out = figure(WIDTH_IN, FIGURE_IN)
        axes = out.subplots()
        axes.set_xscale("log")
        axes.plot(_kilobytes(kept), _distances(kept), "-o", color=ACCENT, ms=6, label="kept")
        axes.plot(
            _kilobytes(refused), _distances(refused), "x", color=SECOND, ms=6, label="refused (had it been taken)"
        )
        ring = [(number, step) for number, step in kept if number - 1 == chosen]
        axes.plot(_kilobytes(ring), _distances(ring), "o", mfc="none", color=INK, ms=13, label="the patch as it is")
        if patch.cuts:
            sizes = [cut.size_bytes / 1000 for cut in patch.cuts]
            axes.plot(sizes, [cut.distance_db for cut in patch.cuts], "--.", color=SECOND, label="made smaller")
        for mark, (name, points) in zip(MARKS, _baselines(patch).items(), strict=False):
            axes.plot(*zip(*points, strict=True), ls=":", marker=mark, color=INK, mfc="none", ms=6, label=name)
        axes.margins(0.17, 0.12)
        axes.autoscale_view()  # names are placed in the plot as it will be
        axes.set_xlabel("size of the patch, KB")
        axes.set_ylabel("held-out distance, dB")
        axes.xaxis.set_major_formatter(lambda size, _: f"{size:,g}")
        axes.xaxis.set_minor_formatter(lambda size, _: f"{size:,g}" if f"{size:.0e}"[0] in "25" else "")
        _name(axes, kept, refused)
        if patch.baselines:  # their lines cross the whole plot
            out.legend(loc="outside lower center", ncols=2)
        else:
            axes.legend()
        return out


def _name(axes: Axes, kept: Steps, refused: Steps) -> None:
    """Name kept steps and the last trial of refused ones beside their marks, each where it covers nothing else."""
    marks = [_place(axes, step) for _, step in (*kept, *refused)]
    newest = {step.kind: number for number, step in refused}
    last = [(number, step) for number, step in refused if newest[step.kind] == number]
    taken: list[Box] = []
    for sides, (_, step) in [*((KEPT_SIDES, one) for one in reversed(kept)), *((REFUSED_SIDES, one) for one in last)]:
        for side in sides:
            box = _box(_place(axes, step), step.kind, side)
            covered = any(box[0] < x < box[2] and box[1] < y < box[3] for x, y in marks)
            crossed = any(box[0] < one[2] and one[0] < box[2] and box[1] < one[3] and one[1] < box[3] for one in taken)
            if not (covered or crossed or min(box) < 0 or max(box) > 1):
                taken.append(box)
                across, up, align = side
                name, at = step.kind.replace("_", " "), (step.size_bytes / 1000, step.distance_db)
                axes.annotate(name, at, (across, up), textcoords="offset points", ha=align, va="center", fontsize=8)
                break


def _box(at: tuple[float, float], name: str, side: Side) -> Box:
    """Return the box of a name beside a mark, as shares of the plot: left, bottom, right, top."""
    across, up, align = side
    wide, x, y = LETTER_ACROSS * len(name), at[0] + across / (72 * WIDTH_IN), at[1] + up / (72 * FIGURE_IN)
    left = x - wide * {"left": 0.0, "center": 0.5, "right": 1.0}[align]
    return left, y - NAME_UP / 2, left + wide, y + NAME_UP / 2


def _place(axes: Axes, step: Step) -> tuple[float, float]:
    """Return where a step lies in the plot, both from 0 to 1."""
    at = axes.transLimits.transform(axes.transScale.transform((step.size_bytes / 1000, step.distance_db)))
    return float(at[0]), float(at[1])


def _baselines(patch: Patch) -> dict[str, list[tuple[float, float]]]:
    """Return (KB, dB) of what else scores on the same takes, by name, smallest first."""
    found: dict[str, list[tuple[float, float]]] = {}
    for one in sorted(patch.baselines, key=lambda b: b.size_bytes):
        found.setdefault(one.name, []).append((one.size_bytes / 1000, one.distance_db))
    return found


def _kilobytes(steps: list[tuple[int, Step]]) -> list[float]:
    return [step.size_bytes / 1000 for _, step in steps]


def _distances(steps: list[tuple[int, Step]]) -> list[float]:
    return [step.distance_db for _, step in steps]
