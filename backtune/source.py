"""A source of takes: what every kind of source promises, and the one door through which takes come in."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import os
import pkgutil
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, ClassVar

from backtune.errors import InputError, nearest
from backtune.notes import Recording, Take

STRUCK, SUSTAINED = "struck", "sustained"
FAMILIES = (STRUCK, SUSTAINED)
PROGRESS = "progress"

Progress = Callable[[str, int, int], None]  # what is being done, how many are done, of how many

HASH_DIGITS = 16  # of a source's identity: what a patch records


@dataclass(frozen=True)
class Source:
    """Takes of one instrument and what is known about them.

    - `name`, `licence`: of the recordings, as far as the source says ("" = it does not say).
    - `levels_natural`: whether the levels of different takes may be compared.
    - `family`: "struck" (rings freely), "sustained" (has a gate) or "" where nobody knows yet.
    - `remarks`: what was chosen on the way; `problems`: what was left out or looks wrong, each by name.
    - `left_out`: files that give no take, by name, each with its reason; `problems` tell of them too.
    - `options`: those it was opened with.
    """

    path: Path
    kind: str
    takes: list[Take]
    name: str
    licence: str = ""
    levels_natural: bool = True
    family: str = ""
    remarks: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def identity(self) -> str:
        """Hash (hex) of labels and audio contents: equal for equal takes, wherever they lie on disk.

        A take's number is part of it where it is neither 1 nor what counting the takes of its pitch and velocity in
        their order gives: hashes of patches, made before numbers were part of it, still know their recordings.
        """
        digest = hashlib.sha256()
        files: dict[Path, str] = {}
        counted: Counter[tuple[float, float]] = Counter()
        for take in self.takes:
            counted[take.midi, take.velocity] += 1
            usual = take.number in (1, counted[take.midi, take.velocity])
            number = () if usual else (take.number,)
            label = (take.name, take.midi, take.velocity, take.onset_s, take.gate_s, take.split, *number)
            digest.update(f"{label}{_audio_identity(take.recording, files)}\n".encode("utf-8", "backslashreplace"))
        return digest.hexdigest()


def _audio_identity(recording: Recording, files: dict[Path, str]) -> str:
    if recording.samples is not None or recording.path is None:
        return recording.content_hash
    if recording.path not in files:
        try:
            with recording.path.open("rb") as file:
                files[recording.path] = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise InputError(f"{recording.path}: cannot be read ({error.strerror})") from None
    stretch = (recording.channel, recording.start_frame, recording.stop_frame)
    mended = (recording.gain_db, recording.dc_offset, recording.retune_cents)
    return f"{files[recording.path]}{stretch}{mended}"


class SourceKind(ABC):
    """One kind of source: a file in `backtune/sources` with one subclass.

    A kind states `kind` (its name), `explains` (what it reads, in one line). The keyword-only
    arguments of `open` are the options it takes; one of them named `progress` is no option but is told how far
    opening is, where that takes long.
    """

    kind: ClassVar[str]
    explains: ClassVar[str]

    @classmethod
    @abstractmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether `path` looks like this kind; at most one kind may say yes."""

    @classmethod
    @abstractmethod
    def open(cls, path: Path) -> Source:
        """Return the takes found in `path`; raise InputError with one sentence when it cannot be used."""


@cache
def source_kinds() -> dict[str, type[SourceKind]]:
    """Return the kinds of sources by name: every subclass found in the folder `backtune/sources`."""
    folder = importlib.import_module("backtune.sources")
    found: dict[str, type[SourceKind]] = {}
    for module in sorted(pkgutil.iter_modules(folder.__path__), key=lambda module: module.name):
        for thing in vars(importlib.import_module(f"{folder.__name__}.{module.name}")).values():
            if isinstance(thing, type) and issubclass(thing, SourceKind) and "kind" in vars(thing):
                found[thing.kind] = thing
    return found


def source_options(kind: type[SourceKind]) -> dict[str, inspect.Parameter]:
    """Return the options of a kind of source by name: the keyword-only arguments of its `open`."""
    return {name: one for name, one in _keywords(kind).items() if name != PROGRESS}


def tells_progress(kind: type[SourceKind]) -> bool:
    """Return whether opening a source of this kind takes long, and tells how far it is."""
    return PROGRESS in _keywords(kind)


def _keywords(kind: type[SourceKind]) -> dict[str, inspect.Parameter]:
    parameters = inspect.signature(kind.open).parameters
    return {name: one for name, one in parameters.items() if one.kind is inspect.Parameter.KEYWORD_ONLY}


def find_kind(path: Path) -> type[SourceKind]:
    """Return the kind of source that recognises `path`; raise InputError when it is missing or none does."""
    try:
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")
        for kind in source_kinds().values():
            if kind.recognises(path):
                return kind
    except (OSError, ValueError) as error:  # a symbolic link to itself, a name with a null byte, no permission
        raise InputError(f"{path}: cannot be opened ({error})") from None
    allowed = "; ".join(kind.explains for kind in source_kinds().values())
    raise InputError(f"{path}: not a source of recordings; allowed: {allowed}")


def open_source(path: str | Path, progress: Progress | None = None, /, **options: Any) -> Source:
    """Return the takes of a folder, an SFZ instrument, a SoundFont or whatever kind recognises `path`.

    `options` are those of the kind: see `source_options`. `progress` is called where opening takes long.
    Raises InputError with one sentence for a path that no kind recognises, an unknown option, and everything that is
    wrong with the contents.
    """
    where = Path(os.path.expanduser(path))
    kind = find_kind(where)
    allowed = source_options(kind)
    for name in options:
        if name not in allowed:
            raise InputError(f"{where}: a source of kind {kind.kind} has no option '{name}'; {nearest(name, allowed)}")
    options = {name: list(one) if isinstance(one, tuple | range | set) else one for name, one in options.items()}
    if progress is not None and tells_progress(kind):
        options[PROGRESS] = progress
    source = kind.open(where, **options)
    if not source.takes:
        raise InputError(f"{where}: no usable take was found" + "".join(f"; {one}" for one in source.problems[:3]))
    plain = {name: one for name, one in options.items() if isinstance(one, str | int | float | list)}
    return replace(
        source,
        name=_legible(source.name),
        takes=[replace(take, name=_legible(take.name)) for take in source.takes],
        left_out={_legible(file): _legible(reason) for file, reason in source.left_out.items()},
        options=plain,
    )


def _legible(text: str) -> str:
    """Return a text as a patch can hold it: of a file name in another encoding, what is no Unicode as its number."""
    return text.encode("utf-8", "backslashreplace").decode()
