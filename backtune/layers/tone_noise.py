"""Tone noise: noise that goes with the tone - air shaped by the bore, the rustle of strings - in proportion to it."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from backtune.analysis.knots import pitch_knots, velocity_knots
from backtune.analysis.noise_levels import noise_target
from backtune.analysis.observations import Observations
from backtune.analysis.residual import Residual
from backtune.analysis.surface import Surface, fit_levels
from backtune.errors import Declined
from backtune.law import LawSpec
from backtune.layer import Layer
from backtune.units import hz_to_erb, power_to_db
from backtune.voice import SILENCE_DB, Floats, Voice

HZ_KNOTS = np.array([60, 150, 300, 600, 1000, 1600, 2500, 4000, 7000, 12000.0])
COARSE_HZ_KNOTS = np.array([100, 1000, 7000.0])
PITCH_SPACING = 12.0
FALL_SPACING = 24.0
SPREAD_DB_PER_ERB = 3.0  # how fast the noise of a partial falls beside it: bands without partials have some too
FROM_S = 0.06  # before this an onset has a noise of its own
LEAST_SHARE = 0.1  # of the levels that must stand clear of what hides them


class ToneNoise(Layer):
    """Noise in each band at a fixed distance from the partials around it, so that it swells and dies with them."""

    kind: ClassVar[str] = "tone_noise"
    explains: ClassVar[str] = "Noise that goes with the tone: air in the bore, rustle of the strings."
    references: ClassVar[str] = "Chafe 1990, Pulsed noise in self-sustained oscillations"
    depth: ClassVar[int] = 2
    where: ClassVar[tuple[str, ...]] = ("following pitch", "sustained")
    adds_sound: ClassVar[bool] = True
    specs: ClassVar[tuple[LawSpec, ...]] = (
        LawSpec("distance_db", "dB", -150, 20, "level of the noise over the partials around it", ("pitch", "hz")),
        LawSpec("velocity_db", "dB", -60, 60, "change of that distance with velocity", ("velocity", "hz")),
        LawSpec("fall_db_s", "dB/s", -60, 300, "how much faster than the tone the noise falls", ("pitch", "hz")),
    )

    def shape(self, voice: Voice) -> Voice:
        """Return `voice` with noise in proportion to its partials."""
        if not len(voice.partial_hz):
            return voice
        at = {"pitch": voice.note.midi, "velocity": voice.note.velocity, "hz": voice.band_centre_hz}
        distance = self.laws["distance_db"].over("hz", **at) + self.laws["velocity_db"].over("hz", **at)
        fall = self.laws["fall_db_s"].over("hz", **at)[:, None] * np.maximum(voice.times_s, 0.0)
        return voice.adding_noise(np.maximum(_tone_db(voice) + distance[:, None] - fall, SILENCE_DB))

    @classmethod
    def guess(cls, residual: Residual) -> Self:
        """Return the distance of the noise that nothing explains yet from the tone; declines when it is not heard."""
        return cls._fitted(residual, residual.noise, None)

    def fit(self, residual: Residual) -> Self:
        """Return the distances refitted beside the other layers."""
        seen = residual.noise
        own = _tones(residual) + self.laws["distance_db"].along(seen.at) + self.laws["velocity_db"].along(seen.at)
        own = own - self.laws["fall_db_s"].along(seen.at) * np.maximum(seen.at["time_s"], 0.0)
        return self._fitted(residual, seen, np.maximum(own, SILENCE_DB))

    @classmethod
    def _fitted(cls, residual: Residual, seen: Observations, own_db: Floats | None) -> Self:
        left = noise_target(seen, own_db)
        tone = _tones(residual)
        later = (seen.at["time_s"] >= FROM_S) & (tone > SILENCE_DB)
        left, tone = left.where(later), tone[later]
        if not later.any() or np.mean(~left.hidden) < LEAST_SHARE:
            raise Declined("no noise between the partials stands clear of the recording's own")
        surfaces = [
            Surface(("pitch", "hz"), (pitch_knots(residual.pitches, PITCH_SPACING), HZ_KNOTS), (10.0, 0.3)),
            Surface(("velocity", "hz"), (velocity_knots(residual.velocities), COARSE_HZ_KNOTS), (3.0, 1.0), ridge=0.1),
        ]
        if residual.struck:
            knots = (pitch_knots(residual.pitches, FALL_SPACING), COARSE_HZ_KNOTS)
            surfaces.append(Surface(("pitch", "hz"), knots, (3.0, 1.0), ridge=0.1, factor=-left.at["time_s"]))
        beside = Observations(left.at, left.measured_db, tone, left.weight, left.hidden, left.take)
        distance, change, *fall = fit_levels(surfaces, beside)
        return cls(
            {
                "distance_db": cls.law("distance_db", distance, surfaces[0], step=0.5),
                "velocity_db": cls.law("velocity_db", change, surfaces[1], step=0.5),
                "fall_db_s": cls.law("fall_db_s", fall[0], surfaces[2]) if fall else cls.law("fall_db_s", 0.0),
            }
        )


def _tone_db(voice: Voice) -> Floats:
    """Return the level of the partials around each noise band, dB (B, T)."""
    apart = np.abs(hz_to_erb(voice.band_centre_hz)[:, None] - hz_to_erb(voice.partial_hz)[None, :])
    share = 0.5 * np.power(10.0, -SPREAD_DB_PER_ERB * apart / 10)
    return np.asarray(power_to_db(share @ np.power(10.0, voice.partial_db / 10)))


def _tones(residual: Residual) -> Floats:
    """Return the tone around each noise level of a residual, in the order of its observations, dB (N,)."""
    none = np.full(residual.voices[0].noise_db.shape, SILENCE_DB)
    rows = [
        (_tone_db(voice) if len(voice.partial_hz) else none)[np.isfinite(heard.tracks.noise_db)]
        for heard, voice in zip(residual.heard, residual.voices, strict=True)
    ]
    return np.concatenate(rows)
