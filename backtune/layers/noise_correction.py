"""Noise correction: the knock and rustle of single notes, as far as they repeat when the note is played again."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from backtune.analysis.residual import Residual
from backtune.analysis.surface import Surface, fit_levels
from backtune.errors import Declined
from backtune.kinship import SPECS, kinship_laws, shared_field
from backtune.law import LawSpec
from backtune.layer import Layer
from backtune.voice import SILENCE_DB, Floats, Voice

HZ_KNOTS = np.array([40, 220, 500, 1000, 2000, 4000, 8000, 18000.0])
TIME_KNOTS_S = np.array([0, 0.02, 0.08, 0.3, 1.2, 5])
RIDGE = 1.0  # in observations of full weight
SMOOTH_HZ, SMOOTH_TIME = 0.3, 0.3
AXES = ("pitch", "hz", "time_s")


class NoiseCorrection(Layer):
    """For each recorded note: how much louder or softer its noise is than that of the laws, by band and over time."""

    kind: ClassVar[str] = "noise_correction"
    explains: ClassVar[str] = "Single notes whose hammer, key or breath is noisier than that of their neighbours."
    references: ClassVar[str] = (
        "no law is known: levels shrunk towards the laws (James and Stein 1961), kin by Matheron 1963"
    )
    depth: ClassVar[int] = 3
    where: ClassVar[tuple[str, ...]] = ("onset",)
    evidence: ClassVar[str] = "dynamics"
    specs: ClassVar[tuple[LawSpec, ...]] = (
        LawSpec("noise_field_db", "dB", -80, 80, "the note's own noise over that of the laws", AXES),
        *SPECS,
    )

    def shape(self, voice: Voice) -> Voice:
        """Return `voice` with its noise louder or softer if its note was recorded, else as its kin have it."""
        at = {"hz": voice.band_centre_hz, "time_s": voice.times_s}
        gain = shared_field(self.laws["noise_field_db"], self.laws, voice.note.midi, "hz", **at)
        return voice.with_(noise_db=voice.noise_db + gain)

    @classmethod
    def guess(cls, residual: Residual) -> Self:
        """Return the fields shrunk towards the laws; declines without noise, or where no note was recorded twice."""
        residual.require_repeats()
        if all(np.max(voice.noise_db) <= SILENCE_DB for voice in residual.voices):
            raise Declined("no layer makes noise yet that a note could have more or less of")
        return cls._fitted(residual, 0.0)

    def fit(self, residual: Residual) -> Self:
        """Return the fields refitted beside the other layers."""
        return self._fitted(residual, self.laws["noise_field_db"].along(residual.noise.at))

    @classmethod
    def _fitted(cls, residual: Residual, own_db: Floats | float) -> Self:
        seen = residual.noise
        time = TIME_KNOTS_S[: 1 + np.searchsorted(TIME_KNOTS_S, seen.at["time_s"].max())]
        notes = residual.pitches
        field = Surface(AXES, (notes, HZ_KNOTS, time), (0, SMOOTH_HZ, SMOOTH_TIME), RIDGE, by_notes=True)
        (values,) = fit_levels([field], seen, own_db)
        return cls({"noise_field_db": cls.law("noise_field_db", values, field, 0.5), **kinship_laws(notes, values)})
