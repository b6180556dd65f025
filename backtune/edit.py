"""Editing by script: one law of a patch file changed in its place, everything else left as it was written."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from backtune.errors import InputError, nearest
from backtune.formulas import FORMULAS
from backtune.law import Law, LawSpec, multiples
from backtune.law_text import law_lines
from backtune.layer import Layer
from backtune.patch import Patch
from backtune.patch_file import dump_patch, find_patch, parse_patch, read_patch
from backtune.patch_folder import seen_from
from backtune.whole_file import write_beside
from backtune.yaml_text import value_text

_COMMENT = re.compile(r"(?:^|\s)#\s?(.*)$")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Change = Callable[[Law], Law]


@dataclass(frozen=True)
class Edited:
    """An edited patch file: its `text`, the law before and after, and whether all comments in it survived."""

    text: str
    before: Law
    after: Law
    comments_kept: bool


def find_law(patch: Patch, name: str, kind: str | None = None) -> tuple[Layer, LawSpec, Law]:
    """Return the law `name` with its layer and spec; `kind` names the layer where several have such a law.

    Raises InputError with the nearest name, or with the layers to choose from.
    """
    layers = patch.layers if kind is None else (patch.layer(kind),)
    having = [layer for layer in layers if name in layer.laws]
    if not having:
        known = {law for layer in layers for law in layer.laws}
        raise InputError(f"law: {kind or 'this patch'} has no '{name}'; {nearest(name, known)}")
    if len(having) > 1:
        kinds = ", ".join(layer.kind for layer in having)
        raise InputError(f"law: '{name}' is a law of {kinds}; name one of them with --layer")
    spec = next(spec for spec in having[0].specs if spec.name == name)
    return having[0], spec, having[0].laws[name]


def scaled(by: float) -> Change:
    """Return the change that scales a law: levels in dB get `by` dB, everything else becomes `by` times as much."""

    def change(law: Law) -> Law:
        if law.unit == "dB":
            return shifted(by)(law)
        _no_formula(law)
        return _edited(law, law.values * by)

    return change


def shifted(by: float) -> Change:
    """Return the change that adds `by`, in the law's unit, everywhere."""

    def change(law: Law) -> Law:
        _no_formula(law)
        return _edited(law, law.values + by)

    return change


def constant(value: float) -> Change:
    """Return the change that makes a law one number everywhere."""

    def change(law: Law) -> Law:
        step = law.step if law.step and np.isclose(multiples(value, law.step), value, atol=1e-12) else 0.0
        return Law.constant(law.name, law.unit, value, "edited", step)

    return change


def edit_text(text: str, name: str, change: Change, kind: str | None = None, where: str = "patch") -> Edited:
    """Return the patch file `text` with one law changed, every other line and all comments as they were.

    Comments inside the law move above it. Only where the law's layer is written in braces the file is written
    anew and its comments are lost. Raises InputError for a file that is no patch, a law it does not have, a
    value outside the law's range, or a change too small for the law's resolution.
    """
    patch = parse_patch(text, where)
    layer, spec, before = find_law(patch, name, kind)
    at = f"{layer.kind}.{name}"
    try:
        after = change(before)
        wanted = replace(patch, layers=tuple(one.with_laws(after) if one is layer else one for one in patch.layers))
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    if (after.axes, after.form) == (before.axes, before.form) and np.array_equal(after.values, before.values):
        fine = f": it is written in steps of {before.step:g} {before.unit}".rstrip() if before.step else ""
        raise InputError(f"{where}: {at}: the change leaves every number as it is{fine}")
    changed = _replaced(text, patch.kinds.index(layer.kind), before, after, spec)
    whole = dump_patch(wanted)
    if changed is None or not _means(changed, whole):
        return Edited(whole, before, after, comments_kept="#" not in text)
    return Edited(changed, before, after, comments_kept=True)


