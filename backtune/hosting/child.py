"""The plugin process: loads one plugin, answers frames on its input until told to end or its parent is gone.

Run as `python -m backtune.hosting.child`; everything a plugin can break stays in here.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from backtune.hosting import wire
from backtune.hosting.texts import raw_for, read_table

LONGEST = 1 << 18  # frames of one call: pedalboard counts time in float32, exact to half a frame up to here
GRACE_S = 1.0  # a hung plugin whose parent is gone ends this long after its limit


class Loaded:
    """One plugin instance and the commands it answers; each takes (header, payload) and returns the same."""

    def __init__(self) -> None:
        self.plugin: Any = None
        self.channels = 2

    def hello(self, header: dict[str, Any], _: bytes) -> tuple[dict[str, Any], bytes]:
        """Import the host, so that loading is timed without it."""
        import pedalboard

        return {"pedalboard": pedalboard.__version__}, b""

    def load(self, header: dict[str, Any], _: bytes) -> tuple[dict[str, Any], bytes]:
        """Load the plugin and return what it says of itself."""
        try:
            plugin = open_plugin(header["path"], header["name"], header["warm_up_s"])
        except (ImportError, RuntimeError) as error:
            raise type(error)(loader_complaint(header["binary"]) or str(error)) from None
        self.plugin = plugin
        self.channels = self._count_channels()
        facts = {
            "name": plugin.name,
            "maker": plugin.manufacturer_name,
            "version": plugin.version,
            "category": plugin.category,
            "identifier": plugin.identifier,
            "instrument": bool(plugin.is_instrument),
            "channels": self.channels,
            **self._late(),
        }
        return facts, b""

    def _count_channels(self) -> int:
        """Return 2 when the plugin works in stereo, else 1; it is left freshly reset."""
        for channels in (2, 1):
            try:
                if self.plugin.is_instrument:
                    self.plugin([], duration=wire.GRID / 44100, sample_rate=44100, num_channels=channels, reset=False)
                else:
                    self.plugin(np.zeros((channels, wire.GRID), np.float32), 44100, reset=False)
            except ValueError:
                continue
            self.plugin.reset()
            return channels
        raise ValueError("it works neither in mono nor in stereo")

    @property
    def parameters(self) -> list[Any]:
        """The native parameter objects, fetched anew: a reset may re-create the plugin, and old ones dangle."""
        return list(self.plugin._parameters)

    def table(self, header: dict[str, Any], _: bytes) -> tuple[dict[str, Any], bytes]:
        """Return the parameter table."""
        return {"rows": read_table(self.parameters)}, b""

    def values(self, header: dict[str, Any], _: bytes) -> tuple[dict[str, Any], bytes]:
        """Return the raw value and the text of every parameter, by index."""
        return {"values": [[p.index, p.raw_value, p.string_value] for p in self.parameters]}, b""

    def find_raw(self, header: dict[str, Any], _: bytes) -> tuple[dict[str, Any], bytes]:
        """Return the raw value that shows the text asked for."""
        return {"raw": raw_for(self.parameters[header["index"]], header["text"], header["row"])}, b""

    def set_raw(self, header: dict[str, Any], _: bytes) -> tuple[dict[str, Any], bytes]:
        """Set raw values given as [index, raw]."""
        parameters = self.parameters
        for index, raw in header["values"]:
            parameters[index].raw_value = raw
        return self._late(), b""

    def get_state(self, header: dict[str, Any], _: bytes) -> tuple[dict[str, Any], bytes]:
        """Return the plugin's whole state."""
        return {}, bytes(self.plugin.raw_state)

    def set_state(self, header: dict[str, Any], payload: bytes) -> tuple[dict[str, Any], bytes]:
        """Set the plugin's whole state."""
        self.plugin.raw_state = payload
        return self._late(), b""

    def get_preset(self, header: dict[str, Any], _: bytes) -> tuple[dict[str, Any], bytes]:
        """Return the state as the content of a .vstpreset file."""
        return {}, bytes(self.plugin.preset_data)

    def set_preset(self, header: dict[str, Any], payload: bytes) -> tuple[dict[str, Any], bytes]:
        """Set the state from the content of a .vstpreset file."""
        self.plugin.preset_data = payload
        return self._late(), b""

    def reset(self, header: dict[str, Any], _: bytes) -> tuple[dict[str, Any], bytes]:
        """Forget all sound; parameters stay."""
        self.plugin.reset()
        return self._late(), b""

    def play(self, header: dict[str, Any], _: bytes) -> tuple[dict[str, Any], bytes]:
        """Render `frames` frames of an instrument that is given MIDI `events` as [frame, bytes]."""
        rate, total = header["rate"], header["frames"]
        if header["fresh"]:
            self.plugin.reset()
        events = sorted(header["events"], key=lambda event: event[0])
        pieces = []
        for start, stop in self._pieces(total, header["moves"]):
            inside = [(bytes(data), (at - start + 0.5) / rate) for at, data in events if start <= at < stop]
            duration = (stop - start + 0.5) / rate  # pedalboard truncates: half a frame keeps the count exact
            how = {"sample_rate": rate, "num_channels": self.channels, "buffer_size": wire.GRID, "reset": False}
            pieces.append(self.plugin(inside, duration=duration, **how))
        audio = np.concatenate(pieces, axis=1) if pieces else np.zeros((self.channels, 0), np.float32)
        return {"channels": self.channels, **self._late()}, wire.pack_audio(audio)

    def process(self, header: dict[str, Any], payload: bytes) -> tuple[dict[str, Any], bytes]:
        """Send audio through an effect; what comes back is late, not shifted: the first frames may be missing."""
        audio = wire.unpack_audio(payload, header["channels"])
        pieces = [
            # reset=False even for the first block: with True pedalboard drains a latent plugin in mid-stream
            self.plugin(audio[:, start:stop], header["rate"], buffer_size=wire.GRID, reset=False)
            for start, stop in self._pieces(audio.shape[1], header["moves"])
        ]
        done = np.concatenate(pieces, axis=1) if pieces else audio
        return {"channels": done.shape[0], **self._late()}, wire.pack_audio(done)

    def _late(self) -> dict[str, int]:
        """Return the latency as it is now: settings and, from the first block on, the sampling rate change it."""
        return {"latency_frames": int(self.plugin.reported_latency_samples)}

    def _pieces(self, total: int, moves: list[list[float]]) -> Iterator[tuple[int, int]]:
        """Yield (start, stop) frames between moves [frame, index, raw], setting the parameters at each."""
        at = 0
        parameters: list[Any] = []
        end: list[float] = [total]
        for move in [*sorted(moves), end]:
            stop = min(int(move[0]), total)
            while at < stop:
                until = min(at + LONGEST, stop)
                yield at, until
                at = until
            if len(move) == 3:
                parameters = parameters or self.parameters
                parameters[int(move[1])].raw_value = move[2]


