"""The growth table: what was tried, what it cost and won, and which row was chosen."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from backtune.growth_record import TAKEN, Step
from backtune.patch import Patch

MARK = "▶"
SCREENED = ("leave out", "mend", "doubt")  # not layers: takes that were not used, or not as they were, by name
WIDTH = 80


def chosen_row(patch: Patch) -> int | None:
    """Return the index of the last step after which the patch had the layers it has; None without a record."""
    kinds: set[str] = set()
    row = None
    for index, step in enumerate(patch.record):
        if step.action == "remove":
            kinds.discard(step.kind)
        elif step.action in TAKEN:
            kinds.add(step.kind)
        else:
            continue
        row = index if kinds == set(patch.kinds) else row
    return row


def growth_table(patch: Patch) -> str:
    """Return the record of growth as a table of bytes against held-out distance, then the reasons."""
    if not patch.record:
        return textwrap.fill(f"{patch.name}: no record of growth (not fitted, or written by hand)", WIDTH)
    chosen = chosen_row(patch)
    lines = [*textwrap.wrap(f"{patch.name}: what growth tried; {MARK} marks the patch as it is", WIDTH), ""]
    lines.append(f"  {'':2}{'step':8} {'layer':20} {'bytes':>8} {'held-out':>9} {'won, with its interval':>26}")
    for index, step in enumerate(patch.record):
        if step.action not in SCREENED:
            lines.append(f"  {MARK if index == chosen else ' '} " + _row(step))
    lines += ["", *_reasons(patch.record)]
    return "\n".join(lines)


def growth_data(patch: Patch) -> list[dict[str, Any]]:
    """Return the record as plain data, the chosen row marked."""
    chosen = chosen_row(patch)
    return [{**vars(step), "chosen": index == chosen} for index, step in enumerate(patch.record)]


def _row(step: Step) -> str:
    size = f"{step.size_bytes:,}" if step.size_bytes else "-"
    distance = f"{step.distance_db:.2f} dB" if step.distance_db else "-"
    won = f"{step.gain_db:+.2f} dB [{step.low_db:+.2f}, {step.high_db:+.2f}]" if step.gain_db or step.high_db else "-"
    return f"{step.action:8} {step.kind[:20]:20} {size:>8} {distance:>9} {won:>26}"


def _reasons(steps: Sequence[Step]) -> list[str]:
    lines = []
    for step in steps:
        if step.reason:
            told = f"{step.action} {step.kind}: {step.reason}"
            lines += textwrap.wrap(told, WIDTH - 4, initial_indent="  ", subsequent_indent="      ")
    return lines