def edit_file(
    path: str | Path, name: str, change: Change, kind: str | None = None, target: str | Path | None = None
) -> Edited:
    """Change one law of the patch file at `path` and write it to `target`, by default to its own place.

    See `edit_text`. Raises InputError also for files that cannot be read or written.
    """
    source, target = find_patch(path), Path(path if target is None else target)
    if source != Path(path) and target == Path(path):
        raise InputError(f"{path}: comes with backtune and stays as it is; name a file to write (-o my_{path}.yaml)")
    patch = read_patch(source)  # tells what is wrong with the file as every other command does
    edited = edit_text(source.read_bytes().decode("utf-8"), name, change, kind, str(path))
    if target.parent.resolve() != source.parent.resolve():
        edited = replace(edited, text=_reset(edited.text, seen_from(patch, target.parent)))
    write_text(edited.text, target)
    return edited


def write_text(text: str, path: str | Path) -> None:
    """Write a text file beside its place and rename it there; raise InputError when that is impossible."""
    target = Path(path)
    write_beside(target, text.encode())


def _means(text: str, whole: str) -> bool:
    """Return whether `text` is a patch that would be written as `whole`."""
    try:
        return dump_patch(parse_patch(text)) == whole
    except InputError:
        return False


def _edited(law: Law, values: Any) -> Law:
    return law.with_values(values, "edited")


def _no_formula(law: Law) -> None:
    if law.form in FORMULAS:
        raise InputError(
            f"{law.name}: is the formula {FORMULAS[law.form].text}; "
            "edit its coefficients in the file, or set one number"
        )


def _replaced(text: str, position: int, before: Law, after: Law, spec: LawSpec) -> str | None:
    """Return `text` with the lines of a law replaced; None where the law does not stand on lines of its own."""
    document = yaml.compose(text, Loader=_LOADER)
    layer = _value(document, "layers").value[position]
    key, value = _pair(_value(layer, "laws"), spec.name)
    lines = text.split("\n")
    first, last = key.start_mark.line, _last_line(value, lines)
    indent = key.start_mark.column
    if lines[first][:indent].strip() or _value(layer, "laws").flow_style:
        return None
    fresh = law_lines(after, spec, indent)
    ours = {*_comments(fresh), *_comments(law_lines(before, spec, indent))}
    kept = [f"{' ' * indent}# {said}" for said in _comments(lines[first : last + 1]) if said not in ours]
    return "\n".join([*lines[:first], *kept, *fresh, *lines[last + 1 :]])


def _reset(text: str, placed: Patch) -> str:
    """Return `text` with the settings of controls that are written otherwise in `placed`: files in another folder."""
    for name, value in parse_patch(text).controls.items():
        if value != placed.controls[name]:
            node = _pair(_value(yaml.compose(text, Loader=_LOADER), "controls"), name)[1]
            text = f"{text[: node.start_mark.index]}{value_text(placed.controls[name])}{text[node.end_mark.index :]}"
    return text


def _comments(lines: list[str]) -> list[str]:
    found = (_COMMENT.search(line) for line in lines)
    return [one.group(1).strip() for one in found if one]


def _value(node: Any, key: str) -> Any:
    return _pair(node, key)[1]


def _pair(node: Any, key: str) -> tuple[Any, Any]:
    return next(pair for pair in node.value if pair[0].value == key)


def _last_line(node: Any, lines: list[str]) -> int:
    """Return the last line on which something of a node is written."""
    if isinstance(node, yaml.ScalarNode):
        if node.style not in ("|", ">"):
            return int(node.end_mark.line)
        last = int(node.end_mark.line) - 1 if node.end_mark.column == 0 else int(node.end_mark.line)
        while last > node.start_mark.line and not lines[last].strip():
            last -= 1
        return last
    if node.flow_style or not node.value:
        return int(node.end_mark.line)
    final = node.value[-1]
    return _last_line(final[1] if isinstance(final, tuple) else final, lines)
