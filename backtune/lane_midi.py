"""Automation in MIDI files: controller lanes read as courses of controls, and written from them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backtune.control import Control, Value
from backtune.errors import InputError
from backtune.lane import Lane
from backtune.midi import Score, read_midi
from backtune.panel import Panel
from backtune.parameter_table import parameter_nrpn

TICKS_A_BEAT = 960  # 0.52 ms a tick at the tempo written
TEMPO_US = 500_000
TICK_S = TEMPO_US * 1e-6 / TICKS_A_BEAT
STEPS, FINE_STEPS = 127, 16383  # of a controller, and of a parameter with its data in two bytes
DATA, DATA_FINE, PARAMETER_FINE, PARAMETER, RPN_FINE, RPN = 6, 38, 98, 99, 100, 101  # controllers (MIDI 1.0)


def lanes_of(score: Score, panel: Panel, controllers: Mapping[str, int]) -> dict[str, Lane]:
    """Return the lanes that a score plays: by the controller each control listens to, and by its NRPN.

    A controller is in 127 steps, an NRPN in 16383, of which the one nearest to the default means the default exactly.
    The high data byte alone is taken for one of 127 steps.
    """
    by_number: dict[int, list[str]] = {}
    for name, number in controllers.items():
        if name in panel.controls:
            by_number.setdefault(number, []).append(name)
    by_parameter = {parameter_nrpn(name): name for name in panel.controls}
    points: dict[str, list[tuple[float, Value]]] = {}
    chosen: dict[int, list[int]] = {}  # by channel: the two bytes of the parameter that data is for, the high data byte
    for time_s, status, number, *rest in score.messages:
        if status & 0xF0 != 0xB0:
            continue
        for name in by_number.get(number, []):
            points.setdefault(name, []).append((time_s, panel.controls[name].from_controller(rest[0], STEPS)))
        state = chosen.setdefault(status & 0x0F, [STEPS, STEPS, 0])
        if number in (PARAMETER, PARAMETER_FINE):
            state[number == PARAMETER_FINE] = rest[0]
        elif number in (RPN, RPN_FINE):  # what follows is for a registered parameter
            state[:2] = [STEPS, STEPS]
        elif number in (DATA, DATA_FINE) and (known := by_parameter.get(state[0] << 7 | state[1])):
            state[2] = rest[0] if number == DATA else state[2]
            step = state[2] << 7 | (state[2] if number == DATA else rest[0])
            line = points.setdefault(known, [])
            if number == DATA_FINE and line and line[-1][0] == time_s:
                line.pop()  # both bytes are one value
            line.append((time_s, panel.controls[known].from_controller(step, FINE_STEPS)))
    return {
        name: Lane(tuple(at for at, _ in line), tuple(value for _, value in line), ("hold",) * len(line))
        for name, line in points.items()
    }


def steps_of(lane: Lane, control: Control, number: int | None) -> list[tuple[float, tuple[tuple[int, int], ...]]]:
    """Return (time in s, (controller, value) pairs) that play a lane: by controller `number`, or by NRPN if None."""
    sent: list[tuple[float, tuple[tuple[int, int], ...]]] = []
    last = -1
    for time_s, value, _ in lane.sampled():
        step = control.to_controller(value, FINE_STEPS if number is None else STEPS)
        if step != last:
            parameter = parameter_nrpn(control.name)
            chosen = (PARAMETER, parameter >> 7), (PARAMETER_FINE, parameter & 127)
            data = (DATA, step >> 7), (DATA_FINE, step & 127)
            sent.append((time_s, (*chosen, *data) if number is None else ((number, step),)))
            last = step
    return sent


def read_lanes(path: Path, panel: Panel, controllers: Mapping[str, int]) -> dict[str, Lane]:
    """Return the lanes of the controllers and NRPNs in a MIDI file; raise InputError when it holds none of them."""
    lanes = lanes_of(read_midi(path), panel, controllers)
    if not lanes:
        known = ", ".join(f"{number} ({name})" for name, number in controllers.items() if name in panel.controls)
        raise InputError(f"{path}: no controller of this instrument moves in it; it listens to {known}, and to NRPNs")
    return lanes


def lanes_file(lanes: Mapping[str, Lane], panel: Panel, controllers: Mapping[str, int]) -> Any:
    """Return a mido file with a track a control, at 120 beats a minute: 0.52 ms a tick.

    A control that has a controller is sent in its 127 steps, any other by its NRPN in 16383.
    """
    import mido

    tempo = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=TEMPO_US, time=0), mido.MetaMessage("end_of_track")])
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_A_BEAT, charset="utf-8", tracks=[tempo])
    for name, lane in lanes.items():
        track = mido.MidiTrack([mido.MetaMessage("track_name", name=name, time=0)])
        last_tick = 0
        for time_s, pairs in steps_of(lane, panel.controls[name], controllers.get(name)):
            tick = round(time_s / TICK_S)
            for number, step in pairs:
                track.append(mido.Message("control_change", control=number, value=step, time=tick - last_tick))
                last_tick = tick
        track.append(mido.MetaMessage("end_of_track", time=0))
        file.tracks.append(track)
    return file
