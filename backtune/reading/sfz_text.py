"""SFZ texts: comments, #define and #include worked off, then headers with their opcodes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from backtune.errors import InputError
from backtune.reading.audio_files import inside
from backtune.whole_file import read_whole

MOST_BYTES = 20_000_000  # of all texts of one instrument together
DEEPEST_INCLUDE = 16
MOST_OPCODES = 2_000_000
MOST_INHERITED = 5_000_000  # opcodes of all regions: 200 MB; 20 MB of text could ask for a thousand times that
LEVELS = ("global", "master", "group", "region")  # each inherits from those before it

# ARIA reads values up to the next word that is followed by "=", so that file names may hold spaces. Blanks before a "="
# are read over: a "key = 64" that meant nothing would give all samples the pitch of C4.
_TOKEN = re.compile(
    r"<(?P<header>[A-Za-z_]\w*)>"
    r"|#define\s+(?P<name>\$\w+)\s+(?P<value>[^\s<#]*)"
    r'|#include\s+"(?P<file>[^"\n]*)"'
    r"|(?<![\w$#])(?P<opcode>[A-Za-z_$][\w$#]*)[ \t]*=(?P<text>[^\n]*?)"
    r"(?=[ \t]+[A-Za-z_$][\w$#]*[ \t]*=|[ \t]*<[A-Za-z_]|[ \t]+#(?:define|include)\b|[ \t]*$)",
    re.MULTILINE,
)
_COMMENT = re.compile(r"//[^\n]*|/\*")
_NAME = re.compile(r"\$\w+")
_LONG_GAP = re.compile(r"[ \t]{8,}")  # runs of blanks would make the search above quadratic
LONGEST_TEXT = 10_000  # of one opcode, before and after #define
MOST_DEFINES = 10_000  # a hundred for each key of a piano; each may make 10,000 characters
LONGEST_NAME = 100  # of a #define; names that others begin with are looked for letter by letter
MOST_REPLACED = 100_000_000  # characters that come out of #define: 20 MB of "$A" could stand for 100 GB


@dataclass
class SfzText:
    """One instrument as written.

    - `control`: opcodes of <control>, last one wins, but set_cc... of all. `regions`: the opcodes of each
      region with those it inherits, in order. `curves`: the opcodes of each <curve>.
    """

    control: dict[str, str] = field(default_factory=dict)
    regions: list[dict[str, str]] = field(default_factory=list)
    curves: list[dict[str, str]] = field(default_factory=list)


def read_sfz(path: Path, root: Path) -> SfzText:
    """Return the instrument written in `path`; included files must lie inside the folder `root`.

    Each region carries `default_path` (as set before it), and its header's inheritance is resolved:
    global, then master, group, region. Raises InputError for a file that is missing, no text, includes
    itself, leaves `root`, or holds no region.
    """
    text = SfzText()
    reader = _Reader(path.parent, root)
    levels: dict[str, dict[str, str]] = {name: {} for name in LEVELS}
    header, current, heirs = "", {}, 0
    for count, (name, value) in enumerate(reader.tokens(path, 0)):
        if count > MOST_OPCODES:
            raise InputError(f"{path}: more than {MOST_OPCODES} opcodes; allowed: one instrument")
        if not name:
            header = value
            if header in LEVELS:
                for lower in LEVELS[LEVELS.index(header) :]:
                    levels[lower] = {}
                current = levels[header]
                if header == "region":
                    inherited = {key: one for level in LEVELS[:-1] for key, one in levels[level].items()}
                    current = {"default_path": text.control.get("default_path", ""), **inherited}
                    text.regions.append(current)
                    heirs += len(current)
                    if heirs > MOST_INHERITED:
                        raise InputError(f"{path}: its regions inherit more than {MOST_INHERITED} opcodes in all")
            elif header == "curve":
                current = {}
                text.curves.append(current)
            else:
                current = text.control if header == "control" else {}
        else:
            current[name] = value
    if not text.regions:
        raise InputError(f"{path}: holds no <region>; allowed: an SFZ instrument")
    return text


def uncommented(text: str) -> str:
    """Return `text` with a blank for each comment; a /* that nothing closes is none."""
    kept: list[str] = []
    at = stop = 0
    last = text.rfind("*/")
    while match := _COMMENT.search(text, stop):
        start, stop = match.span()
        if match[0] == "/*":
            if last < stop:
                continue  # looking for its end at each of them would take quadratic time
            stop = text.index("*/", stop) + len("*/")
        kept.append(text[at:start])
        at = stop
    return " ".join([*kept, text[at:]])


class _Reader:
    """Works off #define and #include while tokens are read, as ARIA does: in order, wherever they stand."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder, self.root = folder, root
        self.defines: dict[str, str] = {}
        self.bytes = self.replaced = 0
        self.open: list[Path] = []

    def tokens(self, path: Path, depth: int) -> Iterator[tuple[str, str]]:
        """Yield ("", header) and (opcode, value) of a file and those it includes."""
        if depth > DEEPEST_INCLUDE or path in self.open:
            raise InputError(f"{path}: includes itself, or more than {DEEPEST_INCLUDE} files inside each other")
        self.open.append(path)
        for match in _TOKEN.finditer(self._text(path)):
            if match["header"]:
                yield "", match["header"].lower()
            elif match["name"]:
                self._define(match["name"], self._expanded(match["value"]))
            elif match["file"] is not None:
                written = self._expanded(match["file"]).replace("\\", "/")
                yield from self.tokens(inside(self.root, self.folder / written, str(path)), depth + 1)
            else:
                yield self._expanded(match["opcode"]).lower(), self._expanded(match["text"]).strip()
        self.open.pop()

    def _text(self, path: Path) -> str:
        data = read_whole(path, MOST_BYTES - self.bytes, "all the text of an instrument")
        self.bytes += len(data)
        if b"\0" in data:
            raise InputError(f"{path}: not a text; allowed: an SFZ instrument")
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", "replace")  # what Windows editors wrote before UTF-8
        text = uncommented(text.replace("\r\n", "\n").replace("\r", "\n"))
        return _LONG_GAP.sub("       ", text)

    def _define(self, name: str, value: str) -> None:
        if len(name) > LONGEST_NAME:
            raise InputError(f"{self.open[-1]}: #define {name[:40]}... is longer than {LONGEST_NAME} characters")
        self.defines[name] = value
        if len(self.defines) > MOST_DEFINES:
            raise InputError(f"{self.open[-1]}: more than {MOST_DEFINES} names by #define; allowed: one instrument")

    def _expanded(self, text: str) -> str:
        """Return `text` with each $NAME replaced; of names that begin alike the longest counts."""
        if "$" in text and self.defines and len(text) <= LONGEST_TEXT:
            text = _NAME.sub(self._value, text)
            self.replaced += len(text)
        if len(text) > LONGEST_TEXT:
            raise InputError(f"{self.open[-1]}: '{text[:40]}...' is longer than {LONGEST_TEXT} characters")
        if self.replaced > MOST_REPLACED:
            raise InputError(f"{self.open[-1]}: #define makes more than {MOST_REPLACED} characters of it")
        return text

    def _value(self, written: re.Match[str]) -> str:
        """Return what stands for the longest name that a $NAME begins with, and what is left of it."""
        name = written[0]
        for stop in range(min(len(name), LONGEST_NAME), 1, -1):
            if name[:stop] in self.defines:
                return self.defines[name[:stop]] + name[stop:]
        return name
