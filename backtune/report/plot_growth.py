"""The plot of growth: size of the patch against its distance from takes it never heard, every step numbered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backtune.patch import Patch, Step
from backtune.report.growth_table import TAKEN, chosen_row
from backtune.report.plots import ACCENT, HEIGHT_IN, INK, SECOND, WIDTH_IN, figure, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def growth_steps(patch: Patch) -> list[tuple[int, Step]]:
    """Return (number, step) of the steps that were measured; numbers count all of the record from 1."""
    return [(index + 1, step) for index, step in enumerate(patch.record) if step.distance_db and step.size_bytes]


def growth_figure(patch: Patch) -> Figure:
    """Return the plot: kept steps as filled circles on a line, refused ones as crosses, the patch as it is ringed.

    Sizes and distances are those of the record.
    """

    chosen = chosen_row(patch)
    steps = growth_steps(patch)
    kept = [(number, step) for number, step in steps if step.action in TAKEN]
    refused = [(number, step) for number, step in steps if step.action == "refuse"]
    with style():
        out = figure(WIDTH_IN, HEIGHT_IN)
        axes = out.subplots()
        axes.plot(_kilobytes(kept), _distances(kept), "-o", color=ACCENT, ms=6, label="kept")
        axes.plot(
            _kilobytes(refused), _distances(refused), "x", color=SECOND, ms=6, label="refused (had it been taken)"
        )
        ring = [(number, step) for number, step in kept if number - 1 == chosen]
        axes.plot(_kilobytes(ring), _distances(ring), "o", mfc="none", color=INK, ms=13, label="the patch as it is")
        for index, (number, step) in enumerate([*kept, *refused]):
            aside = (0, 9) if index % 2 else (0, -15)
            axes.annotate(str(number), (step.size_bytes / 1000, step.distance_db), aside, textcoords="offset points")
        axes.margins(0.08, 0.2)
        axes.set_xlabel("size of the patch, KB")
        axes.set_ylabel("held-out distance, dB")
        axes.legend()
        return out


def _kilobytes(steps: list[tuple[int, Step]]) -> list[float]:
    return [step.size_bytes / 1000 for _, step in steps]


def _distances(steps: list[tuple[int, Step]]) -> list[float]:
    return [step.distance_db for _, step in steps]
