"""Pitch glide: a string struck hard starts sharp, because its swing stretches it, and settles as it dies away."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from backtune.analysis.knots import pitch_knots, velocity_knots
from backtune.analysis.motion import GLIDE_S
from backtune.analysis.residual import Residual
from backtune.analysis.surface import Surface, fit_surfaces
from backtune.errors import Declined
from backtune.law import LawSpec
from backtune.layer import Layer
from backtune.voice import Floats, Voice

SETTLES_S = np.geomspace(0.05, 1.2, 14)
PITCH_SPACING = 20.0
LEAST_CENTS = 0.5  # below this, nobody hears it
LEAST_SHARE = 0.2  # of the measured movement that the law must explain
FARTHEST_CENTS = 60.0  # a take read wrongly


class PitchGlide(Layer):
    """All partials start sharp by some cents and settle exponentially."""

    kind: ClassVar[str] = "pitch_glide"
    explains: ClassVar[str] = "Notes played hard start a little sharp and settle within the first moments."
    references: ClassVar[str] = "Tolonen, Valimaki and Karjalainen 2000, Tension modulation in plucked strings"
    depth: ClassVar[int] = 1
    where: ClassVar[tuple[str, ...]] = ("onset",)
    evidence: ClassVar[str] = "character"  # distances between levels hardly know of a few cents
    trait: ClassVar[str] = "glide"
    specs: ClassVar[tuple[LawSpec, ...]] = (
        LawSpec("start_cents", "cents", -100, 100, "how sharp the note starts", ("velocity", "pitch")),
        LawSpec("settle_s", "s", 0.005, 10, "time to fall to a third", ()),
    )

    def shape(self, voice: Voice) -> Voice:
        """Return `voice` bent."""
        start = float(self.laws["start_cents"](velocity=voice.note.velocity, pitch=voice.note.midi))
        settle = float(self.laws["settle_s"]())
        bend = start * np.exp(-np.maximum(voice.times_s, 0.0) / settle)
        return voice.with_(bend_cents=voice.bend_cents + bend)

    @classmethod
    def guess(cls, residual: Residual) -> Self:
        """Return the glide measured over the first second; declines where the pitch stands still."""
        rows = np.array([h.tracks.motion.glide_cents for h in residual.heard])
        rows = np.where(np.abs(rows) < FARTHEST_CENTS, rows, np.nan)
        take, column = np.nonzero(np.isfinite(rows))
        if len(take) < len(GLIDE_S):
            raise Declined("the pitch over the first second cannot be told")
        cents, time = rows[take, column], GLIDE_S[column]
        at = {axis: x[take] for axis, x in residual.of_takes.items()}
        # early windows are short and tell the pitch less surely
        weight = np.clip(time / 0.1, 0.3, 1.0)
        knots = (velocity_knots(residual.velocities), pitch_knots(residual.pitches, PITCH_SPACING))
        best: tuple[float, float, Floats, Surface] | None = None
        for settle in SETTLES_S:
            surface = Surface(("velocity", "pitch"), knots, (1.0, 3.0), ridge=0.1, factor=np.exp(-time / settle))
            (start,) = fit_surfaces([surface], at, cents, weight)
            error = cents - surface.design(at, len(cents)) @ start.ravel()
            cost = float(np.sum(weight * np.minimum(np.abs(error), 5.0)))
            if best is None or cost < best[0]:
                best = (cost, float(settle), start, surface)
        assert best is not None
        cost, settle, start, surface = best
        share = 1 - cost / max(float(np.sum(weight * np.minimum(np.abs(cents), 5.0))), 1e-9)
        if np.abs(start).max() < LEAST_CENTS or share < LEAST_SHARE:
            raise Declined(f"the pitch stands still: a glide explains {max(share, 0.0):.0%} of its movement")
        return cls(
            {
                "start_cents": cls.law("start_cents", start, surface),
                "settle_s": cls.law("settle_s", settle, step=0.001),
            }
        )
