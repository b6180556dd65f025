"""Controls of the shipped instruments: none is dead, each moves what it names, and only one way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from quantities import QUANTITIES, RATE, level_db

from backtune.layer import DEPTHS
from backtune.notes import NoteEvent
from backtune.patch import Patch
from backtune.patch_file import read_patch
from backtune.render import render_note
from backtune.shipped import shipped

RESONANCE = DEPTHS.index("resonance")
SILENT_DB = -190.0
FLAT_ALLOWED = ("velocity_curve",)  # beyond the softest and the loudest recordings nothing is known


def rise_s(patch: Patch) -> float:
    """Return how long the partials take from 20 to 6 dB below the loudest moment they have with a normal attack.

    Of powers, not of samples: with attacks of 1 ms, how phases fall together moves a sound by more than the attack.
    """
    note = recorded(patch)
    normal = replace(patch, controls={}).voice(note, 1.0)
    loudest = np.max(np.sum(10 ** (normal.partial_db / 10), axis=0))
    voice = patch.voice(note, 1.0)
    level_db = 10 * np.log10(np.sum(10 ** (voice.partial_db / 10), axis=0) / loudest)
    fine = np.linspace(voice.times_s[0], 0.9, 20000)
    rising = np.maximum.accumulate(np.interp(fine, voice.times_s, level_db))
    return float(fine[np.searchsorted(rising, -6.0)] - fine[np.searchsorted(rising, -20.0)])


def between_db(patch: Patch) -> float:
    """Return how loud what sounds between the partials is: modes, and noise that follows the tone."""
    voice = patch.voice(recorded(patch), 1.0)
    return float(10 * np.log10(np.sum(10 ** (voice.noise_db / 10)) + np.sum(10 ** (voice.mode_db / 10))))


def released_db(patch: Patch) -> float:
    """Return how loud what the key damps is a tenth of a second after it is up.

    Without strings and modes that ring on: where they are all that is left, phases move their sum by more than it.
    """
    return QUANTITIES["release"][0](patch.without(*resonances(patch)))


def resonances(patch: Patch) -> list[str]:
    return [layer.kind for layer in patch.layers if layer.adds_sound and layer.depth == RESONANCE]


def unrecorded(patch: Patch) -> NoteEvent:
    """Return a note that no layer of single notes knows: what is invented is invented there."""
    known = np.array([k for layer in patch.layers for law in layer.laws.values() for k in law.known_pitches])
    return NoteEvent(next(float(p) for p in range(40, 90) if not len(known) or np.min(np.abs(known - p)) >= 1), 90.0)


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
    """Return the measure of how far layers move the partials of a note: recorded, or, for inventions, not.

    What speaks after the key is up moves how fast they fall, what is said of noise moves that, all others move levels.
    """
    field = {("release",): "partial_release_db_s", ("noise_correction",): "noise_db"}.get(kinds, "partial_db")

    def measure(patch: Patch) -> float:
        note = unrecorded(patch) if kinds == ("individuality",) else recorded(patch)
        still = getattr(replace(patch, controls={}).without(*kinds).voice(note, 1.0), field)
        return float(np.mean(np.abs(getattr(patch.voice(note, 1.0), field)[: len(still)] - still)))

    return measure


def added_db(*kinds: str) -> Callable[[Patch], float]:
    """Return the measure of how loud layers are alone with those that shape them."""

    def measure(patch: Patch) -> float:
        shaping = [layer.kind for layer in patch.layers if not layer.adds_sound]
        return level_db(render_note(patch.only(*kinds, *shaping), recorded(patch), 1.0, RATE))

    return measure


def quantity(patch: Patch, name: str) -> tuple[Callable[[Patch], float], int]:
    """Return what a control is measured by, and whether it rises (1) or falls (-1) with it."""
    single = tuple(layer.kind for layer in patch.layers if layer.evidence == "dynamics" and not layer.adds_sound)
    if name in ("attack", "release"):
        return {"attack": rise_s, "release": released_db}[name], 1
    if name == "resonance":
        alone = added_db(*resonances(patch))
        return (alone if alone(patch) > SILENT_DB else between_db), 1  # as below
    if name == "individuality":
        return changed_db(name, single), 1
    for kind in patch.kinds:
        if name == f"{kind}_amount":
            return changed_db(name, (kind,)), 1
        if name == f"{kind}_level":
            alone = added_db(kind)
            return (alone if alone(patch) > SILENT_DB else between_db), 1  # noise in proportion to a tone needs it
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
