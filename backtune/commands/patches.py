"""backtune patches: the instruments that come with the program."""

from __future__ import annotations

import typer

from backtune.commands._examples import examples

PLACE = 62
EPILOG = examples(
    "backtune patches",
    "backtune render sax --note C4 -o c4.wav",
)


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=EPILOG)(patches)


def patches() -> None:
    """List the patches that come with backtune; their names stand for their files in every command."""
    from backtune.errors import BacktuneError
    from backtune.patch_file import read_patch
    from backtune.shipped import shipped
    from backtune.terminal import say

    paths = shipped("patches")
    if not paths:
        raise BacktuneError("patches: none came with this copy of backtune; `backtune fit` makes them from recordings")
    found = {name: read_patch(path) for name, path in paths.items()}
    width, lines, data = max(map(len, found)), [], {}
    for name, one in found.items():
        size = paths[name].stat().st_size
        lines += [f"{name:<{width}}  {one.name}"]
        lines += [f"{'':<{width}}  {len(one.layers)} layers, {size / 1000:.0f} KB; {one.origin.licence}"]
        data[name] = {
            "recordings": one.origin.name,
            "licence": one.origin.licence,
            "layers": list(one.kinds),
            "bytes": size,
            "quality": one.quality,
            "path": str(paths[name]),
        }
    say("\n".join(lines), data)
