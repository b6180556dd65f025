"""RIFF containers: where each chunk lies in a file."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from backtune.errors import InputError

MOST_CHUNKS = 10_000  # a damaged file must not keep us reading
DEEPEST = 8  # LIST chunks inside each other; a SoundFont has one


def riff_chunks(path: Path, form: str) -> dict[str, tuple[int, int]]:
    """Return (start, length) in bytes of each chunk by name, those inside of LIST chunks included.

    `form` is the kind of RIFF that is allowed, such as "sfbk". The first of several chunks of one name
    counts. Raises InputError when the file is unreadable, of another kind, nested deeper than 8 lists, or ends
    before its chunks do.
    """
    found: dict[str, tuple[int, int]] = {}
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(12)
            if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != form.encode("ascii"):
                raise InputError(f"{path}: not a RIFF file of form '{form}'")
            _walk(path, file, 12, min(size, 8 + struct.unpack("<I", head[4:8])[0]), found, 0)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    return found


def _walk(path: Path, file: BinaryIO, start: int, stop: int, found: dict[str, tuple[int, int]], depth: int) -> None:
    if depth > DEEPEST:
        raise InputError(f"{path}: lists inside each other, more than {DEEPEST} deep; it is damaged")
    for _ in range(MOST_CHUNKS):
        if start + 8 > stop:
            return
        file.seek(start)
        name, length = struct.unpack("<4sI", file.read(8))
        if start + 8 + length > stop:
            raise InputError(f"{path}: ends {start + 8 + length - stop} bytes too early; it is cut or damaged")
        if name == b"LIST":
            _walk(path, file, start + 12, start + 8 + length, found, depth + 1)
        else:
            found.setdefault(name.decode("latin-1"), (start + 8, length))
        start += 8 + length + length % 2
    raise InputError(f"{path}: more than {MOST_CHUNKS} chunks; it is damaged")