def loader_complaint(binary: str) -> str:
    """Return why the system's loader refuses a binary (a missing symbol, a library's library), "" when it does not."""
    import ctypes

    try:
        ctypes.CDLL(binary)
    except OSError as error:
        return str(error).removeprefix(f"{binary}: ")
    return ""


def open_plugin(path: str, name: str | None, warm_up_s: float) -> Any:
    """Return the plugin, loaded without pedalboard's reading of 1,000 texts per parameter (159 s for ZamVerb)."""
    import pedalboard
    from pedalboard import _pedalboard

    mixin: Any = _pedalboard._PythonExternalPluginMixin
    mixin.__set_initial_parameter_values__ = lambda self, values: None
    unit = path.lower().endswith((".component", ".appex"))
    kind = pedalboard.AudioUnitPlugin if unit else pedalboard.VST3Plugin
    return kind(path, plugin_name=name, initialization_timeout=warm_up_s)


def serve(loaded: Any) -> None:
    """Answer frames by the methods of `loaded` until `close` or the end of input."""
    faulthandler.enable()
    reader, writer = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)  # what a plugin prints goes to the error file, not between the frames
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            header, payload = wire.read_frame(reader)
            command = header.pop("do")
            if command == "close":
                break
            # ends this process from a thread that needs no interpreter lock, should the parent be gone by then
            faulthandler.dump_traceback_later(header.pop("limit_s") + GRACE_S, exit=True)
            answer = _answer(getattr(loaded, command), header, payload)
            faulthandler.cancel_dump_traceback_later()
            wire.write_frame(writer, *answer)
    os._exit(0)  # no destructors: many plugins crash in theirs, and the system takes everything back anyway


def _answer(command: Callable[..., Any], header: dict[str, Any], payload: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the command's answer, or its error as data."""
    try:
        return command(header, payload)
    except Exception as error:  # whatever it is belongs to the parent
        return {"error": type(error).__name__, "message": " ".join(str(error).split())}, b""


if __name__ == "__main__":
    serve(Loaded())
