"""The growth table: what was kept, what it cost and won, and what was turned down - in 80 columns, each said once."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from backtune.growth_record import Step
from backtune.patch import Patch
from backtune.report.growth_story import (
    DID,
    MEASURED,
    NOTHING,
    VERDICTS,
    Careful,
    TurnedDown,
    careful,
    chosen_row,
    kept_steps,
    turned_down,
)
from backtune.screening import SCREENED

MARK = "▶"
WIDTH = 80
NAME = 18  # columns of a layer's name
REACH = 17  # columns of the picture of what was won; odd, so that 0 has one of its own
MOST_TAKES_TOLD = 8  # names of takes; of more, how many there are


def growth_table(patch: Patch) -> str:
    """Return the record of growth: kept steps, layer types that were turned down and why, takes, smaller patches."""
    if not patch.record:
        return textwrap.fill(f"{patch.name}: no record of growth (not fitted, or written by hand)", WIDTH)
    chosen, down = chosen_row(patch), turned_down(patch)
    measured = [step for _, step in kept_steps(patch)] + [one.step for group in down.values() for one in group]
    reach_db = max([0.1, *(max(abs(step.low_db), abs(step.high_db)) for step in measured)])
    lines = [*textwrap.wrap(f"{patch.name}: how it grew; {MARK} marks the patch as it is", WIDTH), ""]
    lines.append(
        _row("  kept", "bytes", "held-out", f"{'worse':{REACH // 2}}│{'better':>{REACH // 2}}", "won, dB, interval")
    )
    for index, step in kept_steps(patch):
        lines.append(_measured(MARK if index == chosen else "", step_name(step), step, reach_db))
    for name, group in down.items():
        lines += ["", *textwrap.wrap(f"{_count(len(group))} {VERDICTS[name]}", WIDTH)]
        lines += [line for one in group for line in _turned_down(one, name, reach_db)]
    if surfaces := [step for step in patch.record if step.action == "keep"]:
        lines += ["", "surfaces that no named law stands for"]
        lines += [line for step in surfaces for line in _hanging(step.law, step.reason)]
    return "\n".join([*lines, *_smaller(patch), *_baselines(patch), *_takes(careful(patch))])


def step_name(step: Step) -> str:
    """Return what a kept step did, in the words of the table."""
    if step.action == "replace":
        return f"{step.law}: {step.form}"
    return DID.get(step.action, "") + step.kind


def interval_picture(step: Step, reach_db: float) -> str:
    """Return an interval and its mean as 17 columns from -`reach_db` to +`reach_db`, 0 in the middle."""
    middle = REACH // 2

    def column(db: float) -> int:
        return middle + round(max(-1.0, min(1.0, db / reach_db)) * middle)

    cells = [" "] * REACH
    cells[middle] = "│"
    for index in range(column(step.low_db), column(step.high_db) + 1):
        cells[index] = "─" if index != middle else "┼"
    cells[column(step.gain_db)] = "●"
    return "".join(cells)


def _row(name: str, size: str, distance: str, picture: str, won: str) -> str:
    return f"{name:{NAME + 2}} {size:>9} {distance:>8}  {picture:{REACH}} {won:>20}".rstrip()


def _measured(mark: str, name: str, step: Step, reach_db: float) -> str:
    won = bool(step.gain_db or step.high_db or step.low_db)
    told = f"{step.gain_db:+.2f} [{step.low_db:+.2f}, {step.high_db:+.2f}]" if won else "-"
    picture = interval_picture(step, reach_db) if won else " " * (REACH // 2) + "│"
    size = f"{step.size_bytes:,}" if step.size_bytes else "-"
    distance = f"{step.distance_db:.2f}" if step.distance_db else "-"
    return _row(f"{mark:1} {name[:NAME]}", size, distance, picture, told)


def _turned_down(one: TurnedDown, name: str, reach_db: float) -> list[str]:
    if name == NOTHING:
        return _hanging(one.kind, one.step.reason)
    lines = [_measured("", one.kind, one.step, reach_db)]
    return [*lines, *_hanging("", one.step.reason)] if name not in MEASURED else lines


def _hanging(name: str, text: str) -> list[str]:
    first = f"  {name[:NAME]:{NAME}} "
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=" " * len(first))


def _count(number: int) -> str:
    return "1 layer type" if number == 1 else f"{number} layer types"


def _smaller(patch: Patch) -> list[str]:
    """Return the curve down from this patch: each line is a smaller patch, made after all those above it."""
    lines = []
    for cut in patch.cuts:
        what = " ".join(part for part in (cut.action, cut.kind, cut.law, cut.axis) if part)
        lines.append(f"  {what[:52]:52} {cut.size_bytes:>11,} {cut.distance_db:>9.2f}")
    return ["", f"{'made smaller, one after the other':54} {'bytes':>11} {'held-out':>9}", *lines] if lines else []


def _baselines(patch: Patch) -> list[str]:
    lines = []
    for one in sorted(patch.baselines, key=lambda found: found.size_bytes):
        what = f"{one.name}, {one.notes} notes"
        lines.append(f"  {what[:52]:52} {one.size_bytes:>11,} {one.distance_db:>9.2f}")
    return ["", f"{'beside it, on the same takes':54} {'bytes':>11} {'held-out':>9}", *lines] if lines else []


def _takes(groups: Sequence[Careful]) -> list[str]:
    lines = [""] if groups else []
    for one in groups:
        count = "1 take" if len(one.takes) == 1 else f"{len(one.takes)} takes"
        named = ", ".join(one.takes[:MOST_TAKES_TOLD]) + (", ..." if len(one.takes) > MOST_TAKES_TOLD else "")
        lines += textwrap.wrap(f"{count} {SCREENED[one.action]}: {one.reason}", WIDTH)
        lines += textwrap.wrap(f"({named})", WIDTH, initial_indent="  ", subsequent_indent="   ")
    return lines
