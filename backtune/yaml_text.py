"""YAML as plain data: a strict reader that no document can tire out, and the writing of single values."""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

from backtune.errors import InputError

MOST_BYTES = 2_000_000  # a patch is at most this long; so is everything else written by hand
DEEPEST = 16  # the deepest file of the project nests 7 levels
LINE = 110  # flow lists are broken before this column

# The core schema of YAML 1.2: "no" and "12:30" stay texts, 1e-5 is a number.
_INT = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(["null", "Null", "NULL", "~", ""]),
    **dict.fromkeys(["true", "True", "TRUE"], True),
    **dict.fromkeys(["false", "False", "FALSE"], False),
    **dict.fromkeys([".inf", ".Inf", ".INF", "+.inf"], math.inf),
    "-.inf": -math.inf,
    **dict.fromkeys([".nan", ".NaN", ".NAN"], math.nan),
}
_WORDS_1_1 = {"y", "yes", "n", "no", "on", "off"}  # truth values to readers of YAML 1.1
_PLAIN = re.compile(r"[^\W\d]([\w .()/+*^;%-]*[\w.()%])?")  # texts that need no quotation marks
_STARTS = (yaml.StreamStartEvent, yaml.DocumentStartEvent)
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(data: bytes | str, where: str) -> Any:
    """Return the document as dictionaries with text keys, lists, texts, numbers, True, False and None.

    Raises InputError, beginning with `where` and the line, for text that is no YAML or over 2 MB, and for
    anchors, aliases, tags, repeated keys, keys that are no text, more than 16 levels, several documents.
    """
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogatepass")
    if len(data) > MOST_BYTES:
        raise InputError(f"{where}: {len(data)} bytes; at most {MOST_BYTES} are allowed")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: byte {error.start} is not UTF-8") from None
    try:
        return _Reader(text, where).document()
    except yaml.YAMLError as error:
        raise InputError(f"{where}{_line(error)}: not readable as YAML ({_reason(error)})") from None


class _Reader:
    """Builds plain data from parser events, so that every limit is checked before anything is kept."""

    def __init__(self, text: str, where: str) -> None:
        self.where = where
        self.events = yaml.parse(text, Loader=_LOADER)

    def document(self) -> Any:
        event = next(self.events)
        while isinstance(event, _STARTS):
            event = next(self.events)
        if isinstance(event, yaml.StreamEndEvent):
            raise InputError(f"{self.where}: the file is empty")
        value = self.value(event, 1)
        next(self.events)  # the document's end
        if not isinstance(extra := next(self.events), yaml.StreamEndEvent):
            raise self.refused(extra, "a second document; one is allowed")
        return value

    def value(self, event: Any, depth: int) -> Any:
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise self.refused(event, "anchors and aliases (& and *) are not allowed; write the value out")
        if event.tag is not None:
            raise self.refused(event, f"the tag {event.tag[:40]} is not allowed")
        if depth > DEEPEST:
            raise self.refused(event, f"nested deeper than {DEEPEST} levels")
        if isinstance(event, yaml.ScalarEvent):
            return _plain_value(event.value) if event.style in (None, "") else event.value
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
                items.append(self.value(event, depth + 1))
            return items
        table: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.anchor is not None or event.tag is not None:
                raise self.refused(event, "a key must be a plain text")
            key = event.value
            if key in table:
                raise self.refused(event, f"the key '{key[:40]}' is there twice")
            table[key] = self.value(next(self.events), depth + 1)
        return table

    def refused(self, event: Any, why: str) -> InputError:
        return InputError(f"{self.where}: line {event.start_mark.line + 1}: {why}")


def _plain_value(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if len(text) < 400 and _FLOAT.fullmatch(text) else text


def _line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f": line {mark.line + 1}" if mark is not None else ""


def _reason(error: yaml.YAMLError) -> str:
    said = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error).split("\n", 1)[0]
    return str(said).replace("\n", " ")


def number_text(value: float, digits: int | None = None) -> str:
    """Return a number as YAML: shortest text that reads back exactly, or with `digits` significant digits.

    A float stays a float when read back, except that whole ones below 10^15 lose their point.
    """
    if isinstance(value, int):
        return str(value)
    text = repr(float(value if digits is None else f"{value:.{digits}g}"))
    text = text.removesuffix(".0")
    if "e" in text and "." not in text:  # 1e-05 is a text to readers of YAML 1.1
        text = text.replace("e", ".0e")
    return "0" if text == "-0" else text


def text_value(text: str) -> str:
    """Return a text as YAML: plain where it reads back as itself, else in double quotation marks."""
    plain = len(text) < 200 and _PLAIN.fullmatch(text) and text.isprintable()
    if plain and text not in _WORDS and text.lower() not in _WORDS_1_1:
        return text
    return '"' + "".join(_escaped(sign) for sign in text) + '"'


def _escaped(sign: str) -> str:
    if sign in '"\\':
        return "\\" + sign
    if sign.isprintable():
        return sign
    code = ord(sign)
    if 0xD800 <= code < 0xE000:
        raise InputError(f"{sign!r}: half a character (a file name in another encoding?); allowed: Unicode text")
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def value_text(value: Any, digits: int | None = None) -> str:
    """Return plain data as YAML on one line; numbers as in `number_text`."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return number_text(value, digits)
    if isinstance(value, str):
        return text_value(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{text_value(str(k))}: {value_text(v, digits)}" for k, v in value.items()) + "}"
    return "[" + ", ".join(value_text(one, digits) for one in value) + "]"


def wrapped(head: str, parts: list[str], brackets: str, indent: int) -> list[str]:
    """Return lines with `head`, then `parts` in `brackets` ("[]" or "{}"), broken before column 110."""
    lines = [head + brackets[0]]
    for index, part in enumerate(parts):
        piece = part + ("," if index < len(parts) - 1 else brackets[1])
        if len(lines[-1]) + 1 + len(piece) > LINE and index:
            lines.append(" " * indent + piece)
        else:
            lines[-1] += piece if lines[-1].endswith(brackets[0]) and not index else " " + piece
    if not parts:
        lines[-1] += brackets[1]
    return lines
