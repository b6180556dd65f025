"""How a patch grew, on the page: bytes against held-out distance, what was kept, what was turned down and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backtune.growth_record import TAKEN, Cut
from backtune.patch import Patch
from backtune.report.answers import title
from backtune.report.growth_story import (
    DID,
    MEASURED,
    NOTHING,
    VERDICTS,
    careful,
    chosen_row,
    growth_data,
    turned_down,
)
from backtune.report.html_parts import details, paragraph, plot, section, table
from backtune.report.plot_growth import growth_figure, growth_steps
from backtune.screening import SCREENED

Data = dict[str, Any]  # of `growth_data`
Rows = list[Sequence[Any]]

COLUMNS = ("bytes", "held-out", "won, with its interval", "why")
GROWTH = (
    "Growth begins with the tonal core, listens to what the recordings have beyond it, and offers every layer type of "
    "the library. A layer stays only if takes that were never fitted come nearer, by more than chance explains and "
    "by enough for its bytes."
)


def growth_section(patch: Patch) -> str:
    """Return the record of growth: the plot, kept steps, layer types turned down by reason, smaller patches, steps."""
    if not patch.record:
        return section("growth", "How it grew", paragraph("There is no record: it was not fitted, or written by hand."))
    parts = [paragraph(GROWTH)]
    if growth_steps(patch):
        words = "Size of the patch in KB against held-out distance in dB; what it shows stands in the tables below."
        parts.append(plot(growth_figure(patch), "growth", _caption(patch), words))
    return section("growth", "How it grew", *parts, _kept(patch), *_not_kept(patch), *_curve(patch), *_details(patch))


def _kept(patch: Patch) -> str:
    kept = [(index, step) for index, step in enumerate(growth_data(patch)) if step["action"] in TAKEN]
    chosen = chosen_row(patch)
    marked = next((row for row, (index, _) in enumerate(kept) if index == chosen), None)
    rows: Rows = [(_kept_name(step), *_measured(step), step["reason"]) for _, step in kept]
    caption = "Kept, in the order of growth; the marked step is the patch as it is"
    return table(caption, ("layer", *COLUMNS), rows, marked)


def _not_kept(patch: Patch) -> list[str]:
    out = []
    for name, group in turned_down(patch).items():
        steps = [(title(one.kind), one.times, *_measured(vars(one.step)), one.step.reason) for one in group]
        head: Sequence[str] = ("layer", "times tried", *COLUMNS)
        rows: Rows = [*steps]
        if name in MEASURED:  # the interval is the reason
            head, rows = head[:-1], [row[:-1] for row in steps]
        elif name == NOTHING:  # nothing was measured
            head, rows = (*head[:2], head[-1]), [(*row[:2], row[-1]) for row in steps]
        out.append(table(f"Not kept: {len(group)} {VERDICTS[name]}", head, rows))
    return out


def _curve(patch: Patch) -> list[str]:
    """Return the ways to a smaller patch, and what else scores on the same takes."""
    out = []
    if patch.cuts:
        rows: Rows = [(_cut_name(cut), f"{cut.size_bytes:,}", f"{cut.distance_db:.2f} dB") for cut in patch.cuts]
        out.append(table("Made smaller, each after all those above it", ("what is left out", *COLUMNS[:2]), rows))
    if patch.baselines:
        order = sorted(patch.baselines, key=lambda one: one.size_bytes)
        rivals: Rows = [(b.name, b.notes, f"{b.size_bytes:,}", f"{b.distance_db:.2f} dB") for b in order]
        out.append(table("What else scores on the same takes", ("what", "notes", *COLUMNS[:2]), rivals))
    return out


def _details(patch: Patch) -> list[str]:
    """Return what is opened on demand: takes that needed care, and every step of the record."""
    out = []
    takes: Rows = [(SCREENED[one.action], len(one.takes), one.reason, ", ".join(one.takes)) for one in careful(patch)]
    if takes:
        count = sum(len(one.takes) for one in careful(patch))
        told = "One take was" if count == 1 else f"{count} takes were"
        head = ("what was done", "takes", "why", "which")
        out.append(details(f"{told} left out, mended or used with doubt", table("Takes that needed care", head, takes)))
    steps = [(i, step) for i, step in enumerate(growth_data(patch)) if step["action"] not in SCREENED]
    chosen = chosen_row(patch)
    marked = next((row for row, (index, _) in enumerate(steps) if index == chosen), None)
    rows: Rows = [
        (index + 1, step["action"], title(step["kind"]), *_measured(step), step["reason"]) for index, step in steps
    ]
    record = table("The record, step by step", ("step", "action", "layer", *COLUMNS), rows, marked)
    return [*out, details(f"Every step of the record ({len(rows)})", record)]


def _caption(patch: Patch) -> str:
    kept = [step for _, step in growth_steps(patch) if step.action in TAKEN]
    told = "Lower is nearer to recordings it never heard, left is smaller. "
    if kept:
        first, last = kept[0], kept[-1]
        told += (
            f"Each dot is the patch after one layer more: from {first.distance_db:.2f} dB in {first.size_bytes:,} "
            f"bytes to {last.distance_db:.2f} dB in {last.size_bytes:,}. "
        )
    told += "Crosses are trials that were refused, where the patch would have come to lie."
    return told + (" The dashed line is the same patch made smaller." if patch.cuts else "")


def _cut_name(cut: Cut) -> str:
    return " ".join(part for part in (cut.action, title(cut.kind), cut.law, cut.axis) if part)


def _kept_name(step: Data) -> str:
    name = title(step["kind"])
    if step["action"] == "replace":
        return f"{name}: {step['law']} as {step['form']}"
    return DID.get(step["action"], "") + name


def _measured(step: Data) -> tuple[str, str, str]:
    won = f"{step['gain_db']:+.2f} dB ({step['low_db']:+.2f}..{step['high_db']:+.2f})"
    return (
        f"{step['size_bytes']:,}" if step["size_bytes"] else "-",
        f"{step['distance_db']:.2f} dB" if step["distance_db"] else "-",
        won if step["gain_db"] or step["high_db"] else "-",
    )
