"""Plugins that pedalboard does not load: VST2 and LV2, told from their files, found for DawDreamer."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from backtune.errors import InputError, nearest
from backtune.hosting.binaries import read_binary
from backtune.hosting.diagnose import LV2_ENTRIES, VST2_ENTRIES, VST3_ENTRY

BACKEND = "dawdreamer"
MANIFEST = "manifest.ttl"
BUNDLES = (".vst3", ".component", ".lv2", ".vst")  # how the names of plugins end, be they folders or files
LIBRARIES = (".so", ".dll")  # may be a VST2
_PREFIX = re.compile(r"@prefix\s+(\w*):\s*<([^>]*)>")
_NAMED = r"^\s*(?:<(?P<whole>[^>]+)>|(?P<prefix>\w*):(?P<rest>\w+))"
_PLUGIN = re.compile(_NAMED + r"\s+a\s+[^.;]*\blv2:Plugin\b", re.MULTILINE)


def is_foreign(path: Path) -> bool:
    """Return whether a file or bundle is a VST2 or LV2 plugin."""
    if path.suffix.lower() in (".lv2", ".vst"):
        return path.exists()
    if path.suffix.lower() == ".vst3":
        return False  # whatever it is: DawDreamer takes a VST2 for one by its ending
    binary = read_binary(path) if path.is_file() else None
    if binary is None or VST3_ENTRY in binary.symbols:
        return False
    windows = binary.system == "Windows" and path.suffix.lower() == ".dll"
    return windows or any(name in binary.symbols for name in (*VST2_ENTRIES, *LV2_ENTRIES))


def may_be_plugin(path: Path) -> bool:
    """Return whether a file or folder is a plugin by its name, or a library with a plugin's entry."""
    ending = path.suffix.lower()
    return ending in BUNDLES or (ending in LIBRARIES and path.is_file() and is_foreign(path))


def foreign_address(path: Path, name: str | None) -> tuple[str, Path]:
    """Return (what DawDreamer is given, file that identifies the version) of a VST2 file or an LV2 bundle.

    Raises InputError when DawDreamer is not installed, the bundle is none, or it holds several plugins and `name`
    is none of them.
    """
    if importlib.util.find_spec(BACKEND) is None:
        raise InputError(f"{path}: a VST2 or LV2 plugin, which needs DawDreamer (pip install {BACKEND})")
    if path.parent.suffix.lower() == ".lv2":
        raise InputError(f"{path}: lies in an LV2 bundle; give {path.parent} and the plugin's name '{path.stem}'")
    if path.suffix.lower() != ".lv2":
        return str(path.resolve()), path
    plugins = lv2_plugins(path)
    if name is None and len(plugins) == 1:
        return next(iter(plugins.values())), path / MANIFEST
    if name not in plugins:
        hint = nearest(name or "", plugins)
        raise InputError(f"{path}: holds {len(plugins)} plugins, one must be named; {hint}")
    return plugins[name], path / MANIFEST


def lv2_plugins(bundle: Path) -> dict[str, str]:
    """Return the addresses (URI) of the plugins in an LV2 bundle by their last part; raise InputError when none."""
    try:
        text = (bundle / MANIFEST).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise InputError(f"{bundle}: not an LV2 bundle (no readable {MANIFEST})") from None
    prefixes = dict(_PREFIX.findall(text))
    found = {}
    for match in _PLUGIN.finditer(text):
        address = match["whole"] or prefixes.get(match["prefix"], "") + match["rest"]
        found[re.split(r"[/#]", address)[-1]] = address
    if not found:
        raise InputError(f"{bundle / MANIFEST}: names no plugin")
    return found
