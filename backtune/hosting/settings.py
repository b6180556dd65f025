"""How a plugin is to be set before it plays: a state, a preset, and single parameters as written on a command line."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from backtune.automation import Curve, Floats
from backtune.errors import InputError
from backtune.hosting.plugin import Plugin
from backtune.hosting.texts import number_in

RAW_POINTS = 33  # places along a moving parameter's range where the plugin is asked for its raw value
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


def in_raw_values(plugin: Plugin, name: str, curve: Curve, where: str) -> tuple[Curve, Floats, Floats]:
    """Return (curve, numbers, raw values) of automation in a plugin's own unit or choices.

    The curve stays in the unit it was written in; between `numbers` the raw value runs on straight lines. A choice
    becomes a curve of raw values that hold until the next. Raises InputError for a value the plugin does not have.
    """
    parameter = plugin.parameters.find(name, where)
    if curve.texts:
        by_text = {text: plugin.raw_of(parameter, text) for text in sorted(set(curve.texts))}
        held = np.repeat([by_text[text] for text in curve.texts], 2)[:-1]
        steps = Curve(np.repeat(curve.times_s, 2)[1:], np.asarray(held, float))  # a jump: two points at one time
        return steps, np.array([0.0, 1.0]), np.array([0.0, 1.0])
    between = curve.values if parameter.steps else np.linspace(curve.values.min(), curve.values.max(), RAW_POINTS)
    numbers = np.unique(between)  # a parameter in steps has no settings in between
    raws = np.array([plugin.raw_of(parameter, repr(float(number))) for number in numbers])
    return curve, numbers, raws
