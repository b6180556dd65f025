"""Automation in MIDI files: controller lanes read as courses of controls, and written from them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backtune.errors import InputError
from backtune.lane import Lane
from backtune.midi import Score, read_midi
from backtune.panel import Panel

TICKS_A_BEAT = 960  # 0.52 ms a tick at the tempo written
TEMPO_US = 500_000
TICK_S = TEMPO_US * 1e-6 / TICKS_A_BEAT
STEPS = 127


def lanes_of(score: Score, panel: Panel, controllers: Mapping[str, int]) -> dict[str, Lane]:
    """Return the lanes that the controllers of a score play; `controllers`: the number each control listens to.

    A controller is in 127 steps, of which the one nearest to the default means the default exactly.
    """
    by_number: dict[int, list[str]] = {}
    for name, number in controllers.items():
        if name in panel.controls:
            by_number.setdefault(number, []).append(name)
    points: dict[str, list[tuple[float, int]]] = {}
    for time_s, status, number, *rest in score.messages:
        if status & 0xF0 == 0xB0:
            for name in by_number.get(number, []):
                points.setdefault(name, []).append((time_s, rest[0]))
    return {
        name: Lane(
            tuple(time_s for time_s, _ in line),
            tuple(panel.controls[name].from_controller(step, STEPS) for _, step in line),
            ("hold",) * len(line),
        )
        for name, line in points.items()
    }


def read_lanes(path: Path, panel: Panel, controllers: Mapping[str, int]) -> dict[str, Lane]:
    """Return the lanes of the controllers in a MIDI file; raise InputError when it holds none of them."""
    lanes = lanes_of(read_midi(path), panel, controllers)
    if not lanes:
        known = ", ".join(f"{number} ({name})" for name, number in controllers.items() if name in panel.controls)
        raise InputError(f"{path}: no controller of this instrument moves in it; it listens to {known}")
    return lanes


def lanes_file(lanes: Mapping[str, Lane], panel: Panel, controllers: Mapping[str, int]) -> Any:
    """Return a mido file with a track a control, at 120 beats a minute: 127 steps a controller, 0.52 ms a tick.

    Raises InputError for a control that no controller moves.
    """
    import mido

    tempo = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=TEMPO_US, time=0), mido.MetaMessage("end_of_track")])
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_A_BEAT, charset="utf-8", tracks=[tempo])
    for name, lane in lanes.items():
        control = panel.controls[name]
        if name not in controllers:
            raise InputError(f"{name}: no controller moves it; give it one with a controller map")
        track = mido.MidiTrack([mido.MetaMessage("track_name", name=name, time=0)])
        last_tick, last_step = 0, -1
        for time_s, value, _ in lane.sampled():
            tick, step = round(time_s / TICK_S), control.to_controller(value, STEPS)
            if step != last_step:
                message = mido.Message("control_change", control=controllers[name], value=step, time=tick - last_tick)
                track.append(message)
                last_tick, last_step = tick, step
        track.append(mido.MetaMessage("end_of_track", time=0))
        file.tracks.append(track)
    return file
