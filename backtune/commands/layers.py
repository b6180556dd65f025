"""backtune layers: the library of layer types."""

from __future__ import annotations

import typer

from backtune.commands._examples import examples
from backtune.commands._sources import Json

PLACE = 70
EPILOG = examples(
    "backtune layers",
    "backtune layers --json",
)


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=EPILOG)(layers)


def layers(as_json: Json = False) -> None:
    """List the layer types that growth may use, broad to deep, with their laws."""
    from backtune.law_text import about
    from backtune.layer import DEPTHS
    from backtune.library import library
    from backtune.terminal import say, say_json

    kinds = library().values()
    if as_json:
        say_json(
            [
                {
                    "kind": kind.kind,
                    "depth": DEPTHS[kind.depth],
                    "explains": kind.explains,
                    "evidence": kind.evidence,
                    "laws": {
                        spec.name: {"about": about(spec), "low": spec.low, "high": spec.high, "axes": list(spec.axes)}
                        for spec in kind.specs
                    },
                }
                for kind in kinds
            ]
        )
        return
    for kind in kinds:
        say(f"{kind.kind} ({DEPTHS[kind.depth]}): {kind.explains}")
        for spec in kind.specs:
            axes = f" over {', '.join(spec.axes)}" if spec.axes else ""
            say(f"  {spec.name:16} {about(spec)}{axes}, {spec.low:g}..{spec.high:g}")
