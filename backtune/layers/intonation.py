"""Intonation: who blows or bows harder plays sharper, or flatter; the note keeps the pitch it was played at."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from backtune.analysis.knots import pitch_knots, velocity_knots
from backtune.analysis.residual import Residual, sharper_cents
from backtune.analysis.surface import ROBUST_ROUNDS, Surface, fit_surfaces, held_back
from backtune.errors import Declined
from backtune.law import LawSpec
from backtune.layer import Layer
from backtune.units import cents_to_ratio
from backtune.voice import Floats, Voice

PITCH_SPACING = 20.0  # what velocity does changes slowly over the keyboard
LEAST_CENTS = 5.0  # the least mistuning of two notes that follow each other that most listeners hear
LEAST_SHARE = 0.1  # of how far takes are from the laws of tuning
USUAL_CENTS = 5.0  # a take farther from the law than this pulls no harder: it may have been read wrongly


class Intonation(Layer):
    """All partials of a note moved by cents that depend on how hard it is played."""

    kind: ClassVar[str] = "intonation"
    explains: ClassVar[str] = "Notes blown or bowed harder are sharper, or flatter, than soft ones."
    references: ClassVar[str] = "Fletcher and Rossing 1998, The Physics of Musical Instruments, chapter 16"
    depth: ClassVar[int] = 1
    where: ClassVar[tuple[str, ...]] = ("sustained",)
    evidence: ClassVar[str] = "character"  # distances between levels hardly know of a few cents
    trait: ClassVar[str] = "intonation"
    specs: ClassVar[tuple[LawSpec, ...]] = (
        LawSpec("sharp_cents", "cents", -100, 100, "how sharp the note is played", ("velocity", "pitch")),
    )

    def shape(self, voice: Voice) -> Voice:
        """Return `voice` retuned."""
        return voice.with_(partial_hz=voice.partial_hz * cents_to_ratio(self._cents(voice)))

    def _cents(self, voice: Voice) -> float:
        return float(self.laws["sharp_cents"](velocity=voice.note.velocity, pitch=voice.note.midi))

    @classmethod
    def guess(cls, residual: Residual) -> Self:
        """Return what dynamics do to the pitch; declines for struck notes, one dynamic, or where they do nothing."""
        if residual.struck:
            raise Declined("the notes are struck: what force does to their pitch dies away, and is a glide")
        if len(residual.velocities) < 2:
            raise Declined("only one dynamic was recorded")
        return cls._fitted(residual, np.zeros(len(residual.heard)))

    def fit(self, residual: Residual) -> Self:
        """Return the law refitted beside the other layers."""
        return self._fitted(residual, np.array([self._cents(voice) for voice in residual.voices]))

    @classmethod
    def _fitted(cls, residual: Residual, own_cents: Floats) -> Self:
        missed = np.array([sharper_cents(h, v) for h, v in zip(residual.heard, residual.voices, strict=True)])
        told = np.isfinite(missed)
        if told.sum() < len(residual.velocities):
            raise Declined("the pitch of too few takes can be told")
        cents = (missed + own_cents)[told]
        at = {axis: x[told] for axis, x in residual.of_takes.items()}
        knots = (velocity_knots(residual.velocities), pitch_knots(residual.pitches, PITCH_SPACING))
        surface = Surface(("velocity", "pitch"), knots, (0.1, 1.0), ridge=0.03)
        design = surface.design(at, len(cents))
        weight = np.ones(len(cents))
        for _ in range(ROBUST_ROUNDS):
            (values,) = fit_surfaces([surface], at, cents, weight)
            error = np.abs(cents - design @ values.ravel())
            weight = held_back(error, USUAL_CENTS)
        share = 1.0 - float(np.sum(error)) / max(float(np.sum(np.abs(cents))), 1e-9)
        if np.abs(values).max() < LEAST_CENTS or share < LEAST_SHARE:
            raise Declined(
                f"soft and loud notes are in tune: dynamics explain {max(share, 0.0):.0%} of what tuning misses"
            )
        return cls({"sharp_cents": cls.law("sharp_cents", values, surface, step=0.1)})
