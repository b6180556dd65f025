"""Patch files: a patch as YAML that a person reads from the top, written whole and read back the same."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from backtune.errors import InputError, nearest
from backtune.instrument import HIGHEST_RATE
from backtune.law import laws_by_name
from backtune.law_text import LawShape, law_lines
from backtune.layer import DEPTHS, Layer
from backtune.library import layer_type, library
from backtune.made_control import SettingShape
from backtune.patch import FORMAT_VERSION, HIGHEST_MIDI, LOWEST_MIDI, MOST_LEAD_S, Origin, Patch
from backtune.patch_folder import found_from, seen_from
from backtune.record_shape import Optional, Record, changed
from backtune.shapes import Anything, Items, Names, Number, Shape, Span, Table, Text, inside
from backtune.shipped import shipped
from backtune.whole_file import read_whole, write_beside
from backtune.yaml_text import LINE, MOST_BYTES, read_yaml, text_value, value_text, wrapped

VERSION_KEY = "backtune"
FIRST, LAST = ("name", "origin", "quality", "audit"), ("controls", "layers", "cuts", "baselines", "record")
SHORT = ("quality", "audit", "cuts", "baselines", "record")
SHORT_DIGITS = 4  # of distances and gains, in dB
HEAD = "# An instrument as layers, broad ones first. Numbers may be edited; `backtune explain` tells what they do."
COMMENTS = {
    "quality": "held-out distance to the recordings",
    "audit": "layers offered for residuals in which nothing repeats",
    "cuts": "from this patch to ever smaller ones, with what is left of it: bytes and held-out distance",
    "baselines": "what else scores on the same held-out takes",
    "record": "what growth tried, kept or refused",
}


class LayerShape(Shape):
    """One layer: its kind and its laws."""

    def read(self, data: Any, where: str) -> Layer:
        given = Table({"kind": Text(), "laws": Names(Anything())}, frozenset({"kind"})).read(data, where)
        try:
            kind = layer_type(given["kind"])
        except InputError as error:
            raise InputError(f"{where}.kind: {error}") from None
        specs, at = {spec.name: spec for spec in kind.specs}, f"{where}.laws"
        laws = {}
        for name, law in given.get("laws", {}).items():
            if name not in specs:
                raise InputError(f"{inside(at, name)}: unknown law; {nearest(name[:60], specs)}")
            laws[name] = LawShape(specs[name]).read(law, f"{at}.{name}")
        return kind(laws_by_name(laws, kind.specs, at))

    def schema(self) -> dict[str, Any]:
        return {"oneOf": [_layer_schema(kind) for kind in library().values()]}


def _layer_schema(kind: type[Layer]) -> dict[str, Any]:
    laws = Table({spec.name: LawShape(spec) for spec in kind.specs}, _required(kind)).schema()
    return {
        "type": "object",
        "description": kind.explains,
        "properties": {"kind": {"const": kind.kind}, "laws": laws},
        "required": ["kind", "laws"] if _required(kind) else ["kind"],
        "additionalProperties": False,
    }


def _required(kind: type[Layer]) -> frozenset[str]:
    return frozenset(spec.name for spec in kind.specs if not spec.optional)


@cache
def _shape() -> Table:
    special = {
        "lead_s": Number(0.0, MOST_LEAD_S, "s"),
        "origin": Record(
            Origin, {"pitches": Span(LOWEST_MIDI, HIGHEST_MIDI), "top_hz": Optional(Number(1.0, HIGHEST_RATE, "Hz"))}
        ),
        "layers": Items(LayerShape(), 0, 100),
        "controls": Names(SettingShape()),
    }
    record = Record(Patch, special).table
    return Table({VERSION_KEY: Number(1, whole=True), **record.fields}, record.required | {VERSION_KEY})


def patch_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of patch files, made from the shapes that read them."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"backtune patch, format {FORMAT_VERSION}",
        **_shape().schema(),
    }


def parse_patch(text: str | bytes, where: str = "patch") -> Patch:
    """Return the patch written in `text`.

    Raises InputError, one sentence with the path into the file (`layers[2].laws.decay_s: ...`), for
    everything that is not allowed; `where` begins messages about the text itself.
    """
    data = read_yaml(text, where)
    if not isinstance(data, dict) or VERSION_KEY not in data:
        raise InputError(f"{where}: not a patch (the key '{VERSION_KEY}' with the format's version is missing)")
    if isinstance(version := data[VERSION_KEY], int) and version > FORMAT_VERSION:
        raise InputError(f"{where}: written in format {version}; this backtune reads up to {FORMAT_VERSION}")
    try:
        given = _shape().read(data, "")
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    del given[VERSION_KEY]
    kinds = [layer.kind for layer in given["layers"]]
    for index, kind in enumerate(kinds):
        if kind in kinds[:index]:
            raise InputError(f"{where}: layers[{index}].kind: '{kind}' is there twice")
    patch = Patch(**given)
    try:
        patch.panel  # noqa: B018 - opening it checks names and ranges against the layers
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    return patch


def dump_patch(patch: Patch) -> str:
    """Return the text of a patch file; reading it gives the same patch, and that the same text."""
    fields = changed(patch)
    middle = [name for name in fields if name not in (*FIRST, *LAST)]
    lines = [HEAD, f"{VERSION_KEY}: {FORMAT_VERSION}"]
    for name in (*FIRST, *middle, *LAST):
        if name == "layers":
            lines += _layers(patch.layers)
        elif name in fields:
            lines += _block(name, fields[name], 0, SHORT_DIGITS if name in SHORT else None)
    return "\n".join(lines) + "\n"


def patch_bytes(patch: Patch, folder: Path | None = None) -> int:
    """Return the size of the patch as written, bytes; into `folder`, where its files are named as seen from there."""
    return len(dump_patch(patch if folder is None else seen_from(patch, folder)).encode())


def write_patch(patch: Patch, path: str | Path) -> None:
    """Write a patch file beside its place and rename it there; raise InputError when it would exceed 2 MB."""
    target = Path(path)
    data = dump_patch(seen_from(patch, target.parent)).encode()
    if len(data) > MOST_BYTES:
        raise InputError(f"{target}: the patch takes {len(data)} bytes; at most {MOST_BYTES} are allowed")
    write_beside(target, data)


def find_patch(path: str | Path) -> Path:
    """Return the file at `path`, or the shipped patch of that name; raise InputError when there is neither."""
    wanted = Path(path)
    if wanted.exists() or wanted.suffix or len(wanted.parts) != 1:
        return wanted
    known = shipped("patches")
    if str(wanted) not in known:
        raise InputError(
            f"{path}: no such file, and no patch of that name comes with backtune; {nearest(str(wanted)[:60], known)}"
        )
    return known[str(wanted)]


def read_patch(path: str | Path) -> Patch:
    """Return the patch in a file, or the shipped one of that name.

    Raises InputError when it is missing, unreadable or not allowed.
    """
    source = find_patch(path)
    data = read_whole(source, MOST_BYTES, "a patch")
    return found_from(parse_patch(data, str(source)), source.parent)


def _layers(layers: Sequence[Layer]) -> list[str]:
    if not layers:
        return ["layers: []"]
    lines = ["layers:"]
    for layer in layers:
        lines += ["", f"# {DEPTHS[layer.depth]}: {layer.explains}", f"- kind: {layer.kind}"]
        specs = {spec.name: spec for spec in layer.specs}
        lines += ["  laws:"] if layer.laws else []
        for name, law in layer.laws.items():
            lines += law_lines(law, specs[name], 4)
    return [*lines, ""]


def _block(key: str, value: Any, indent: int, digits: int | None) -> list[str]:
    """Return `key: value` as lines: short values on one line, tables and lists of tables one entry a line."""
    head = f"{' ' * indent}{text_value(key)}:"
    note = f"  # {COMMENTS[key]}" if not indent and key in COMMENTS else ""
    value = changed(value) if hasattr(value, "__dataclass_fields__") else value
    if isinstance(value, dict) and value and (not indent or len(value_text(value, digits)) > LINE - 20):
        return [head + note, *(line for k, v in value.items() for line in _block(k, v, indent + 2, digits))]
    if isinstance(value, list | tuple) and value and not isinstance(value[0], str | int | float):
        lines = [head + note]
        for one in value:
            table = changed(one) if hasattr(one, "__dataclass_fields__") else one
            if isinstance(table, dict):
                parts = [f"{text_value(k)}: {value_text(v, digits)}" for k, v in table.items()]
                lines += wrapped(f"{' ' * indent}- ", parts, "{}", indent + 3)
            else:
                lines.append(f"{' ' * indent}- {value_text(table, digits)}")
        return lines
    return [f"{head} {value_text(value, digits)}"]
