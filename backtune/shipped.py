"""What comes with the program: patches, effect chains and controller maps, each a YAML file with a name."""

from __future__ import annotations

from functools import cache
from pathlib import Path

HERE = Path(__file__).parent


@cache
def shipped(what: str) -> dict[str, Path]:
    """Return the shipped files of one sort ("patches", "chains", "controls") by name, in alphabetical order."""
    places = (HERE / "presets" / what, HERE.parent / "presets" / what)  # installed, or in the repository
    folder = next((place for place in places if place.is_dir()), None)
    return {} if folder is None else {path.stem: path for path in sorted(folder.glob("*.yaml"))}
