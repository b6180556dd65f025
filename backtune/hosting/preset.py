"""Plugin states in files: the .vstpreset container, and a check that raw bytes are a state at all."""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ET
from dataclasses import dataclass

from backtune.errors import InputError

# Source: VST 3 SDK, "Presets & Program Lists", file format of .vstpreset.
HEADER = struct.Struct("<4si32sq")  # "VST3", version, class id as 32 hexadecimal digits, offset of the list
LIST_HEAD, LIST_ENTRY = struct.Struct("<4si"), struct.Struct("<4sqq")
JUCE_STATE = b"VC2!"  # how JUCE hosts wrap a state: magic, length, XML


@dataclass(frozen=True)
class Preset:
    """What a .vstpreset holds: the class id of its plugin (32 hexadecimal digits) and chunks by their 4-letter name."""

    class_id: str
    chunks: dict[str, bytes]

    def pack(self) -> bytes:
        """Return the content of the .vstpreset file."""
        body, entries, at = b"", [], HEADER.size
        for name, data in self.chunks.items():
            entries.append(LIST_ENTRY.pack(name.encode(), at, len(data)))
            body += data
            at += len(data)
        head = HEADER.pack(b"VST3", 1, self.class_id.encode(), at)
        return head + body + LIST_HEAD.pack(b"List", len(entries)) + b"".join(entries)


def unpack_preset(data: bytes, where: str) -> Preset:
    """Return the parts of a .vstpreset file's content; raise InputError when it is none or ends too soon."""
    if data[:4] != b"VST3":
        raise InputError(f"{where}: not a .vstpreset file (it does not begin with VST3)")
    try:
        _, _, class_id, list_at = HEADER.unpack_from(data)
        magic, count = LIST_HEAD.unpack_from(data, list_at)
        entries = [LIST_ENTRY.unpack_from(data, list_at + LIST_HEAD.size + i * LIST_ENTRY.size) for i in range(count)]
        chunks = {name.decode(): data[at : at + size] for name, at, size in entries}
        if magic != b"List" or any(len(chunks[name.decode()]) != size for name, _, size in entries):
            raise ValueError("sizes")
        return Preset(class_id.decode(), chunks)
    except (struct.error, ValueError):
        raise InputError(f"{where}: a .vstpreset file that is cut short or damaged") from None


def check_state(data: bytes, where: str) -> None:
    """Raise InputError unless `data` is a state as JUCE hosts write it; plugins accept garbage without a word."""
    if data[:4] != JUCE_STATE:
        raise InputError(f"{where}: not a saved plugin state (it does not begin with VC2!)")
    (length,) = struct.unpack_from("<I", data, 4) if len(data) >= 8 else (-1,)
    text = data[8 : 8 + length] if length >= 0 else b""
    if length < 0 or len(text) < length:
        raise InputError(f"{where}: a saved plugin state that is cut short")
    try:
        root = ET.fromstring(text.rstrip(b"\0").decode())
    except (ET.ParseError, UnicodeDecodeError):
        raise InputError(f"{where}: a saved plugin state that is damaged") from None
    if root.tag != "VST3PluginState":
        raise InputError(f"{where}: a state of another kind of plugin ({root.tag}), not of a VST3")
