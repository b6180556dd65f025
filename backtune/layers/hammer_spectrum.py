"""Hammer spectrum: a harder stroke is a shorter one, and a shorter one reaches higher (hammer, plectrum, mallet)."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from backtune.analysis.descent import descend, misfit, thinned
from backtune.analysis.knots import pitch_knots
from backtune.analysis.observations import Observations
from backtune.analysis.residual import Residual
from backtune.analysis.surface import Surface
from backtune.errors import Declined
from backtune.law import LawSpec
from backtune.layer import Layer
from backtune.voice import Floats, Voice

MIDDLE_VELOCITY = 64.0  # where the layer changes nothing
KNEE = 0.59  # frequency times contact time at which the spectrum starts to fall (Chaigne and Askenfelt 1994)
START_S, START_SHORTENING = 0.002, 0.27  # contact time in the middle of a piano; speed^-0.19, speed ~ velocity^1.4
PITCH_SPACING = 20.0
REACH = (0.7, 0.3)  # of one step: logarithm of seconds, power
LEAST_GAIN_DB = 0.02  # of the mean error of all partials


class HammerSpectrum(Layer):
    """A low-pass whose corner rises with velocity: |F| = [1 + (f T / 0.59)^4]^(-1/2), T = T0 (velocity / 64)^-s."""

    kind: ClassVar[str] = "hammer_spectrum"
    explains: ClassVar[str] = "Playing harder shortens the stroke, and a shorter stroke excites higher overtones."
    references: ClassVar[str] = "Hall and Askenfelt 1988; Chaigne and Askenfelt 1994"
    depth: ClassVar[int] = 1
    where: ClassVar[tuple[str, ...]] = ("following pitch",)
    specs: ClassVar[tuple[LawSpec, ...]] = (
        LawSpec("contact_s", "s", 5e-5, 0.05, "how long the stroke lasts at velocity 64", ("pitch",)),
        LawSpec("shortening", "", -3, 3, "power of velocity by which it gets shorter", ()),
    )

    def shape(self, voice: Voice) -> Voice:
        """Return `voice` with its partials coloured by the stroke."""
        gain = _gain_db(
            voice.partial_hz,
            voice.note.velocity,
            float(self.laws["contact_s"](pitch=voice.note.midi)),
            float(self.laws["shortening"]()),
        )
        return voice.with_(partial_db=voice.partial_db + gain[:, None])

    @classmethod
    def guess(cls, residual: Residual) -> Self:
        """Return the stroke nearest to what is missing; declines for one dynamic, or where it explains nothing."""
        if len(residual.velocities) < 2:
            raise Declined("only one dynamic was recorded")
        if not residual.struck:
            raise Declined("the notes are sustained: nothing strikes")
        seen = residual.partials
        return cls._fitted(residual, seen, seen.rendered_db, (START_S, START_SHORTENING))

    def fit(self, residual: Residual) -> Self:
        """Return the stroke refitted beside the other layers, from where it stands."""
        seen = residual.partials
        contact, shortening = self.laws["contact_s"], float(self.laws["shortening"]())
        own = _gain_db(seen.at["hz"], seen.at["velocity"], contact.along(seen.at), shortening)
        start = float(np.exp(np.mean(np.log(contact.values))))
        return self._fitted(residual, seen, seen.rendered_db - own, (start, shortening))

    @classmethod
    def _fitted(cls, residual: Residual, seen: Observations, others_db: Floats, start: tuple[float, float]) -> Self:
        kept = thinned(seen)
        seen, others_db = seen.where(kept), others_db[kept]
        surfaces = [
            Surface(("pitch",), (pitch_knots(residual.pitches, PITCH_SPACING),), (10.0,)),
            Surface((), (), ()),
        ]

        def predict(values: list[Floats]) -> Floats:
            return others_db + _gain_db(seen.at["hz"], seen.at["velocity"], values[0], values[1])

        tensors = [np.full(s.shape, v) for s, v in zip(surfaces, start, strict=True)]
        values, found = descend(surfaces, tensors, predict, seen, REACH, (START_S, 0.0))
        gain = misfit(seen, others_db) - misfit(seen, found)
        if gain < LEAST_GAIN_DB:
            raise Declined(f"a shorter stroke would explain {max(gain, 0.0):.2f} dB of what velocity does")
        return cls(
            {
                "contact_s": cls.law("contact_s", values[0], surfaces[0], step=0.0),
                "shortening": cls.law("shortening", values[1], step=0.01),
            }
        )


def _gain_db(hz: Floats, velocity: Floats | float, contact_s: Floats | float, shortening: Floats | float) -> Floats:
    """Return the gain of a stroke at `velocity` over that of the middle velocity, dB."""
    at = np.minimum(hz * contact_s / KNEE, 1e4)
    harder = (np.maximum(velocity, 1.0) / MIDDLE_VELOCITY) ** -np.clip(shortening, -3.0, 3.0)
    return np.asarray(10 * np.log10((1 + at**4) / (1 + (at * harder) ** 4)))
