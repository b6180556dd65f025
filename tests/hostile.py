"""Files made to harm: each a name, what is on disk, the command that opens it, and a pattern in the refusal."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from doors import take
from some_patches import simple_patch
from tiny_soundfont import TinyZone, tiny_soundfont

from backtune.patch_file import dump_patch

HUGE = 10_000_000_000  # bytes that a header may declare, or a file without contents may have


@dataclass(frozen=True)
class Hostile:
    """One hostile file: `make` writes it into a folder and returns the command; `told` matches the refusal."""

    name: str
    make: Callable[[Path], list[str]]
    told: str


def _patch(text: str | bytes) -> Callable[[Path], list[str]]:
    def make(folder: Path) -> list[str]:
        path = folder / "p.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return ["explain", str(path)]

    return make


def _fit(name: str, data: bytes, *options: str) -> Callable[[Path], list[str]]:
    def make(folder: Path) -> list[str]:
        (folder / "C4.wav").write_bytes(take())
        (folder / name).write_bytes(data)
        opened = folder if name == "index.csv" else folder / name
        return ["fit", str(opened), "-o", str(folder / "out.yaml"), *options]

    return make


def _song(data: bytes) -> Callable[[Path], list[str]]:
    def make(folder: Path) -> list[str]:
        (folder / "p.yaml").write_text(dump_patch(simple_patch()))
        (folder / "s.mid").write_bytes(data)
        return ["render", str(folder / "p.yaml"), str(folder / "s.mid"), "-o", str(folder / "out.wav")]

    return make


def _chain(text: str) -> Callable[[Path], list[str]]:
    def make(folder: Path) -> list[str]:
        (folder / "c.yaml").write_text(text)
        return ["chain", "show", str(folder / "c.yaml")]

    return make


def _moves(name: str, text: str) -> Callable[[Path], list[str]]:
    def make(folder: Path) -> list[str]:
        (folder / "p.yaml").write_text(dump_patch(simple_patch()))
        (folder / name).write_text(text)
        table = ["--automation", str(folder / name), "-o", str(folder / "out.wav")]
        return ["render", str(folder / "p.yaml"), "--note", "C4", *table]

    return make


def _sparse(name: str, head: bytes, command: list[str]) -> Callable[[Path], list[str]]:
    """A file of 10 GB that takes no place on disk."""

    def make(folder: Path) -> list[str]:
        (folder / "p.yaml").write_text(dump_patch(simple_patch()))
        with (folder / name).open("wb") as file:
            file.write(head)
            file.truncate(HUGE)
        return [one.replace("DIR", str(folder)) for one in command]

    return make


def _loop(name: str, command: list[str]) -> Callable[[Path], list[str]]:
    """A symbolic link to itself."""

    def make(folder: Path) -> list[str]:
        (folder / name).symlink_to(folder / name)
        return [one.replace("DIR", str(folder)) for one in command]

    return make


def _deep_folders(folder: Path) -> list[str]:
    """Folders that lead back to themselves, twice on each level: 2^n ways to walk them."""
    inner = folder / "a" / "b"
    inner.mkdir(parents=True)
    for name in ("x", "y"):
        (inner / name).symlink_to(folder / "a", target_is_directory=True)
    return ["fit", str(folder / "a"), "-o", str(folder / "out.yaml")]


def _newline_name(folder: Path) -> list[str]:
    (folder / "i").mkdir()
    (folder / "i" / "C4\nbacktune: all is well.wav").write_bytes(b"no sound")
    return ["fit", str(folder / "i"), "-o", str(folder / "out.yaml")]


def _bytes_name(folder: Path) -> list[str]:
    (folder / "i").mkdir()
    Path(os.fsdecode(os.fsencode(folder / "i") + b"/C4_\xff\xfe.wav")).write_bytes(b"no sound")
    return ["fit", str(folder / "i"), "-o", str(folder / "out.yaml")]


def _corpus(folder: Path) -> list[str]:
    (folder / "corpus.json").write_text("[" * 100_000)
    return _fit("index.csv", (ROW + "C4.wav,60,80").encode())(folder)


def _wave(declared: int) -> bytes:
    return take()[:40] + struct.pack("<I", declared) + take()[44:]


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)
)
ROW = "file,midi,velocity\n"
_KNOTS = ", ".join(str(n) for n in range(1, 3001))
WIDE = "colour_db:\n      over: {pitch: [KNOTS], velocity: [KNOTS]}\n      rows: |\n       0\n".replace("KNOTS", _KNOTS)
MIDI_HEAD = b"MThd\0\0\0\6\0\1\0\1\0\x60"
NESTED = "[{parallel: [{slots: " * 6 + "[]" + "}]}]" * 6
LONG_SONG = MIDI_HEAD + b"MTrk\0\0\0\x0e\xff\xff\xff\x7f\x90\x3c\x40\xff\xff\xff\x7f\x80\x3c\x40"
SIMPLE = dump_patch(simple_patch())
SFZ_BOMB = "#define $A xxxxxxxxxx\n" + "".join(
    f"#define ${chr(66 + n)} {('$' + chr(65 + n)) * 10}\n" for n in range(12)
)
SFZ_NAMES = "".join(f"#define $A{n} {n}\n" for n in range(500_000))
SFZ_HEIRS = "<global>" + " ".join(f"o{n}=1" for n in range(1000)) + "<region>" * 100_000
SFZ_GIGABYTES = f"#define $A {'x' * 9000}\n" + "<region> a=$A\n" * 1_000_000
FONT = tiny_soundfont([TinyZone(0)])

HOSTILE = (
    Hostile("yaml bomb", _patch(BOMB), "anchors and aliases"),
    Hostile("yaml tag that runs code", _patch("a: !!python/object/apply:os.system ['touch x']\n"), "tag"),
    Hostile("yaml nested 100,000 deep", _patch("[" * 100_000), "nested deeper|nesting depth"),
    Hostile("yaml of open brackets over flow maps", _patch("{a: " * 50_000), "nested deeper|nesting depth"),
    Hostile("yaml with a key of 1 MB", _patch("? " + "k" * 1_000_000 + "\n: 1\n"), "not a patch"),
    Hostile("patch of 9 million numbers in 40 KB", _patch(SIMPLE.replace("colour_db: 0", WIDE)), "at most 1000000"),
    Hostile("patch that is not utf-8", _patch(b"backtune: 1\nname: \xff\xfe\n"), "UTF-8"),
    Hostile("patch of null bytes", _patch(bytes(100_000)), "YAML"),
    Hostile("patch without end", _sparse("h.yaml", b"backtune: 1\n", ["explain", "DIR/h.yaml"]), "over 2000000 bytes"),
    Hostile("patch that is a device without end", lambda folder: ["explain", "/dev/zero"], "over 2000000 bytes"),
    Hostile("patch that is a folder", lambda folder: ["explain", str(folder)], "directory"),
    Hostile("patch that links to itself", _loop("l.yaml", ["explain", "DIR/l.yaml"]), "symbolic link"),
    Hostile("chain yaml bomb", _chain("chain: c\npurpose: p\n" + BOMB), "anchors and aliases"),
    Hostile("chain of branches in branches", _chain("chain: c\npurpose: p\nslots: " + NESTED), "nested deeper"),
    Hostile("chain without end", _sparse("c.yaml", b"chain: c\n", ["chain", "show", "DIR/c.yaml"]), "bytes"),
    Hostile("chain that is a device without end", lambda folder: ["chain", "show", "/dev/zero"], "no such file"),
    Hostile("sfz that includes itself", _fit("i.sfz", b'#include "i.sfz"\n<region> sample=C4.wav'), "includes itself"),
    Hostile("sfz of exploding definitions", _fit("i.sfz", (SFZ_BOMB + "<region> sample=$M").encode()), "longer than"),
    Hostile("sfz of comments that nothing closes", _fit("i.sfz", b"/*a" * 400_000), "holds no <region>"),
    Hostile("sfz of 500,000 definitions", _fit("i.sfz", SFZ_NAMES.encode()), "more than 10000 names"),
    Hostile("sfz of 100 GB by definition", _fit("i.sfz", SFZ_GIGABYTES.encode()), "more than 100000000 characters"),
    Hostile("sfz of 100 million inherited opcodes", _fit("i.sfz", SFZ_HEIRS.encode()), "inherit more than 5000000"),
    Hostile("sfz of a definition with a name of 1 MB", _fit("i.sfz", b"#define $" + b"A" * 10**6 + b" a\n"), "longer"),
    Hostile(
        "sfz of endless blanks", _fit("i.sfz", b"<region> sample=" + b" " * 5_000_000 + b"x=1"), "no region sounds"
    ),
    Hostile(
        "sfz that leaves its folder", _fit("i.sfz", b"<region> sample=../../etc/passwd key=60"), "outside the folder"
    ),
    Hostile("sfz with an absolute path", _fit("i.sfz", b"<region> sample=/etc/passwd key=60"), "outside the folder"),
    Hostile("sfz that includes /etc/passwd", _fit("i.sfz", b'#include "/etc/passwd"\n'), "outside the folder"),
    Hostile(
        "sfz without end",
        _sparse("i.sfz", b"<region>", ["fit", "DIR/i.sfz", "-o", "DIR/o.yaml"]),
        "over 20000000 bytes",
    ),
    Hostile(
        "soundfont of 4 GB declared",
        _fit("f.sf2", FONT[:4] + b"\xff" * 4 + FONT[8:16] + b"\xff" * 4 + FONT[20:]),
        "too early",
    ),
    Hostile("soundfont without end", _sparse("f.sf2", FONT, ["fit", "DIR/f.sf2", "-o", "DIR/o.yaml"]), "preset"),
    Hostile("table that leaves its folder", _fit("index.csv", (ROW + "../../etc/passwd,60,80").encode()), "outside"),
    Hostile(
        "table of a name with a newline", _fit("index.csv", (ROW + '"C4\n.wav",60,80').encode()), "allowed: the name"
    ),
    Hostile(
        "table of a cell of 1 MB", _fit("index.csv", (ROW + "x" * 1_000_000 + ",60,80").encode()), "comma-separated"
    ),
    Hostile("table that is not utf-8", _fit("index.csv", ROW.encode() + b"\xff\xfe.wav,60,80"), "UTF-8"),
    Hostile(
        "table without end",
        _sparse("index.csv", ROW.encode(), ["fit", "DIR", "-o", "DIR/o.yaml"]),
        "over 20000000 bytes",
    ),
    Hostile("corpus.json nested deep", _corpus, "corpus.json: not readable as JSON"),
    Hostile("sound that declares 4 GB", _fit("D4.wav", _wave(0xFFFFFFFF)), "not a source"),
    Hostile(
        "sound of ten hours", _sparse("C4.wav", _wave(0xFFFFFF00), ["fit", "DIR", "-o", "DIR/o.yaml"]), "one note may"
    ),
    Hostile("folder of folders that lead back", _deep_folders, "no audio files"),
    Hostile("sound named with a newline", _newline_name, "C4"),
    Hostile("sound named in no encoding", _bytes_name, "C4"),
    Hostile("midi track of 4 GB declared", _song(MIDI_HEAD + b"MTrk\xff\xff\xff\xff\0\x90\x3c\x40"), "not a readable"),
    Hostile("midi of 65,535 tracks declared", _song(b"MThd\0\0\0\6\0\1\xff\xff\0\x60"), "holds no track"),
    Hostile("midi that lasts for years", _song(LONG_SONG), "hours"),
    Hostile(
        "midi without end",
        _sparse("s.mid", MIDI_HEAD + b"MTrk\xff\xff\xff\xff", ["render", "DIR/p.yaml", "DIR/s.mid", "-o", "DIR/o.wav"]),
        "bytes",
    ),
    Hostile("automation of deep json", _moves("a.json", "[" * 100_000), "not readable as JSON"),
    Hostile("automation of a number of 1 MB", _moves("a.json", "[" + "9" * 1_000_000 + "]"), "not readable as JSON"),
    Hostile(
        "automation without end",
        _sparse(
            "a.csv",
            b"time_s,control,value\n",
            ["render", "DIR/p.yaml", "--note", "C4", "--automation", "DIR/a.csv", "-o", "DIR/o.wav"],
        ),
        "bytes",
    ),
)
