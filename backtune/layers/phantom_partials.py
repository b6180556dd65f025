"""Phantom partials: sums of two partials of a loud string, heard beside the harmonic series (Conklin 1999)."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from backtune.analysis.aside import PHANTOMS
from backtune.analysis.knots import pitch_knots
from backtune.analysis.residual import Residual
from backtune.analysis.surface import Surface, fit_surfaces
from backtune.analysis.tracks import TOP_PARTIAL_HZ
from backtune.errors import Declined
from backtune.law import LawSpec
from backtune.layer import Layer
from backtune.voice import SILENCE_DB, Voice

PITCH_SPACING = 12.0
LEAST_TAKES = 0.25  # that must hold two phantoms or more


class PhantomPartials(Layer):
    """At f_n + f_(n+1): as loud as the product of the two parents, so twice as steep over velocity."""

    kind: ClassVar[str] = "phantom_partials"
    explains: ClassVar[str] = "Loud strings sound sums of their partials, a little beside the overtones."
    references: ClassVar[str] = "Conklin 1999, Nonlinear mixing in a stringed instrument"
    depth: ClassVar[int] = 2
    where: ClassVar[tuple[str, ...]] = ("following pitch",)
    adds_sound: ClassVar[bool] = True
    specs: ClassVar[tuple[LawSpec, ...]] = (
        LawSpec("product_db", "dB", -100, 60, "level over the product of the parents' amplitudes", ("pitch",)),
    )

    def shape(self, voice: Voice) -> Voice:
        """Return `voice` with the sums of neighbouring partials appended."""
        pairs = min(PHANTOMS, max(len(voice.partial_hz) - 1, 0))
        one, two = slice(0, pairs), slice(1, pairs + 1)
        neighbours = voice.partial_number[two] == voice.partial_number[one] + 1
        hz = voice.partial_hz[one] + voice.partial_hz[two]
        keep = neighbours & (hz < TOP_PARTIAL_HZ)
        product = float(self.laws["product_db"](pitch=voice.note.midi))
        level = np.maximum(voice.partial_db[one] + voice.partial_db[two] + product, SILENCE_DB)
        return voice.with_(
            partial_number=np.concatenate([voice.partial_number, 2 * voice.partial_number[one][keep] + 1]),
            partial_hz=np.concatenate([voice.partial_hz, hz[keep]]),
            partial_db=np.concatenate([voice.partial_db, level[keep]]),
            phase_rad=np.concatenate([voice.phase_rad, (voice.phase_rad[one] + voice.phase_rad[two])[keep]]),
            partial_release_db_s=np.concatenate(
                [voice.partial_release_db_s, (voice.partial_release_db_s[one] + voice.partial_release_db_s[two])[keep]]
            ),
        )

    @classmethod
    def guess(cls, residual: Residual) -> Self:
        """Return the level of the sums heard; declines for sustained notes and when few takes hold them."""
        if not residual.struck:
            raise Declined("the notes are sustained: their overtones are exact, and sums fall on them")
        rows = np.array([h.tracks.aside.phantom_db - h.gain_db for h in residual.heard])
        held = (np.isfinite(rows).sum(axis=1) >= 2).mean()
        if held < LEAST_TAKES:
            raise Declined(f"sums of partials stand clear in only {held:.0%} of the takes")
        take, _ = np.nonzero(np.isfinite(rows))
        pitch = residual.of_takes["pitch"][take]
        surface = Surface(("pitch",), (pitch_knots(np.unique(pitch), PITCH_SPACING),), (3.0,))
        level, weight = rows[np.isfinite(rows)], np.ones(len(take))
        for _ in range(3):  # medians: a body mode or a neighbour is sometimes taken for a sum
            (values,) = fit_surfaces([surface], {"pitch": pitch}, level, weight)
            weight = 1 / np.maximum(np.abs(level - surface.design({"pitch": pitch}, len(level)) @ values), 1.0)
        return cls({"product_db": cls.law("product_db", values, surface)})
