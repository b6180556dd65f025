"""Individuality: notes that were never recorded get a character of their own, invented but as strong as measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np

from backtune.analysis.residual import Residual, beating_db
from backtune.analysis.scatter import MOST_PARTIALS, ON_TRACKS, clear_levels, measure_scatter
from backtune.analysis.surface import Surface, fit_surfaces
from backtune.axes import AXES
from backtune.errors import Declined
from backtune.law import LawSpec
from backtune.layer import Layer
from backtune.voice import Floats, Voice

PARTIAL_KNOTS = np.array([1, 3, 8, 20.0])
TIME_KNOTS_S = np.array([0.0, 0.05, 0.15, 0.4, 1.2, 3.5, 10.0])  # a note's course changes about this often
SEED = 28657  # apart from the seeds of phases, noise and drift
LEAST_DB = 0.5  # notes more alike than this need no character


class Individuality(Layer):
    """A seeded random gain for each partial, and one that changes over time, on notes without a recording."""

    kind: ClassVar[str] = "individuality"
    explains: ClassVar[str] = "Invented: notes never recorded get a character of their own, as strong as measured."
    references: ClassVar[str] = "no law is known: the spread is measured on neighbouring notes"
    depth: ClassVar[int] = 3
    where: ClassVar[tuple[str, ...]] = ("sustained",)
    evidence: ClassVar[str] = "character"
    trait: ClassVar[str] = "spread"
    specs: ClassVar[tuple[LawSpec, ...]] = (
        LawSpec("spread_db", "dB", 0, 20, "standard deviation of a partial between notes", ("partial",)),
        LawSpec("wander_db", "dB", 0, 20, "standard deviation of what changes over a note", ()),
        LawSpec("kinship", "", -0.9, 0.9, "correlation between neighbouring partials", ()),
        LawSpec("recorded", "", 0, 1, "1 for notes whose own character is known", ("pitch",)),
    )

    def shape(self, voice: Voice) -> Voice:
        """Return `voice` with a character, if its note was not recorded."""
        unknown = 1.0 - float(self.laws["recorded"](pitch=voice.note.midi))
        count = len(voice.partial_number)
        if unknown <= 0 or not count:
            return voice
        rng = np.random.default_rng([SEED, voice.seed])
        kinship = float(self.laws["kinship"]())
        lasting = _akin(rng.standard_normal(count), kinship)
        courses = rng.standard_normal((count, len(TIME_KNOTS_S)))
        knots = AXES["time_s"](TIME_KNOTS_S)
        at = AXES["time_s"](np.maximum(voice.times_s, 0.0))
        share = np.stack([np.interp(at, knots, row) for row in np.eye(len(knots))])
        wander = courses @ (share / np.sqrt(np.sum(share**2, axis=0)))  # as strong between knots as at them
        spread = self.laws["spread_db"].over("partial", partial=voice.partial_number)
        gain = (spread * lasting)[:, None] + float(self.laws["wander_db"]()) * wander
        return voice.with_(partial_db=voice.partial_db + unknown * gain)

    @classmethod
    def guess(cls, residual: Residual) -> Self:
        """Return the scatter measured between neighbouring notes; declines when it cannot be told or is small."""
        levels = [clear_levels(heard) for heard in residual.heard]
        scatter, beats = (
            measure_scatter(residual.heard, levels),
            measure_scatter(residual.heard, _beats(residual, levels)),
        )
        spread = _beyond(scatter.spread_db, beats.spread_db)
        partial = np.flatnonzero(np.isfinite(spread[:MOST_PARTIALS])).astype(np.float64) + 1.0
        if not len(partial):
            raise Declined("too few neighbouring notes: how far notes scatter cannot be told")
        told = spread[np.isfinite(spread)]
        usual_db = float(np.sqrt(np.mean(told**2)))  # few notes tell a spread of 0 for half of their partials
        if usual_db < LEAST_DB:
            raise Declined(f"notes differ by {usual_db:.1f} dB only: they are alike")
        surface = Surface(("partial",), (PARTIAL_KNOTS,), (3.0,))
        (values,) = fit_surfaces([surface], {"partial": partial}, told, np.ones(len(told)))
        known = Surface(("pitch",), (residual.pitches,), (0.0,), by_notes=True)
        return cls(
            {
                "spread_db": cls.law("spread_db", values, surface),
                "wander_db": cls.law("wander_db", float(_beyond(scatter.wander_db, beats.wander_db))),
                "kinship": cls.law("kinship", scatter.kinship, step=0.01),
                "recorded": cls.law("recorded", np.ones(len(residual.pitches)), known),
            }
        )


def _beats(residual: Residual, levels: Sequence[Floats]) -> list[Floats]:
    """Return what strings that beat do to the measured levels of each take, dB (P, T), NaN where none was measured."""
    return [
        np.where(np.isfinite(level), beating_db(voice, MOST_PARTIALS)[:, ON_TRACKS], np.nan)
        for voice, level in zip(residual.voices, levels, strict=True)
    ]


def _beyond(measured_db: Floats | float, explained_db: Floats | float) -> Floats:
    """Return the spread that is left of a measured one when another, independent of it, is taken out."""
    return np.sqrt(np.maximum(np.square(measured_db) - np.square(explained_db), 0.0))


def _akin(white: Floats, kinship: float) -> Floats:
    """Return numbers of unit variance whose neighbours correlate by `kinship`."""
    out = np.array(white)
    for n in range(1, len(out)):
        out[n] = kinship * out[n - 1] + np.sqrt(1 - kinship**2) * white[n]
    return out
