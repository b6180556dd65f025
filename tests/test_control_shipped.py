"""Controls of the shipped instruments: none is dead, each moves what it names, and only one way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from test_control import QUANTITIES, RATE, level_db, sound

from backtune.notes import NoteEvent
from backtune.patch import Patch
from backtune.patch_file import read_patch
from backtune.render import render_note
from backtune.shipped import shipped

START_S = 0.005
FLAT_ALLOWED = ("velocity_curve",)  # beyond the softest and the loudest recordings nothing is known


def start_db(patch: Patch) -> float:
    """Return how loud the first 5 ms after the perceived onset are, beside the loudest 20 ms."""
    audio = sound(patch)
    onset = round(patch.lead_s * RATE)
    length = RATE // 50
    loudest = max(level_db(audio[at : at + length]) for at in range(0, len(audio) - length, length // 4))
    return level_db(audio[onset : onset + round(START_S * RATE)]) - loudest


def recorded(patch: Patch) -> NoteEvent:
    """Return a note near the middle that layers of single notes know."""
    known = [
        pitch
        for layer in patch.layers
        for law in layer.laws.values()
        if law.form == "notes"
        for pitch in law.coordinates[0]
    ]
    return NoteEvent(min(known, key=lambda pitch: abs(pitch - 60.0), default=60.0), 90.0)


def changed_db(name: str, kinds: tuple[str, ...]) -> Callable[[Patch], float]:
    """Return the measure of how far layers move the partials of a recorded note."""

    def measure(patch: Patch) -> float:
        note = recorded(patch)
        still = replace(patch, controls={}).without(*kinds).voice(note, 1.0).partial_db
        return float(np.mean(np.abs(patch.voice(note, 1.0).partial_db[: len(still)] - still)))

    return measure


def added_db(kind: str) -> Callable[[Patch], float]:
    """Return the measure of how loud a layer is alone with those that shape it."""

    def measure(patch: Patch) -> float:
        shaping = [layer.kind for layer in patch.layers if not layer.adds_sound]
        return level_db(render_note(patch.only(kind, *shaping), recorded(patch), 1.0, RATE))

    return measure


def quantity(patch: Patch, name: str) -> tuple[Callable[[Patch], float], int]:
    """Return what a control is measured by, and whether it rises (1) or falls (-1) with it."""
    single = tuple(layer.kind for layer in patch.layers if layer.evidence == "dynamics" and not layer.adds_sound)
    if name == "attack":
        return start_db, -1
    if name == "individuality":
        return changed_db(name, single), 1
    for kind in patch.kinds:
        if name == f"{kind}_amount":
            return changed_db(name, (kind,)), 1
        if name == f"{kind}_level":
            return added_db(kind), 1
    return QUANTITIES[name]


@pytest.mark.parametrize("name", sorted(shipped("patches")))
def test_every_control_of_a_shipped_instrument_moves_what_it_names_one_way(name: str) -> None:
    patch = read_patch(name)
    for control in patch.panel.controls.values():
        if control.choices:
            continue
        measure, sign = quantity(patch, control.name)
        values = [control.real(x) for x in (0.0, 0.25, 0.5, 0.75, 1.0)]
        seen = np.array([measure(replace(patch, controls={control.name: value})) for value in values])
        steps = sign * np.diff(seen)
        least = 0.0 if control.name in FLAT_ALLOWED else 1e-6
        assert np.all(steps >= least), (control.name, seen)
        assert sign * (seen[-1] - seen[0]) > 1e-3, (control.name, seen)


def test_there_are_shipped_instruments() -> None:
    assert len(shipped("patches")) >= 2
