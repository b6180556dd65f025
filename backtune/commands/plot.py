"""backtune plot: a law, or the growth of a patch, as a picture file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backtune.commands._examples import examples
from backtune.errors import InputError

PLACE = 24
EPILOG = examples(
    "backtune plot piano.yaml --law inharmonicity",
    "backtune plot piano.yaml --law velocity_db --layer onset_noise -o knock.svg",
    "backtune plot piano.yaml --growth -o growth.png",
)


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=EPILOG, no_args_is_help=True)(plot)


def plot(
    patch: Annotated[Path, typer.Argument(metavar="PATCH", help="Patch file, or a shipped one by name.")],
    law: Annotated[str | None, typer.Option(help="The law to draw.")] = None,
    layer: Annotated[str | None, typer.Option(help="Its layer, where several have such a law.")] = None,
    growth: Annotated[bool, typer.Option("--growth", help="Draw bytes against held-out distance.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Picture to write: .svg, .png or .pdf.", show_default="PATCH_LAW.svg"),
    ] = None,
) -> None:
    """Draw a law of a patch, or its growth; readable without colour."""
    from backtune.commands._writable import check_writable
    from backtune.edit import find_law
    from backtune.patch_file import read_patch
    from backtune.report.plot_growth import growth_figure, growth_steps
    from backtune.report.plots import law_figure, save_figure
    from backtune.terminal import remark

    if (law is None) != growth:
        raise InputError(
            f"plot: {'--law and --growth' if growth else 'nothing'} given; one of --law, --growth is needed"
        )
    target = output or Path(f"{patch.stem}_{law or 'growth'}.svg")
    check_writable(target)
    chosen = read_patch(patch)
    if law is None:
        if not growth_steps(chosen):
            raise InputError(f"{patch}: holds no record of growth to draw")
        drawn = growth_figure(chosen)
    else:
        _, spec, found = find_law(chosen, law, layer)
        drawn = law_figure(found, spec, chosen.origin.pitches)
    save_figure(drawn, target)
    remark(f"{target}: {target.stat().st_size:,} bytes")
