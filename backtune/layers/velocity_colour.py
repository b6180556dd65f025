"""Velocity colour: how a harder stroke or breath changes each overtone's course, beyond being louder."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from backtune.analysis.knots import pitch_knots, velocity_knots
from backtune.analysis.residual import Residual
from backtune.analysis.surface import Surface, fit_levels
from backtune.errors import Declined
from backtune.law import LawSpec
from backtune.layer import Layer
from backtune.voice import Floats, Voice

AXES = ("velocity", "pitch", "partial", "time_s")
PARTIAL_KNOTS = np.array([1, 2, 4, 8, 16, 40, 100.0])
TIME_KNOTS_S = np.array([-0.02, 0, 0.02, 0.08, 0.3, 1.2, 5])
PITCH_SPACING = 20.0  # what velocity does changes slowly over the keyboard
SMOOTHNESS = (10.0, 30.0, 3.0, 1.0)
# Pull towards no change, in observations of full weight: where few takes tell (the highest keys, softly), a smooth
# surface runs on in a straight line, 4 dB too far; so unheard pitches of the Yamaha came 0.07 dB nearer.
RIDGE = 3.0


class VelocityColour(Layer):
    """A coarse surface over velocity, keyboard, overtone and time, added to the levels of the partials."""

    kind: ClassVar[str] = "velocity_colour"
    explains: ClassVar[str] = "How playing harder changes the course of the overtones, not only their loudness."
    references: ClassVar[str] = "Askenfelt and Jansson 1993 (strings); Benade 1976 (winds)"
    depth: ClassVar[int] = 0
    where: ClassVar[tuple[str, ...]] = ("following pitch", "sustained")
    specs: ClassVar[tuple[LawSpec, ...]] = (
        LawSpec("colour_db", "dB", -120, 80, "change of each overtone with velocity, over time", AXES),
    )

    def shape(self, voice: Voice) -> Voice:
        """Return `voice` with the levels of its partials moved by how hard it is played."""
        note = voice.note
        gain = self.laws["colour_db"].over(
            "partial",
            "time_s",
            velocity=note.velocity,
            pitch=note.midi,
            partial=voice.partial_number,
            time_s=voice.times_s,
        )
        return voice.with_(partial_db=voice.partial_db + gain)

    @classmethod
    def guess(cls, residual: Residual) -> Self:
        """Return the smooth surface nearest to what is missing; declines when only one velocity was recorded."""
        if len(residual.velocities) < 2:
            raise Declined("only one dynamic was recorded")
        return cls._fitted(residual, 0.0)

    def fit(self, residual: Residual) -> Self:
        """Return the surface refitted beside the other layers."""
        return self._fitted(residual, self.laws["colour_db"].along(residual.partials.at))

    @classmethod
    def _fitted(cls, residual: Residual, own_db: Floats | float) -> Self:
        seen = residual.partials
        knots = (
            velocity_knots(residual.velocities),
            pitch_knots(residual.pitches, PITCH_SPACING),
            PARTIAL_KNOTS[: 1 + np.searchsorted(PARTIAL_KNOTS, seen.at["partial"].max())],
            TIME_KNOTS_S[: 1 + np.searchsorted(TIME_KNOTS_S, seen.at["time_s"].max())],
        )
        surface = Surface(AXES, knots, SMOOTHNESS, RIDGE)
        (values,) = fit_levels([surface], seen, own_db)
        return cls({"colour_db": cls.law("colour_db", values, surface)})
