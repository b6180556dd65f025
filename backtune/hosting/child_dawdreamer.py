"""The plugin process for VST2 and LV2 instruments, which DawDreamer loads: single notes, no states, no effects.

Run as `python -m backtune.hosting.child_dawdreamer`, with the frames of `backtune.hosting.child`.
"""

from __future__ import annotations

import importlib
import json
from typing import Any

import numpy as np

from backtune.hosting import wire
from backtune.hosting.child import serve
from backtune.hosting.texts import ENDLESS_STEPS, raw_for, read_table

FIRST_RATE = 44100
NOTE_ON, NOTE_OFF = 0x90, 0x80
QUIET = 1e-6  # -120 dB: what a note may leave behind for the next one
PIECE_S, LONGEST_RING_S = 0.5, 20.0  # an instrument is left to ring out between notes, in pieces, so long at most
SETTLE_S = 0.1  # of silence after loading: some instruments start their sample player in the background


class Native:
    """One parameter in the shape pedalboard's have, so that both are read by the same code."""

    def __init__(self, plugin: Any, row: dict[str, Any]) -> None:
        self._plugin = plugin
        self.index = int(row["index"])
        self.name = row["name"]
        self.label = row["label"]
        self.num_steps = int(row["numSteps"]) or ENDLESS_STEPS
        self.is_automatable = bool(row["isAutomatable"])
        self.default_raw_value = float(row["defaultValue"])

    @property
    def raw_value(self) -> float:
        """Its value in 0..1."""
        return float(self._plugin.get_parameter(self.index))

    @raw_value.setter
    def raw_value(self, raw: float) -> None:
        self._plugin.set_parameter(self.index, raw)

    @property
    def string_value(self) -> str:
        """The text shown for it."""
        return str(self._plugin.get_parameter_text(self.index))

    def get_text_for_raw_value(self, raw: float) -> str:
        """Return the text of another value; the plugin is asked by setting it for a moment."""
        before, self.raw_value = self.raw_value, raw
        text = self.string_value
        self.raw_value = before
        return text

    def get_raw_value_for_text(self, text: str) -> float:
        """Return what is outside every range: DawDreamer does not read texts."""
        return -1.0


class Loaded:
    """One instrument and the commands it answers; each takes (header, payload) and returns the same."""

    def __init__(self) -> None:
        self.path = ""
        self.rate = 0
        self.engine: Any = None
        self.plugin: Any = None
        self.parameters: list[Native] = []

    def hello(self, header: dict[str, Any], _: bytes) -> tuple[dict[str, Any], bytes]:
        """Import the host, so that loading is timed without it."""
        return {"dawdreamer": _dawdreamer().__version__}, b""

    def load(self, header: dict[str, Any], _: bytes) -> tuple[dict[str, Any], bytes]:
        """Load the instrument and return what is known of it."""
        self.path = header["path"]
        self._open(FIRST_RATE)
        outputs = self.plugin.get_num_output_channels()
        facts = {
            "name": header["name"] or self.path.rstrip("/").rpartition("/")[2].split(".")[0],
            "maker": "",
            "version": "",
            "category": "LV2" if "://" in self.path else "VST2",
            "identifier": self.path,
            "instrument": self.plugin.get_num_input_channels() == 0,
            "channels": min(outputs, 2),
            **self._late(),
        }
        return facts, b""

    def _open(self, rate: int) -> None:
        """Load the plugin into an engine at another rate; its parameters stay."""
        before = [parameter.raw_value for parameter in self.parameters]
        self.rate = rate
        self.engine = _dawdreamer().RenderEngine(rate, wire.GRID)
        self.plugin = self.engine.make_plugin_processor("played", self.path)
        self.engine.load_graph([(self.plugin, [])])
        self.parameters = [Native(self.plugin, row) for row in self.plugin.get_parameters_description()]
        for parameter, raw in zip(self.parameters, before, strict=False):
            parameter.raw_value = raw
        self.engine.render(SETTLE_S)

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
        for index, raw in header["values"]:
            self.parameters[index].raw_value = raw
        return self._late(), b""

    def get_state(self, header: dict[str, Any], _: bytes) -> tuple[dict[str, Any], bytes]:
        """Return all raw values, in which DawDreamer's states differ; it cannot read states without a screen."""
        return {}, json.dumps({"raw": [parameter.raw_value for parameter in self.parameters]}).encode()

    def set_state(self, header: dict[str, Any], payload: bytes) -> tuple[dict[str, Any], bytes]:
        """Set all raw values to what `get_state` gave; raise ValueError for anything else."""
        try:
            values = [float(raw) for raw in json.loads(payload)["raw"]]
        except (ValueError, TypeError, KeyError):
            raise ValueError("not a state that was saved from such a plugin") from None
        if len(values) != len(self.parameters) or not all(0.0 <= raw <= 1.0 for raw in values):
            raise ValueError(f"a state of {len(values)} values, the plugin has {len(self.parameters)}, each in 0..1")
        for parameter, raw in zip(self.parameters, values, strict=True):
            parameter.raw_value = raw
        return self._late(), b""

    def set_preset(self, header: dict[str, Any], payload: bytes) -> tuple[dict[str, Any], bytes]:
        """Refuse: .vstpreset files belong to VST3 plugins."""
        raise NotImplementedError("a .vstpreset belongs to a VST3")

    get_preset = reset = process = set_preset

    def play(self, header: dict[str, Any], _: bytes) -> tuple[dict[str, Any], bytes]:
        """Render notes from silence; `events` are [frame, bytes], note-ons and note-offs alone."""
        if not header["fresh"] or header["moves"]:
            raise NotImplementedError("DawDreamer plays whole notes, not blocks of a stream")
        if header["rate"] != self.rate:
            self._open(int(header["rate"]))
        frames = header["frames"]
        self._ring_out()
        for key, velocity, start, stop in _notes(header["events"], frames):
            self.plugin.add_midi_note(key, velocity, start / self.rate, (stop - start) / self.rate)
        self.engine.render((frames + 0.5) / self.rate)
        self.plugin.clear_midi()
        audio = np.asarray(self.engine.get_audio(), np.float32)[:2, :frames]
        return {"channels": audio.shape[0], **self._late()}, wire.pack_audio(audio)

    def _late(self) -> dict[str, int]:
        return {"latency_frames": int(self.plugin.get_latency_samples())}

    def _ring_out(self) -> None:
        self.plugin.clear_midi()
        for _ in range(round(LONGEST_RING_S / PIECE_S)):
            self.engine.render(PIECE_S)
            if np.max(np.abs(self.engine.get_audio()), initial=0.0) < QUIET:
                return


def _dawdreamer() -> Any:
    return importlib.import_module("dawdreamer")


def _notes(events: list[Any], frames: int) -> list[tuple[int, int, int, int]]:
    """Return (key, velocity, first frame, last frame) of each note; one without note-off lasts to the end."""
    notes, held = [], {}
    for at, (status, key, velocity) in sorted(events, key=lambda event: event[0]):
        if status & 0xF0 == NOTE_ON and velocity > 0:
            held[key] = (at, velocity)
        elif status & 0xF0 in (NOTE_ON, NOTE_OFF) and key in held:
            start, struck = held.pop(key)
            notes.append((key, struck, start, at))
        elif status & 0xF0 not in (NOTE_ON, NOTE_OFF):
            raise NotImplementedError("DawDreamer is given notes alone, no controllers")
    return notes + [(key, velocity, start, frames) for key, (start, velocity) in held.items()]


if __name__ == "__main__":
    serve(Loaded())
