"""Body filter: what the body makes louder or softer at fixed frequencies, whichever note plays there."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from backtune.analysis.left_out import smoothest_by_notes
from backtune.analysis.observations import Observations
from backtune.analysis.residual import Residual
from backtune.analysis.surface import Surface, fit_levels
from backtune.errors import Declined
from backtune.law import LawSpec
from backtune.layer import Layer
from backtune.units import erb_to_hz, hz_to_erb
from backtune.voice import Floats, Voice

LOW_HZ, HIGH_HZ = 50.0, 14000.0
KNOTS = np.round(erb_to_hz(np.linspace(hz_to_erb(LOW_HZ), hz_to_erb(HIGH_HZ), 44)), 0)  # two thirds of an ear band
# Few notes tell a broad colour, many the single formants; with too little smoothness single partials show through.
SMOOTH = tuple(np.geomspace(0.3, 3000.0, 9))
RIDGE = 3.0
LEAST_DB = 0.3  # a filter flatter than this is none
FROM_S = 0.02  # the attack is not the body's business
FEWEST_PITCHES = 4  # from fewer notes a fixed frequency is not told from a fixed overtone


class BodyFilter(Layer):
    """One gain over frequency for all partials of all notes: formants of body, bore and room."""

    kind: ClassVar[str] = "body_filter"
    explains: ClassVar[str] = "The colour of the body: fixed frequencies that come out louder or softer in every note."
    references: ClassVar[str] = "Mathews and Kohut 1973, Electronic simulation of violin resonances"
    depth: ClassVar[int] = 2
    where: ClassVar[tuple[str, ...]] = ("fixed frequency",)
    specs: ClassVar[tuple[LawSpec, ...]] = (
        LawSpec("gain_db", "dB", -60, 60, "gain of the body at each frequency", ("hz",)),
    )

    def shape(self, voice: Voice) -> Voice:
        """Return `voice` with its partials filtered."""
        gain = self.laws["gain_db"].over("hz", hz=voice.partial_hz)
        return voice.with_(partial_db=voice.partial_db + gain[:, None])

    @classmethod
    def guess(cls, residual: Residual) -> Self:
        """Return the filter nearest to what is missing; declines when it would be flat."""
        return cls._fitted(residual, residual.partials.since(FROM_S), 0.0)

    def fit(self, residual: Residual) -> Self:
        """Return the filter refitted beside the other layers."""
        seen = residual.partials.since(FROM_S)
        return self._fitted(residual, seen, self.laws["gain_db"].along(seen.at))

    @classmethod
    def _fitted(cls, residual: Residual, seen: Observations, own_db: Floats | float) -> Self:
        if len(residual.pitches) < FEWEST_PITCHES:
            raise Declined(f"{len(residual.pitches)} pitches: fixed frequencies are not told from fixed overtones")
        surface = smoothest_by_notes(Surface(("hz",), (KNOTS,), (1.0,), RIDGE), seen, own_db, SMOOTH)
        (gain,) = fit_levels([surface], seen, own_db)
        depth = float(np.average(np.abs(surface.design(seen.at, len(seen.weight)) @ gain), weights=seen.weight))
        if depth < LEAST_DB:
            raise Declined(f"all frequencies come out alike: the filter would be {depth:.1f} dB deep")
        return cls({"gain_db": cls.law("gain_db", gain, surface)})
