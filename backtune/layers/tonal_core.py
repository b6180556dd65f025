"""The tonal core: where the partials lie, how loud each starts, how it falls, how it begins and ends."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import ClassVar, Self

import numpy as np

from backtune.analysis.attack import (
    LEAD_IN_DB_S,
    attack_along,
    attack_db,
    attacks_over_pitch,
    measure_attack,
    refined_attack,
)
from backtune.analysis.damper import assumed_release
from backtune.analysis.keyboard_tuning import stiffness, stretch, told_pitches
from backtune.analysis.knots import pitch_knots, velocity_knots
from backtune.analysis.observations import Observations
from backtune.analysis.pitch import Pitch
from backtune.analysis.residual import Residual
from backtune.analysis.surface import Surface, fit_levels
from backtune.analysis.tracks import MOST_PARTIALS, TOP_PARTIAL_HZ, partial_frequencies
from backtune.errors import Declined
from backtune.law import Law, LawSpec
from backtune.layer import Layer
from backtune.units import cents_to_ratio, midi_to_hz
from backtune.voice import Floats, Voice

PARTIAL_KNOTS = np.array([1, 2, 3, 4, 5, 6, 8, 10, 13, 17, 22, 30, 45, 70, 100.0])
PITCH_SPACING = 12.0  # semitones between knots: the core is broad; finer structure has to be earned by deeper layers
TUNING_SPACING = 4.0
ATTACK_STEP_S = 0.0005
LEVELS_FROM_S = 0.02  # core levels are those of the tone, not of its attack


class TonalCore(Layer):
    """Partials with a spectrum, a fall and an attack; the layer without which there is no tone."""

    kind: ClassVar[str] = "tonal_core"
    explains: ClassVar[str] = "The tone itself: tuning, loudness, balance of the overtones, how fast each falls."
    references: ClassVar[str] = (
        "Fletcher 1964 (stiffness); Rauhala and Valimaki 2007 (bridges); Railsback 1938 (stretch)"
    )
    depth: ClassVar[int] = 0
    where: ClassVar[tuple[str, ...]] = ("sustained", "following pitch")
    adds_sound: ClassVar[bool] = True
    specs: ClassVar[tuple[LawSpec, ...]] = (
        LawSpec(
            "stretch_cents",
            "cents",
            -300,
            300,
            "distance of the fundamental from equal temperament",
            ("pitch",),
            forms=("line", "railsback"),
        ),
        LawSpec(
            "transposed_semitones",
            "semitones",
            -36,
            36,
            "how far keys sound above where they are written: -12 is an organ's 16' stop, -2 an instrument in B flat",
            (),
            optional=True,
            leaps=True,
        ),
        LawSpec(
            "inharmonicity",
            "",
            0,
            0.2,
            "B of f_n = n f0 sqrt(1 + B n^2): stiffness of the string",
            ("pitch",),
            forms=("exponential", "two_bridges"),
        ),
        LawSpec(
            "level_db", "dB", -160, 40, "loudness of the note, before the overtones' balance", ("pitch", "velocity")
        ),
        LawSpec("spectrum_db", "dB", -160, 80, "balance of the overtones at medium velocity", ("pitch", "partial")),
        LawSpec(
            "colour_db",
            "dB",
            -100,
            100,
            "how the balance changes with velocity",
            ("velocity", "partial"),
            forms=("tilt", "stroke"),
        ),
        LawSpec(
            "fall_db_s",
            "dB/s",
            -30,
            2000,
            "how fast each overtone falls while the key is held",
            ("pitch", "partial"),
            forms=("losses",),
        ),
        LawSpec(
            "attack_s",
            "s",
            0.0005,
            2,
            "time from the perceived onset to the full tone",
            ("pitch",),
            forms=("exponential",),
        ),
        LawSpec("lead_in_db_s", "dB/s", 100, 10000, "rise of the sound before its perceived onset", (), optional=True),
        LawSpec("release_s", "s", 0.005, 120, "time to fall 60 dB once the key is up", ("pitch",)),
    )

    def shape(self, voice: Voice) -> Voice:
        """Return `voice` with the partials of the tone appended."""
        midi, velocity = voice.note.midi, voice.note.velocity
        first_hz = midi_to_hz(midi + self.transposed_semitones) * cents_to_ratio(self.laws["stretch_cents"](pitch=midi))
        tone = Pitch(float(first_hz), float(self.laws["inharmonicity"](pitch=midi)), 0)
        hz = partial_frequencies(tone, TOP_PARTIAL_HZ)
        n = np.arange(1, len(hz) + 1.0)
        at = {"pitch": midi, "velocity": velocity, "partial": n}
        start = self.laws["level_db"].over("partial", **at) + self.laws["spectrum_db"].over("partial", **at)
        start = start + self.laws["colour_db"].over("partial", **at)
        t = voice.times_s
        fall = self.laws["fall_db_s"].over("partial", **at)
        level = start[:, None] - fall[:, None] * np.maximum(t, 0.0)
        level = level + attack_db(t, self.laws["attack_s"](pitch=midi), self._lead_in_db_s)
        phases = _phases(voice.seed)[: len(hz)]
        release = np.full(len(hz), 60.0 / self.laws["release_s"](pitch=midi))
        return voice.with_(
            partial_number=np.concatenate([voice.partial_number, n]),
            partial_hz=np.concatenate([voice.partial_hz, hz]),
            partial_db=np.concatenate([voice.partial_db, level]),
            phase_rad=np.concatenate([voice.phase_rad, phases]),
            partial_release_db_s=np.concatenate([voice.partial_release_db_s, release]),
        )

    @property
    def transposed_semitones(self) -> float:
        """Semitones from a key up to its fundamental."""
        return float(self.laws["transposed_semitones"]()) if "transposed_semitones" in self.laws else 0.0

    @property
    def _lead_in_db_s(self) -> float:
        return float(self.laws["lead_in_db_s"]()) if "lead_in_db_s" in self.laws else LEAD_IN_DB_S

    @classmethod
    def guess(cls, residual: Residual) -> Self:
        """Return the core from tracked pitches (frozen first) and levels, in closed form."""
        if len(residual.pitches) < 2:
            raise Declined("fewer than two pitches: no law over the keyboard can be told")
        rise = _attack_laws(residual)
        seen = residual.partials.since(LEVELS_FROM_S)
        seen = replace(seen, rendered_db=attack_along(seen.at, rise[0]))
        release = cls.law("release_s", *assumed_release(residual.struck, residual.pitches), assumed=True)
        laws = [*_tuning_laws(residual), *_fit_levels(residual, seen, 0.0), *rise, release]
        return cls({law.name: law for law in laws})

    def fit(self, residual: Residual) -> Self:
        """Return the core with levels and attack refitted beside the other layers; tuning and release stay."""
        seen = residual.partials.since(LEVELS_FROM_S)
        own = sum(self.laws[name].along(seen.at) for name in ("level_db", "spectrum_db", "colour_db"))
        own = own - self.laws["fall_db_s"].along(seen.at) * seen.at["time_s"]
        again = [*_fit_levels(residual, seen, own), *_refined_attack(residual, self.laws["attack_s"])]
        return self.with_laws(*again)


@lru_cache(maxsize=256)
def _phases(seed: int) -> Floats:
    """Return the phases of a note's partials, drawn once: a key has the same seed at every velocity."""
    return np.random.default_rng(seed).uniform(0, 2 * np.pi, MOST_PARTIALS)


