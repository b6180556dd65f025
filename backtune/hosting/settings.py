"""How a plugin is to be set before it plays: a state, a preset, and single parameters as written on a command line."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from backtune.errors import InputError
from backtune.hosting.plugin import Plugin
from backtune.hosting.texts import number_in
from backtune.whole_file import read_whole

MOST_BYTES = 1 << 28  # of a saved state: samplers keep tables in it, not whole libraries

RAW = "raw "  # "raw 0.7" is the value itself, anything else is what the plugin shows
PRESET = ".vstpreset"
_ADDRESS = re.compile(
    r"(?P<path>.+?\.(?:vst3|component|lv2|vst|so|dll))(?:#(?P<name>[^@]+))?(?:@(?P<file>.+))?", re.IGNORECASE
)


@dataclass(frozen=True)
class Address:
    """A plugin in a few words: its file, which plugin of several in it, and the file that sets it."""

    path: Path
    name: str | None = None
    state: Path | None = None
    preset: Path | None = None

    @property
    def title(self) -> str:
        """How tables call it: Synth, Synth (warm) when it is set by warm.vstpreset."""
        setting = self.preset or self.state
        return (self.name or self.path.stem) + ("" if setting is None else f" ({setting.stem})")


def parse_address(text: str) -> Address:
    """Return the address in "Synth.vst3", "Synth.vst3@warm.vstpreset", "Synth.vst3@state.bin" or "mda.lv2#EPiano"."""
    match = _ADDRESS.fullmatch(text)
    if match is None or Path(text).exists():
        return Address(Path(text))
    if match["file"] is None:
        return Address(Path(match["path"]), match["name"])
    file = Path(match["file"])
    state, preset = (None, file) if file.suffix.lower() == PRESET else (file, None)
    return Address(Path(match["path"]), match["name"], state, preset)


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
    return read_whole(path, MOST_BYTES, "a plugin's state")
