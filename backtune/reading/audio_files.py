"""Audio files on disk: finding them in a folder, and the checks that need no decoding."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from backtune.errors import InputError

SUFFIXES = frozenset({".wav", ".flac", ".aiff", ".aif", ".ogg", ".mp3"})
MOST_FILES = 20_000  # no instrument has more; a folder with more is a disk, given by mistake
MOST_BYTES = 2_000_000_000  # 2 GB of one note is 3 hours
LONGEST_S = 3600.0
LONGEST_NAME, LONGEST_PATH = 255, 4000  # bytes that file systems take; most take no more
LOWEST_HZ, HIGHEST_HZ = 2000, 768_000  # samples a second: of the first samplers, and of studios with much to spare
DEEPEST = 8  # folders below the one given; deeper is a loop or a backup


class Outside(InputError):
    """A path leads outside the folder that it must stay in."""


@dataclass(frozen=True)
class AudioFacts:
    """What the header of an audio file says: rate in Hz, channels, frames."""

    rate: int
    channels: int
    frames: int


def audio_files(folder: Path) -> list[Path]:
    """Return the audio files in `folder` and below, sorted; links to folders are not followed.

    Raises InputError when the folder cannot be read or holds more than 20,000 files.
    """
    found: list[Path] = []
    seen = 0

    def fail(error: OSError) -> None:
        raise InputError(f"{error.filename}: the folder cannot be read ({error.strerror})")

    for place, folders, names in os.walk(folder, onerror=fail):
        depth = len(Path(place).relative_to(folder).parts)
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if depth < DEEPEST else []
        seen += len(names)
        if seen > MOST_FILES:
            raise InputError(f"{folder}: more than {MOST_FILES} files; give the folder of one instrument")
        for name in names:
            if Path(name).suffix.lower() in SUFFIXES and not name.startswith("."):
                found.append(Path(place) / name)
    return sorted(found)


def audio_facts(path: Path) -> AudioFacts:
    """Return what the header of an audio file says.

    Raises InputError when it is missing, no audio, above 2 GB, at an unheard-of rate,
    without samples or longer than an hour (headers can promise what no memory holds).
    """
    import soundfile

    try:
        if not path.is_file():
            raise InputError(f"{path}: no such file")
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise InputError(f"{path}: {size / 1e9:.1f} GB; a recording of one note may have {MOST_BYTES / 1e9:.0f} GB")
        info = soundfile.info(path)
    except (OSError, ValueError, soundfile.LibsndfileError) as error:
        raise InputError(f"{path}: not readable as audio ({_one_line(error)})") from None
    if not LOWEST_HZ <= info.samplerate <= HIGHEST_HZ:
        raise InputError(f"{path}: {info.samplerate} samples a second; allowed: {LOWEST_HZ}..{HIGHEST_HZ}")
    if info.frames <= 0:
        raise InputError(f"{path}: the file holds no audio (0 samples)")
    if info.frames > LONGEST_S * info.samplerate:
        raise InputError(f"{path}: {info.frames / info.samplerate / 3600:.0f} hours long; one note may last 1 hour")
    return AudioFacts(rate=int(info.samplerate), channels=int(info.channels), frames=int(info.frames))


def check_channel(path: Path, channels: int, channel: int) -> None:
    """Raise InputError when a file of `channels` channels has no `channel` (0 = left)."""
    if not 0 <= channel < channels:
        raise InputError(f"{path}: channel {channel} was asked for; it has {channels} (0..{channels - 1})")


def inside(root: Path, path: Path, who: str) -> Path:
    """Return `path` without its "..", as written; raise Outside when that leads outside the folder `root`.

    Links are the user's own business and are followed. `who` begins the message: what names the file.
    """
    if not lies_in(root, path):
        raise Outside(f"{who}: '{str(path)[:200]}' lies outside the folder '{root}'")
    return named(Path(os.path.normpath(path)), who)


def named(path: Path, who: str) -> Path:
    """Return `path`; raise InputError when it is too long for any disk, on which even asking for it fails."""
    parts = [one.encode("utf-8", "surrogatepass") for one in path.parts]
    if max(map(len, parts), default=0) > LONGEST_NAME or sum(map(len, parts)) > LONGEST_PATH:
        raise InputError(f"{who}: '{str(path)[-60:]}' ends a name that is too long for a file")
    return path


def lies_in(root: Path, path: Path) -> bool:
    """Return whether a path, its ".." worked off as written, lies in the folder `root`, here or anywhere."""
    # absolute, because of relative paths everything counts as inside of ".", even ".."
    return "\0" not in str(path) and Path(os.path.abspath(path)).is_relative_to(os.path.abspath(root))


def _one_line(error: BaseException) -> str:
    return " ".join(str(getattr(error, "error_string", error)).split())[:200]
