"""An instrument, lanes, a song and a stem for tests of exports, and what writes them in a format."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile
from playable import playable_patch

from backtune.chain import Chain, EffectSlot
from backtune.export_format import Order, export_formats
from backtune.lane import Lane

PATCH = playable_patch()
PANEL = PATCH.panel
CONTROLLERS = {name: one.cc for name, one in PANEL.controls.items() if one.cc is not None}
ORDER = Order(PATCH, CONTROLLERS)
LANES = {
    "brightness": Lane((0.0, 1.0, 2.0), (0.0, 3.0, -3.0), ("linear", "hold", "hold")),
    "temperament": Lane((0.0, 1.5), ("equal", "just"), ("hold", "hold")),
    "level": Lane((0.0, 0.5), (0.0, -6.0), ("smooth", "hold")),
}


def written(name: str, folder: Path, order: Order = ORDER) -> Path:
    one = export_formats()[name]
    path = folder / f"out{one.ending}"
    one.write(order, path)
    return path


def song(folder: Path) -> Path:
    file = mido.MidiFile(ticks_per_beat=480)
    on, off = mido.Message("note_on", note=60, velocity=100), mido.Message("note_off", note=60, velocity=30, time=480)
    file.tracks.append(mido.MidiTrack([on, off, mido.Message("note_on", note=64, velocity=127, time=240)]))
    file.tracks[0].append(mido.MetaMessage("end_of_track", time=480))
    file.save(folder / "song.mid")
    return folder / "song.mid"


def stem(folder: Path) -> Path:
    soundfile.write(folder / "piano & bass.wav", np.zeros((4410, 2)), 44100)
    return folder / "piano & bass.wav"


def schemas() -> Path:
    folder = os.environ.get("BACKTUNE_DAWPROJECT_XSD", "")
    if not folder or not Path(folder, "Project.xsd").is_file():
        pytest.skip("BACKTUNE_DAWPROJECT_XSD does not name the folder of the published schemas")
    return Path(folder)


def session(folder: Path) -> Path:
    chain = Chain("room", "a room", (EffectSlot("hall", "reverb", {"room_size": 0.5}),))
    return written(
        "dawproject", folder, replace(ORDER, lanes=LANES, song=song(folder), stems=(stem(folder),), chain=chain)
    )
