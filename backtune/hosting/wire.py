"""How parent and plugin process talk: one frame is a JSON header and raw bytes, each with its length."""

from __future__ import annotations

import json
import struct
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.float32]

GRID = 64  # frames between moves of a parameter, 1.3 ms at 48 kHz; every effect gets blocks of exactly this many
LENGTHS = struct.Struct("<II")  # bytes of the header, bytes of the payload
LARGEST = 1 << 30  # 1 GiB: more than an hour of stereo in one frame can only be a broken stream


def write_frame(stream: IO[bytes], header: dict[str, Any], payload: bytes = b"") -> None:
    """Write one frame to `stream` and flush it."""
    text = json.dumps(header).encode()
    stream.write(LENGTHS.pack(len(text), len(payload)))
    stream.write(text)
    stream.write(payload)
    stream.flush()


def read_frame(stream: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    """Return (header, payload) of the next frame; raise EOFError when the other side is gone."""
    header_bytes, payload_bytes = LENGTHS.unpack(_exactly(stream, LENGTHS.size))
    if max(header_bytes, payload_bytes) > LARGEST:
        raise EOFError("the frame is broken")
    header = json.loads(_exactly(stream, header_bytes))
    return header, _exactly(stream, payload_bytes)


def pack_audio(audio: Audio) -> bytes:
    """Return audio (channels, frames) as bytes: float32, little-endian, channel after channel."""
    return np.ascontiguousarray(audio, dtype="<f4").tobytes()


def unpack_audio(payload: bytes, channels: int) -> Audio:
    """Return audio (channels, frames), float32, writable, of bytes made by `pack_audio`."""
    return np.frombuffer(payload, dtype="<f4").reshape(channels, -1).astype(np.float32)


def _exactly(stream: IO[bytes], count: int) -> bytes:
    """Return the next `count` bytes; raise EOFError when there are fewer."""
    data = bytearray()
    while len(data) < count:
        piece = stream.read(count - len(data))
        if not piece:
            raise EOFError("the other side is gone")
        data += piece
    return bytes(data)
