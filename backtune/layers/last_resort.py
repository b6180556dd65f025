"""Last resort: what remains of single notes, in a few broad bands and moments, when no named layer explains it."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from backtune.analysis.observations import Observations
from backtune.analysis.residual import Residual
from backtune.analysis.surface import Surface, fit_surfaces
from backtune.errors import Declined
from backtune.law import LawSpec
from backtune.layer import Layer
from backtune.voice import Floats, Voice

AXES = ("pitch", "hz", "time_s")
HZ_KNOTS = np.array([60, 250, 700, 1600, 3500, 8000.0])
TIME_KNOTS_S = np.array([0, 0.05, 0.4, 2.0])
RIDGE = 4.0  # in observations of full weight: what a few takes say by chance is not kept
MOST_DB = 15.0
LEAST_DB = 0.3


class LastResort(Layer):
    """For each recorded note a coarse gain over frequency and time, on partials and noise alike: 24 numbers a note."""

    kind: ClassVar[str] = "last_resort"
    explains: ClassVar[str] = "What is left of single notes in a few broad bands, and has no better name."
    references: ClassVar[str] = "no law is known: gains shrunk towards nothing (James and Stein 1961)"
    depth: ClassVar[int] = 3
    where: ClassVar[tuple[str, ...]] = ("sustained", "onset")
    evidence: ClassVar[str] = "dynamics"
    mimics: ClassVar[int] = 3
    specs: ClassVar[tuple[LawSpec, ...]] = (
        LawSpec("remainder_db", "dB", -40, 40, "gain of everything in a band of a recorded note", AXES),
    )

    def shape(self, voice: Voice) -> Voice:
        """Return `voice` with its partials and noise moved if its note was recorded, unchanged otherwise."""
        law, at = self.laws["remainder_db"], {"pitch": voice.note.midi, "time_s": voice.times_s}
        return voice.with_(
            partial_db=voice.partial_db + law.over("hz", "time_s", hz=voice.partial_hz, **at),
            noise_db=voice.noise_db + law.over("hz", "time_s", hz=voice.band_centre_hz, **at),
        )

    @classmethod
    def guess(cls, residual: Residual) -> Self:
        """Return the gains nearest to what is missing; declines when no note was recorded twice, or little is left."""
        residual.require_repeats()
        return cls._fitted(residual, residual.bands, 0.0)

    def fit(self, residual: Residual) -> Self:
        """Return the gains refitted beside the other layers."""
        return self._fitted(residual, residual.bands, self.laws["remainder_db"].along(residual.bands.at))

    @classmethod
    def _fitted(cls, residual: Residual, seen: Observations, own_db: Floats | float) -> Self:
        surface = Surface(AXES, (residual.pitches, HZ_KNOTS, TIME_KNOTS_S), (0, 1.0, 1.0), RIDGE, by_notes=True)
        missing = np.clip(seen.missing_db, -MOST_DB, MOST_DB) + own_db
        (values,) = fit_surfaces([surface], seen.at, missing, seen.weight)
        size = float(np.average(np.abs(surface.design(seen.at, len(missing)) @ values.ravel()), weights=seen.weight))
        if size < LEAST_DB:
            raise Declined(f"what is left of single notes is {size:.1f} dB in broad bands")
        return cls({"remainder_db": cls.law("remainder_db", values, surface, step=0.5)})
