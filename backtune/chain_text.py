"""Effect chains written as YAML that `read_chain` gives back unchanged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from backtune.chain import Chain, EffectSlot, ParallelSlot, PluginSlot, PluginValue, Slot
from backtune.hosting.effects import EFFECTS
from backtune.yaml_text import text_value, value_text


def chain_text(chain: Chain, folder: Path) -> str:
    """Return a chain as YAML; what is usual is left out, and files below `folder` are named relative to it."""
    lines = [f"chain: {text_value(chain.name)}", f"purpose: {text_value(chain.purpose)}", "version: 1"]
    lines += ["slots:", *_slot_lines(chain.slots, "  ", folder)] if chain.slots else ["slots: []"]
    return "\n".join(lines) + "\n"


def _slot_lines(slots: Sequence[Slot], indent: str, folder: Path) -> list[str]:
    lines: list[str] = []
    for slot in slots:
        rows = _rows(slot, folder)
        if isinstance(slot, ParallelSlot):
            lines.append(f"{indent}- parallel:")
            for branch in slot.branches:
                lines.append(f"{indent}    - name: {text_value(branch.name)}")
                lines += [f"{indent}      gain_db: {value_text(branch.gain_db)}"] if branch.gain_db else []
                inner = _slot_lines(branch.slots, indent + "        ", folder)
                lines += [f"{indent}      slots:", *inner] if inner else [f"{indent}      slots: []"]
            lines += [f"{indent}  {key}: {text}" for key, text in rows]
        else:
            lines += [f"{indent}{'  ' if number else '- '}{key}: {text}" for number, (key, text) in enumerate(rows)]
    return lines


def _rows(slot: Slot, folder: Path) -> list[tuple[str, str]]:
    """Return the keys of a slot with their values as YAML."""
    rows: list[tuple[str, Any]] = []
    usual_mix = 1.0
    if isinstance(slot, EffectSlot):
        effect = EFFECTS[slot.kind]
        usual_mix = effect.mix
        rows += [("effect", slot.kind), ("name", slot.name)]
        for key, value in slot.settings.items():
            rows.append((key, _relative(Path(str(value)), folder) if key == effect.file else value))
    elif isinstance(slot, PluginSlot):
        rows += [("plugin", _relative(slot.path, folder)), ("name", slot.name)]
        rows += [("which", slot.plugin)] if slot.plugin is not None else []
        files = {"state": slot.state, "preset": slot.preset}
        rows += [(key, _relative(path, folder)) for key, path in files.items() if path is not None]
        if slot.values:
            rows.append(("parameters", {name: _value(value) for name, value in slot.values.items()}))
    else:
        rows.append(("name", slot.name))
    if slot.mix != usual_mix:
        rows.append(("mix", slot.mix))
    if slot.bypass:
        rows.append(("bypass", True))
    return [(text_value(key), value_text(value)) for key, value in rows]


def _value(value: PluginValue) -> Any:
    if value.raw is None:
        return value.text
    return {"raw": value.raw} if value.text is None else {"text": value.text, "raw": value.raw}


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.as_posix()
