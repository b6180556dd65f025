"""One plugin in its own process: facts, parameters, state, and sound in blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from backtune.errors import BacktuneError, InputError
from backtune.hosting.diagnose import diagnose
from backtune.hosting.foreign import foreign_address, is_foreign
from backtune.hosting.parameters import Parameter, ParameterTable, cached_table
from backtune.hosting.preset import check_state, unpack_preset
from backtune.hosting.process import START_S, Limits, PluginProcess
from backtune.hosting.wire import Audio, pack_audio, unpack_audio

Move = tuple[int, int, float]  # frame within the block, parameter index, raw value
Event = tuple[int, bytes]  # frame within the block, MIDI message


@dataclass(frozen=True)
class Facts:
    """What a plugin says of itself: `channels` 1 or 2; `latency_frames` as it last set, reset or played told it."""

    name: str
    maker: str
    version: str
    category: str
    identifier: str
    instrument: bool
    channels: int
    latency_frames: int


@dataclass(frozen=True)
class Value:
    """A parameter's present value: raw in 0..1 and the text shown for it."""

    raw: float
    text: str


class Plugin:
    """A loaded plugin; use it in a `with` statement, which ends its process.

    `path`: the .vst3 or .component. `name`: which plugin, where a file holds several. `role`: "instrument" or
    "effect" when only that will do. Raises InputError for what is found before loading, BacktuneError when
    loading fails, crashes or takes longer than its limit.
    """

    def __init__(
        self, path: Path, name: str | None = None, role: str | None = None, limits: Limits | None = None
    ) -> None:
        self.path = Path(path)
        self.limits = limits or Limits()
        self.foreign = is_foreign(self.path)
        if self.foreign:
            address, self.binary_path = foreign_address(self.path, name)
            self._process = PluginProcess(str(self.path), "backtune.hosting.child_dawdreamer")
        else:
            address, self.binary_path = str(self.path.resolve()), diagnose(self.path)
            self._process = PluginProcess(str(self.path))
        try:
            self._process.ask("hello", "starting its process", START_S)
            limit_s = self.limits.load_s + self.limits.warm_up_s
            asked: dict[str, Any] = {"path": address, "binary": str(self.binary_path.resolve()), "name": name}
            facts, _ = self._process.ask("load", "loading", limit_s, warm_up_s=self.limits.warm_up_s, **asked)
            self.facts = Facts(**facts)
            if name is not None and self.facts.name != name:
                raise InputError(f"{path}: holds the plugin '{self.facts.name}', not '{name}'")
            if role is not None and (role == "instrument") != self.facts.instrument:
                is_a = "an instrument" if self.facts.instrument else "an effect"
                raise InputError(f"{self.path}: is {is_a}, where {_with_article(role)} was asked for")
        except BaseException:
            self._process.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the plugin's process; doing it twice is harmless."""
        self._process.close()

    def _ask(
        self, command: str, doing: str, limit_s: float, payload: bytes = b"", **header: Any
    ) -> tuple[dict[str, Any], bytes]:
        """Return the process's answer, and take over the latency where it tells it."""
        answer, data = self._process.ask(command, doing, limit_s, payload, **header)
        if "latency_frames" in answer:
            self.facts = replace(self.facts, latency_frames=answer["latency_frames"])
        return answer, data

    @property
    def pid(self) -> int:
        """Number of the plugin's process."""
        return self._process.pid

    @cached_property
    def parameters(self) -> ParameterTable:
        """The parameter table, from disk when this version was seen before."""
        return cached_table(self.binary_path, self.facts.name, self.facts.version, self._read_table)[0]

    def _read_table(self) -> list[dict[str, Any]]:
        answer, _ = self._ask("table", "its parameters were read", self.limits.load_s)
        return list(answer["rows"])

    def values(self) -> dict[str, Value]:
        """Return the present value of every parameter by its name in the table."""
        answer, _ = self._ask("values", "its values were read", self.limits.load_s)
        by_index = {index: Value(raw, text) for index, raw, text in answer["values"]}
        return {name: by_index[row.index] for name, row in self.parameters.by_name.items()}

    def raw_of(self, parameter: Parameter, text: str) -> float:
        """Return the raw value for which the plugin shows `text` (or its number); raise InputError when none does."""
        row = {"choices": parameter.choices, "low": parameter.low, "high": parameter.high, "unit": parameter.unit}
        row |= {"low_text": parameter.low_text, "high_text": parameter.high_text}
        with _as_input(f"{self.path}: {parameter.name}"):
            answer, _ = self._ask(
                "find_raw", "a value was looked up", self.limits.load_s, index=parameter.index, text=text, row=row
            )
        return float(answer["raw"])

    def set(self, name: str, value: str | float) -> float:
        """Set a parameter to what the plugin shows ("120 ms", 120, "On") and return its raw value."""
        parameter = self.parameters.find(name, str(self.path))
        text = value if isinstance(value, str) else repr(value)
        raw = self.raw_of(parameter, text)
        self.set_raw(name, raw)
        return raw

    def set_raw(self, name: str, raw: float) -> None:
        """Set a parameter's raw value, which must be in 0..1."""
        parameter = self.parameters.find(name, str(self.path))
        if not 0.0 <= raw <= 1.0:
            raise InputError(f"{self.path}: {parameter.name}: raw value {raw:g} is outside 0..1")
        self._ask("set_raw", "a parameter was set", self.limits.load_s, values=[[parameter.index, raw]])

    def state(self) -> bytes:
        """Return the whole state."""
        return self._ask("get_state", "its state was read", self.limits.load_s)[1]

    def set_state(self, data: bytes, where: str = "state") -> None:
        """Set the whole state; raise InputError when it is none, or when the plugin does not take it over."""
        if not self.foreign:
            check_state(data, where)
        with _as_input(where):
            self._ask("set_state", f"{where} was set", self.limits.load_s, data)
        if self.state() != data:
            raise InputError(f"{where}: {self.facts.name} took it without a word, but its state is another now")

    def preset(self) -> bytes:
        """Return the state as the content of a .vstpreset file."""
        return self._ask("get_preset", "its preset was read", self.limits.load_s)[1]

    def set_preset(self, data: bytes, where: str = "preset") -> None:
        """Set the state from a .vstpreset file's content; raise InputError when it belongs to another plugin."""
        if self.foreign:
            raise InputError(f"{where}: a .vstpreset belongs to a VST3; {self.path} is set by a saved state")
        given, own = unpack_preset(data, where), unpack_preset(self.preset(), str(self.path))
        if given.class_id != own.class_id:
            raise InputError(f"{where}: made for the plugin with class {given.class_id}, this one is {own.class_id}")
        self._ask("set_preset", f"{where} was set", self.limits.load_s, data)

    def reset(self) -> None:
        """Forget all sound; parameters stay."""
        self._ask("reset", "resetting", self.limits.load_s)

    def play(self, events: Sequence[Event], frames: int, rate: float, fresh: bool, moves: Sequence[Move] = ()) -> Audio:
        """Return audio (channels, `frames`) of an instrument given MIDI events; `fresh` starts from silence."""
        header: dict[str, Any] = {"events": [[at, list(data)] for at, data in events], "moves": list(moves)}
        header |= {"frames": frames, "rate": rate, "fresh": fresh}
        answer, data = self._ask("play", "rendering", self.limits.render_s, b"", **header)
        return self._finite(unpack_audio(data, answer["channels"]))

    def process(self, audio: Audio, rate: float, moves: Sequence[Move] = ()) -> Audio:
        """Return what an effect makes of a block (channels, frames); the latency's worth of frames comes later."""
        header: dict[str, Any] = {"rate": rate, "channels": audio.shape[0], "moves": list(moves)}
        answer, data = self._ask("process", "rendering", self.limits.render_s, pack_audio(audio), **header)
        return self._finite(unpack_audio(data, answer["channels"]))

    def _finite(self, audio: Audio) -> Audio:
        """Return `audio`; raise BacktuneError when a sample of it is not a finite number."""
        if not np.all(np.isfinite(audio)):
            bad = int(np.argmin(np.isfinite(audio).all(axis=0)))
            raise BacktuneError(
                f"{self.path}: gave samples that are not finite numbers (first at frame {bad} of the block)"
            )
        return audio


@contextmanager
def _as_input(where: str) -> Iterator[None]:
    """Turn what the plugin process refuses as a wrong value into an InputError."""
    try:
        yield
    except BacktuneError as error:
        _, mark, reason = str(error).partition("(ValueError: ")
        if not mark:
            raise
        raise InputError(f"{where}: {reason.removesuffix(')')}") from None


def _with_article(role: str) -> str:
    return f"an {role}" if role[0] in "aeiou" else f"a {role}"
