"""A small instrument of known truth, rendered to takes in memory: what growth has to find again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from backtune.law import Law
from backtune.layer import Layer
from backtune.layers.breath import Breath
from backtune.layers.tonal_core import TonalCore
from backtune.notes import NoteEvent, Recording, Take
from backtune.patch import Patch
from backtune.render import render_take
from backtune.source import SUSTAINED, Source

RATE = 44100
ONSET_S, SECONDS = 0.1, 0.8
PITCHES = (55, 59, 63, 67, 71, 75, 79, 83)
VELOCITIES = (40, 80, 120)
HISS_DB = -92.0  # of the recording, far below the notes


def grid(name: str, unit: str, values: object, **knots: Sequence[float]) -> Law:
    """Return a law on a grid."""
    return Law(name, unit, np.asarray(values, float), tuple(knots), tuple(np.array(k, float) for k in knots.values()))


def core() -> TonalCore:
    """Return a sustained tone: 12 dB an octave from a bright fundamental, brighter when played harder."""
    partials = (1.0, 2, 4, 8, 16, 32, 100)
    laws = [
        grid("stretch_cents", "cents", [2.0, 8.0], pitch=(50, 90)),
        Law.constant("inharmonicity", "", 0.0),
        grid("level_db", "dB", [[-42, -30, -22], [-40, -28, -20]], pitch=(50, 90), velocity=VELOCITIES),
        grid("spectrum_db", "dB", [-10 * np.log2(partials), -14 * np.log2(partials)], pitch=(50, 90), partial=partials),
        grid("colour_db", "dB", [-2 * np.log2(partials), 0 * np.log2(partials)], velocity=(40, 120), partial=partials),
        Law.constant("fall_db_s", "dB/s", 0.0),
        Law.constant("attack_s", "s", 0.03),
        Law.constant("release_s", "s", 0.1),
    ]
    return TonalCore({law.name: law for law in laws})


def breath(level_db: float = -52.0) -> Breath:
    """Return a steady noise that falls by 15 dB from 200 Hz to 10 kHz and follows the velocity."""
    noise = [[[level_db] * 3, [level_db - 15.0] * 3]] * 2
    change = [[[[-10.0]]], [[[0.0]]], [[[6.0]]]]
    laws = [
        grid("noise_db", "dB", noise, pitch=(50, 90), hz=(200, 10000), time_s=(0, 0.02, 1.0)),
        grid("velocity_db", "dB", change, velocity=VELOCITIES, pitch=(60,), hz=(1000,), time_s=(0,)),
    ]
    return Breath({law.name: law for law in laws})


def known_patch(*layers: Layer) -> Patch:
    """Return a sustained instrument of these layers."""
    patch = Patch("known", (), lead_s=0.05, struck=False)
    for layer in layers:
        patch = patch.with_layer(layer)
    return patch


def takes_of(patch: Patch, seed: int = 0, rate: int = RATE) -> list[Take]:
    """Return takes of all pitches and velocities, each with its own hiss, as a recording has."""
    rng = np.random.default_rng(seed)
    out = []
    for midi in PITCHES:
        for velocity in VELOCITIES:
            note = NoteEvent(midi, velocity, SECONDS - ONSET_S - 0.02)
            audio = render_take(patch, note, ONSET_S, SECONDS, rate)
            audio = audio + 10 ** (HISS_DB / 20) * rng.standard_normal(len(audio))
            recording = Recording(samples=audio, rate=rate)
            name = f"{midi}_{velocity}"
            out.append(Take(name, midi, velocity, recording, "", 1, ONSET_S, SECONDS - 0.02))
    return out


def source_of(takes: list[Take]) -> Source:
    """Return takes as a source."""
    return Source(Path("known"), "memory", takes, "known", family=SUSTAINED)
