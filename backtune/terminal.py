"""The terminal: what goes to stdout, what to stderr, progress with an estimate, and being stopped."""

from __future__ import annotations

import json
import os
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from backtune.errors import BacktuneError
from backtune.manner import manner

Report = Callable[[str, int, int], None]  # stage, how many are done, of how many
TURNING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})  # turn the order of letters
LINE_EVERY_S = 10.0  # where no bar can be drawn, a line this often


class Stopped(BacktuneError):
    """Ctrl-C or SIGTERM ended the work; the message says what was kept."""

    exit_code = 130


class Unread(BacktuneError):
    """Whoever read stdout has seen enough (`backtune layers | head -1`): an end, not a failure."""

    exit_code = 0


def say(text: str | Callable[[], str], data: Any = None) -> None:
    """Tell a result: its words on stdout or, where JSON was asked for, as plain `data` (no data: not at all).

    Either may be a function that makes it. Raises Unread when nobody reads any more, BacktuneError when stdout cannot
    be written.
    """
    if manner().as_json:
        if data is not None:
            manner().result = data() if callable(data) else data
    else:
        _print(text() if callable(text) else text)


def say_json(data: Any) -> None:
    """Print data on stdout as JSON, whatever the manner; silence has no level (null). Raises as `say` does."""
    told = json.dumps(data, default=_plain)
    finite = json.loads(told, parse_constant=lambda name: None)
    _print(json.dumps(finite, indent=1, ensure_ascii=False, allow_nan=False))


def _plain(value: Any) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no plain data")


def _print(text: str) -> None:
    try:
        print(harmless(text, "\n\t"), flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that closing it is no error either
        if isinstance(error, BrokenPipeError):
            raise Unread from None
        raise BacktuneError(f"the result cannot be written ({error.strerror})") from None


def remark(text: str, **figures: Any) -> None:
    """Print a remark on stderr as one line, unless --quiet was given; its `figures` are for who asked for JSON."""
    if manner().as_json:
        manner().figures.update(figures)
        manner().remarks.append(text)
    if not manner().quiet:
        _line(text)


def _line(text: str) -> None:
    print(harmless(text), file=sys.stderr, flush=True)


def harmless(text: str, kept: str = "") -> str:
    """Return a text with control characters, but those `kept`, as their escapes.

    Names of files and patches come from others: they must not move the cursor, hide words or pretend to be messages.
    """
    return "".join(one.encode("unicode_escape").decode() if _controls(one) and one not in kept else one for one in text)


def _controls(sign: str) -> bool:
    return unicodedata.category(sign) in ("Cc", "Zl", "Zp") or unicodedata.bidirectional(sign) in TURNING


@contextmanager
def progress() -> Iterator[Report]:
    """Give a function `report(stage, done, total)` that shows progress and the time left on stderr."""
    if manner().quiet:
        yield lambda stage, done, total: None
    elif sys.stderr.isatty():
        yield from _bars()
    else:
        yield _Lines()


def _bars() -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, Any] = {}

        def report(stage: str, done: int, total: int) -> None:
            name = stage.partition(": ")[0]
            if name not in tasks:
                tasks[name] = bars.add_task(name)
            bars.update(tasks[name], description=stage, completed=done, total=total)

        yield report


class _Lines:
    """Progress as lines: at the end of each stage and every ten seconds; the text after ": " is of the moment."""

    def __init__(self) -> None:
        self.stage = ""
        self.began = self.told = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        name = stage.partition(": ")[0]
        if name != self.stage:
            self.stage, self.began, self.told = name, now, now
        if done >= total:
            _line(f"{name}: {total} done in {now - self.began:.0f} s")
        elif now - self.told >= LINE_EVERY_S and done > 0:
            self.told = now
            _line(f"{stage}: {done} of {total}, about {(now - self.began) / done * (total - done):.0f} s left")
