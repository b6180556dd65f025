"""Controller maps: which MIDI controller moves which control, for a keyboard, a host or a family of hardware."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from backtune.errors import InputError, nearest
from backtune.panel import Panel, common_controls
from backtune.shapes import Names, Number, Table, Text
from backtune.shipped import shipped
from backtune.whole_file import read_whole
from backtune.yaml_text import MOST_BYTES, read_yaml

OWN = "own"  # the controllers that controls ask for themselves
SHAPE = Table(
    {"name": Text(longest=100), "sentence": Text(longest=500), "controllers": Names(Number(0, 119, whole=True))},
    frozenset({"name", "controllers"}),
    "a controller map: the MIDI controller of each control",
)


@dataclass(frozen=True)
class ControllerMap:
    """A map: its `name`, a `sentence` for whoever chooses it, and the controller (0..119) of each control."""

    name: str
    sentence: str
    controllers: dict[str, int]


def preset_maps() -> dict[str, Path]:
    """Return the files of the maps that come with the product, by name."""
    return shipped("controls")


def read_map(chosen: str) -> ControllerMap:
    """Return the map of a file, or one that comes with the product, by name.

    Raises InputError for an unknown name, a broken file, or two controls on one controller.
    """
    path = preset_maps().get(chosen)
    if path is None:
        path = Path(chosen)
        if path.suffix.lower() not in (".yaml", ".yml"):
            raise InputError(
                f"map: '{chosen[:60]}' is no controller map; {nearest(chosen[:60], [OWN, *preset_maps()])}"
            )
    data = read_whole(path, MOST_BYTES, "a controller map")
    given = SHAPE.read(read_yaml(data, str(path)), str(path))
    taken: dict[int, str] = {}
    for name, number in given["controllers"].items():
        if number in taken:
            raise InputError(f"{path}: controllers.{name}: {number} moves {taken[number]} already")
        taken[number] = name
    return ControllerMap(given["name"], given.get("sentence", ""), given["controllers"])


def controllers_for(panel: Panel, chosen: str = OWN) -> dict[str, int]:
    """Return the controller of each control of an instrument, by a map; "own": those the controls ask for.

    A map may name common controls that this instrument does not offer; any other name it lacks is refused.
    """
    if chosen == OWN:
        return {name: one.cc for name, one in panel.controls.items() if one.cc is not None}
    found = read_map(chosen)
    for name in found.controllers:
        if name not in panel.controls and name not in common_controls():
            panel.find(name, f"{found.name}: controllers")
    return {name: number for name, number in found.controllers.items() if name in panel.controls}
