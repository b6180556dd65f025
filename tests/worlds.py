"""Worlds of known truth: a core, one more layer with chosen laws, and takes rendered from them as if recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from known_instrument import grid

from backtune.analysis.listen import listen
from backtune.analysis.residual import Residual
from backtune.analysis.tracks import TRACK_TIMES_S
from backtune.law import Law
from backtune.layer import Layer
from backtune.library import layer_type
from backtune.notes import NoteEvent, Recording, Take
from backtune.patch import Patch
from backtune.render import render_take

RATE = 44100
ONSET_S = 0.1
SECONDS = {True: 2.6, False: 2.2}  # struck notes are watched while they fall
VELOCITIES = (40, 80, 120)
HISS_DB = -100.0  # white noise of the recording: a good microphone in a quiet room
PARTIALS = (1.0, 2, 4, 8, 16, 32, 100)
PITCHES = {True: (38, 45, 52, 59, 66, 73, 80, 87), False: (55, 60, 65, 70, 75, 80)}


@dataclass(frozen=True)
class World:
    """An instrument of which everything is known: a core and one more layer, or none."""

    struck: bool
    layer: Layer | None = None
    after_s: float = 0.02  # of sustained notes: how long they are recorded after the key is up

    @property
    def patch(self) -> Patch:
        """The instrument."""
        patch = Patch("world", (), lead_s=0.05, struck=self.struck).with_layer(core(self.struck))
        return patch if self.layer is None else patch.with_layer(self.layer)

    def takes(self, hiss_db: float = HISS_DB) -> list[Take]:
        """Return takes of all pitches and velocities, each with its own hiss."""
        rng = np.random.default_rng(20)
        seconds, out = SECONDS[self.struck], []
        for midi in PITCHES[self.struck]:
            for velocity in VELOCITIES:
                gate = None if self.struck else seconds - ONSET_S - self.after_s
                audio = render_take(self.patch, NoteEvent(midi, velocity, gate), ONSET_S, seconds, RATE)
                audio = audio + 10 ** (hiss_db / 20) * rng.standard_normal(len(audio))
                stop = None if self.struck else seconds - self.after_s
                recording = Recording(samples=audio, rate=RATE)
                out.append(Take(f"{midi}_{velocity}", midi, velocity, recording, "", 1, ONSET_S, stop))
        return out

    def residual(self, folder: Path, hiss_db: float = HISS_DB) -> Residual:
        """Return the takes, heard, beside the true core alone: what the layer has to explain."""
        heard = tuple(listen(self.takes(hiss_db), self.struck, cache=folder))
        alone = Patch("core", (), lead_s=0.05, struck=self.struck).with_layer(core(self.struck))
        return Residual(heard, tuple(alone.voice_at(h.note, TRACK_TIMES_S) for h in heard), self.struck)


@cache
def core(struck: bool) -> Layer:
    """Return the tone of the worlds: 8 to 12 dB an octave, louder and brighter with velocity; struck notes fall."""
    knots = (36, 90)
    steep = -np.log2(PARTIALS)
    fall = [[6.0, 12, 30], [16, 40, 90]] if struck else [[0.0, 0, 0], [0, 0, 0]]
    stiff = [2e-4, 3e-3] if struck else [0.0, 0.0]
    laws = [
        grid("stretch_cents", "cents", [-3.0, 6.0], pitch=knots),
        grid("inharmonicity", "", stiff, pitch=knots),
        grid("level_db", "dB", [[-40, -28, -20], [-38, -27, -18]], pitch=knots, velocity=VELOCITIES),
        grid("spectrum_db", "dB", [8 * steep, 12 * steep], pitch=knots, partial=PARTIALS),
        grid("colour_db", "dB", [2 * steep, 0 * steep], velocity=(40, 120), partial=PARTIALS),
        grid("fall_db_s", "dB/s", fall, pitch=knots, partial=(1, 8, 40)),
        Law.constant("attack_s", "s", 0.004 if struck else 0.03),
        Law.constant("release_s", "s", 0.1),
    ]
    return layer_type("tonal_core")({law.name: law for law in laws})


def layer(kind: str, *laws: Law) -> Layer:
    """Return a layer of that kind with these laws."""
    return layer_type(kind)({law.name: law for law in laws})


def constant(name: str, unit: str, value: float) -> Law:
    """Return a law that is one number."""
    return Law.constant(name, unit, value)


def by_notes(name: str, pitches: Sequence[float], values: Sequence[float]) -> Law:
    """Return a law that holds at single notes."""
    return Law(name, "", np.array(values, float), ("pitch",), (np.array(pitches, float),), "notes")


HZ = (60, 300, 1000, 3000, 9000)
FORMANT_HZ = (60, 200, 420, 800, 1500, 3000, 8000)
BODY_HZ = (64.0, 96, 136, 200, 272, 352)
STRING_HZ = (1001.0, 1126.0, 1262.0, 1500.0, 1683.0, 1893.0, 2127.0, 2526.0)  # stretched, as tuners leave them
WORLDS: dict[str, World] = {
    "onset_noise": World(
        True,
        layer(
            "onset_noise",
            grid("burst_db", "dB", [[-40, -38, -44, -56, -70], [-48, -44, -40, -48, -64]], pitch=(36, 90), hz=HZ),
            grid("velocity_db", "dB", [-8.0, 0, 5], velocity=VELOCITIES),
            grid("decay_s", "s", [0.3, 0.1], hz=(100, 5000)),
            constant("rise_s", "s", 0.02),
        ),
    ),
    "two_stage_decay": World(
        True,
        layer(
            "two_stage_decay",
            constant("after_db", "dB", -14.0),
            constant("prompt_db_s", "dB/s", 20.0),
            constant("after_db_s", "dB/s", 3.0),
        ),
    ),
    "body_modes": World(
        True,
        layer(
            "body_modes",
            grid("mode_db", "dB", [-46.0, -42, -50, -44, -52, -50], hz=BODY_HZ),
            grid("decay_s", "s", [0.9, 0.5], hz=(64, 352)),
            grid("velocity_db", "dB", [-9.0, 0, 6], velocity=VELOCITIES),
            constant("pitch_db", "dB", 0.0),
        ),
    ),
    "sympathetic_strings": World(
        True,
        layer(
            "sympathetic_strings",
            grid("string_db", "dB", [-58.0, -62, -60, -56, -60, -62, -58, -62], hz=STRING_HZ),
            grid("decay_s", "s", [2.5, 1.5], hz=(1001, 2526)),
            grid("velocity_db", "dB", [[-8.0, -10], [0, 0], [5, 7]], velocity=VELOCITIES, hz=(1000, 2500)),
            constant("pitch_db", "dB", 0.0),
        ),
    ),
    "body_filter": World(
        True,
        layer(
            "body_filter", grid("gain_db", "dB", [0.0, -9, 6, -8, 7, -6, 0], hz=(60, 200, 420, 800, 1500, 3000, 8000))
        ),
    ),
    "hammer_spectrum": World(
        True,
        layer(
            "hammer_spectrum", grid("contact_s", "s", [0.003, 0.0008], pitch=(36, 90)), constant("shortening", "", 0.5)
        ),
    ),
    "strike_comb": World(
        True,
        layer("strike_comb", grid("place", "", [0.13, 0.11], pitch=(38, 87)), constant("depth_db", "dB", 18.0)),
    ),
    "unison_beating": World(
        True, layer("unison_beating", constant("detune_cents", "cents", 6.0), constant("second_db", "dB", -8.0))
    ),
    "pitch_glide": World(
        True,
        layer(
            "pitch_glide",
            grid("start_cents", "cents", [2.0, 6, 14], velocity=VELOCITIES),
            constant("settle_s", "s", 0.25),
        ),
    ),
    "phantom_partials": World(True, layer("phantom_partials", grid("product_db", "dB", [14.0, 20], pitch=(36, 90)))),
    "inharmonic_modes": World(
        True,
        layer(
            "inharmonic_modes",
            grid("ratio", "", [2.76, 5.4], partial=(1, 2)),
            grid("mode_db", "dB", [[-34.0, -40], [-38, -44]], pitch=(36, 90), partial=(1, 2)),
            grid("velocity_db", "dB", [-8.0, 0, 6], velocity=VELOCITIES),
            grid("fall_db_s", "dB/s", [20.0, 40], partial=(1, 2)),
        ),
    ),
    "individuality": World(
        True,
        layer(
            "individuality",
            constant("spread_db", "dB", 5.0),
            constant("wander_db", "dB", 3.0),
            constant("kinship", "", 0.0),
            by_notes("recorded", [1.0], [1.0]),
        ),
    ),
    "intonation": World(
        False,
        layer(
            "intonation",
            grid("sharp_cents", "cents", [[-12.0, -18], [5, 8], [12, 18]], velocity=VELOCITIES, pitch=(50, 85)),
        ),
    ),
    "vibrato": World(
        False,
        layer(
            "vibrato",
            constant("rate_hz", "Hz", 5.5),
            grid("pitch_cents", "cents", [4.0, 8, 14], velocity=VELOCITIES),
            grid("level_db", "dB", [[0.2, 1.0, 2.0]], velocity=(80,), partial=(1, 2, 8)),
            constant("start_s", "s", 0.3),
        ),
    ),
    "late_overtones": World(
        False,
        layer(
            "late_overtones",
            grid("late_db", "dB", [[2.0, 8, 14, 20], [0, 10, 14, 16]], pitch=(50, 85), partial=(1, 3, 8, 20)),
            grid("velocity_db", "dB", [3.0, 0, -3], velocity=VELOCITIES),
            constant("settle_s", "s", 0.06),
        ),
    ),
    "tone_noise": World(
        False,
        layer(
            "tone_noise",
            grid("distance_db", "dB", [-32.0, -28, -24, -20], hz=(100, 800, 3000, 9000)),
            constant("velocity_db", "dB", 0.0),
            constant("fall_db_s", "dB/s", 0.0),
        ),
    ),
    "release": World(
        False,
        layer("release", grid("release_db_s", "dB/s", [[80.0, 160, 320]], pitch=(60,), partial=(1, 3, 8))),
        after_s=0.6,
    ),
    "tremolo": World(
        True,
        layer(
            "tremolo",
            constant("rate_hz", "Hz", 5.0),
            constant("depth_db", "dB", 2.5),
            constant("start_s", "s", 0.01),
        ),
    ),
    "range_correction": World(
        True,
        layer(
            "range_correction",
            grid(
                "field_db",
                "dB",
                [[0.0, 0, 0], [6, -6, 0], [-7, 5, -6], [0, 0, 0], [5, -8, 6], [-6, 6, 0], [0, 0, 0]],
                pitch=(38, 52, 59, 66, 73, 80, 87),
                partial=(1, 3, 9),
            ),
        ),
    ),
    "drift": World(
        False, layer("drift", grid("spread_db", "dB", [1.0, 3.0], partial=(1, 8)), constant("rate_hz", "Hz", 1.2))
    ),
}
