"""Evolving spectrum: how each overtone departs from the core's straight line over the life of a note."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from backtune.analysis.knots import pitch_knots
from backtune.analysis.residual import Residual
from backtune.analysis.surface import Surface, fit_levels
from backtune.law import LawSpec
from backtune.layer import Layer
from backtune.voice import Floats, Voice

PARTIAL_KNOTS = np.array([1, 2, 3, 4, 5, 6, 8, 10, 13, 17, 22, 30, 45, 70, 100.0])
TIME_KNOTS_S = np.array([-0.05, -0.02, -0.005, 0, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.2, 2.4, 4.5, 8, 14])
PITCH_SPACING = 8.0
SMOOTH_PITCH, SMOOTH_PARTIAL, SMOOTH_TIME = 30.0, 3.0, 1.0  # held-out pitches of four instruments; flat near here


class EvolvingSpectrum(Layer):
    """A surface over keyboard, overtone and time, added to the levels of the partials."""

    kind: ClassVar[str] = "evolving_spectrum"
    explains: ClassVar[str] = "How the overtones come in, bloom and fade each at its own pace."
    references: ClassVar[str] = "Risset and Mathews 1969, Analysis of musical-instrument tones"
    depth: ClassVar[int] = 0
    where: ClassVar[tuple[str, ...]] = ("onset", "following pitch")
    specs: ClassVar[tuple[LawSpec, ...]] = (
        LawSpec(
            "evolution_db", "dB", -120, 80, "departure from the core's straight fall", ("pitch", "partial", "time_s")
        ),
    )

    def shape(self, voice: Voice) -> Voice:
        """Return `voice` with the levels of its partials moved over time."""
        gain = self.laws["evolution_db"].over(
            "partial", "time_s", pitch=voice.note.midi, partial=voice.partial_number, time_s=voice.times_s
        )
        return voice.with_(partial_db=voice.partial_db + gain)

    @classmethod
    def guess(cls, residual: Residual) -> Self:
        """Return the smooth surface nearest to what is missing."""
        return cls._fitted(residual, 0.0)

    def fit(self, residual: Residual) -> Self:
        """Return the surface refitted beside the other layers."""
        return self._fitted(residual, self.laws["evolution_db"].along(residual.partials.at))

    @classmethod
    def _fitted(cls, residual: Residual, own_db: Floats | float) -> Self:
        seen = residual.partials
        time = TIME_KNOTS_S[: 1 + np.searchsorted(TIME_KNOTS_S, seen.at["time_s"].max())]
        surface = Surface(
            ("pitch", "partial", "time_s"),
            (
                pitch_knots(residual.pitches, PITCH_SPACING),
                PARTIAL_KNOTS[: 1 + np.searchsorted(PARTIAL_KNOTS, seen.at["partial"].max())],
                time[time >= seen.at["time_s"].min() - 0.02],
            ),
            (SMOOTH_PITCH, SMOOTH_PARTIAL, SMOOTH_TIME),
        )
        (values,) = fit_levels([surface], seen, own_db)
        return cls({"evolution_db": cls.law("evolution_db", values, surface)})
