"""Whether results can be written, asked before hours of work."""

from __future__ import annotations

import os
from pathlib import Path

from backtune.errors import InputError
from backtune.whole_file import is_same_file


def check_writable(path: Path) -> None:
    """Raise InputError when a file cannot be written at `path`."""
    folder = path.parent
    if path.is_dir():
        raise InputError(f"{path}: is a folder; the name of a file is needed")
    if not folder.is_dir():
        raise InputError(f"{path}: the folder '{folder}' does not exist")
    if not os.access(folder, os.W_OK):
        raise InputError(f"{path}: the folder '{folder}' may not be written to")


def check_spared(path: Path, *read: Path | None) -> None:
    """Raise InputError when a file that the command reads would be written over with something of another kind."""
    for one in read:
        if one is not None and one.is_file() and is_same_file(path, one):
            raise InputError(f"{path}: is read by the same command and would be lost; another name is needed")


def check_folder(path: Path) -> None:
    """Raise InputError when files cannot be written into a folder at `path`, which need not exist yet."""
    there = next(place for place in (path, *path.absolute().parents) if place.exists())
    if not there.is_dir():
        raise InputError(f"{path}: '{there}' is a file; the name of a folder is needed")
    if not os.access(there, os.W_OK):
        raise InputError(f"{path}: the folder '{there}' may not be written to")
