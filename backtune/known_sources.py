"""Where sources lay when they were fitted, by the hash of their contents: patches hold no paths of a machine."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import platformdirs

from backtune.errors import InputError
from backtune.source import HASH_DIGITS, Source
from backtune.whole_file import write_beside


def remember(source: Source, folder: Path | None = None) -> None:
    """Note where a source lies; a disk that takes nothing is no failure."""
    place = _place(source.identity[:HASH_DIGITS], folder)
    with suppress(OSError, InputError):
        place.parent.mkdir(parents=True, exist_ok=True)
        write_beside(place, str(source.path.absolute()).encode("utf-8", "surrogateescape"))


def remembered(source_hash: str, folder: Path | None = None) -> Path | None:
    """Return where a source of that hash lay, None when it was never fitted here or lies there no more."""
    if not re.fullmatch(r"[0-9a-f]{1,64}", source_hash):
        return None
    try:
        path = Path(_place(source_hash, folder).read_bytes().decode("utf-8", "surrogateescape"))
        return path if path.exists() else None
    except (OSError, ValueError):
        return None


def _place(source_hash: str, folder: Path | None) -> Path:
    return (folder or Path(platformdirs.user_cache_dir("backtune"))) / "sources" / source_hash
