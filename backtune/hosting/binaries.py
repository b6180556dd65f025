"""What kind of machine code a file holds, read from its header without running any of it."""

from __future__ import annotations

import platform
import struct
from dataclasses import dataclass
from pathlib import Path

from backtune.errors import InputError

# Sources: ELF-64 object file format 1.5; Microsoft PE format; Apple mach-o/loader.h.
ELF_MACHINES = {0x03: "x86", 0x28: "arm", 0x3E: "x86_64", 0xB7: "arm64", 0xF3: "riscv64", 0x15: "ppc64"}
PE_MACHINES = {0x014C: "x86", 0x8664: "x86_64", 0xAA64: "arm64", 0x01C4: "arm"}
MACH_MACHINES = {0x01000007: "x86_64", 0x0100000C: "arm64", 0x00000007: "x86", 0x0000000C: "arm"}
NEEDED, SYMBOL_STRINGS, SEARCH_PATH, RUN_PATH = 1, 5, 15, 29  # tags of the ELF dynamic section
DYNAMIC_SYMBOLS = 11  # kind of ELF section
LIBRARY_MAGIC = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
LOAD, DYNAMIC = 1, 2  # kinds of ELF program header


@dataclass(frozen=True)
class Binary:
    """A shared library as its header describes it.

    - `system`: "Linux", "Windows" or "Darwin". `machines`: what it runs on, several for a universal binary.
    - `needed`: shared libraries it asks for, `search`: where it says they may be (both ELF only).
    - `symbols`: names it exports (ELF only; empty elsewhere and where the section table was stripped).
    """

    system: str
    machines: tuple[str, ...]
    needed: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    symbols: frozenset[str] = frozenset()


def machine_here() -> str:
    """Return the name of this computer's processor, as `Binary.machines` spells it."""
    name = platform.machine().lower()
    return {"amd64": "x86_64", "aarch64": "arm64", "i686": "x86", "i386": "x86"}.get(name, name)


def read_binary(path: Path) -> Binary | None:
    """Return what the file is, or None when it is no shared library of any system; raise InputError for half of one."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    try:
        if data[:4] == b"\x7fELF":
            return _elf(data)
        if data[:2] == b"MZ":
            (at,) = struct.unpack_from("<I", data, 0x3C)
            if data[at : at + 4] == b"PE\0\0":
                (machine,) = struct.unpack_from("<H", data, at + 4)
                return Binary("Windows", (PE_MACHINES.get(machine, f"machine {machine:#x}"),))
        return _mach(data)
    except (struct.error, IndexError, ValueError, OverflowError):  # a text without end, a place beyond all files
        if data[:4] not in LIBRARY_MAGIC:
            return None
        raise InputError(f"{path}: a shared library that is cut short or damaged; install it again") from None


def _mach(data: bytes) -> Binary | None:
    """Return a Mach-O file, thin or universal; None for anything else."""
    magic = data[:4]
    if magic in (b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe"):
        (machine,) = struct.unpack_from("<I", data, 4)
        return Binary("Darwin", (MACH_MACHINES.get(machine, f"machine {machine:#x}"),))
    if magic == b"\xca\xfe\xba\xbe":
        (count,) = struct.unpack_from(">I", data, 4)
        if count > 16:  # Java class files share the magic number; their version field is larger than this
            return None
        found = [struct.unpack_from(">I", data, 8 + 20 * i)[0] for i in range(count)]
        return Binary("Darwin", tuple(MACH_MACHINES.get(m, f"machine {m:#x}") for m in found))
    return None


def _elf(data: bytes) -> Binary:
    """Return an ELF file: machine, needed libraries, search paths and dynamic symbols (64 bit only for the latter)."""
    order = "<" if data[5] == 1 else ">"
    (machine,) = struct.unpack_from(order + "H", data, 18)
    names = (ELF_MACHINES.get(machine, f"machine {machine:#x}"),)
    if data[4] != 2:
        return Binary("Linux", names)
    (headers_at,) = struct.unpack_from(order + "Q", data, 32)
    size, count = struct.unpack_from(order + "HH", data, 54)
    headers = [struct.unpack_from(order + "IIQQQQQQ", data, headers_at + i * size) for i in range(count)]
    loads = [(h[3], h[2], h[5]) for h in headers if h[0] == LOAD]  # address, offset in the file, bytes

    def in_file(address: int) -> int:
        return next((address - start + offset for start, offset, n in loads if start <= address < start + n), address)

    tags: list[tuple[int, int]] = []
    for header in headers:
        if header[0] == DYNAMIC:
            tags = [struct.unpack_from(order + "QQ", data, header[2] + at) for at in range(0, header[5], 16)]
    where = dict(tags)
    if SYMBOL_STRINGS not in where:
        return Binary("Linux", names)
    strings = in_file(where[SYMBOL_STRINGS])

    def text(offset: int) -> str:
        return data[strings + offset : data.index(b"\0", strings + offset)].decode()

    needed = tuple(text(value) for tag, value in tags if tag == NEEDED)
    paths = [text(value) for tag, value in tags if tag in (SEARCH_PATH, RUN_PATH)]
    search = tuple(p for path in paths for p in path.split(":") if p)
    symbols: set[str] = set()
    (sections_at,) = struct.unpack_from(order + "Q", data, 40)
    section_size, section_count = struct.unpack_from(order + "HH", data, 58)
    for i in range(section_count):
        section = struct.unpack_from(order + "IIQQQQ", data, sections_at + i * section_size)
        if section[1] != DYNAMIC_SYMBOLS:
            continue
        for at in range(section[4], section[4] + section[5], 24):
            name, _, _, defined_in = struct.unpack_from(order + "IBBH", data, at)
            if name and defined_in:  # section 0: imported, not defined here
                symbols.add(text(name))
    return Binary("Linux", names, needed, search, frozenset(symbols))
