"""Export formats: what each promises, what it is given, and finding them in the folder `backtune/export`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from backtune.chain import Chain
from backtune.errors import InputError, nearest
from backtune.lane import Lane
from backtune.parameter_table import Parameter, parameter_table
from backtune.patch import Patch


@dataclass(frozen=True)
class Order:
    """What is to be exported: a patch, and what a session may hold beside it.

    - `controllers`: the MIDI controller of each control. `lanes`: automation by control.
    - `song`: a MIDI file. `stems`: sound files that begin with the song. `chain`: effects behind the instrument.
    - `budget_mb`: how large rendered samples may be in all. `class_id`: 32 hexadecimal digits of a VST3 plugin.
    """

    patch: Patch
    controllers: Mapping[str, int]
    lanes: Mapping[str, Lane] = field(default_factory=dict)
    song: Path | None = None
    stems: tuple[Path, ...] = ()
    chain: Chain | None = None
    budget_mb: float = 50.0
    class_id: str = ""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The patch's parameter table."""
        return parameter_table(self.patch.panel, self.controllers)


@dataclass(frozen=True)
class ExportFormat:
    """One format: its name, the ending of its files, a sentence, and `write(order, path)`.

    `holds`: which fields of an order it has a place for, beside the patch and its controllers.
    """

    name: str
    ending: str
    sentence: str
    write: Callable[[Order, Path], None]
    holds: tuple[str, ...] = ()


@cache
def export_formats() -> dict[str, ExportFormat]:
    """Return every `ExportFormat` found in the folder `backtune/export`, by name."""
    folder = importlib.import_module("backtune.export")
    found: dict[str, ExportFormat] = {}
    for module in sorted(pkgutil.iter_modules(folder.__path__), key=lambda module: module.name):
        for thing in vars(importlib.import_module(f"{folder.__name__}.{module.name}")).values():
            if isinstance(thing, ExportFormat):
                found[thing.name] = thing
    return found


def find_format(name: str, path: Path) -> ExportFormat:
    """Return the format of that name, or, for "", the one that `path` ends like; InputError with the nearest name."""
    known = export_formats()
    if name:
        if name not in known:
            raise InputError(f"export: '{name[:60]}' is no format; {nearest(name[:60], known)}")
        ending = known[name].ending
        if any(path.suffix.lower() == one.ending != ending for one in known.values()):
            raise InputError(f"{path}: its ending is another format's; {name} files end with {ending}")
        return known[name]
    for one in known.values():
        if path.name.lower().endswith(one.ending):
            return one
    raise InputError(f"{path}: no format has this ending; allowed: {', '.join(one.ending for one in known.values())}")


def xml_text(text: str) -> str:
    """Return a text as XML can hold it: without control characters and halves of characters."""
    return "".join(sign for sign in text if sign.isprintable())
