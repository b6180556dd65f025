"""VST3 preset: where the controls stand, as normalised numbers in the order of the parameter table."""

from __future__ import annotations

import re
import struct
from pathlib import Path

from backtune.errors import InputError
from backtune.export_format import ExportFormat, Order
from backtune.hosting.preset import Preset
from backtune.whole_file import write_beside

CLASS_ID = "6261636B74756E65706C61796572" + "0001"  # "backtuneplayer", version 1


def _write(order: Order, path: Path) -> None:
    """Chunks "Comp" and "Cont": little-endian float64 in 0..1, one a parameter, which the table tells the order of."""
    class_id = (order.class_id or CLASS_ID).upper()
    if not re.fullmatch(r"[0-9A-F]{32}", class_id):
        raise InputError(f"class id: '{class_id[:60]}'; 32 hexadecimal digits are needed")
    panel = order.patch.panel
    numbers = [one.normalised(panel.value(name)) for name, one in panel.controls.items()]
    state = struct.pack(f"<{len(numbers)}d", *numbers)
    write_beside(path, Preset(class_id, {"Comp": state, "Cont": state}).pack())


VST_PRESET = ExportFormat(
    "vstpreset", ".vstpreset", "Where the controls stand, as a VST3 preset.", _write, ("class_id",)
)
