"""Random worlds: instruments of layers drawn at random, recorded with the noise of a real room, and grown back."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from unittest import mock

import numpy as np
from known_instrument import grid
from worlds import PARTIALS, by_notes, constant, layer
from worlds import core as plain_core

import backtune.evidence
from backtune.analysis.listen import listen
from backtune.analysis.residual import Residual
from backtune.evidence import Bench, folds
from backtune.fit_plan import DEFAULT_BUDGET_BYTES
from backtune.growth import grow
from backtune.instrument import LEAD_S
from backtune.layer import Layer
from backtune.notes import NoteEvent, Recording, Take
from backtune.patch import Origin, Patch
from backtune.render import render_take
from backtune.screening import screen
from backtune.source import STRUCK, SUSTAINED, Source
from backtune.units import midi_to_hz

RATE = 44100
ONSET_S = 0.1
SECONDS = {True: 2.0, False: 1.3}  # a glide is told by what the pitch is from 1 s on
PITCHES = {True: tuple(range(41, 84, 6)), False: tuple(range(55, 80, 4))}
VELOCITIES = (40, 80, 120)
NOISE_DB = (-96.0, -84.0)  # of the recording, mean square; the notes peak near -20 dB
EXCERPT_S = 0.06
MOST_LAYERS = 3
MOST_HELD = 24  # takes compared for a candidate: of every pitch within two or three
Draw = Callable[[np.random.Generator], Layer]


def _onset_noise(rng: np.random.Generator) -> Layer:
    level = rng.uniform(-46, -40) + np.array([[0, 2, 0, -8, -20], [-4, 0, 2, -4, -16]])
    return layer(
        "onset_noise",
        grid("burst_db", "dB", level, pitch=(36, 90), hz=(60, 300, 1000, 3000, 9000)),
        grid("velocity_db", "dB", [-6.0, 0, 5], velocity=VELOCITIES),
        grid("decay_s", "s", [rng.uniform(0.2, 0.4), 0.12], hz=(100, 5000)),
        constant("rise_s", "s", 0.02),
    )


def _two_stage_decay(rng: np.random.Generator) -> Layer:
    return layer(
        "two_stage_decay",
        constant("after_db", "dB", rng.uniform(-16, -10)),
        constant("prompt_db_s", "dB/s", rng.uniform(40, 70)),
        constant("after_db_s", "dB/s", rng.uniform(2, 6)),
    )


def _body_modes(rng: np.random.Generator) -> Layer:
    hz = np.sort(rng.choice(np.arange(62, 300, 28), 5, replace=False)) + rng.uniform(-6, 6, 5)
    return layer(
        "body_modes",
        grid("mode_db", "dB", rng.uniform(-46, -38, 5), hz=tuple(hz)),
        grid("decay_s", "s", [rng.uniform(0.6, 1.0), 0.4], hz=(64, 352)),
        grid("velocity_db", "dB", [-8.0, 0, 6], velocity=VELOCITIES),
        constant("pitch_db", "dB", 0.0),
    )


def _body_filter(rng: np.random.Generator) -> Layer:
    ups = rng.choice([-1.0, 1.0]) * np.array([0, 1, -1, 1, -1, 1, 0]) * rng.uniform(5, 9, 7)
    return layer("body_filter", grid("gain_db", "dB", ups, hz=(60, 200, 420, 800, 1500, 3000, 8000)))


def _unison_beating(rng: np.random.Generator) -> Layer:
    return layer(
        "unison_beating",
        constant("detune_cents", "cents", rng.uniform(6, 10)),
        constant("second_db", "dB", rng.uniform(-7, -4)),
    )


def _pitch_glide(rng: np.random.Generator) -> Layer:
    return layer(
        "pitch_glide",
        grid("start_cents", "cents", np.array([4.0, 10, 18]) * rng.uniform(0.8, 1.5), velocity=VELOCITIES),
        constant("settle_s", "s", rng.uniform(0.15, 0.3)),
    )


def _inharmonic_modes(rng: np.random.Generator) -> Layer:
    ratio = np.array([2.6, 5.4]) * rng.uniform(0.97, 1.05, 2)
    return layer(
        "inharmonic_modes",
        grid("ratio", "", ratio, partial=(1, 2)),
        grid(
            "mode_db", "dB", rng.uniform(-36, -28, 1) + np.array([[0.0, -6], [-4, -10]]), pitch=(36, 90), partial=(1, 2)
        ),
        grid("velocity_db", "dB", [-8.0, 0, 6], velocity=VELOCITIES),
        grid("fall_db_s", "dB/s", [rng.uniform(15, 30), 40.0], partial=(1, 2)),
    )


def _sympathetic_strings(rng: np.random.Generator) -> Layer:
    keys = np.sort(rng.choice(np.arange(80, 104), 8, replace=False))
    return layer(
        "sympathetic_strings",
        grid("string_db", "dB", rng.uniform(-58, -50, 8), hz=tuple(midi_to_hz(keys + rng.uniform(0.05, 0.3)))),
        grid("decay_s", "s", [rng.uniform(1.5, 3.0), 1.0], hz=(800, 3000)),
        grid("velocity_db", "dB", [[-8.0, -10], [0, 0], [5, 7]], velocity=VELOCITIES, hz=(800, 3000)),
        constant("pitch_db", "dB", 0.0),
    )


def _individuality(rng: np.random.Generator) -> Layer:
    return layer(
        "individuality",
        constant("spread_db", "dB", rng.uniform(3.5, 5.5)),
        constant("wander_db", "dB", rng.uniform(1.5, 3.0)),
        constant("kinship", "", 0.0),
        by_notes("recorded", [1.0], [1.0]),
    )


def _breath(rng: np.random.Generator) -> Layer:
    level = rng.uniform(-56, -48)
    course = np.array([-6.0, 2, 0, -8])  # air before the tone, and less of it as the note goes on
    noise = [[level + course, level - 12.0 + course]] * 2
    change = [[[[-10.0]]], [[[0.0]]], [[[6.0]]]]
    return layer(
        "breath",
        grid("noise_db", "dB", noise, pitch=(50, 90), hz=(200, 10000), time_s=(-0.04, 0, 0.1, 1.0)),
        grid("velocity_db", "dB", change, velocity=VELOCITIES, pitch=(60,), hz=(1000,), time_s=(0,)),
    )


def _vibrato(rng: np.random.Generator) -> Layer:
    cents = np.array([5.0, 9, 14]) * rng.uniform(0.8, 1.5)
    return layer(
        "vibrato",
        constant("rate_hz", "Hz", rng.uniform(4.5, 7.0)),
        grid("pitch_cents", "cents", cents, velocity=VELOCITIES),
        grid("level_db", "dB", [np.array([0.3, 1.0, 2.0]) * rng.uniform(0.8, 1.5)], velocity=(80,), partial=(1, 2, 8)),
        constant("start_s", "s", rng.uniform(0.1, 0.3)),
    )


def _drift(rng: np.random.Generator) -> Layer:
    spread = np.array([1.0, 3.0]) * rng.uniform(0.8, 1.3)
    return layer(
        "drift", grid("spread_db", "dB", spread, partial=(1, 8)), constant("rate_hz", "Hz", rng.uniform(1.2, 1.8))
    )


def _late_overtones(rng: np.random.Generator) -> Layer:
    late = np.array([[2.0, 8, 14, 20], [0, 10, 14, 16]]) * rng.uniform(0.9, 1.4)
    return layer(
        "late_overtones",
        grid("late_db", "dB", late, pitch=(50, 85), partial=(1, 3, 8, 20)),
        grid("velocity_db", "dB", [3.0, 0, -3], velocity=VELOCITIES),
        constant("settle_s", "s", rng.uniform(0.05, 0.1)),
    )


DRAWS: dict[bool, tuple[Draw, ...]] = {
    True: (
        _onset_noise,
        _two_stage_decay,
        _body_modes,
        _body_filter,
        _unison_beating,
        _pitch_glide,
        _inharmonic_modes,
        _sympathetic_strings,
        _individuality,
    ),
    False: (_breath, _vibrato, _drift, _late_overtones, _body_filter, _individuality),
}


@dataclass(frozen=True)
class RandomWorld:
    """One instrument of a core and one to three more layers, known by the `seed` it was drawn from."""

    seed: int
    patch: Patch
    noise_db: float

    @property
    def kinds(self) -> set[str]:
        """Kinds of the layers that growth has to find beside the core.

        What makes each note an individual repeats at every dynamic: of recorded notes a correction tells it.
        """
        own = {"note_correction"} if "individuality" in self.patch.kinds else set()
        return (set(self.patch.kinds) | own) - {"tonal_core"}

    def source(self) -> Source:
        """Return the world recorded: takes of all pitches and velocities, each with noise of its own."""
        rng = np.random.default_rng([5, self.seed])
        struck = self.patch.struck
        seconds, takes = SECONDS[struck], []
        for midi in PITCHES[struck]:
            for velocity in VELOCITIES:
                gate = None if struck else seconds - ONSET_S - 0.02
                # no two takes move alike; but a note is the same individual in all of them
                own = 0 if "individuality" in self.patch.kinds else len(takes)
                played = replace(self.patch, origin=Origin(seed=1000 * self.seed + 1000 + own))
                audio = render_take(played, NoteEvent(midi, velocity, gate), ONSET_S, seconds, RATE)
                audio = audio + 10 ** (self.noise_db / 20) * room(len(audio), rng)
                stop = None if struck else seconds - 0.02
                recording = Recording(samples=audio, rate=RATE)
                takes.append(Take(f"{midi}_{velocity}", midi, velocity, recording, "", 1, ONSET_S, stop))
        family = STRUCK if struck else SUSTAINED
        return Source(Path(f"world-{self.seed}"), "memory", takes, f"world {self.seed}", family=family)


@dataclass(frozen=True)
class Recovery:
    """What was put into a world and what growth found, as kinds of layers beside the core."""

    true: frozenset[str]
    found: frozenset[str]

    @property
    def missed(self) -> frozenset[str]:
        """Kinds that were put in and not found."""
        return self.true - self.found

    @property
    def extra(self) -> frozenset[str]:
        """Kinds that were found and not put in."""
        return self.found - self.true


def precision_recall(recoveries: Sequence[Recovery]) -> tuple[float, float]:
    """Return which share of the found layers was put in, and which share of those put in was found."""
    right = sum(len(one.true & one.found) for one in recoveries)
    return right / max(sum(len(one.found) for one in recoveries), 1), right / sum(len(one.true) for one in recoveries)


def recovered(world: RandomWorld, jobs: int = 1) -> Recovery:
    """Return what growth finds in the takes of a world, divided as recordings are: every pitch within is held out once.

    Divided twice, two or three pitches were held out: what single notes do by chance was taken for laws.
    """
    takes, struck = screen(world.source().takes).kept, world.patch.struck
    heard = tuple(listen(takes, struck, jobs))
    with mock.patch.object(backtune.evidence, "MOST_HELD", MOST_HELD):
        divided = folds(takes, heard)
    residuals = [Residual(tuple(heard[i] for i in fold.fitted), (), struck) for fold in divided]
    bench = Bench([fold.held for fold in divided], False, jobs)
    start = Patch(world.patch.name, (), LEAD_S[struck], struck)
    state = grow(start, residuals, bench, DEFAULT_BUDGET_BYTES)
    return Recovery(frozenset(world.kinds), frozenset(state.patches[0].kinds) - {"tonal_core"})


def random_world(seed: int) -> RandomWorld:
    """Return the world drawn from `seed`: even ones are struck, odd ones sustained."""
    rng = np.random.default_rng([4, seed])
    struck = seed % 2 == 0
    count = int(rng.integers(1, MOST_LAYERS + 1))
    chosen = rng.choice(len(DRAWS[struck]), count, replace=False)
    tone = plain_core(struck)
    tilt = rng.uniform(-2, 2) * np.log2(PARTIALS)
    laws = {**tone.laws, "spectrum_db": tone.laws["spectrum_db"].with_values(tone.laws["spectrum_db"].values + tilt)}
    # a seed of its own: what the grown patch invents must not happen to be what the world invented
    patch = Patch(f"world {seed}", (), 0.05, struck, Origin(seed=1000 + seed)).with_layer(type(tone)(laws))
    for index in chosen:
        patch = patch.with_layer(DRAWS[struck][index](rng))
    return RandomWorld(seed, patch, float(rng.uniform(*NOISE_DB)))


def room(count: int, rng: np.random.Generator) -> np.ndarray:
    """Return noise of unit power, (count,): that of a real recording where there is one, else white."""
    excerpts = _excerpts()
    if not excerpts:
        return rng.standard_normal(count)
    excerpt = excerpts[int(rng.integers(len(excerpts)))]
    # the excerpt's spectrum with random phases: as long as is wanted, never repeating
    spectrum = np.interp(
        np.fft.rfftfreq(count), np.fft.rfftfreq(len(excerpt)), np.abs(np.fft.rfft(excerpt * np.hanning(len(excerpt))))
    )
    noise = np.fft.irfft(spectrum * np.exp(2j * np.pi * rng.random(len(spectrum))), count)
    return np.asarray(noise / np.sqrt(np.mean(noise**2)))


@cache
def _excerpts() -> list[np.ndarray]:
    """Return the quietest 60 ms of the beginnings and ends of some real recordings."""
    import soundfile

    place, found = os.environ.get("BACKTUNE_RECORDINGS"), []
    for folder in sorted(Path(place).iterdir()) if place else []:
        for path in sorted(folder.glob("*.flac"))[::12]:
            audio, rate = soundfile.read(path, always_2d=True)
            size = round(EXCERPT_S * rate)
            pieces = [audio[at : at + size, 0] for at in (0, len(audio) - size)]
            quiet = min(pieces, key=lambda piece: float(np.mean(piece**2)))
            if len(quiet) == size and np.mean(quiet**2) > 0 and rate == RATE:
                found.append(quiet)
    return found
