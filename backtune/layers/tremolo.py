"""Tremolo: the whole tone swells and fades at one rate - a vibraphone, a rotating speaker, an organ's tremulant."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from backtune.analysis.residual import Heard, Residual
from backtune.errors import Declined
from backtune.law import LawSpec
from backtune.layer import Layer
from backtune.voice import Voice

CLEAR_SHARE = 0.5  # of a take's movement that has one rate
STEADY_CENTS = 1.5  # a swing of the pitch wider than this makes it a vibrato
LEAST_DB = 0.4
LEAST_TAKES = 0.5  # of the takes must swell at the same rate
SAME_HZ = 0.4
FEWEST_PARTIALS = 2
PHASE_STEP_RAD = 2.399963  # the golden angle: notes of a chord do not swell in step


class Tremolo(Layer):
    """A sine of one rate and depth on the level of everything, faded in."""

    kind: ClassVar[str] = "tremolo"
    explains: ClassVar[str] = "The whole tone swells and fades at one rate, whatever is played."
    references: ClassVar[str] = "Fletcher and Rossing 1998, The physics of musical instruments, chapter 19 (vibraphone)"
    depth: ClassVar[int] = 2
    where: ClassVar[tuple[str, ...]] = ("modulated",)
    evidence: ClassVar[str] = "character"
    trait: ClassVar[str] = "swell"
    specs: ClassVar[tuple[LawSpec, ...]] = (
        LawSpec("rate_hz", "Hz", 0.4, 15, "how often it swells", ()),
        LawSpec("depth_db", "dB", 0, 20, "how far above and below its mean", ()),
        LawSpec("start_s", "s", 0, 5, "when it has grown to two thirds", ()),
    )

    def shape(self, voice: Voice) -> Voice:
        """Return `voice` with partials and noise that swell together."""
        t = np.maximum(voice.times_s, 0.0)
        grown = 1 - np.exp(-t / max(float(self.laws["start_s"]()), 1e-3))
        phase = PHASE_STEP_RAD * (voice.seed % 1024)
        swell = float(self.laws["depth_db"]()) * grown * np.sin(2 * np.pi * float(self.laws["rate_hz"]()) * t + phase)
        return voice.with_(partial_db=voice.partial_db + swell, noise_db=voice.noise_db + swell)

    @classmethod
    def guess(cls, residual: Residual) -> Self:
        """Return the rate and depth that takes share; declines when partials swell apart, or the pitch swings too."""
        found = [_swell(heard, residual.struck) for heard in residual.heard]
        told = np.array([one for one in found if one is not None]).reshape(-1, 3)
        if len(told) < max(2.0, LEAST_TAKES * len(found)):
            raise Declined(f"the overtones of only {len(told)} of {len(found)} takes swell together at a steady pitch")
        rate, depth, start = (float(np.median(column)) for column in told.T)
        same = np.abs(told[:, 0] - rate) < SAME_HZ
        if same.sum() < LEAST_TAKES * len(found):
            raise Declined(f"takes swell at rates of their own: only {same.sum()} of {len(found)} near {rate:.1f} Hz")
        return cls(
            {
                "rate_hz": cls.law("rate_hz", np.median(told[same, 0]), step=0.01),
                "depth_db": cls.law("depth_db", depth, step=0.01),
                "start_s": cls.law("start_s", start, step=0.01),
            }
        )

    def fit(self, residual: Residual) -> Self:
        """Return the swell as measured: it does not depend on the other layers."""
        return self.guess(residual)


def _swell(heard: Heard, struck: bool) -> tuple[float, float, float] | None:
    """Return (rate in Hz, depth in dB, start in s) when the partials of a take swell alike, else None."""
    motion = heard.tracks.motion
    if not struck:
        depth = motion.vibrato_db[np.isfinite(motion.vibrato_db)]
        alike = len(depth) >= FEWEST_PARTIALS and np.all(np.abs(depth - np.median(depth)) < 0.5 * np.median(depth))
        clear = motion.vibrato_share > CLEAR_SHARE and motion.vibrato_cents < STEADY_CENTS
        if not (alike and clear and np.median(depth) > LEAST_DB):
            return None
        return motion.vibrato_hz, float(np.median(depth)), motion.vibrato_start_s
    clear_partials = (motion.beat_share > CLEAR_SHARE) & (motion.beat_db > LEAST_DB)
    if clear_partials.sum() < FEWEST_PARTIALS:
        return None
    rates, depths = motion.beat_hz[clear_partials], motion.beat_db[clear_partials]
    middle = float(np.median(rates))
    if np.mean(np.abs(rates - middle) < SAME_HZ) < 0.8 or np.std(depths) > 0.5 * np.mean(depths):
        return None  # strings that beat do so faster, and each its own way, the higher the partial
    return middle, float(np.median(depths)), 0.0
