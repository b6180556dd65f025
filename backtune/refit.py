"""Fitting a patch again from the same recordings: the same bytes, or what differs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

from backtune.errors import InputError
from backtune.fit_plan import FitPlan, Watch
from backtune.kept import code_identity, libraries
from backtune.known_sources import remembered
from backtune.patch import Origin, Patch
from backtune.patch_file import dump_patch
from backtune.provenance import MADE
from backtune.report.diff import diff_text
from backtune.source import HASH_DIGITS, Source, open_source
from backtune.workshop import fit_source

SOURCE = "source"  # the key among an origin's options that tells those of the source
FIT_OPTIONS = tuple(field.name for field in fields(FitPlan) if field.name.endswith("_bytes"))


def source_of(patch: Patch, path: Path | None) -> Source:
    """Return the recordings a patch was fitted to, opened as they were: in `path`, or where they lay then.

    Raises InputError when they are not known, or the patch was made from other patches.
    """
    origin = patch.origin
    if MADE in origin.options:
        raise InputError(f"{patch.name}: was made from another patch; only what was fitted can be fitted again")
    where = path or remembered(origin.source_hash)
    if where is None:
        raise InputError(f"{patch.name}: its recordings ({origin.name}) were not fitted here; give their SOURCE")
    given = origin.options.get(SOURCE, {})
    return open_source(where, **(given if isinstance(given, dict) else {}))


def circumstances(origin: Origin, source: Source) -> list[str]:
    """Return, one sentence each, what is not as it was when the patch was fitted."""
    from importlib.metadata import version

    now = {"backtune": version("backtune"), "code": code_identity(), **libraries()}
    then = {"backtune": origin.version, "code": origin.code, **origin.libraries}
    found = [
        f"{name} was {then.get(name) or 'not recorded'}, is {now[name]}" for name in now if then.get(name) != now[name]
    ]
    if source.identity[:HASH_DIGITS] != origin.source_hash:
        found.insert(0, f"the recordings are others: hash {source.identity[:HASH_DIGITS]}, was {origin.source_hash}")
    return found


def fit_again(patch: Patch, source: Source, jobs: int, progress: Callable[[str, int, int], None]) -> Patch:
    """Return the patch that grows from `source` with the seed and options of `patch`; nothing kept before is used."""
    options = {name: patch.origin.options[name] for name in FIT_OPTIONS if name in patch.origin.options}
    plan = FitPlan(patch.origin.seed, audit=patch.audit is not None, baselines=bool(patch.baselines), **options)
    with tempfile.TemporaryDirectory(prefix="backtune-refit-") as fresh:
        return fit_source(source, plan, jobs=jobs, watch=Watch(progress=progress), cache=Path(fresh))


def verdict(text: bytes, again: Patch, before: Patch, differs: list[str]) -> tuple[bool, str]:
    """Return whether a patch fitted again is the same bytes as its file, and a text that says so or what differs."""
    if dump_patch(again).encode() == text:
        return True, f"{before.name}: fitted again, the same {len(text):,} bytes"
    lines = [f"{before.name}: fitted again, it is not the same"]
    lines += [f"- {sentence}" for sentence in differs] or [
        "- nothing recorded differs: seed, options, code, recordings"
    ]
    return False, "\n".join([*lines, "", diff_text(before, again)])
