"""Late overtones: each overtone starts below its level and catches up, the higher ones often later than the tone."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Self

import numpy as np

from backtune.analysis.descent import lowest, misfit, thinned
from backtune.analysis.knots import pitch_knots, velocity_knots
from backtune.analysis.observations import Observations
from backtune.analysis.residual import Residual
from backtune.analysis.surface import Surface, fit_levels, summed
from backtune.errors import Declined
from backtune.law import LawSpec
from backtune.layer import Layer
from backtune.voice import Floats, Voice

PARTIAL_KNOTS = np.array([1, 2, 4, 8, 20.0])
PITCH_SPACING = 12.0
SETTLES_S = tuple(np.geomspace(0.01, 0.5, 9))
SEEN_S = (0.01, 1.0)  # earlier, windows reach back before the note; later, nothing is left of a start
LEAST_GAIN_DB = 0.05  # of the mean error of that first second; worlds of late overtones tell of 0.07 to 0.09


class LateOvertones(Layer):
    """A gain that fades exponentially from the onset on: negative where an overtone speaks late."""

    kind: ClassVar[str] = "late_overtones"
    explains: ClassVar[str] = "Overtones speak one after another before the tone has settled."
    references: ClassVar[str] = "Luce and Clark 1965, Durations of attack transients"
    depth: ClassVar[int] = 1
    where: ClassVar[tuple[str, ...]] = ("onset",)
    specs: ClassVar[tuple[LawSpec, ...]] = (
        LawSpec("late_db", "dB", -60, 80, "how far below its level each overtone starts", ("pitch", "partial")),
        LawSpec("velocity_db", "dB", -60, 60, "change of that with velocity", ("velocity", "partial")),
        LawSpec("settle_s", "s", 0.001, 2, "time until a third of that is left", ()),
    )

    def shape(self, voice: Voice) -> Voice:
        """Return `voice` with partials that settle."""
        at = {"pitch": voice.note.midi, "velocity": voice.note.velocity, "partial": voice.partial_number}
        late = self.laws["late_db"].over("partial", **at) + self.laws["velocity_db"].over("partial", **at)
        left = _left(voice.times_s, float(self.laws["settle_s"]()))
        return voice.with_(partial_db=voice.partial_db - late[:, None] * left)

    @classmethod
    def guess(cls, residual: Residual) -> Self:
        """Return the start nearest to what is missing in the first second; declines when that is little."""
        return cls._fitted(residual, residual.partials, 0.0, SETTLES_S)

    def fit(self, residual: Residual) -> Self:
        """Return the start refitted beside the other layers."""
        seen = residual.partials
        late = self.laws["late_db"].along(seen.at) + self.laws["velocity_db"].along(seen.at)
        settle = float(self.laws["settle_s"]())
        return self._fitted(residual, seen, -late * _left(seen.at["time_s"], settle), (settle,))

    @classmethod
    def _fitted(cls, residual: Residual, seen: Observations, own_db: Floats | float, near_s: tuple[float, ...]) -> Self:
        seen = replace(seen, rendered_db=seen.rendered_db - own_db)
        seen = seen.where((seen.at["time_s"] >= SEEN_S[0]) & (seen.at["time_s"] <= SEEN_S[1]))
        if not len(seen.measured_db):
            raise Declined("nothing was heard in the first second")
        few = seen.where(thinned(seen))

        def cost_of(settle: float) -> float:
            return misfit(few, few.rendered_db + _settled(residual, few, settle)[1])

        cost, settle = lowest(cost_of, near_s)
        gain = misfit(few, few.rendered_db) - cost
        if gain < LEAST_GAIN_DB:
            raise Declined(f"overtones speak together: a late start would explain {max(gain, 0.0):.2f} dB of it")
        surfaces, _, values = _settled(residual, seen, settle)
        return cls(
            {
                "late_db": cls.law("late_db", values[0], surfaces[0]),
                "velocity_db": cls.law("velocity_db", values[1], surfaces[1]),
                "settle_s": cls.law("settle_s", settle, step=0.0),
            }
        )


def _left(time_s: Floats, settle_s: float) -> Floats:
    return np.asarray(np.exp(-np.maximum(time_s, 0.0) / settle_s))


def _settled(residual: Residual, seen: Observations, settle: float) -> tuple[list[Surface], Floats, list[Floats]]:
    """Return the surfaces of a start that settles so fast, the gain they give, (N,), and their values."""
    left = -_left(seen.at["time_s"], settle)
    partial = PARTIAL_KNOTS[: 1 + np.searchsorted(PARTIAL_KNOTS, seen.at["partial"].max())]
    pitch, velocity = pitch_knots(residual.pitches, PITCH_SPACING), velocity_knots(residual.velocities)
    surfaces = [
        Surface(("pitch", "partial"), (pitch, partial), (3.0, 1.0), 0.1, left),
        Surface(("velocity", "partial"), (velocity, partial), (3.0, 1.0), 1.0, left),
    ]
    values = fit_levels(surfaces, seen)
    return surfaces, summed(surfaces, values, seen), values
