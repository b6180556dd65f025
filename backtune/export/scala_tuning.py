"""Scala: the tuning that the patch stands in, as .scl, with its keyboard mapping beside it as .kbm."""

from __future__ import annotations

from pathlib import Path

from backtune.controls.temperament import tuning_of
from backtune.errors import InputError
from backtune.export_format import ExportFormat, Order
from backtune.scala import write_kbm, write_scl


def _write(order: Order, path: Path) -> None:
    tuning = tuning_of(str(order.patch.panel.value("temperament")))
    keys = path.with_suffix(".kbm")
    if keys == path:
        raise InputError(f"{path}: the scale is written here and its mapping beside it as .kbm; end it with .scl")
    write_scl(path, tuning.scale)
    write_kbm(keys, tuning.keys)


SCALA = ExportFormat("scl", ".scl", "The temperament as a Scala scale, its keyboard mapping beside it.", _write)
