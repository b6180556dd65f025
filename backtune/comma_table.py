"""Tables whose cells are separated by commas: the names in their header."""

from __future__ import annotations

from collections.abc import Iterable

from backtune.errors import InputError

OTHERS = {";": "semicolons", "\t": "tabs"}  # spreadsheets write these where a comma is the decimal point


def header_of(cells: list[str], where: str, known: Iterable[str]) -> list[str]:
    """Return the names in the first row of a table.

    Raises InputError, beginning with `where`, if nothing parts them, or one of the `known` columns is there twice.
    """
    if len(cells) == 1:
        for mark, name in OTHERS.items():
            if mark in cells[0]:
                raise InputError(f"{where}: its columns are separated by {name}; allowed: commas")
    names = [cell.strip() for cell in cells]
    for name in known:
        if names.count(name) > 1:
            raise InputError(f"{where}: the column '{name}' is there twice")
    return names
