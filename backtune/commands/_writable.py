"""Whether results can be written, asked before hours of work."""

from __future__ import annotations

import os
from pathlib import Path

from backtune.errors import InputError


def check_writable(path: Path) -> None:
    """Raise InputError when a file cannot be written at `path`."""
    folder = path.parent
    if path.is_dir():
        raise InputError(f"{path}: is a folder; the name of a file is needed")
    if not folder.is_dir():
        raise InputError(f"{path}: the folder '{folder}' does not exist")
    if not os.access(folder, os.W_OK):
        raise InputError(f"{path}: the folder '{folder}' may not be written to")
