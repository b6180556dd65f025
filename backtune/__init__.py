"""backtune fits a layered synthesiser to recordings of an instrument and lets it grow.

    import backtune as bt
    patch, record = bt.fit("recordings/")
    audio = patch.render("C4", velocity=90, seconds=4)
    bt.save(patch, "piano.yaml")

Everything heavy is imported when it is first used.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backtune.comparison import Comparison
    from backtune.growth_record import Step
    from backtune.patch import Patch
    from backtune.source import Source

__version__ = "0.1.0"
__all__ = ["compare", "fit", "load", "open_source", "save"]


def fit(
    source: str | Path | Source,
    *,
    jobs: int = 2,
    seed: int = 0,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
    **options: Any,
) -> tuple[Patch, tuple[Step, ...]]:
    """Return (patch, record): the patch fitted and grown from recordings, and every step that growth tried.

    `source` is a folder, an .sfz, an .sf2 or what `open_source` returned; `options` are those of its kind
    (split="train", preset="Flute"...). `progress(stage, done, total)` is called on the way. The patch
    does not depend on `jobs`. Raises InputError for recordings that cannot be used.
    """
    from backtune.errors import InputError
    from backtune.fit_plan import FitPlan, Watch
    from backtune.workshop import fit_source

    if isinstance(source, str | Path):
        source = open_source(source, **options)
    elif options:
        raise InputError(f"fit: {', '.join(options)} given with a source that is open; such options open one")
    patch = fit_source(source, FitPlan(seed), jobs=jobs, watch=Watch(progress=progress))
    return patch, patch.record


def load(path: str | Path) -> Patch:
    """Return the patch in a file; raise InputError, with the path into the file, when it is not allowed."""
    from backtune.patch_file import read_patch

    return read_patch(path)


def save(patch: Patch, path: str | Path) -> None:
    """Write a patch to a file, whole or not at all; raise InputError when that is impossible."""
    from backtune.patch_file import write_patch

    write_patch(patch, path)


def compare(patch: Patch, source: str | Path | Source, **settings: Any) -> Comparison:
    """Return the distances in dB between the takes of `source` and the same notes played by `patch`.

    `settings` are those of `backtune.comparison.compare`: match_level, jobs, pairs, folder, progress.
    """
    from backtune.comparison import compare as compared

    return compared(patch, source, **settings)


def open_source(path: str | Path, **options: Any) -> Source:
    """Return the takes of a folder, an .sfz or an .sf2; raise InputError when they cannot be used."""
    from backtune.source import open_source as opened

    return opened(path, **options)


class _Package(ModuleType):
    """Keeps `backtune.fit` the function, although a module of that name is imported on the way."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in __all__ and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
