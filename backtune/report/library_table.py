"""The table of a library that was fitted: an instrument a row."""

from __future__ import annotations

from typing import Any

from backtune.library_fit import LibraryReport, Outcome
from backtune.patch_file import patch_bytes


def library_data(report: LibraryReport) -> dict[str, Any]:
    """Return what became of each instrument as plain data."""
    rows = [_row(one) for one in report.outcomes]
    return {"instruments": rows, "ignored": report.ignored, "seconds": round(report.seconds, 1)}


def library_table(report: LibraryReport) -> str:
    """Return a line for each instrument, and the sum of what they took."""
    width = max(10, *(len(one.name) for one in report.outcomes))
    lines = [f"{'instrument':<{width}}  {'':9}  {'takes':>5}  {'layers':>6}  {'unheard':>8}  {'KB':>6}  {'core s':>7}"]
    for one in report.outcomes:
        row = _row(one)
        if one.patch is None:
            lines.append(f"{one.name:<{width}}  {one.state:9}  {one.reason}")
            continue
        distance = f"{row['unheard_db']:.2f} dB" if row["unheard_db"] is not None else "-"
        figures = f"{one.takes:>5}  {row['layers']:>6}  {distance:>8}  {row['bytes'] / 1000:>6.1f}  {one.core_s:>7.0f}"
        lines.append(f"{one.name:<{width}}  {one.state:9}  {figures}")
    core_s = sum(one.core_s for one in report.outcomes)
    takes = sum(one.takes for one in report.outcomes if one.core_s and one.patch)
    lines.append(
        f"{len(report.outcomes)} instruments in {report.seconds:.0f} s, {core_s:.0f} s of one core ({takes} takes)"
    )
    return "\n".join([*lines, *(f"{name}: no instrument" for name in report.ignored)])


def _row(one: Outcome) -> dict[str, Any]:
    patch = one.patch
    quality = patch.quality if patch else {}
    return {
        "name": one.name,
        "state": one.state,
        "takes": one.takes,
        "layers": len(patch.layers) if patch else 0,
        "unheard_db": quality.get("unheard_pitches_db", quality.get("unheard_dynamics_db")),
        "bytes": patch_bytes(patch) if patch else 0,
        "core_s": round(one.core_s, 1),
        "reason": one.reason,
    }
