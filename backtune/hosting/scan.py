"""Which plugins there are and what each of them is: found, opened one by one, described."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from backtune.errors import BacktuneError, InputError
from backtune.hosting.parameters import Parameter
from backtune.hosting.plugin import Facts, Plugin, Value
from backtune.hosting.process import Limits, scratch_environment

SUFFIXES = (".vst3", ".component")


@dataclass(frozen=True)
class Found:
    """One plugin of a scan: its facts, or the sentence that says why it cannot be used; or a folder that is shut."""

    path: Path
    facts: Facts | None
    problem: str

    @property
    def is_plugin(self) -> bool:
        """Whether it is a plugin: of a folder that cannot be read nobody knows what it holds."""
        return self.path.suffix.lower() in SUFFIXES


@dataclass(frozen=True)
class PluginInfo:
    """Everything known of one plugin.

    - `parameters`, `values`: by name, in the plugin's order. `parameter_ids`: the VST3's own numbers, by name.
    - `class_id`: of the VST3, 32 hexadecimal digits, "" where it could not be asked; `note` then says why.
    """

    path: Path
    facts: Facts
    parameters: dict[str, Parameter]
    values: dict[str, Value]
    class_id: str
    parameter_ids: dict[str, int]
    note: str


def plugin_folders() -> list[Path]:
    """Return the folders in which this system keeps plugins."""
    home = Path.home()
    if platform.system() == "Darwin":
        roots = [Path("/Library/Audio/Plug-Ins"), home / "Library/Audio/Plug-Ins"]
        return [root / kind for root in roots for kind in ("VST3", "Components")]
    if platform.system() == "Windows":
        return [Path("C:/Program Files/Common Files/VST3"), home / "AppData/Local/Programs/Common/VST3"]
    return [home / ".vst3", Path("/usr/lib/vst3"), Path("/usr/local/lib/vst3")]


def scan(
    folders: Sequence[Path] | None = None,
    limits: Limits | None = None,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> list[Found]:
    """Return every plugin below `folders` (by default the system's), each opened in its own process.

    A plugin that cannot be opened, or a folder that cannot be read, is listed with the reason. Raises InputError
    when a folder that was named does not exist.
    """
    if folders is not None:
        for folder in folders:
            if not folder.is_dir():
                raise InputError(f"{folder}: no such folder")
    places = plugin_folders() if folders is None else folders
    paths, found = find_plugins(place for place in places if place.is_dir())
    for number, path in enumerate(paths, start=1):
        found.append(_look(path, limits))
        progress(f"opening plugins: {path.stem}", number, len(paths))
    return found


def find_plugins(folders: Iterable[Path]) -> tuple[list[Path], list[Found]]:
    """Return the plugin files and bundles below `folders`, sorted, and those folders that cannot be read.

    A bundle is not looked into.
    """
    found: list[Path] = []
    closed: list[Found] = []
    for folder in folders:
        try:
            for path in sorted(folder.iterdir()):
                if path.suffix.lower() in SUFFIXES:
                    found.append(path)
                elif path.is_dir() and not path.is_symlink():
                    deeper = find_plugins([path])
                    found += deeper[0]
                    closed += deeper[1]
        except OSError as error:
            closed.append(_unreadable(folder, error))
    return found, closed


def _look(path: Path, limits: Limits | None) -> Found:
    try:
        with Plugin(path, limits=limits) as plugin:
            return Found(path, plugin.facts, "")
    except BacktuneError as error:
        return Found(path, None, str(error))
    except OSError as error:
        return _unreadable(path, error)


def _unreadable(path: Path, error: OSError) -> Found:
    return Found(path, None, f"{path}: cannot be read ({error.strerror})")


def info(path: Path, name: str | None = None, limits: Limits | None = None) -> PluginInfo:
    """Return everything known of a plugin; raise InputError or BacktuneError when it cannot be opened."""
    with Plugin(path, name, limits=limits) as plugin:
        ids, note = _identifiers(plugin)
        return PluginInfo(
            path=path,
            facts=plugin.facts,
            parameters=plugin.parameters.by_name,
            values=plugin.values(),
            class_id=ids.get("class_id", ""),
            parameter_ids=ids.get("parameters", {}),
            note=note,
        )


def _identifiers(plugin: Plugin) -> tuple[dict[str, Any], str]:
    """Return ({class_id, parameters}, "") from a process of its own, or ({}, why not)."""
    if plugin.foreign:
        return {}, ""  # only VST3 plugins have them
    if platform.system() == "Darwin":
        return {}, "identifiers are not read on macOS, where a bundle must be opened by the system first"
    binary = str(plugin.binary_path.resolve())
    command = [sys.executable, "-m", "backtune.hosting.identifiers", binary, plugin.facts.name]
    with tempfile.TemporaryDirectory(prefix="backtune-plugin-", ignore_cleanup_errors=True) as home:
        try:
            done = subprocess.run(
                command, capture_output=True, timeout=plugin.limits.load_s, check=True, env=scratch_environment(home)
            )
            return json.loads(done.stdout), ""
        except subprocess.TimeoutExpired:
            return {}, f"identifiers: no answer within {plugin.limits.load_s:g} s"
        except (subprocess.CalledProcessError, ValueError):
            return {}, "identifiers: the plugin did not survive being asked for them"


def plain_data(told: Sequence[Found] | PluginInfo) -> Any:
    """Return a scan or what is known of a plugin as plain data with stable fields."""
    return asdict(told) if isinstance(told, PluginInfo) else [asdict(one) for one in told]
