"""What a scan found, and what is known of one plugin, as text in 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from backtune.hosting.parameters import Parameter
from backtune.hosting.scan import Found, PluginInfo
from backtune.hosting.texts import short

WIDTH = 80
LONGEST_NAME, LONGEST_VALUE = 28, 18


def scan_text(found: Sequence[Found]) -> str:
    """Return a scan as tables to read: one for each folder, a plugin a line, what cannot be used or read last."""
    good = [one for one in found if one.facts is not None]
    width = max((len(_name(one)) for one in good), default=0)
    lines: list[str] = []
    folder: Path | None = None
    for one in good:
        if one.path.parent != folder:
            folder = one.path.parent
            lines.append(str(folder))
        lines.append(f"  {_name(one):<{width}}  {_facts(one)}".rstrip())
    plugins = [one for one in found if one.is_plugin]
    bad = [one for one in plugins if one.facts is None]
    shut = [one for one in found if not one.is_plugin]
    for title, listed in (("not usable", bad), ("not searched", shut)):
        lines += [title] if listed else []
        for one in listed:
            lines += _wrapped(one.problem, 2, 4)
    told = f"{len(good)} of {len(plugins)} plugins can be used" if plugins else "no plugin was found"
    if shut:
        told += f", {len(shut)} folder{'s' if len(shut) > 1 else ''} could not be searched"
    return "\n".join([*lines, told])


def info_text(told: PluginInfo) -> str:
    """Return what is known of a plugin as a text to read: what it is, then a line a parameter."""
    facts = told.facts
    kind = "instrument" if facts.instrument else "effect"
    channels = "stereo" if facts.channels == 2 else "mono"
    late = f"{facts.latency_frames} frames late" if facts.latency_frames else "no latency"
    name = f"{facts.name} {facts.version}".strip()
    lines = _wrapped(f"{name} by {facts.maker or 'an unnamed maker'}: {kind} ({facts.category})")
    lines.append(f"{channels}, {late}" + (f", class {told.class_id}" if told.class_id else ""))
    lines += _wrapped(told.note) if told.note else []
    if not told.parameters:
        return "\n".join([*lines, "no parameters"])
    shown = {name: f"{short(told.values[name].text)} {row.unit}".strip() for name, row in told.parameters.items()}
    names = max(len("parameter"), min(LONGEST_NAME, max(map(len, shown))))
    values = max(len("value"), min(LONGEST_VALUE, max(map(len, shown.values()))))
    lines += ["", f"{'parameter':<{names}}  {'value':<{values}}  {'raw':<6}  range"]
    for name, row in told.parameters.items():
        start = f"{name:<{names}}  {shown[name]:<{values}}  {told.values[name].raw:.4f}  "
        lines += _wrapped(start + _range(row), 0, names + values + 12)
    return "\n".join(lines)


def _name(one: Found) -> str:
    assert one.facts is not None
    return one.facts.name + ("" if one.path.stem == one.facts.name else f" ({one.path.name})")


def _facts(one: Found) -> str:
    assert one.facts is not None
    kind = "instrument" if one.facts.instrument else "effect"
    channels = "stereo" if one.facts.channels == 2 else "mono"
    late = f"{one.facts.latency_frames} frames late" if one.facts.latency_frames else ""
    return f"{one.facts.version:<8} {kind:<10} {channels:<6} {late}"


def _range(row: Parameter) -> str:
    told = [row.range_text]
    if row.steps:
        told.append(f"{row.steps} steps")
    if not row.automatable:
        told.append("not to be automated")
    return ", ".join(told)


def _wrapped(text: str, first: int = 0, others: int = 2) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=" " * first, subsequent_indent=" " * others)
