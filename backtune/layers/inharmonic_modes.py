"""Inharmonic modes: bells, bars and drums sound at ratios of their own, not at multiples of the fundamental."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from backtune.analysis.knots import pitch_knots, velocity_knots
from backtune.analysis.residual import Residual
from backtune.analysis.surface import Surface, fit_surfaces
from backtune.errors import Declined
from backtune.law import LawSpec
from backtune.layer import Layer
from backtune.voice import Floats, Voice

MOST_MODES = 20
NEAR_CENTS = 60.0  # ratios of different notes this near are one mode
LEAST_TAKES = 0.4  # of the takes must sound a mode
BELOW_TONE_DB = 35.0  # softer than this below the note's loudest partial, it is a phantom or the body
SLOWEST_DB_S, FASTEST_DB_S = 0.5, 1500.0
PITCH_SPACING = 18.0
RELEASE_DB_S = 0.0  # bells and bars ring on when the stick is gone


class InharmonicModes(Layer):
    """Damped modes at fixed ratios to the fundamental; mode 1, 2... are the knots of the laws over partial."""

    kind: ClassVar[str] = "inharmonic_modes"
    explains: ClassVar[str] = "Bells, bars and drums ring at ratios of their own beside the fundamental."
    references: ClassVar[str] = "Fletcher and Rossing 1998, The physics of musical instruments, chapters 19 to 21"
    depth: ClassVar[int] = 2
    where: ClassVar[tuple[str, ...]] = ("following pitch",)
    adds_sound: ClassVar[bool] = True
    specs: ClassVar[tuple[LawSpec, ...]] = (
        LawSpec("ratio", "", 0.1, 100, "frequency of each mode over the fundamental", ("partial",)),
        LawSpec("mode_db", "dB", -160, 40, "amplitude of each mode at the onset", ("pitch", "partial")),
        LawSpec("velocity_db", "dB", -100, 100, "change of each mode with velocity", ("velocity", "partial")),
        LawSpec("fall_db_s", "dB/s", 0, 3000, "how fast each mode falls", ("pitch", "partial")),
    )

    def shape(self, voice: Voice) -> Voice:
        """Return `voice` with the modes struck at the onset; it needs a tone to take the fundamental from."""
        ratio = self.laws["ratio"]
        if not len(voice.partial_hz) or ratio.axes != ("partial",):
            return voice  # without a fundamental, or without numbered modes, there is nothing to multiply
        number = ratio.knots[0]
        at = {"pitch": voice.note.midi, "velocity": voice.note.velocity, "partial": number}
        hz = voice.partial_hz[0] * ratio.over("partial", **at)
        level = self.laws["mode_db"].over("partial", **at) + self.laws["velocity_db"].over("partial", **at)
        fall = np.maximum(self.laws["fall_db_s"].over("partial", **at), 0.01)
        audible = (hz > 15.0) & (hz < 18000.0)
        release = np.full(int(audible.sum()), RELEASE_DB_S)
        return voice.adding_modes(hz[audible], level[audible], 60.0 / fall[audible], release)

    @classmethod
    def guess(cls, residual: Residual) -> Self:
        """Return the ratios that takes share; declines when too few takes sound anything beside the harmonics."""
        if not residual.struck:
            raise Declined("the notes are sustained: what is held together sounds in a harmonic series")
        ratio, level, fall, take = _peaks(residual)
        chosen = _shared(ratio, take, len(residual.heard))
        if not chosen:
            raise Declined("no inharmonic ratio is shared by the notes")
        number = np.arange(1.0, len(chosen) + 1)
        middle = [float(np.exp(np.median(np.log(ratio[rows])))) for rows in chosen]
        rows = np.concatenate(chosen)
        mode = np.concatenate([np.full(len(c), n) for c, n in zip(chosen, number, strict=True)])
        pitch = residual.of_takes["pitch"][take[rows]]
        velocity = residual.of_takes["velocity"][take[rows]]
        at = {"pitch": pitch, "velocity": velocity, "partial": mode}
        knots = pitch_knots(residual.pitches, PITCH_SPACING)
        over_pitch = Surface(("pitch", "partial"), (knots, number), (3.0, 0.0))
        over_velocity = Surface(("velocity", "partial"), (velocity_knots(residual.velocities), number), (1.0, 0.0), 0.1)
        weight = np.ones(len(rows))
        start, change = fit_surfaces([over_pitch, over_velocity], at, level[rows], weight)
        falls = np.log(np.clip(fall[rows], SLOWEST_DB_S, FASTEST_DB_S))
        known = np.isfinite(falls).astype(float)
        (speed,) = fit_surfaces([over_pitch], at, np.nan_to_num(falls), known)
        by_number = Surface(("partial",), (number,), (0.0,))
        return cls(
            {
                "ratio": cls.law("ratio", np.array(middle), by_number, step=0.0),
                "mode_db": cls.law("mode_db", start, over_pitch, step=0.5),
                "velocity_db": cls.law("velocity_db", change, over_velocity, step=0.5),
                "fall_db_s": cls.law("fall_db_s", np.exp(speed), over_pitch),
            }
        )


def _peaks(residual: Residual) -> tuple[Floats, Floats, Floats, np.ndarray]:
    """Return ratio, level, fall and take of every peak that is as loud as a part of the tone, (N,) each."""
    ratio, level, fall, take = [], [], [], []
    for index, heard in enumerate(residual.heard):
        aside = heard.tracks.aside
        top = float(np.nanmax(heard.tracks.partial_db, initial=-200.0))
        loud = np.isfinite(aside.mode_ratio) & (aside.mode_db > top - BELOW_TONE_DB)
        ratio.append(aside.mode_ratio[loud])
        level.append(aside.mode_db[loud] + heard.gain_db)
        fall.append(aside.mode_fall_db_s[loud])
        take.append(np.full(int(loud.sum()), index))
    return np.concatenate(ratio), np.concatenate(level), np.concatenate(fall), np.concatenate(take)


def _shared(ratio: Floats, take: np.ndarray, takes: int) -> list[np.ndarray]:
    """Return the rows of each mode that enough takes share, by rising ratio: clusters on the axis of cents."""
    order = np.argsort(ratio, kind="stable")
    cents = 1200 * np.log2(ratio[order])
    groups = np.split(order, np.flatnonzero(np.diff(cents) > NEAR_CENTS) + 1) if len(order) else []
    shared = [g for g in groups if len(np.unique(take[g])) >= max(2.0, LEAST_TAKES * takes)]
    narrow = [g for g in shared if np.std(1200 * np.log2(ratio[g])) < NEAR_CENTS]
    commonest = sorted(narrow, key=lambda g: -len(g))[:MOST_MODES]
    return sorted(commonest, key=lambda g: float(np.median(ratio[g])))
