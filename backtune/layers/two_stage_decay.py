"""Two-stage decay: a struck string falls fast at first and slowly later, as its motion turns along the soundboard."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Self

import numpy as np

from backtune.analysis.descent import descend, misfit, thinned
from backtune.analysis.knots import pitch_knots
from backtune.analysis.observations import Observations
from backtune.analysis.residual import Residual
from backtune.analysis.surface import Surface, fit_levels, summed
from backtune.errors import Declined
from backtune.law import LawSpec
from backtune.layer import Layer
from backtune.voice import Floats, Voice

AXES = ("pitch", "partial")
PARTIAL_KNOTS = np.array([1, 3, 8, 24.0])
PITCH_SPACING = 12.0
START_SHARE_DB, START_DB_S = -15.0, 3.0
# Rates are found by their logarithm, of which one is 8.7 dB, and may bend as little as levels do. 75 times freer, 3 dB
# of scatter bent 20 dB/s to 13 and 51 from knot to knot, and pitches left out of two pianos were 0.02 dB farther.
SMOOTH_LEVEL = 3.0
SMOOTH_RATE = SMOOTH_LEVEL * (20 / np.log(10)) ** 2
FROM_S = 0.02  # decay laws are those of the tone, not of its attack
REACH = (6.0, 0.7, 0.7)  # of one step: dB, logarithms of dB/s
LINE_REACH = (6.0, 6.0)  # dB, dB/s
LEAST_GAIN_DB = 0.02  # of the mean error of all partials


class TwoStageDecay(Layer):
    """Prompt sound and aftersound: the partials' straight fall becomes a fast one that gives way to a slow one.

    Each partial gains 20 log10((1 - r) 10^(-x t / 20) + r 10^(y t / 20)) dB over the core's fall
    (Weinreich 1977, "Coupled piano strings", in the form of two exponentials).
    """

    kind: ClassVar[str] = "two_stage_decay"
    explains: ClassVar[str] = "Struck strings fall fast at first, then the aftersound sings on."
    references: ClassVar[str] = "Weinreich 1977, Coupled piano strings"
    depth: ClassVar[int] = 0
    bends: ClassVar[bool] = True
    where: ClassVar[tuple[str, ...]] = ("sustained",)
    specs: ClassVar[tuple[LawSpec, ...]] = (
        LawSpec("after_db", "dB", -60, -1, "level r of the aftersound below the start of the note", AXES),
        LawSpec("prompt_db_s", "dB/s", 0, 500, "how much faster than the core the prompt sound falls", AXES),
        LawSpec("after_db_s", "dB/s", 0, 500, "how much slower than the core the aftersound falls", AXES),
    )

    def shape(self, voice: Voice) -> Voice:
        """Return `voice` with the fall of its partials bent into two stages."""
        at = {"pitch": voice.note.midi, "partial": voice.partial_number}
        gain = _bend_db(
            np.maximum(voice.times_s, 0.0)[None, :],
            *(self.laws[spec.name].over("partial", **at)[:, None] for spec in self.specs),
        )
        return voice.with_(partial_db=voice.partial_db + gain)

    @classmethod
    def guess(cls, residual: Residual) -> Self:
        """Return the bend nearest to what is missing; declines for sustained notes or where decays are straight."""
        if not residual.struck:
            raise Declined("the notes are sustained: nothing rings free")
        seen = residual.partials
        start = [
            np.full(s.shape, v)
            for s, v in zip(_surfaces(residual, seen), (START_SHARE_DB, START_DB_S, START_DB_S), strict=True)
        ]
        return cls._fitted(residual, seen, seen.rendered_db, start)

    def fit(self, residual: Residual) -> Self:
        """Return the bend refitted beside the other layers, from where it stands."""
        seen = residual.partials
        r, x, y = (self.laws[spec.name].along(seen.at) for spec in self.specs)
        others = seen.rendered_db - _bend_db(np.maximum(seen.at["time_s"], 0.0), r, x, y)
        grid = np.meshgrid(*_surfaces(residual, seen)[0].knots, indexing="ij")
        at = dict(zip(AXES, (g.ravel() for g in grid), strict=True))
        start = [self.laws[spec.name].along(at).reshape(grid[0].shape) for spec in self.specs]
        return self._fitted(residual, seen, others, start)

    @classmethod
    def _fitted(cls, residual: Residual, seen: Observations, others_db: Floats, start: list[Floats]) -> Self:
        later = seen.at["time_s"] >= FROM_S
        seen, others_db = seen.where(later), others_db[later]
        kept = thinned(seen)
        seen, others_db = seen.where(kept), others_db[kept]
        surfaces = _surfaces(residual, seen)
        # the core's level and fall are free beside the bend, and fitted again after it: they have bent towards it, and
        # each would hold the other where it is
        line = [Surface(AXES, surfaces[0].knots, (SMOOTH_LEVEL, SMOOTH_LEVEL), ridge=0.1) for _ in LINE_REACH]
        time_s = seen.at["time_s"]

        def predict(values: list[Floats]) -> Floats:
            share, prompt, after, level, fall = values
            return others_db + _bend_db(time_s, np.minimum(share, -1.0), prompt, after) + level - fall * time_s

        nothing = [np.zeros(surface.shape) for surface in line]
        values, found = descend(
            [*surfaces, *line],
            [*start, *nothing],
            predict,
            seen,
            (*REACH, *LINE_REACH),
            (0.0, START_DB_S, START_DB_S, 0, 0),
        )
        gain = misfit(seen, _straight(line, seen, others_db)) - misfit(seen, found)
        if gain < LEAST_GAIN_DB:
            raise Declined(f"decays are straight: a second stage would explain {max(gain, 0.0):.2f} dB")
        return cls(
            {
                spec.name: cls.law(spec.name, v, surface, step=0.1 if spec.unit == "dB" else 0.0)
                for spec, surface, v in zip(cls.specs, surfaces, values, strict=False)
            }
        )


def _straight(line: list[Surface], seen: Observations, others_db: Floats) -> Floats:
    """Return the levels that a straight line without a bend predicts, dB (N,)."""
    level, fall = line[0], replace(line[1], factor=-seen.at["time_s"])
    return others_db + summed([level, fall], fit_levels([level, fall], replace(seen, rendered_db=others_db)), seen)


def _surfaces(residual: Residual, seen: Observations) -> list[Surface]:
    knots = (
        pitch_knots(residual.pitches, PITCH_SPACING),
        PARTIAL_KNOTS[: 1 + np.searchsorted(PARTIAL_KNOTS, seen.at["partial"].max())],
    )
    return [Surface(AXES, knots, (smooth, smooth), ridge=0.3) for smooth in (SMOOTH_LEVEL, SMOOTH_RATE, SMOOTH_RATE)]


def _bend_db(t: Floats, after_db: Floats, prompt_db_s: Floats, after_db_s: Floats) -> Floats:
    """Return the gain over the core's straight fall at times t >= 0, dB."""
    share = 10 ** (after_db / 20)
    prompt = np.log1p(-share) - _NEPER * prompt_db_s * t
    after = np.log(share) + _NEPER * after_db_s * t
    # the prompt sound starts at most 60 dB above the aftersound and falls behind it: the power cannot grow too large,
    # and this form of logaddexp takes a third of its time, which was a sixth of all it takes to compile a note
    return np.asarray((after + np.log1p(np.exp(prompt - after))) / _NEPER)


_NEPER = np.log(10.0) / 20.0
