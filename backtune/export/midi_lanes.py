"""MIDI: automation, or where the controls stand, as controller lanes of a Standard MIDI file."""

from __future__ import annotations

import io
from pathlib import Path

from backtune.export_format import ExportFormat, Order
from backtune.lane import Lane
from backtune.lane_midi import lanes_file
from backtune.whole_file import write_beside


def _write(order: Order, path: Path) -> None:
    panel = order.patch.panel
    standing = {name: Lane((0.0,), (panel.value(name),), ("hold",)) for name in panel.controls}
    data = io.BytesIO()
    lanes_file(order.lanes or standing, panel, order.controllers).save(file=data)
    write_beside(path, data.getvalue())


MIDI = ExportFormat(
    "mid", ".mid", "Controller lanes: 127 steps a controller, 16383 an NRPN, 0.52 ms a tick.", _write, ("lanes",)
)
