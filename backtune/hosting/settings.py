"""How a plugin is to be set before it plays: a state, a preset, and single parameters as written on a command line."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

from backtune.errors import InputError
from backtune.hosting.plugin import Plugin
from backtune.hosting.texts import number_in

RAW = "raw "  # "raw 0.7" is the value itself, anything else is what the plugin shows


def parse_setting(text: str) -> tuple[str, str]:
    """Return (parameter, value) of "Cutoff=800 Hz" or "Cutoff=raw 0.7"; raise InputError for anything else."""
    name, sign, value = text.partition("=")
    if not sign or not name.strip() or not value.strip():
        raise InputError(f'\'{text}\': allowed: NAME=VALUE, such as "Cutoff=800 Hz" or "Cutoff=raw 0.7"')
    return name.strip(), value.strip()


def apply_value(plugin: Plugin, name: str, value: str) -> float:
    """Set a parameter to what the plugin shows, or to "raw 0.7"; return its raw value."""
    if not value.startswith(RAW):
        return plugin.set(name, value)
    try:
        raw = float(value.removeprefix(RAW))
    except ValueError:
        raise InputError(
            f"{plugin.path}: {name}: '{value}' is no raw value; allowed: raw and a number in 0..1"
        ) from None
    plugin.set_raw(name, raw)
    return raw


def same_value(written: str, shown: str) -> bool:
    """Return whether a text says what a plugin shows: the same number to 4 digits, whatever its unit, or words."""
    first, second = number_in(written), number_in(shown)
    if first is None or second is None:
        return written.split() == shown.split()
    return math.isclose(first[0], second[0], rel_tol=1e-4, abs_tol=1e-6)


def prepare(
    plugin: Plugin, state: Path | None = None, preset: Path | None = None, settings: Iterable[str] = ()
) -> None:
    """Set a plugin from a state file, then a .vstpreset file, then single settings.

    Raises InputError for a missing or foreign file and for an unknown parameter or value.
    """
    if state is not None:
        plugin.set_state(_content(state), str(state))
    if preset is not None:
        plugin.set_preset(_content(preset), str(preset))
    for text in settings:
        apply_value(plugin, *parse_setting(text))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
