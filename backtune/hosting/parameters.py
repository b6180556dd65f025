"""A plugin's parameters: what each is called, shows and allows; read once, then kept on disk by plugin version."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from backtune.errors import InputError, nearest
from backtune.whole_file import write_beside

TABLE_FORMAT = 1  # raised when a row changes its fields, so that old tables are read anew


@dataclass(frozen=True)
class Parameter:
    """One parameter; only its raw value in 0..1 is certain, everything else is what the plugin shows.

    - `index`: place in the plugin's list. `name`, `unit`: as shown. `steps`: how many values, 0 = continuous.
    - `low`, `high`: smallest and largest number among its texts, None when they are no numbers.
    - `low_text`, `high_text`: texts at raw 0 and 1. `choices`: (text, raw) of a parameter that is a list.
    - `default_raw`: as the plugin states it. `automatable`: whether the plugin says it may move.
    """

    index: int
    name: str
    unit: str
    steps: int
    low: float | None
    high: float | None
    low_text: str
    high_text: str
    choices: tuple[tuple[str, float], ...]
    default_raw: float
    automatable: bool

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Parameter:
        """Return the parameter of a table row as it comes from the plugin process or from disk."""
        return cls(**{**row, "choices": tuple((text, raw) for text, raw in row["choices"])})

    @property
    def range_text(self) -> str:
        """Its range in a reader's words: "-60..6 dB", "Off, On" or the texts at both ends."""
        if self.choices:
            return ", ".join(text for text, _ in self.choices)
        if self.low is not None and self.high is not None:
            return f"{self.low:g}..{self.high:g} {self.unit}".rstrip()
        return f"{self.low_text}..{self.high_text}"


class ParameterTable:
    """All parameters of a plugin, found by name; a name that occurs twice is found as `Name#index`."""

    def __init__(self, rows: Iterable[Parameter]) -> None:
        self.rows = tuple(rows)
        names = [row.name for row in self.rows]
        self.by_name = {
            (row.name if names.count(row.name) == 1 else f"{row.name}#{row.index}"): row for row in self.rows
        }

    def find(self, name: str, where: str) -> Parameter:
        """Return the parameter of that name (case and spaces do not matter).

        Raises InputError with the nearest name when there is none.
        """
        return self.by_name[self.key(name, where)]

    def key(self, name: str, where: str) -> str:
        """Return the name as the table has it; raise InputError with the nearest one when there is none."""
        if name in self.by_name:
            return name
        folded = {_fold(known): known for known in self.by_name}
        if _fold(name) in folded:
            return folded[_fold(name)]
        raise InputError(f"{where}: '{name}' is no parameter; {nearest(name, self.by_name)}")


def _fold(name: str) -> str:
    return re.sub(r"[^a-z0-9#]", "", name.casefold())


def cached_table(
    binary: Path, name: str, version: str, read: Callable[[], list[dict[str, Any]]]
) -> tuple[ParameterTable, bool]:
    """Return (table, whether it came from disk) of a plugin; `read` asks the plugin when the disk has none.

    The key is the plugin's name, version and the content of its binary, so an update is read anew.
    """
    path = cache_folder() / f"{_safe(name)}-{_safe(version)}-{_digest(binary, name)}.json"
    try:
        rows = json.loads(path.read_text())["rows"]
        return ParameterTable(Parameter.from_row(row) for row in rows), True
    except (OSError, ValueError, KeyError, TypeError):
        pass  # none yet, or one that is damaged: both are read anew and written over
    table = ParameterTable(Parameter.from_row(row) for row in read())
    content = {"name": name, "version": version, "rows": [asdict(row) for row in table.rows]}
    with suppress(OSError, InputError):  # a cache that cannot be written costs time, not the answer
        path.parent.mkdir(parents=True, exist_ok=True)
        write_beside(path, json.dumps(content, indent=1).encode())
    return table, False


def cache_folder() -> Path:
    """Return the folder where parameter tables are kept."""
    from platformdirs import user_cache_path

    return user_cache_path("backtune") / "plugins"


def _digest(binary: Path, name: str) -> str:
    with binary.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256")
    digest.update(f"{TABLE_FORMAT} {name}".encode())
    return digest.hexdigest()[:16]


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "_", text) or "_"
