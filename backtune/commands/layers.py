"""backtune layers: the library of layer types."""

from __future__ import annotations

import typer

from backtune.commands._examples import examples

PLACE = 70
EPILOG = examples(
    "backtune layers",
    "backtune layers --json",
)


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=EPILOG)(layers)


def layers() -> None:
    """List the layer types that growth may use, broad to deep, with their laws."""
    from backtune.law_text import about
    from backtune.layer import DEPTHS
    from backtune.library import library
    from backtune.terminal import say

    lines, data = [], []
    for kind in library().values():
        depth = DEPTHS[kind.depth]
        lines.append(f"{kind.kind} ({depth}): {kind.explains}")
        lines.append(f"  after {kind.references}")
        laws = {}
        for spec in kind.specs:
            axes = f" over {', '.join(spec.axes)}" if spec.axes else ""
            lines.append(f"  {spec.name:16} {about(spec)}{axes}, {spec.low:g}..{spec.high:g}")
            laws[spec.name] = {"about": about(spec), "low": spec.low, "high": spec.high, "axes": list(spec.axes)}
        facts = {"kind": kind.kind, "depth": depth, "explains": kind.explains, "evidence": kind.evidence}
        facts["references"] = kind.references
        data.append({**facts, "laws": laws})
    say("\n".join(lines), data)
