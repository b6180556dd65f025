"""What each control is heard by: an acoustic quantity, measured of a patch, and the way it moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from playable import playable_patch

from backtune.law import Law, LawSpec
from backtune.layer import Layer
from backtune.notes import NoteEvent
from backtune.patch import Patch
from backtune.render import render_note
from backtune.voice import Floats, Voice

PATCH = playable_patch()
NOTE = NoteEvent(60.0, 90.0)
RATE = 22050


class Body(Layer):
    """Modes and a colour, as a body has: what resonance controls move."""

    kind, explains, depth, adds_sound = "body_for_tests", "Rings along.", 2, True
    specs = (LawSpec("level_db", "dB", -100, 0, "level of the body"),)

    def shape(self, voice: Voice) -> Voice:
        return voice.adding_modes(np.array([150.0]), np.array([self.laws["level_db"]()]), np.array([0.5]))

    @classmethod
    def guess(cls, residual: Any) -> Body:
        raise NotImplementedError


class Colour(Body):
    """The same, shaping what is there."""

    kind, adds_sound = "colour_for_tests", False

    def shape(self, voice: Voice) -> Voice:
        return voice.with_(partial_db=voice.partial_db + np.linspace(-6.0, 6.0, len(voice.partial_hz))[:, None])


def bodied() -> Patch:
    level = {"level_db": Law.constant("level_db", "dB", -30.0)}
    return replace(PATCH, layers=(*PATCH.layers[:2], Body(level), Colour(level), *PATCH.layers[2:]))


def frequency(patch: Patch, midi: float) -> float:
    voice = patch.voice(NoteEvent(midi, 90.0), 0.3)
    return float(voice.partial_hz[0] * 2.0 ** (voice.bend_cents[-1] / 1200.0))


def sound(patch: Patch, velocity: float = 90.0, seconds: float = 1.0, gate_s: float | None = None) -> Floats:
    return render_note(patch, NoteEvent(60.0, velocity, gate_s), seconds, RATE)


def level_db(audio: Floats) -> float:
    return float(10.0 * np.log10(np.mean(audio**2) + 1e-20))


def centroid_hz(patch: Patch) -> float:
    power = np.abs(np.fft.rfft(sound(patch)[RATE // 5 :])) ** 2
    return float(np.sum(power * np.arange(len(power))) / np.sum(power))


def onset_share_db(patch: Patch) -> float:
    audio = sound(patch)
    return level_db(audio[: RATE // 20]) - level_db(audio[RATE // 4 :])


def rise_s(patch: Patch) -> float:
    voice = patch.voice(NOTE, 2.0)
    first = voice.partial_db[0]
    return float(voice.times_s[np.argmax(first >= np.max(first) - 1.0)])


def fall_db(patch: Patch) -> float:
    voice = patch.voice(NOTE, 1.5)
    start, stop = np.searchsorted(voice.times_s, (0.1, 1.3))
    return float(voice.partial_db[0, start] - voice.partial_db[0, stop])


def after_release_db(patch: Patch) -> float:
    audio = sound(patch, seconds=1.0, gate_s=0.4)
    return level_db(audio[int(0.5 * RATE) : int(0.6 * RATE)])


def dynamics_db(patch: Patch) -> float:
    return level_db(sound(patch, 120.0)) - level_db(sound(patch, 20.0))


def noise_db(patch: Patch) -> float:
    return float(np.max(patch.voice(NOTE, 0.5).noise_db))


def own_db(patch: Patch) -> float:
    plain = patch.without("note_correction").voice(NOTE, 0.5)
    return float(np.mean(np.abs(patch.voice(NOTE, 0.5).partial_db - plain.partial_db)))


def wander_db(patch: Patch) -> float:
    voice = patch.voice(NOTE, 2.0)
    balance = voice.partial_db[:8] - voice.partial_db[0]
    return float(np.mean(np.abs(balance[:, -1] - balance[:, np.searchsorted(voice.times_s, 0.15)])))


def swing_cents(patch: Patch) -> float:
    return float(np.ptp(patch.voice(NOTE, 2.0).bend_cents))


def swings(patch: Patch) -> float:
    bend = patch.with_controls(vibrato=50.0).voice(NOTE, 2.0).bend_cents
    return float(np.count_nonzero(np.diff(np.sign(bend))))


def partials_db(patch: Patch) -> float:
    return float(np.max(patch.voice(NOTE, 0.5).partial_db))


def moved_db(kind: str) -> Callable[[Patch], float]:
    def measure(patch: Patch) -> float:
        gap = patch.voice(NOTE, 2.0).partial_db - patch.without(kind).voice(NOTE, 2.0).partial_db
        return float(np.mean(np.abs(gap)))

    return measure


def modes_db(patch: Patch) -> float:
    return float(patch.voice(NOTE, 0.5).mode_db[0])


QUANTITIES: dict[str, tuple[Callable[[Patch], float], int]] = {
    "stretch": (lambda patch: frequency(patch, 81) / frequency(patch, 69), 1),
    "fine_tune": (lambda patch: frequency(patch, 60), 1),
    "level": (lambda patch: level_db(sound(patch)), 1),
    "dynamics": (dynamics_db, 1),
    "velocity_curve": (lambda patch: level_db(sound(patch, 64.0)), -1),
    "brightness": (centroid_hz, 1),
    "hardness": (onset_share_db, 1),
    "attack": (rise_s, 1),
    "decay": (fall_db, -1),
    "release": (after_release_db, 1),
    "noise": (noise_db, 1),
    "breath_level": (noise_db, 1),
    "individuality": (own_db, 1),
    "note_correction_amount": (own_db, 1),
    "drift": (wander_db, 1),
    "vibrato": (swing_cents, 1),
    "vibrato_rate": (swings, 1),
    "tonal_core_level": (partials_db, 1),
    "evolving_spectrum_amount": (moved_db("evolving_spectrum"), 1),
    "resonance": (modes_db, 1),
    "body_for_tests_level": (modes_db, 1),
    "resonance_depth": (moved_db("colour_for_tests"), 1),
    "colour_for_tests_amount": (moved_db("colour_for_tests"), 1),
}
