"""Options that every command with a plugin shares."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Which = Annotated[str | None, typer.Option(metavar="NAME", help="Which plugin, where a file holds several.")]
State = Annotated[Path | None, typer.Option(help="State of the plugin as its host saved it.")]
VstPreset = Annotated[Path | None, typer.Option("--preset", help="A .vstpreset file.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help='A parameter: "Cutoff=800 Hz" or "Cutoff=raw 0.7".'),
]
Allow = Annotated[
    list[Path] | None,
    typer.Option(
        "--allow", metavar="FOLDER", help="Another folder that the chain may name files in (may be repeated)."
    ),
]
LoadLimit = Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds a plugin may take to load.")]
RenderLimit = Annotated[
    float, typer.Option(min=0.1, max=3600, help="Seconds a plugin may take for one note or one block.")
]
WarmUp = Annotated[float, typer.Option(min=0, max=600, help="Seconds it may stay silent while its samples load.")]
