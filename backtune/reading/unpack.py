"""Unpacking downloaded archives (.zip, .deb) without letting them write anywhere else."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO

from backtune.errors import BacktuneError

MOST_BYTES = 8_000_000_000  # unpacked; the largest free piano libraries have 2 GB
MOST_FILES = 100_000
LINK = 0o120000  # file type of symbolic links, which are left out


def unpack(archive: Path, folder: Path) -> str:
    """Unpack `archive` into the new folder `folder`; return the archive's comment ("" without one).

    A single folder at the top of a .zip is left away. Raises BacktuneError for a damaged archive, one that
    would write outside `folder`, or one of more than 8 GB or 100,000 files in all; then nothing of `folder` is left.
    """
    beside = folder.with_name(folder.name + ".part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        comment = _unzip(archive, beside) if archive.suffix == ".zip" else _undeb(archive, beside)
        tops = list(beside.iterdir())
        inner = tops[0] if archive.suffix == ".zip" and len(tops) == 1 and tops[0].is_dir() else beside
        shutil.rmtree(folder, ignore_errors=True)
        inner.rename(folder)
        return comment
    except BacktuneError:
        raise
    except Exception as error:  # readers of archives raise many kinds for damaged ones: IndexError, zlib.error...
        raise BacktuneError(f"{archive}: cannot be unpacked ({' '.join(str(error).split())})") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _unzip(archive: Path, folder: Path) -> str:
    with zipfile.ZipFile(archive) as opened:
        members = opened.infolist()
        _check_total(archive, len(members), sum(one.file_size for one in members))
        for one in members:
            _check_name(archive, one.filename)
        for one in members:
            if not one.is_dir() and (one.external_attr >> 16) & 0o170000 != LINK:
                with opened.open(one) as source:
                    _write(folder, one.filename, source)
        return opened.comment.decode("ascii", "replace").strip()


def _undeb(archive: Path, folder: Path) -> str:
    """Unpack the data of a Debian package: an `ar` archive that holds a data.tar."""
    with archive.open("rb") as file:
        if file.read(8) != b"!<arch>\n":
            raise BacktuneError(f"{archive}: not a Debian package")
        while head := file.read(60):
            name, size = head[:16].decode("ascii", "replace").strip().rstrip("/"), int(head[48:58] or b"0")
            if name.startswith("data.tar"):
                files = unpacked = 0
                with tarfile.open(fileobj=file, mode="r|*") as opened:
                    for member in opened:
                        if member.isfile() and (source := opened.extractfile(member)):
                            files, unpacked = files + 1, unpacked + member.size
                            _check_total(archive, files, unpacked)
                            _check_name(archive, member.name)
                            _write(folder, member.name, source)
                return ""
            file.seek(size + size % 2, 1)
    raise BacktuneError(f"{archive}: holds no data.tar")


def _check_total(archive: Path, files: int, unpacked: int) -> None:
    if files > MOST_FILES or unpacked > MOST_BYTES:
        raise BacktuneError(f"{archive}: unpacks to more than {MOST_BYTES // 10**9} GB or {MOST_FILES} files")


def _check_name(archive: Path, name: str) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name or "\0" in name or not path.parts:
        raise BacktuneError(f"{archive}: would write '{name[:80]}' outside its folder")


def _write(folder: Path, name: str, source: IO[bytes]) -> None:
    path = folder / PurePosixPath(name.replace("\\", "/"))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as target:
        shutil.copyfileobj(source, target)
