"""Dynamic correction: what single notes do differently at single dynamics, carried on to the dynamics between."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from backtune.analysis.residual import Residual
from backtune.analysis.surface import Surface, fit_levels
from backtune.errors import Declined
from backtune.kinship import AT_SAME_HZ, SPECS, kinship_laws, shared_field
from backtune.law import LawSpec
from backtune.layer import Layer
from backtune.voice import Floats, Voice

# Coarser than a note's own field, as it is as many times that as there are dynamics: half of 92 KB of a piano went,
# and 0.02 dB at unheard dynamics.
PARTIAL_KNOTS = np.array([*range(1, 13), 14, 16, 19, 22, 26, 32, 40, 55, 80], float)
TIME_KNOTS_S = np.array([0, 0.02, 0.1, 0.4, 1.5, 5])
RIDGE = 0.1  # in observations of full weight: each cell of note and dynamic was often heard only once
SMOOTH_VELOCITY, SMOOTH_TIME = 0.5, 0.1
AXES = ("pitch", "velocity", "partial", "time_s")


class DynamicCorrection(Layer):
    """For each recorded note and dynamic: its own overtone levels over time, linear in between dynamics."""

    kind: ClassVar[str] = "dynamic_correction"
    explains: ClassVar[str] = "What single notes do at single dynamics: a register that speaks late, a hard hammer."
    references: ClassVar[str] = (
        "no law is known: levels shrunk towards the laws (James and Stein 1961), kin by Matheron 1963"
    )
    depth: ClassVar[int] = 3
    where: ClassVar[tuple[str, ...]] = ("onset", "sustained")
    evidence: ClassVar[str] = "dynamics"
    mimics: ClassVar[int] = 2
    specs: ClassVar[tuple[LawSpec, ...]] = (
        LawSpec("field_db", "dB", -80, 80, "the note's own overtone levels at each dynamic", AXES),
        *SPECS,
        AT_SAME_HZ,
    )

    def shape(self, voice: Voice) -> Voice:
        """Return `voice` reshaped if its note was recorded, else by what it shares with its kin."""
        note = voice.note
        at = {"velocity": note.velocity, "partial": voice.partial_number, "time_s": voice.times_s}
        gain = shared_field(self.laws["field_db"], self.laws, note.midi, "partial", **at)
        return voice.with_(partial_db=voice.partial_db + gain)

    @classmethod
    def guess(cls, residual: Residual) -> Self:
        """Return the fields shrunk towards the laws; declines when only one dynamic was recorded."""
        if len(residual.velocities) < 2:
            raise Declined("only one dynamic was recorded: that is the note correction's business")
        return cls._fitted(residual, 0.0)

    def fit(self, residual: Residual) -> Self:
        """Return the fields refitted beside the other layers."""
        return self._fitted(residual, self.laws["field_db"].along(residual.partials.at))

    @classmethod
    def _fitted(cls, residual: Residual, own_db: Floats | float) -> Self:
        seen = residual.partials
        knots = (
            residual.pitches,
            residual.velocities,
            PARTIAL_KNOTS[: 1 + np.searchsorted(PARTIAL_KNOTS, seen.at["partial"].max())],
            TIME_KNOTS_S[: 1 + np.searchsorted(TIME_KNOTS_S, seen.at["time_s"].max())],
        )
        field = Surface(AXES, knots, (0, SMOOTH_VELOCITY, 0, SMOOTH_TIME), RIDGE, by_notes=True)
        (values,) = fit_levels([field], seen, own_db)
        return cls({"field_db": cls.law("field_db", values, field, 0.5), **kinship_laws(residual.pitches, values)})
