"""Work kept on disk as soon as it is finished, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from backtune.errors import InputError
from backtune.whole_file import write_beside

PACKAGES = ("backtune", "dsp_kernels")
LIBRARIES = ("numpy", "scipy", "numba")  # another release of these may move the last digits
KEPT_DAYS = 30.0  # of work nobody went on with
DIGITS = 16  # of a hash that names a file: 64 bits

_desk: ContextVar[Path | None] = ContextVar("desk", default=None)


@cache
def code_identity(*parts: str) -> str:
    """Return a hash (12 hex digits) of code: what other code finished is not gone on with.

    `parts` are files and folders beside `backtune`; without them it is all that a fit may run.
    """
    digest = hashlib.sha256()
    root = Path(__file__).parents[1]
    for part in parts or PACKAGES:
        found = (root / part).rglob("*.py") if (root / part).is_dir() else [root / part]
        for path in sorted(found):
            digest.update(f"{path.relative_to(root).as_posix()}\n".encode())
            digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:12]


@cache
def libraries() -> dict[str, str]:
    """Return the versions of the libraries whose sums are in every result, by name."""
    return {name: version(name) for name in LIBRARIES}


def identity_of(*parts: Any) -> str:
    """Return a hash (hex) of plain data: equal for equal parts."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True, allow_nan=True)
    return hashlib.sha256(text.encode()).hexdigest()


def desk_for(cache_folder: Path, *run: Any) -> Path:
    """Return where the work of a run is kept: another run, or other code or libraries, have another folder."""
    return cache_folder / "unfinished" / identity_of(code_identity(), libraries(), *run)[:DIGITS]


@contextmanager
def keeping(desk: Path) -> Iterator[int]:
    """Keep what is finished inside the block in the folder `desk`; give how many pieces were finished before.

    The folder is removed when the block ends well. A run that is stopped by Ctrl-C tells, as a note of the
    exception, how much is kept. A folder that cannot be written to costs time, not the result.
    """
    sweep(desk.parent)
    token = _desk.set(desk)
    try:
        yield finished(desk)
    except KeyboardInterrupt as stop:
        if count := finished(desk):
            stop.add_note(f"{count} finished steps are kept, the same command goes on from there")
        raise
    finally:
        _desk.reset(token)
    shutil.rmtree(desk, ignore_errors=True)


def finished(desk: Path) -> int:
    """Return how many pieces of work lie finished on a desk."""
    return sum(1 for _ in desk.glob("*.json"))


def is_keeping() -> bool:
    """Return whether finished work is kept just now."""
    return _desk.get() is not None


def kept(make: Callable[[], Any], *what: Any) -> Any:
    """Return what `make` returns (plain JSON data), from the desk when the same was made before.

    `what` tells, as plain data, all that the result depends on beside the run itself. Numbers keep every bit.
    """
    desk = _desk.get()
    if desk is None:
        return make()
    path = desk / f"{identity_of(*what)[:DIGITS]}.json"
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        pass  # not made before, or damaged: make it (again)
    made = make()
    try:
        desk.mkdir(parents=True, exist_ok=True)
        write_beside(path, json.dumps(made).encode())
    except (OSError, InputError):
        pass  # a full or read-only disk costs time, not the result
    return made


def sweep(folder: Path, pattern: str = "*") -> None:
    """Remove what is called so in a folder of kept work and was not touched for a month."""
    oldest = time.time() - KEPT_DAYS * 86400
    with suppress(OSError):  # no folder yet, or another run swept it first
        for one in list(folder.glob(pattern)):
            if one.stat().st_mtime >= oldest:
                continue
            if one.is_dir():
                shutil.rmtree(one, ignore_errors=True)
            else:
                one.unlink(missing_ok=True)
