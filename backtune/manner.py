"""How a command speaks: aloud or quietly, in words or as one JSON object. Every command takes --quiet and --json."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from backtune.whole_file import recording

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no remarks.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object: what was found, and the files written.")]


@dataclass
class Manner:
    """How one command speaks; in JSON, `result`, `figures` and `remarks` are what it has told so far."""

    quiet: bool = False
    as_json: bool = False
    result: Any = None
    figures: dict[str, Any] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def answer(self, written: list[Path] | None) -> Any:
        """Return all that was told, as plain data; `written` are the files of a command that writes, else None.

        A list that a command found stays a list, without remarks.
        """
        if isinstance(self.result, list | tuple) and written is None:
            return self.result
        told = {} if self.result is None else self.result if isinstance(self.result, dict) else {"found": self.result}
        files = {} if written is None else {"written": [file_facts(path) for path in written]}
        said = {"remarks": self.remarks} if self.remarks else {}
        twice = [name for name in told if name in {**self.figures, **said, **files}]
        assert not twice, f"a command tells {twice} twice"
        return {**told, **self.figures, **said, **files}


_manner: ContextVar[Manner] = ContextVar("manner", default=Manner())  # noqa: B039 - the default is never told anything


def manner() -> Manner:
    """Return how the command that runs speaks; outside of commands: aloud, in words."""
    return _manner.get()


def file_facts(path: Path) -> dict[str, Any]:
    """Return what is told of a file that was written: its path, its bytes."""
    return {"path": str(path), "bytes": path.stat().st_size}


@contextmanager
def speaking(one: Manner) -> Iterator[None]:
    """Make what the block says go in one manner."""
    token = _manner.set(one)
    try:
        yield
    finally:
        _manner.reset(token)


def mannered(command: Callable[..., None], say_json: Callable[[Any], None]) -> Callable[..., None]:
    """Return a command that takes --quiet and --json too; `say_json` prints its answer, of failures that exit also."""
    own = inspect.signature(command, eval_str=True)
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)
        for name, kind in (("quiet", Quiet), ("as_json", Json))
    ]

    @wraps(command)
    def run(*, quiet: bool, as_json: bool, **given: Any) -> None:
        one = Manner(quiet, as_json)
        if not as_json:
            with speaking(one):
                command(**given)
            return
        with recording() as written:
            ended = None
            try:
                with speaking(one):
                    command(**given)
            except typer.Exit as exit_:
                ended = exit_
        files = [path for path in dict.fromkeys(written) if path.exists() and not is_cached(path)]
        say_json(one.answer(files if files or given.get("output") is not None else None))
        if ended is not None:
            raise ended

    run.__signature__ = own.replace(parameters=[*own.parameters.values(), *added])  # type: ignore[attr-defined]
    run.__annotations__ = {**command.__annotations__, "quiet": Quiet, "as_json": Json}
    return run


def is_cached(path: Path) -> bool:
    """Return whether a file is for later runs of the program, not for who ran it."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("backtune")) in path.absolute().parents
