"""Loudness balance: makes every ear band as loud as recorded, where many partials share one."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from backtune.analysis.knots import pitch_knots
from backtune.analysis.observations import Observations
from backtune.analysis.residual import Residual
from backtune.analysis.surface import Surface, fit_surfaces
from backtune.law import LawSpec
from backtune.layer import Layer
from backtune.voice import Floats, Voice

AXES = ("pitch", "hz", "time_s")
HZ_KNOTS = np.array([40, 120, 220, 350, 500, 700, 1000, 1400, 2000, 2800, 4000, 5600, 8000, 11000, 18000.0])
TIME_KNOTS_S = np.array([-0.02, 0, 0.01, 0.03, 0.08, 0.3, 1.2, 5])
PITCH_SPACING = 12.0
SMOOTHNESS = (30.0, 3.0, 1.0)
RIDGE = 1.0
MOST_DB = 20.0  # one outlying band must not bend the surface


class LoudnessBalance(Layer):
    """A smooth gain over keyboard, frequency and time, for partials and noise alike.

    Laws fitted to single partials in dB tell the middle of their scatter; the ear adds powers within a band, and
    the power of things that scatter by 6 dB is up to 4 dB above the power of their middle.
    """

    kind: ClassVar[str] = "loudness_balance"
    explains: ClassVar[str] = "Sets right how loud whole bands are, where the ear hears many overtones as one."
    references: ClassVar[str] = "Glasberg and Moore 1990 (ear bands)"
    depth: ClassVar[int] = 3
    where: ClassVar[tuple[str, ...]] = ("fixed frequency",)
    closes: ClassVar[bool] = True
    specs: ClassVar[tuple[LawSpec, ...]] = (LawSpec("balance_db", "dB", -40, 40, "gain of everything in a band", AXES),)

    def shape(self, voice: Voice) -> Voice:
        """Return `voice` with its partials and noise bands moved."""
        law, at = self.laws["balance_db"], {"pitch": voice.note.midi, "time_s": voice.times_s}
        return voice.with_(
            partial_db=voice.partial_db + law.over("hz", "time_s", hz=voice.partial_hz, **at),
            noise_db=voice.noise_db + law.over("hz", "time_s", hz=voice.band_centre_hz, **at),
        )

    @classmethod
    def guess(cls, residual: Residual) -> Self:
        """Return the smooth gain that brings the expected power of each ear band to the measured one."""
        return cls._fitted(residual, residual.bands, 0.0)

    def fit(self, residual: Residual) -> Self:
        """Return the gain refitted beside the other layers."""
        return self._fitted(residual, residual.bands, self.laws["balance_db"].along(residual.bands.at))

    @classmethod
    def _fitted(cls, residual: Residual, seen: Observations, own_db: Floats | float) -> Self:
        time = TIME_KNOTS_S[: 1 + np.searchsorted(TIME_KNOTS_S, seen.at["time_s"].max())]
        surface = Surface(AXES, (pitch_knots(residual.pitches, PITCH_SPACING), HZ_KNOTS, time), SMOOTHNESS, RIDGE)
        missing = np.clip(seen.missing_db, -MOST_DB, MOST_DB)
        if not residual.levels_natural:  # only the colour is told, not the level
            total = np.bincount(seen.take, seen.weight * missing) / np.maximum(
                np.bincount(seen.take, seen.weight), 1e-9
            )
            missing = missing - total[seen.take]
        (values,) = fit_surfaces([surface], seen.at, missing + own_db, seen.weight)
        return cls({"balance_db": cls.law("balance_db", values, surface)})
