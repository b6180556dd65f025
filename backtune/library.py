"""The library of allowed expansions: every layer type found in the folder `backtune/layers`."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

import backtune.layers as folder
from backtune.errors import InputError, nearest
from backtune.layer import Layer

CORE = "tonal_core"  # the layer type without which there is no tone: growth begins with it, and no cut leaves it out


@cache
def library() -> dict[str, type[Layer]]:
    """Return the layer types by kind, ordered by depth, then name."""
    found: dict[str, type[Layer]] = {}
    for module in pkgutil.iter_modules(folder.__path__):
        for thing in vars(importlib.import_module(f"{folder.__name__}.{module.name}")).values():
            if isinstance(thing, type) and issubclass(thing, Layer) and "kind" in vars(thing):
                found[thing.kind] = thing
    return dict(sorted(found.items(), key=lambda item: (item[1].depth, item[0])))


def is_character(kind: str) -> bool:
    """Return whether a layer type is judged by a trait of the takes, never by their distance."""
    return library()[kind].evidence == "character"


def layer_type(kind: str) -> type[Layer]:
    """Return the layer type of that kind; raise InputError with the nearest name when there is none."""
    types = library()
    if kind not in types:
        raise InputError(f"'{kind}' is no layer type; {nearest(kind, types)}")
    return types[kind]
