"""The plot of growth: size of the patch against its distance from takes it never heard, every step numbered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backtune.growth_record import TAKEN, Step
from backtune.patch import Patch
from backtune.report.growth_story import chosen_row
from backtune.report.plots import ACCENT, HEIGHT_IN, INK, SECOND, WIDTH_IN, figure, style

NEAR_ACROSS, NEAR_UP = 0.14, 0.2  # of the plot: labels nearer than this would cover each other
MOST_TOLD = 3  # numbers in one label; of more only the first and the last
MARKS = ("^", "v", "s", "D", "P")  # of baselines, in the order in which they are told

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def growth_steps(patch: Patch) -> list[tuple[int, Step]]:
    """Return (number, step) of the steps that were measured; numbers count all of the record from 1."""
    return [(index + 1, step) for index, step in enumerate(patch.record) if step.distance_db and step.size_bytes]


def growth_figure(patch: Patch) -> Figure:
    """Return the plot: kept steps as filled circles on a line, refused ones as crosses, the patch as it is ringed.

    The ways to a smaller patch are a dashed line, what else scores on the same takes are marks of their own.
    Sizes and distances are those of the record; with baselines, which differ by orders, sizes are logarithmic.
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
        if patch.cuts:
            sizes = [cut.size_bytes / 1000 for cut in patch.cuts]
            axes.plot(sizes, [cut.distance_db for cut in patch.cuts], "--.", color=SECOND, label="made smaller")
        for mark, (name, points) in zip(MARKS, _baselines(patch).items(), strict=False):
            axes.plot(*zip(*points, strict=True), ls=":", marker=mark, color=INK, mfc="none", ms=6, label=name)
        if patch.baselines:
            axes.set_xscale("log")
        for index, (place, numbers) in enumerate(_near([*kept, *refused]).items()):
            aside = (0, 9) if index % 2 else (0, -15)
            axes.annotate(numbers, place, aside, textcoords="offset points", ha="center")
        axes.margins(0.08, 0.2)
        axes.set_xlabel("size of the patch, KB")
        axes.set_ylabel("held-out distance, dB")
        if patch.baselines:  # their lines cross the whole plot
            out.legend(loc="outside lower center", ncols=2)
        else:
            axes.legend()
        return out


def _baselines(patch: Patch) -> dict[str, list[tuple[float, float]]]:
    """Return (KB, dB) of what else scores on the same takes, by name, smallest first."""
    found: dict[str, list[tuple[float, float]]] = {}
    for one in sorted(patch.baselines, key=lambda b: b.size_bytes):
        found.setdefault(one.name, []).append((one.size_bytes / 1000, one.distance_db))
    return found


def _near(steps: list[tuple[int, Step]]) -> dict[tuple[float, float], str]:
    """Return one label for all steps that lie too near each other to be told apart, at the place of the first."""
    sizes, distances = _kilobytes(steps), _distances(steps)
    wide, high = max(np.ptp(sizes), 1e-9), max(np.ptp(distances), 1e-9)
    groups: dict[tuple[float, float], list[int]] = {}
    for (number, _), size, distance in zip(steps, sizes, distances, strict=True):
        for place, numbers in groups.items():
            if abs(place[0] - size) < NEAR_ACROSS * wide and abs(place[1] - distance) < NEAR_UP * high:
                numbers.append(number)
                break
        else:
            groups[size, distance] = [number]
    return {place: _told(sorted(numbers)) for place, numbers in groups.items()}


def _told(numbers: list[int]) -> str:
    return " ".join(map(str, numbers)) if len(numbers) <= MOST_TOLD else f"{numbers[0]} … {numbers[-1]}"


def _kilobytes(steps: list[tuple[int, Step]]) -> list[float]:
    return [step.size_bytes / 1000 for _, step in steps]


def _distances(steps: list[tuple[int, Step]]) -> list[float]:
    return [step.distance_db for _, step in steps]
