"""Range correction: what one register does differently from the keyboard - a break, another bridge, thinner strings."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from backtune.analysis.knots import pitch_knots
from backtune.analysis.observations import Observations
from backtune.analysis.residual import Residual
from backtune.analysis.surface import Surface, fit_levels
from backtune.errors import Declined
from backtune.law import LawSpec
from backtune.layer import Layer
from backtune.voice import Floats, Voice

PARTIAL_KNOTS = np.array([1, 2, 3, 4, 6, 9, 14, 25, 50, 100.0])
PITCH_SPACING = 4.0  # semitones: a third of the core's
FEWEST_PITCHES = 7  # fewer are not denser than the core's knots
SMOOTHNESS = (1.0, 3.0)
RIDGE = 3.0  # in observations of full weight: a register has to insist
FROM_S = 0.03  # before this, onsets have their own ways
LEAST_DB = 0.3


class RangeCorrection(Layer):
    """A field over keyboard and overtone, finer along the keyboard than the core and steady over time."""

    kind: ClassVar[str] = "range_correction"
    explains: ClassVar[str] = "What single registers do differently: a break, another bridge, thinner strings."
    references: ClassVar[str] = "Benade 1976 (registers of winds); no law is known"
    depth: ClassVar[int] = 3
    where: ClassVar[tuple[str, ...]] = ("following pitch", "sustained")
    specs: ClassVar[tuple[LawSpec, ...]] = (
        LawSpec("field_db", "dB", -60, 60, "a register's own balance of the overtones", ("pitch", "partial")),
    )

    def shape(self, voice: Voice) -> Voice:
        """Return `voice` with the levels of its partials moved by what its register does."""
        gain = self.laws["field_db"].over("partial", pitch=voice.note.midi, partial=voice.partial_number)
        return voice.with_(partial_db=voice.partial_db + gain[:, None])

    @classmethod
    def guess(cls, residual: Residual) -> Self:
        """Return the field nearest to what is missing; declines where pitches are few or it would be flat."""
        return cls._fitted(residual, residual.partials.since(FROM_S), 0.0)

    def fit(self, residual: Residual) -> Self:
        """Return the field refitted beside the other layers."""
        seen = residual.partials.since(FROM_S)
        return self._fitted(residual, seen, self.laws["field_db"].along(seen.at))

    @classmethod
    def _fitted(cls, residual: Residual, seen: Observations, own_db: Floats | float) -> Self:
        if len(residual.pitches) < FEWEST_PITCHES:
            raise Declined(f"{len(residual.pitches)} pitches: too few to tell registers from the whole keyboard")
        if not len(seen.weight):
            raise Declined("no partial sounds after the onset")
        partial = PARTIAL_KNOTS[: 1 + np.searchsorted(PARTIAL_KNOTS, seen.at["partial"].max())]
        surface = Surface(
            ("pitch", "partial"), (pitch_knots(residual.pitches, PITCH_SPACING), partial), SMOOTHNESS, RIDGE
        )
        (field,) = fit_levels([surface], seen, own_db)
        size = float(np.average(np.abs(surface.design(seen.at, len(seen.weight)) @ field.ravel()), weights=seen.weight))
        if size < LEAST_DB:
            raise Declined(f"registers follow the laws of the whole keyboard to {size:.1f} dB")
        return cls({"field_db": cls.law("field_db", field, surface, step=0.5)})
