"""Broadcast wave files: PCM or float samples written in blocks, with a bext chunk and RIFF INFO."""

from __future__ import annotations

import math
import struct
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from backtune.errors import BacktuneError
from backtune.whole_file import beside

# Sources: EBU Tech 3285 version 2 (bext), EBU Tech 3306 (RF64), Microsoft multimedia data standards (RIFF INFO).
PCM, FLOAT = 1, 3
BEXT = struct.Struct("<256s32s32s10s8sQH64s5h180s")
UNKNOWN_LOUDNESS = 0x7FFF
FARTHEST_LUFS = 99.99  # from 0, in a bext chunk
LARGEST_RIFF = 0xFFFFFFFF
INFO_KEYS = {"title": b"INAM", "software": b"ISFT", "date": b"ICRD", "comment": b"ICMT"}


@dataclass(frozen=True)
class Description:
    """What a file says of itself: `title`, a `comment` of one sentence, when it was made, and by what."""

    title: str
    comment: str
    made: datetime
    software: str = "backtune"


class WaveWriter:
    """Writes (channels, frames) blocks beside `path`; the file is there when the `with` statement ends well.

    `bits` 16 or 24 take integers (int32) as they are, 32 takes float32. Larger files than 4 GB become RF64.
    - `lufs`: the loudness of what was written, to be set before the end; -inf = the file does not tell it.
    Raises InputError when the file cannot be written.
    """

    def __init__(self, path: Path, rate: int, channels: int, bits: int, description: Description) -> None:
        self.path, self.rate, self.channels, self.bits = path, rate, channels, bits
        self.description = description
        self.lufs = -math.inf
        self.frames = 0
        with ExitStack() as place:
            self._file: BinaryIO = place.enter_context(place.enter_context(beside(path)).open("wb"))
            self._file.write(self._head(0))
            self._place = place.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._place:
            if error is not None:
                raise error
            size = self.frames * self.channels * self.bits // 8
            if size % 2:
                self._file.write(b"\0")  # chunks are padded to whole words
            self._file.seek(0)
            self._file.write(self._head(size))

    def write(self, block: NDArray[np.int32] | NDArray[np.float32]) -> None:
        """Append a block (channels, frames)."""
        if block.shape[0] != self.channels:
            raise BacktuneError(f"{self.path}: {block.shape[0]} channels given, the file has {self.channels}")
        interleaved = np.ascontiguousarray(block.T)
        if self.bits == 32:
            data = interleaved.astype("<f4").tobytes()
        elif self.bits == 16:
            data = interleaved.astype("<i2").tobytes()
        else:
            data = interleaved.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
        self._file.write(data)
        self.frames += block.shape[1]

    def _head(self, size: int) -> bytes:
        """Return everything before the samples; the same length whatever `size`, so that it can be written twice."""
        frame_bytes = self.channels * self.bits // 8
        kind = FLOAT if self.bits == 32 else PCM
        form = struct.pack("<HHIIHH", kind, self.channels, self.rate, self.rate * frame_bytes, frame_bytes, self.bits)
        chunks = _chunk(b"bext", self._bext()) + _chunk(b"LIST", self._info()) + _chunk(b"fmt ", form)
        total = 4 + 36 + len(chunks) + 8 + size + size % 2
        if total <= LARGEST_RIFF:
            return b"RIFF" + struct.pack("<I", total) + b"WAVE" + _chunk(b"JUNK", bytes(28)) + chunks + _mark(size)
        wide = _chunk(b"ds64", struct.pack("<QQQI", total, size, self.frames, 0))
        return b"RF64" + struct.pack("<I", LARGEST_RIFF) + b"WAVE" + wide + chunks + _mark(LARGEST_RIFF)

    def _bext(self) -> bytes:
        about = self.description
        loudness = round(self.lufs * 100) if abs(self.lufs) <= FARTHEST_LUFS else UNKNOWN_LOUDNESS
        mode = {1: "mono", 2: "stereo"}[self.channels]
        width = f"A={'FLOAT' if self.bits == 32 else 'PCM'},F={self.rate},W={self.bits},M={mode},T={about.software}"
        history = f"{width}\r\n"
        packed = BEXT.pack(
            _ascii(about.comment, 256),
            _ascii(about.software, 32),
            _ascii(about.title, 32),
            about.made.strftime("%Y-%m-%d").encode(),
            about.made.strftime("%H:%M:%S").encode(),
            0,  # the first sample is at the start of the score
            2,  # version: loudness follows, in hundredths of a LUFS
            bytes(64),
            loudness,
            *[UNKNOWN_LOUDNESS] * 4,
            bytes(180),
        )
        return packed + history.encode("ascii", "replace")

    def _info(self) -> bytes:
        about = self.description
        texts = {"title": about.title, "software": about.software, "comment": about.comment}
        texts["date"] = about.made.strftime("%Y-%m-%d")
        return b"INFO" + b"".join(_chunk(INFO_KEYS[key], text.encode() + b"\0") for key, text in texts.items())


def _mark(size: int) -> bytes:
    return b"data" + struct.pack("<I", size)


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def _ascii(text: str, length: int) -> bytes:
    return text.encode("ascii", "replace")[:length]


def full_scale(bits: int) -> int:
    """Return how many steps of a file of that many bits are full scale."""
    return 1 << (bits - 1)


def dithered(audio: NDArray[np.floating], bits: int, random: np.random.Generator) -> NDArray[np.int32]:
    """Return audio (channels, frames) in whole steps of `bits` bits, with triangular noise of two steps added first.

    The rounding error is then noise that does not depend on the signal (Lipshitz, Wannamaker and Vanderkooy 1992).
    """
    noise = random.random(audio.shape) - random.random(audio.shape)
    return np.floor(np.asarray(audio, float) * full_scale(bits) + noise + 0.5).astype(np.int32)
