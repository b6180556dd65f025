"""CSV: the parameter table for people and spreadsheets."""

from __future__ import annotations

import csv
import dataclasses
import io
from pathlib import Path

from backtune.export_format import ExportFormat, Order
from backtune.parameter_table import Parameter
from backtune.whole_file import write_beside


def _write(order: Order, path: Path) -> None:
    lines = io.StringIO(newline="")
    table = csv.writer(lines, lineterminator="\n")
    names = [one.name for one in dataclasses.fields(Parameter)]
    table.writerow(names)
    for parameter in order.parameters:
        table.writerow([_cell(getattr(parameter, name)) for name in names])
    write_beside(path, lines.getvalue().encode())


def _cell(value: object) -> str:
    if isinstance(value, tuple):
        return "|".join(value)
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)


CSV = ExportFormat("csv", ".csv", "The parameter table, one control a line.", _write)
