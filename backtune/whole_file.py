"""Files written whole or not at all: beside their place, then renamed there."""

from __future__ import annotations

import os
from pathlib import Path

from backtune.errors import InputError


def write_beside(path: Path, data: bytes) -> None:
    """Write a file beside its place and rename it there; raise InputError when it cannot be written."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        beside.write_bytes(data)
        os.replace(beside, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None
    finally:
        beside.unlink(missing_ok=True)
