"""JSON: the parameter table for scripts."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from backtune.export_format import ExportFormat, Order
from backtune.whole_file import write_beside


def _write(order: Order, path: Path) -> None:
    data = {"instrument": order.patch.name, "parameters": [dataclasses.asdict(one) for one in order.parameters]}
    write_beside(path, (json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())


JSON = ExportFormat("json", ".json", "The parameter table, for scripts.", _write)
