"""Vibrato: the player's swing of pitch and brightness, growing in after the onset."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from backtune.analysis.knots import velocity_knots
from backtune.analysis.residual import Residual
from backtune.analysis.surface import Surface, fit_surfaces
from backtune.errors import Declined
from backtune.law import LawSpec
from backtune.layer import Layer
from backtune.voice import Floats, Voice

PARTIAL_KNOTS = np.array([1, 2, 4, 8.0])
CLEAR_SHARE = 0.5  # of a take's movement that has one rate; noise of three seconds reaches 0.4
LEAST_CENTS, LEAST_DB = 1.0, 0.5  # below both, a swing is not heard
LEAST_TAKES = 0.3  # of the takes, or the loudest dynamic's, that must swing
PHASE_STEP_RAD = 2.399963  # the golden angle: notes of a chord do not swing in step


class Vibrato(Layer):
    """A sine of one rate in pitch and in the levels of the partials, deeper for harder blowing."""

    kind: ClassVar[str] = "vibrato"
    explains: ClassVar[str] = "The player's vibrato: pitch and brightness swing together once the note has settled."
    references: ClassVar[str] = "Fletcher and Sanders 1967, Quality of violin vibrato tones"
    depth: ClassVar[int] = 1
    where: ClassVar[tuple[str, ...]] = ("modulated",)
    evidence: ClassVar[str] = "character"
    trait: ClassVar[str] = "swing"
    specs: ClassVar[tuple[LawSpec, ...]] = (
        LawSpec("rate_hz", "Hz", 0.5, 15, "how often it swings", ()),
        LawSpec("pitch_cents", "cents", 0, 200, "peak swing of the pitch", ("velocity",)),
        LawSpec("level_db", "dB", -40, 40, "peak swing of each partial", ("velocity", "partial")),
        LawSpec("start_s", "s", 0, 5, "when it has grown to two thirds", ()),
    )

    def shape(self, voice: Voice) -> Voice:
        """Return `voice` swinging."""
        at = {"velocity": voice.note.velocity, "partial": voice.partial_number}
        t = np.maximum(voice.times_s, 0.0)
        grown = 1 - np.exp(-t / max(float(self.laws["start_s"](**at)), 1e-3))
        phase = PHASE_STEP_RAD * (voice.seed % 1024)
        swing = grown * np.sin(2 * np.pi * float(self.laws["rate_hz"](**at)) * t + phase)
        return voice.with_(
            bend_cents=voice.bend_cents + float(self.laws["pitch_cents"](**at)) * swing,
            partial_db=voice.partial_db + self.laws["level_db"].over("partial", **at)[:, None] * swing,
        )

    @classmethod
    def guess(cls, residual: Residual) -> Self:
        """Return the swing that takes share; declines for struck notes and when few takes swing."""
        if residual.struck:
            raise Declined("the notes are struck: nobody can make them swing")
        return cls._fitted(residual)

    def fit(self, residual: Residual) -> Self:
        """Return the swing as measured: it does not depend on the other layers."""
        return self._fitted(residual)

    @classmethod
    def _fitted(cls, residual: Residual) -> Self:
        motions = [h.tracks.motion for h in residual.heard]
        velocity = residual.of_takes["velocity"]
        depth = np.array([_depth(m.vibrato_db) for m in motions])
        cents = np.array([m.vibrato_cents for m in motions])
        swings = np.array([m.vibrato_share > CLEAR_SHARE for m in motions])
        swings &= (cents > LEAST_CENTS) | (depth > LEAST_DB)
        share = max(float(np.mean(swings[velocity == v])) for v in residual.velocities)
        if share < LEAST_TAKES:
            raise Declined(f"only {np.sum(swings)} of {len(swings)} takes swing at one rate: no vibrato is shared")
        rate = float(np.median([m.vibrato_hz for m, s in zip(motions, swings, strict=True) if s]))
        start = float(np.median([m.vibrato_start_s for m, s in zip(motions, swings, strict=True) if s]))
        over_velocity = Surface(("velocity",), (velocity_knots(residual.velocities),), (1.0,))
        (pitch,) = fit_surfaces(
            [over_velocity], {"velocity": velocity}, np.where(swings, cents, 0.0), np.ones(len(cents))
        )
        rows = np.array([m.vibrato_db * s for m, s in zip(motions, swings, strict=True)])
        take, partial = np.nonzero(np.isfinite(rows))
        over_both = Surface(("velocity", "partial"), (over_velocity.knots[0], PARTIAL_KNOTS), (1.0, 1.0), ridge=0.1)
        at = {"velocity": velocity[take], "partial": np.asarray(partial + 1.0, np.float64)}
        (level,) = fit_surfaces([over_both], at, rows[take, partial], np.ones(len(take)))
        return cls(
            {
                "rate_hz": cls.law("rate_hz", rate),
                "pitch_cents": cls.law("pitch_cents", pitch, over_velocity),
                "level_db": cls.law("level_db", level, over_both),
                "start_s": cls.law("start_s", start, step=0.01),
            }
        )


def _depth(levels_db: Floats) -> float:
    known = levels_db[np.isfinite(levels_db)]
    return float(np.abs(known).mean()) if len(known) else 0.0
