"""Files as wholes: read up to a bound, written whole or not at all - beside their place, then renamed there."""

from __future__ import annotations

import lzma
import os
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from glob import escape
from pathlib import Path
from zipfile import BadZipFile

from backtune.errors import InputError

PART_S = 3600.0  # a part this old has no writer any more: it was killed
SHOWN = 40  # characters of a name that the file beside it carries: with all of them it could be too long for a disk
# What reading a damaged .zip raises; RuntimeError: it says to be encrypted, or packed in a way nobody supports.
DAMAGED_ZIP = (OSError, BadZipFile, KeyError, EOFError, ValueError, RuntimeError, zlib.error, lzma.LZMAError)

_written: ContextVar[list[Path] | None] = ContextVar("written", default=None)


@contextmanager
def recording() -> Iterator[list[Path]]:
    """Give a list that fills with the files written whole in the block, in this thread and what it gives work to."""
    paths: list[Path] = []
    token = _written.set(paths)
    try:
        yield paths
    finally:
        _written.reset(token)


def record(*paths: Path) -> None:
    """Tell the block that is recording, if there is one, of files that were written."""
    if (found := _written.get()) is not None:
        found.extend(paths)


def is_same_file(one: Path, other: Path) -> bool:
    """Return whether two names lead to one file that is there: who writes to the one loses the other."""
    return one.exists() and other.exists() and one.samefile(other)


def read_whole(path: Path, most_bytes: int, what: str) -> bytes:
    """Return the contents of a file; `what` ("a patch") says in a message what is never longer than `most_bytes`.

    Raises InputError when it cannot be read or is longer; no more than the bound is ever held (devices have no end).
    """
    try:
        with path.open("rb") as file:
            data = file.read(most_bytes + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:  # a name with a null byte
        raise InputError(f"{path}: cannot be read ({error})") from None
    if len(data) > most_bytes:
        raise InputError(f"{path}: over {most_bytes} bytes; {what} is smaller")
    return data


def read_text(path: Path, most_bytes: int, what: str) -> str:
    """Return the text of a UTF-8 file, as `read_whole` does; raise InputError for other encodings and null bytes."""
    data = read_whole(path, most_bytes, what)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: byte {error.start} is not UTF-8; save {what} as UTF-8 text") from None
    if "\0" in text:
        raise InputError(f"{path}: holds null bytes; {what} is text")
    return text


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Give the name of a file beside `path` to write: it becomes `path` when the block ends well, else it is gone.

    An OSError in the block, such as of a full disk, becomes InputError. Each thread writes a part of its own;
    what killed ones left behind is removed.
    """
    part = path.with_name(f".{path.name[:SHOWN]}.{os.getpid()}-{threading.get_ident()}.part")
    _sweep(path)
    try:
        yield part
        os.replace(part, path)
        record(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write_beside(path: Path, data: bytes) -> None:
    """Write a file whole; raise InputError when it cannot be written, what was there before then stays."""
    with beside(path) as part:
        part.write_bytes(data)


def _sweep(path: Path) -> None:
    """Remove parts of a file whose writer was killed."""
    for part in path.parent.glob(f".{escape(path.name[:SHOWN])}.*.part"):
        with suppress(OSError):  # another process was faster
            if part.stat().st_mtime < time.time() - PART_S or not _is_written(part):
                part.unlink()


def _is_written(part: Path) -> bool:
    """Return whether the process that a part's name tells of runs, as far as this system can tell without harm."""
    number = part.name.split(".")[-2].partition("-")[0]
    if os.name != "posix" or not number.isdigit():
        return True  # on Windows, asking after a process can end it
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
