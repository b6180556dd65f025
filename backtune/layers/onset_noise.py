"""Onset noise: the thud, chiff or click that begins a note - hammer, tongue, pluck - and is gone at once."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from backtune.analysis.burst import BURST_S, lasting_db, seen_burst_db
from backtune.analysis.descent import descend, misfit, total_db
from backtune.analysis.knots import pitch_knots, velocity_knots
from backtune.analysis.noise_levels import noise_target
from backtune.analysis.observations import Observations
from backtune.analysis.residual import Residual
from backtune.analysis.surface import Surface
from backtune.errors import Declined
from backtune.law import LawSpec
from backtune.layer import Layer
from backtune.voice import SILENCE_DB, Floats, Voice

HZ_KNOTS = np.array([60, 150, 300, 600, 1000, 1600, 2500, 4000, 7000, 12000.0])
COARSE_HZ_KNOTS = np.array([60, 300, 1000, 2500, 7000.0])
PITCH_SPACING = 12.0
START_DECAY_S, START_RISE_S = 0.15, 0.02  # to fall and to rise by 60 dB
REACH = (40.0, 20.0, 0.7, 0.7)  # of one step: dB, dB, logarithms of seconds
LEAST_GAIN_DB = 0.3  # a burst has to explain this much of the mean error


class OnsetNoise(Layer):
    """A burst of band noise: its level over keyboard and frequency, its answer to velocity, its rise and decay."""

    kind: ClassVar[str] = "onset_noise"
    explains: ClassVar[str] = "The burst of noise with which a note begins: hammer, tongue, plectrum."
    references: ClassVar[str] = "Askenfelt 1994, Transient components of the piano tone"
    depth: ClassVar[int] = 1
    where: ClassVar[tuple[str, ...]] = ("onset",)
    adds_sound: ClassVar[bool] = True
    specs: ClassVar[tuple[LawSpec, ...]] = (
        LawSpec("burst_db", "dB", -180, 20, "power of the burst in each band at its peak", ("pitch", "hz")),
        LawSpec("velocity_db", "dB", -80, 80, "change of the burst with velocity", ("velocity", "hz")),
        LawSpec("decay_s", "s", 0.005, 3, "time to fall 60 dB after the onset", ("hz",)),
        LawSpec("rise_s", "s", 0.001, 1, "time to rise 60 dB before the onset", ()),
    )

    def shape(self, voice: Voice) -> Voice:
        """Return `voice` with the burst added to its noise, power to power."""
        at = {"pitch": voice.note.midi, "velocity": voice.note.velocity, "hz": voice.band_centre_hz}
        peak = self.laws["burst_db"].over("hz", **at) + self.laws["velocity_db"].over("hz", **at)
        fall = 60.0 / self.laws["decay_s"].over("hz", **at)
        rise = 60.0 / float(self.laws["rise_s"](**at))
        t = voice.times_s
        return voice.adding_noise(
            np.maximum(peak[:, None] + rise * np.minimum(t, 0.0) - fall[:, None] * np.maximum(t, 0.0), SILENCE_DB)
        )

    @classmethod
    def guess(cls, residual: Residual) -> Self:
        """Return the burst above the lasting noise; declines when the noise at the onset is no louder than that."""
        seen = residual.noise
        return cls._fitted(residual, seen, seen.rendered_db, None)

    def fit(self, residual: Residual) -> Self:
        """Return the burst refitted beside the other layers."""
        seen = residual.noise
        own = 10 ** (self._own_db(seen) / 10)
        others = np.maximum(10 ** (seen.rendered_db / 10) - own, 10 ** (SILENCE_DB / 10))
        return self._fitted(residual, seen, 10 * np.log10(others), self._own_db(seen))

    def _own_db(self, seen: Observations) -> Floats:
        t = seen.at["time_s"]
        course = 60.0 * np.minimum(t, 0.0) / self.laws["rise_s"].along(seen.at)
        course = course - 60.0 * np.maximum(t, 0.0) / self.laws["decay_s"].along(seen.at)
        peak = self.laws["burst_db"].along(seen.at) + self.laws["velocity_db"].along(seen.at)
        return np.asarray(np.maximum(peak + course, SILENCE_DB))

    @classmethod
    def _fitted(cls, residual: Residual, seen: Observations, others_db: Floats, own_db: Floats | None) -> Self:
        under = total_db(others_db, lasting_db(noise_target(seen, own_db)))
        early = (seen.at["time_s"] >= BURST_S[0]) & (seen.at["time_s"] <= BURST_S[1])
        if not early.any():
            raise Declined("no noise was measured around the onsets")
        seen, under = seen.where(early), under[early]
        surfaces = [
            Surface(("pitch", "hz"), (pitch_knots(residual.pitches, PITCH_SPACING), HZ_KNOTS), (10.0, 0.3)),
            Surface(("velocity", "hz"), (velocity_knots(residual.velocities), COARSE_HZ_KNOTS), (3.0, 1.0), ridge=0.1),
            Surface(("hz",), (COARSE_HZ_KNOTS,), (10.0,), ridge=10.0),
            Surface((), (), (), ridge=10.0),
        ]
        start = [np.zeros(s.shape) for s in surfaces]
        start[0] += np.average(seen.measured_db, weights=seen.weight)
        start[2] += START_DECAY_S
        start[3] += START_RISE_S

        def predict(values: list[Floats]) -> Floats:
            level, change, decay, rise = values
            course = seen_burst_db(seen.at["time_s"], rise, decay)
            return total_db(under, level + change + course)

        values, found = descend(surfaces, start, predict, seen, REACH, (0.0, 0.0, START_DECAY_S, START_RISE_S))
        level, change, decay, rise = values
        after = seen.at["time_s"] >= 0
        gain = misfit(seen.where(after), under[after]) - misfit(seen.where(after), found[after])
        if gain < LEAST_GAIN_DB:
            raise Declined(f"a burst would explain {max(gain, 0.0):.1f} dB of the noise at the onset")
        return cls(
            {
                "burst_db": cls.law("burst_db", level, surfaces[0], step=0.5),
                "velocity_db": cls.law("velocity_db", change, surfaces[1], step=0.5),
                "decay_s": cls.law("decay_s", decay, surfaces[2], step=0.001),
                "rise_s": cls.law("rise_s", rise, step=0.001),
            }
        )
