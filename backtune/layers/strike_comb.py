"""Strike comb: overtones with a node where the string is struck or plucked stay weak."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from backtune.analysis.residual import Residual
from backtune.analysis.surface import Surface
from backtune.errors import Declined
from backtune.law import LawSpec
from backtune.layer import Layer
from backtune.voice import Floats, Voice

PLACES: Floats = np.round(np.arange(0.04, 0.3, 0.0025), 4)  # of the string's length
DEPTHS_DB: Floats = np.arange(6.0, 31.0, 3.0)  # nulls of real strings are 15 to 28 dB deep
MOST_PARTIALS = 40
FROM_S, TO_S = 0.02, 0.5
FEWEST_PARTIALS = 8  # a note with fewer shows no comb
LEAST_EXPLAINED = 0.04  # of the variance over partials; combs found in noise explain 0.02


class StrikeComb(Layer):
    """|sin(n pi x / L)| with soft nulls, at a place that moves along the keyboard."""

    kind: ClassVar[str] = "strike_comb"
    explains: ClassVar[str] = "Where the string is struck or plucked, overtones with a node there stay weak."
    references: ClassVar[str] = "Fletcher and Rossing 1998, The physics of musical instruments, chapter 2"
    depth: ClassVar[int] = 1
    where: ClassVar[tuple[str, ...]] = ("following pitch",)
    specs: ClassVar[tuple[LawSpec, ...]] = (
        LawSpec("place", "", 0.01, 0.5, "where the string is struck, as a share of its length", ("pitch",)),
        LawSpec("depth_db", "dB", 0, 40, "how deep the nulls are", ()),
    )

    def shape(self, voice: Voice) -> Voice:
        """Return `voice` with the comb on its partials."""
        gain = _comb_db(
            voice.partial_number, float(self.laws["place"](pitch=voice.note.midi)), float(self.laws["depth_db"]())
        )
        return voice.with_(partial_db=voice.partial_db + gain[:, None])

    @classmethod
    def guess(cls, residual: Residual) -> Self:
        """Return the comb nearest to what is missing early on; declines for sustained notes and without a comb."""
        if not residual.struck:
            raise Declined("the notes are sustained: nothing strikes a string")
        return cls._fitted(residual, *_missing(residual, None))

    def fit(self, residual: Residual) -> Self:
        """Return the comb refitted beside the other layers."""
        return self._fitted(residual, *_missing(residual, self))

    @classmethod
    def _fitted(cls, residual: Residual, missing: Floats, weight: Floats, pitch: Floats) -> Self:
        if not len(pitch):
            raise Declined("no note has enough overtones to show a comb")
        n = np.arange(1.0, MOST_PARTIALS + 1)
        total = float(np.sum(weight * missing**2))
        low, high = float(pitch.min()), float(pitch.max())
        share = (pitch - low) / max(high - low, 1.0)
        best = (0.0, 0.0, 0.0, 0.0)
        for depth in DEPTHS_DB:
            combs = _centred(_comb_db(n[None, :], PLACES[:, None], float(depth))[None], weight[:, None])
            # how much each place explains of each note, (notes, places)
            won = np.sum(weight[:, None] * (missing[:, None] ** 2 - (missing[:, None] - combs) ** 2), axis=2)
            at = np.arange(len(PLACES))
            for first in at:
                rows = np.rint(first + share[:, None] * (at - first)[None, :]).astype(int)
                line = np.take_along_axis(won, rows, axis=1).sum(axis=0)
                last = int(np.argmax(line))
                if line[last] > best[0]:
                    best = (float(line[last]), float(PLACES[first]), float(PLACES[last]), float(depth))
        if best[0] < LEAST_EXPLAINED * total:
            raise Declined(f"a comb explains {best[0] / max(total, 1e-9):.0%} of how overtones differ")
        surface = Surface(("pitch",), (np.array([low, high]),), (0.0,))
        places = np.array(best[1:3])
        law = cls.law("place", places, surface, step=0.0) if high > low else cls.law("place", places[0], step=0.0)
        return cls({"place": law, "depth_db": cls.law("depth_db", best[3])})


def _comb_db(n: Floats, place: Floats | float, depth_db: float) -> Floats:
    """Return the gain of the comb: 0 dB on average in power, `depth_db` below its top in a null."""
    soft = 1 / (10 ** (depth_db / 10) - 1) if depth_db > 0.01 else 1e3
    return np.asarray(10 * np.log10((np.sin(np.pi * n * place) ** 2 + soft) / (0.5 + soft)))


def _centred(rows: Floats, weight: Floats) -> Floats:
    """Return rows less their weighted mean over partials: loudness is not the comb's business."""
    mean = np.sum(weight * rows, axis=-1, keepdims=True) / np.maximum(weight.sum(axis=-1, keepdims=True), 1e-9)
    return np.asarray(rows - mean)


def _missing(residual: Residual, own: StrikeComb | None) -> tuple[Floats, Floats, Floats]:
    """Return what is missing by note and partial early on, (N, P), its weight, and the pitches (N,)."""
    seen = residual.partials
    early = (seen.at["time_s"] >= FROM_S) & (seen.at["time_s"] <= TO_S) & (seen.at["partial"] <= MOST_PARTIALS)
    seen = seen.where(early & ~seen.hidden)
    missing = seen.missing_db
    if own is not None:
        place = own.laws["place"].along(seen.at)
        missing = missing + _comb_db(seen.at["partial"], place, float(own.laws["depth_db"]()))
    row = np.searchsorted(residual.pitches, seen.at["pitch"])
    cell = row * MOST_PARTIALS + seen.at["partial"].astype(int) - 1
    size = len(residual.pitches) * MOST_PARTIALS
    weight = np.bincount(cell, seen.weight, size).reshape(-1, MOST_PARTIALS)
    level = np.bincount(cell, seen.weight * missing, size).reshape(-1, MOST_PARTIALS) / np.maximum(weight, 1e-9)
    enough = (weight > 0).sum(axis=1) >= FEWEST_PARTIALS
    weight = (weight / np.maximum(weight.max(axis=1, keepdims=True), 1e-9))[enough]
    return _centred(level[enough], weight) * (weight > 0), weight, residual.pitches[enough]
