"""Tables whose cells are separated by commas: the names in their header."""

from __future__ import annotations

from backtune.errors import InputError

OTHERS = {";": "semicolons", "\t": "tabs"}  # spreadsheets write these where a comma is the decimal point


def header_of(cells: list[str], where: str) -> list[str]:
    """Return the names in the first row of a table; raise InputError, beginning with `where`, if nothing parts them."""
    if len(cells) == 1:
        for mark, name in OTHERS.items():
            if mark in cells[0]:
                raise InputError(f"{where}: its columns are separated by {name}; allowed: commas")
    return [cell.strip() for cell in cells]
