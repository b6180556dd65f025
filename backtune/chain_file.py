"""Effect chains in YAML: reading with a path into the file in every message, and writing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from backtune.chain import (
    HIGHEST_GAIN_DB,
    LOWEST_GAIN_DB,
    Branch,
    Chain,
    EffectSlot,
    ParallelSlot,
    PluginSlot,
    PluginValue,
    Slot,
    every_slot,
)
from backtune.errors import InputError, nearest
from backtune.hosting.effects import built_in
from backtune.hosting.scan import plugin_folders
from backtune.reading.audio_files import lies_in, named
from backtune.shipped import shipped
from backtune.whole_file import read_whole
from backtune.yaml_text import MOST_BYTES, read_yaml

VERSION = 1
MOST_SLOTS = 200
TOP = ("chain", "purpose", "version", "slots")
COMMON = ("name", "mix", "bypass")
PLUGIN_KEYS = ("plugin", "which", "state", "preset", "parameters", *COMMON)
PARALLEL_KEYS = ("parallel", *COMMON)
BRANCH_KEYS = ("name", "gain_db", "slots")


def shipped_chains() -> dict[str, Path]:
    """Return the chains that come with the program, by name."""
    return shipped("chains")


def open_chain(text: str, allowed: Sequence[Path] = ()) -> Chain:
    """Return the chain in a file, or the shipped one of that name; raise InputError when there is neither."""
    known = shipped_chains()
    if text in known:
        return read_chain(known[text])
    if not Path(text).is_file():
        hint = nearest(text, known)
        raise InputError(f"{text}: no such file, and no chain of that name comes with backtune; {hint}")
    return read_chain(Path(text), allowed)


def read_chain(path: Path, allowed: Sequence[Path] = ()) -> Chain:
    """Return the chain in a YAML file; raise InputError with a path into the file for whatever is not allowed.

    Files it names must lie in its own folder or one of `allowed`, plugins there or where this system keeps them.
    """
    data = read_yaml(read_whole(path, MOST_BYTES, "a chain"), str(path))
    return chain_from(data, str(path), path.parent, allowed)


def chain_from(data: Any, where: str, folder: Path, allowed: Sequence[Path] = ()) -> Chain:
    """Return the chain that YAML data describe; files are looked for in `folder`. Raises InputError."""
    _check_keys(data, TOP, where)
    if data.get("version", VERSION) != VERSION:
        raise InputError(f"{where}: version {data['version']!r}; this backtune reads version {VERSION}")
    reader = _Reader(where, folder, allowed)
    slots = reader.slots(data.get("slots", []), "slots")
    chain = Chain(_text(data, "chain", where), _text(data, "purpose", where), slots)
    count = sum(1 for _ in every_slot(slots))
    if count > MOST_SLOTS:
        raise InputError(f"{where}: {count} slots; allowed: {MOST_SLOTS}")
    return _numbered(chain, reader.given, where)


class _Reader:
    """Reads slots; `given` are the names somebody wrote, as against those made up from the kind of effect."""

    def __init__(self, where: str, folder: Path, allowed: Sequence[Path]) -> None:
        self.where, self.folder = where, folder
        self.allowed = (folder, *allowed)
        self.given: list[str] = []

    def slots(self, data: Any, at: str, depth: int = 0) -> tuple[Slot, ...]:
        """Return the slots of a list."""
        if not isinstance(data, list):
            raise InputError(f"{self.where}: {at}: {data!r}; allowed: a list of slots")
        if depth > 8:
            raise InputError(f"{self.where}: {at}: branches within branches 8 deep; allowed: fewer")
        return tuple(self._slot(entry, f"{at}[{number}]", depth) for number, entry in enumerate(data))

    def _slot(self, data: Any, at: str, depth: int) -> Slot:
        here = f"{self.where}: {at}"
        if not isinstance(data, dict):
            raise InputError(f"{here}: {data!r}; allowed: effect, plugin or parallel with its settings")
        kinds = [kind for kind in ("effect", "plugin", "parallel") if kind in data]
        if len(kinds) != 1:
            hint = nearest(str(next(iter(data), "")), ("effect", "plugin", "parallel"))
            raise InputError(f"{here}: one of effect, plugin, parallel is needed, {len(kinds)} given; {hint}")
        if kinds == ["effect"]:
            return self._effect(data, here)
        _check_keys(data, PLUGIN_KEYS if kinds == ["plugin"] else PARALLEL_KEYS, here)
        if kinds == ["plugin"]:
            return self._plugin(data, here)
        branches = data["parallel"]
        if not isinstance(branches, list) or not branches:
            raise InputError(f"{here}.parallel: {branches!r}; allowed: a list of branches")
        read = [self._branch(branch, f"{at}.parallel[{i}]", i, depth) for i, branch in enumerate(branches)]
        return ParallelSlot(self._name(data, "parallel", here), tuple(read), _mix(data, 1.0, here), _bypass(data, here))

    def _effect(self, data: dict[str, Any], here: str) -> EffectSlot:
        effect = built_in(str(data["effect"]), here)
        given = {key: value for key, value in data.items() if key not in ("effect", *COMMON)}
        settings = {key: effect.check(str(key), value, here) for key, value in given.items()}
        if effect.file:
            if effect.file not in settings:
                raise InputError(f"{here}.{effect.file}: missing (the path of an audio file)")
            settings[effect.file] = str(self._file(str(settings[effect.file]), f"{here}.{effect.file}"))
        name = self._name(data, effect.kind, here)
        return EffectSlot(name, effect.kind, settings, _mix(data, effect.mix, here), _bypass(data, here))

    def _plugin(self, data: dict[str, Any], here: str) -> PluginSlot:
        written = _text(data, "plugin", here)
        path = self._file(written, f"{here}.plugin", plugin_folders())
        if not path.exists() and Path(written).name == written:
            path = next((folder / written for folder in plugin_folders() if (folder / written).exists()), path)
        parameters = data.get("parameters", {})
        if not isinstance(parameters, dict):
            raise InputError(f"{here}.parameters: {parameters!r}; allowed: names with values")
        values = {str(key): _value(value, f"{here}.parameters.{key}") for key, value in parameters.items()}
        files = {
            key: self._file(_text(data, key, here), f"{here}.{key}") if key in data else None
            for key in ("state", "preset")
        }
        which = _text(data, "which", here) if "which" in data else None
        name = self._name(data, path.stem, here)
        mix, bypass = _mix(data, 1.0, here), _bypass(data, here)
        return PluginSlot(name, path, which, files["state"], files["preset"], values, mix, bypass)

    def _branch(self, data: Any, at: str, number: int, depth: int) -> Branch:
        here = f"{self.where}: {at}"
        _check_keys(data, BRANCH_KEYS, here)
        gain_db = _number(data.get("gain_db", 0.0), LOWEST_GAIN_DB, HIGHEST_GAIN_DB, f"{here}.gain_db")
        slots = self.slots(data.get("slots", []), f"{at}.slots", depth + 1)
        return Branch(self._name(data, f"branch {number + 1}", here), gain_db, slots)

    def _name(self, data: dict[str, Any], usual: str, here: str) -> str:
        if "name" not in data:
            return usual
        name = _text(data, "name", here)
        if "." in name:
            raise InputError(f"{here}.name: '{name}' holds a point, which separates slot and parameter in automation")
        if name in self.given:
            raise InputError(f"{here}.name: '{name}' is the name of another slot; names must differ")
        self.given.append(name)
        return name

    def _file(self, text: str, here: str, usual: Sequence[Path] = ()) -> Path:
        path = named(self.folder / os.path.expanduser(text), here)  # an absolute path stays as it is
        if not any(lies_in(folder, path) for folder in (*self.allowed, *usual)):
            raise InputError(f"{here}: '{text[:200]}' lies outside the folder of the chain; --allow permits others")
        return path


def _numbered(chain: Chain, given: Sequence[str], where: str) -> Chain:
    """Return the chain with names made up twice told apart: peak, peak-2, peak-3..."""
    taken = set(given)

    def unique(name: str) -> str:
        number, made = 1, name
        while made in taken:
            number += 1
            made = f"{name}-{number}"
        taken.add(made)
        return made

    def rename(slots: Sequence[Slot]) -> tuple[Slot, ...]:
        out: list[Slot] = []
        for slot in slots:
            name = slot.name if slot.name in given else unique(slot.name)
            if isinstance(slot, ParallelSlot):
                branches = tuple(
                    replace(b, name=b.name if b.name in given else unique(b.name), slots=rename(b.slots))
                    for b in slot.branches
                )
                out.append(replace(slot, name=name, branches=branches))
            else:
                out.append(replace(slot, name=name))
        return tuple(out)

    return replace(chain, slots=rename(chain.slots))


def _check_keys(data: Any, allowed: Sequence[str], here: str) -> None:
    if not isinstance(data, dict):
        raise InputError(f"{here}: {data!r}; allowed: {', '.join(allowed)}")
    for key in data:
        if key not in allowed:
            raise InputError(f"{here}.{key}: unknown; {nearest(str(key), allowed)}")


def _text(data: dict[str, Any], key: str, here: str) -> str:
    value = data.get(key)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{here}.{key}: {'missing' if value is None else repr(value)}; allowed: a text")
    return value.strip()


def _number(value: Any, low: float, high: float, here: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InputError(f"{here}: {value!r}; allowed: a number in {low:g}..{high:g}")
    return float(value)


def _mix(data: dict[str, Any], usual: float, here: str) -> float:
    return _number(data.get("mix", usual), 0.0, 1.0, f"{here}.mix")


def _bypass(data: dict[str, Any], here: str) -> bool:
    value = data.get("bypass", False)
    if not isinstance(value, bool):
        raise InputError(f"{here}.bypass: {value!r}; allowed: true or false")
    return value


def _value(data: Any, here: str) -> PluginValue:
    """Return a plugin's value, written as what it shows or as {text: ..., raw: ...}."""
    if isinstance(data, dict):
        _check_keys(data, ("text", "raw"), here)
        if "raw" not in data:
            raise InputError(f"{here}.raw: missing; allowed: a number in 0..1, beside the text")
        text = data.get("text")
        return PluginValue(None if text is None else _shown(text), _number(data["raw"], 0.0, 1.0, f"{here}.raw"))
    if data is None or isinstance(data, bool | list):
        raise InputError(f"{here}: {data!r}; allowed: what the plugin shows, as a number or text")
    return PluginValue(_shown(data))


def _shown(value: Any) -> str:
    return value.strip() if isinstance(value, str) else repr(value)