def _attack_laws(residual: Residual) -> list[Law]:
    """Return attack_s over pitch and, where recordings begin before the onset, lead_in_db_s: the takes' median."""
    told = [(heard.note.midi, attack) for heard in residual.heard if (attack := measure_attack(heard.tracks))]
    if not told:
        return [TonalCore.law("attack_s", 0.01, step=ATTACK_STEP_S, assumed=True)]
    laws = [_attack_law([(midi, attack_s) for midi, (attack_s, _) in told])]
    lead_ins = [rise for _, (_, rise) in told if rise is not None]
    return [*laws, TonalCore.law("lead_in_db_s", float(np.median(lead_ins)), step=10.0)] if lead_ins else laws


def _attack_law(told: list[tuple[float, float]]) -> Law:
    """Return attack_s over pitch from (pitch, attack_s) of takes; beyond them it stays as it is."""
    return TonalCore.law("attack_s", *attacks_over_pitch(told), step=ATTACK_STEP_S)


def _refined_attack(residual: Residual, law: Law) -> list[Law]:
    """Return attack_s told again beside the other layers, or nothing where it was assumed or no take tells it."""
    told = []
    for heard, voice in zip(residual.heard, residual.voices, strict=True) if law.provenance == "fitted" else ():
        midi = heard.note.midi
        attack_s = refined_attack(heard.tracks, voice, float(law(pitch=midi)))
        if attack_s is not None:
            told.append((midi, attack_s))
    return [_attack_law(told)] if told else []


def _tuning_laws(residual: Residual) -> list[Law]:
    """Return stretch_cents, inharmonicity and, where keys do not sound as written, transposed_semitones."""
    told = told_pitches(residual.heard)
    knots = pitch_knots(residual.pitches, TUNING_SPACING)
    stiff = stiffness(told, knots)
    law_b = TonalCore.law("inharmonicity", 0.0) if stiff is None else TonalCore.law("inharmonicity", *stiff, step=1e-7)
    cents, transposed = told.cents(law_b(pitch=told.midi))
    tuned = stretch(told, cents, knots, lambda values, over: TonalCore.law("stretch_cents", values, over))
    return [tuned, law_b, *([TonalCore.law("transposed_semitones", transposed, step=1)] if transposed else [])]


def _level_surfaces(residual: Residual, seen: Observations) -> list[Surface]:
    """Return the unknowns of level_db, spectrum_db, colour_db and, for struck notes, fall_db_s."""
    pitch, velocity = pitch_knots(residual.pitches, PITCH_SPACING), velocity_knots(residual.velocities)
    partial = PARTIAL_KNOTS[: 1 + np.searchsorted(PARTIAL_KNOTS, seen.at["partial"].max())]
    surfaces = [
        Surface(("pitch", "velocity"), (pitch_knots(residual.pitches, PITCH_SPACING), velocity), (10.0, 3.0)),
        Surface(("pitch", "partial"), (pitch, partial), (10.0, 1.0), ridge=0.1),
        Surface(("velocity", "partial"), (velocity, partial), (3.0, 3.0), ridge=0.1),
    ]
    if residual.struck:
        coarse = pitch_knots(residual.pitches, PITCH_SPACING)
        surfaces.append(Surface(("pitch", "partial"), (coarse, partial[::2]), (3.0, 3.0), factor=-seen.at["time_s"]))
    return surfaces


def _fit_levels(residual: Residual, seen: Observations, own_db: Floats | float) -> list[Law]:
    """Return level_db, spectrum_db, colour_db and fall_db_s from one linear least-squares problem."""
    surfaces = _level_surfaces(residual, seen)
    values = fit_levels(surfaces, seen, own_db)
    names = ("level_db", "spectrum_db", "colour_db", "fall_db_s")
    laws = [TonalCore.law(name, v, surface) for name, surface, v in zip(names, surfaces, values, strict=False)]
    return laws if residual.struck else [*laws, TonalCore.law("fall_db_s", 0.0)]
