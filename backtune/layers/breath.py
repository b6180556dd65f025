"""Breath: noise that lasts as long as the tone - air, bow, the rustle of many strings between the partials."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from backtune.analysis.attack import LEAD_IN_DB_S
from backtune.analysis.knots import pitch_knots, velocity_knots
from backtune.analysis.noise_levels import noise_target
from backtune.analysis.observations import Observations
from backtune.analysis.residual import Residual
from backtune.analysis.surface import Surface, fit_levels
from backtune.law import LawSpec
from backtune.layer import Layer
from backtune.voice import SILENCE_DB, Voice

# A knot a band where bands are told apart: a notch at 4.7 kHz, 4 dB deep, fell between the wider ones.
# fmt: off
HZ_KNOTS = np.array([
    40, 120, 220, 350, 500, 700, 1000, 1400, 1800, 2200, 2650, 3200, 3865, 4652, 5589, 6707, 8039, 9627, 11520, 18000.0
])
# fmt: on
VELOCITY_HZ_KNOTS = np.array([40, 350, 1000, 1800, 3000, 4700, 7000, 10000, 18000.0])
TIME_KNOTS_S = np.array([-0.05, -0.01, 0, 0.01, 0.025, 0.06, 0.15, 0.4, 1.2, 3.5, 9])
VELOCITY_TIME_KNOTS_S = np.array([-0.02, 0, 0.01, 0.03, 0.08, 0.3, 1.2, 5])
PITCH_SPACING = 8.0
# A piano's highest key knocked 20 dB louder than its neighbours, and one in the middle 11: a law bent to those came
# 0.2 dB less near to notes it had never heard.
USUAL_DB = 3.0
FALL_AXES = ("velocity", "pitch", "hz", "time_s")
LEVEL_AXES = ("pitch", "hz", "time_s")


class Breath(Layer):
    """Noise by band, over keyboard and time, with its own answer to velocity."""

    kind: ClassVar[str] = "breath"
    explains: ClassVar[str] = "The noise between the overtones that lasts as long as the tone."
    references: ClassVar[str] = "Serra and Smith 1990, Spectral modeling synthesis"
    depth: ClassVar[int] = 1
    where: ClassVar[tuple[str, ...]] = ("sustained", "fixed frequency")
    adds_sound: ClassVar[bool] = True
    specs: ClassVar[tuple[LawSpec, ...]] = (
        LawSpec("noise_db", "dB", -180, 20, "power of the noise in each band", LEVEL_AXES),
        LawSpec("velocity_db", "dB", -80, 80, "change of the noise with velocity", FALL_AXES),
    )

    def shape(self, voice: Voice) -> Voice:
        """Return `voice` with the noise added, power to power."""
        at = {
            "pitch": voice.note.midi,
            "velocity": voice.note.velocity,
            "hz": voice.band_centre_hz,
            "time_s": voice.times_s,
        }
        noise = self.laws["noise_db"]
        level = noise.over("hz", "time_s", **at) + self.laws["velocity_db"].over("hz", "time_s", **at)
        first = noise.knots[noise.axes.index("time_s")][0] if "time_s" in noise.axes else 0.0
        return voice.adding_noise(level + LEAD_IN_DB_S * np.minimum(voice.times_s - first, 0.0))

    @classmethod
    def guess(cls, residual: Residual) -> Self:
        """Return the smooth surfaces nearest to the noise that nothing explains yet."""
        return cls._fitted(residual, noise_target(residual.noise))

    def fit(self, residual: Residual) -> Self:
        """Return the surfaces refitted beside the other layers."""
        own = np.sum([law.along(residual.noise.at) for law in self.laws.values()], axis=0)
        return self._fitted(residual, noise_target(residual.noise, own))

    @classmethod
    def _fitted(cls, residual: Residual, left: Observations) -> Self:
        time, velocity = left.at["time_s"], velocity_knots(residual.velocities)
        last = 1 + np.searchsorted(TIME_KNOTS_S, time.max())
        first = int(np.argmax(TIME_KNOTS_S >= 0)) if residual.struck else 0  # a struck note has no breath before it
        surfaces = [
            Surface(
                LEVEL_AXES,
                (pitch_knots(residual.pitches, PITCH_SPACING), HZ_KNOTS, TIME_KNOTS_S[first:last]),
                (3.0, 0.03, 0.03),
            ),
            Surface(
                FALL_AXES,
                (velocity, pitch_knots(residual.pitches, 20.0), VELOCITY_HZ_KNOTS, VELOCITY_TIME_KNOTS_S),
                (3.0, 5.0, 0.5, 0.2),
            ),
        ]
        noise, change = fit_levels(surfaces, left, SILENCE_DB, USUAL_DB)
        return cls(
            {
                "noise_db": cls.law("noise_db", noise, surfaces[0], step=0.5),
                "velocity_db": cls.law("velocity_db", change, surfaces[1], step=0.5),
            }
        )
