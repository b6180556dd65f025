"""Drift: the slow, restless movement of each harmonic of a held tone, invented anew but with the measured spread."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from backtune.analysis.motion import DRIFT_HZ
from backtune.analysis.residual import Residual
from backtune.analysis.surface import Surface, fit_surfaces
from backtune.errors import Declined
from backtune.law import LawSpec
from backtune.layer import Layer
from backtune.voice import Voice

PARTIAL_KNOTS = np.array([1, 2, 4, 8, 16.0])
WAVES = 6  # incommensurable sines: more sound no less regular
SETTLED_S = 0.15
SEED = 40961  # apart from the seeds of phases and noise
LEAST_DB = 0.2  # below this, nobody hears it


class Drift(Layer):
    """For each partial a sum of slow sines with seeded rates and phases: repeatable, never the same for two notes."""

    kind: ClassVar[str] = "drift"
    explains: ClassVar[str] = "Invented: harmonics of a held tone wander slowly, as far and as fast as was measured."
    references: ClassVar[str] = "Grey and Moorer 1977 (what is lost when harmonics are smoothed)"
    depth: ClassVar[int] = 3
    where: ClassVar[tuple[str, ...]] = ("modulated",)
    evidence: ClassVar[str] = "character"
    trait: ClassVar[str] = "drift"
    specs: ClassVar[tuple[LawSpec, ...]] = (
        LawSpec("spread_db", "dB", 0, 20, "standard deviation of each partial's level over time", ("partial",)),
        LawSpec("rate_hz", "Hz", 0.05, 8, "middle of the rates of movement", ()),
    )

    def shape(self, voice: Voice) -> Voice:
        """Return `voice` with partials that wander."""
        t = np.maximum(voice.times_s, 0.0)
        rng = np.random.default_rng([SEED, voice.seed])
        count = len(voice.partial_number)
        # rates spread over two octaves around the middle one, on a logarithmic axis
        rates = float(self.laws["rate_hz"]()) * np.exp2(rng.uniform(-1.0, 1.0, (count, WAVES)))
        phases = rng.uniform(0, 2 * np.pi, (count, WAVES))
        waves = np.sin(2 * np.pi * rates[:, :, None] * t + phases[:, :, None]).sum(axis=1) * np.sqrt(2 / WAVES)
        spread = self.laws["spread_db"].over("partial", partial=voice.partial_number)
        return voice.with_(partial_db=voice.partial_db + spread[:, None] * waves * np.minimum(t / SETTLED_S, 1.0))

    @classmethod
    def guess(cls, residual: Residual) -> Self:
        """Return the measured spread and rate; declines for struck notes and steady tones."""
        if residual.struck:
            raise Declined("the notes are struck: nothing holds them, so nothing wanders")
        return cls._fitted(residual)

    def fit(self, residual: Residual) -> Self:
        """Return the drift as measured: it does not depend on the other layers."""
        return self._fitted(residual)

    @classmethod
    def _fitted(cls, residual: Residual) -> Self:
        motions = [h.tracks.motion for h in residual.heard]
        rows = np.array([m.drift_db for m in motions])
        take, partial = np.nonzero(np.isfinite(rows))
        if not len(take):
            raise Declined("no partial stands clear enough of the noise to see it wander")
        surface = Surface(("partial",), (PARTIAL_KNOTS,), (1.0,))
        power = np.log(np.maximum(rows[take, partial], 0.02))
        at = {"partial": np.asarray(partial + 1.0, np.float64)}
        (values,) = fit_surfaces([surface], at, power, np.ones(len(take)))
        spread = np.exp(values)
        if spread.max() < LEAST_DB:
            raise Declined(f"harmonics are steady to {spread.max():.1f} dB")
        memory = [m.drift_s for m in motions if m.drift_s > 0]
        # movement in a band about f forgets itself to 1/e after about a fifth of a period
        rate = float(np.clip(0.2 / np.median(memory), *DRIFT_HZ)) if memory else 1.0
        return cls({"spread_db": cls.law("spread_db", spread, surface, step=0.01), "rate_hz": cls.law("rate_hz", rate)})
