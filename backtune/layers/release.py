"""Release: how each overtone ends once the key is up - felt on strings, a bore that empties, a bow that leaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np

from backtune.analysis.knots import pitch_knots
from backtune.analysis.residual import Residual
from backtune.analysis.surface import Surface, fit_surfaces
from backtune.errors import Declined
from backtune.law import LawSpec
from backtune.layer import Layer
from backtune.voice import Voice

PARTIAL_KNOTS = np.array([1, 3, 8.0])
PITCH_SPACING = 18.0
FEWEST_TAKES = 3  # that were recorded beyond their release
SLOWEST_DB_S, FASTEST_DB_S = 5.0, 2000.0


class Release(Layer):
    """For each overtone its own fall after the release, in place of the one that the core assumes for all."""

    kind: ClassVar[str] = "release"
    explains: ClassVar[str] = "Once the key is up the overtones end each at its own pace, high ones first on felt."
    references: ClassVar[str] = "Lehtonen, Penttinen, Rauhala and Valimaki 2007 (dampers and the sustain pedal)"
    depth: ClassVar[int] = 1
    replaces: ClassVar[Mapping[str, str]] = {"release_s": "release_db_s"}
    where: ClassVar[tuple[str, ...]] = ("modulated", "sustained")
    specs: ClassVar[tuple[LawSpec, ...]] = (
        LawSpec(
            "release_db_s", "dB/s", 0, 3000, "how fast each overtone falls once the key is up", ("pitch", "partial")
        ),
    )

    def shape(self, voice: Voice) -> Voice:
        """Return `voice` with the releases of its partials replaced."""
        at = {"pitch": voice.note.midi, "partial": voice.partial_number}
        return voice.with_(partial_release_db_s=np.array(self.laws["release_db_s"].over("partial", **at), float))

    @classmethod
    def guess(cls, residual: Residual) -> Self:
        """Return the falls measured after the releases; declines where recordings end with the key."""
        rows = np.array([h.tracks.release_db_s for h in residual.heard])
        take, partial = np.nonzero(np.isfinite(rows))
        if len(np.unique(take)) < FEWEST_TAKES:
            raise Declined(f"only {len(np.unique(take))} of {len(rows)} recordings go on after the key is up")
        pitch = residual.of_takes["pitch"][take]
        knots = pitch_knots(np.unique(pitch), PITCH_SPACING)
        surface = Surface(("pitch", "partial"), (knots, PARTIAL_KNOTS), (3.0, 1.0))
        speed = np.log(np.clip(rows[take, partial], SLOWEST_DB_S, FASTEST_DB_S))
        at = {"pitch": pitch, "partial": np.asarray(partial + 1.0, np.float64)}
        (found,) = fit_surfaces([surface], at, speed, np.ones(len(take)))
        return cls({"release_db_s": cls.law("release_db_s", np.exp(found), surface)})
