"""Unison beating: two or three strings of one note, a little out of tune, swell and fade against each other."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from backtune.analysis.knots import pitch_knots
from backtune.analysis.motion import PARTIALS
from backtune.analysis.residual import Residual
from backtune.analysis.surface import Surface, fit_surfaces
from backtune.errors import Declined
from backtune.law import LawSpec
from backtune.layer import Layer
from backtune.units import DB_PER_NEPER, cents_to_ratio, ratio_to_cents
from backtune.voice import Voice

PITCH_SPACING = 12.0
CLEAR_SHARE = 0.6  # of a partial's ripple that has one rate
LEAST_BEAT_DB = 0.5
FEWEST_PARTIALS = 3  # whose rates must rise with their number
TOLERANCE = 0.25  # rates of one take agree with one mistuning to a quarter
LEAST_TAKES = 0.3
FAR_LOG = 0.1  # mistunings that differ by more than a tenth from the law count less
FASTEST_HZ = 10.0  # beats are seen up to 12 Hz: near that, a ripple may be another one
SEED = 17711  # of how far apart the strings start; apart from the seeds of phases and noise


class UnisonBeating(Layer):
    """Each partial becomes two of a slightly different pitch, together as loud as before."""

    kind: ClassVar[str] = "unison_beating"
    explains: ClassVar[str] = "Strings of one note are a little apart in pitch and beat against each other."
    references: ClassVar[str] = "Kirk 1959 (unison groups); Weinreich 1977"
    depth: ClassVar[int] = 2
    where: ClassVar[tuple[str, ...]] = ("modulated",)
    evidence: ClassVar[str] = "character"  # when two strings are in step, no two takes share
    trait: ClassVar[str] = "swell"
    specs: ClassVar[tuple[LawSpec, ...]] = (
        LawSpec("detune_cents", "cents", 0, 30, "distance of the second string", ("pitch",)),
        LawSpec("second_db", "dB", -40, 0, "level of the second string below the first", ("pitch",)),
    )

    def shape(self, voice: Voice) -> Voice:
        """Return `voice` with a second string beside every partial."""
        midi = voice.note.midi
        ratio = cents_to_ratio(float(self.laws["detune_cents"](pitch=midi)))
        second = float(self.laws["second_db"](pitch=midi))
        whole = 10 * np.log10(1 + 10 ** (second / 10))
        # they start apart, differently for each partial and each note: the strings still move from the stroke before
        turn = np.random.default_rng([SEED, voice.seed]).uniform(0, 2 * np.pi, len(voice.partial_hz))
        return voice.with_(
            partial_number=np.tile(voice.partial_number, 2),
            partial_hz=np.concatenate([voice.partial_hz, voice.partial_hz * ratio]),
            partial_db=np.concatenate([voice.partial_db - whole, voice.partial_db - whole + second]),
            phase_rad=np.concatenate([voice.phase_rad, voice.phase_rad + turn]),
            partial_release_db_s=np.tile(voice.partial_release_db_s, 2),
        )

    @classmethod
    def guess(cls, residual: Residual) -> Self:
        """Return the mistuning heard in the ripple of decays; declines where rates do not rise with the partials."""
        if not residual.struck:
            raise Declined("the notes are sustained: one string, or one column of air")
        found = []
        n = np.arange(1, PARTIALS + 1)
        for heard in residual.heard:
            motion, f0 = heard.tracks.motion, heard.tracks.pitch.f0_hz
            clear = (motion.beat_share > CLEAR_SHARE) & (motion.beat_db > LEAST_BEAT_DB)
            clear &= motion.beat_hz < FASTEST_HZ
            if clear.sum() < FEWEST_PARTIALS:
                continue
            shift = float(np.median(motion.beat_hz[clear] / n[clear]))
            agree = np.abs(motion.beat_hz[clear] - shift * n[clear]) < TOLERANCE * shift * n[clear]
            if agree.sum() < max(FEWEST_PARTIALS, 0.6 * clear.sum()):
                continue
            ripple = float(np.median(motion.beat_db[clear][agree])) / DB_PER_NEPER  # ln |1 + a e^jx| = a cos x - ...
            found.append((heard.note.midi, ratio_to_cents(1 + shift / f0), 20 * np.log10(min(ripple, 1.0))))
        if len(found) < LEAST_TAKES * len(residual.heard):
            raise Declined(f"only {len(found)} of {len(residual.heard)} takes beat faster the higher the partial")
        pitch, cents, second = np.array(found).T
        knots = pitch_knots(np.unique(pitch), PITCH_SPACING)
        surface = Surface(("pitch",), (knots,), (3.0,))
        weight = np.ones(len(pitch))
        for _ in range(4):  # a take whose ripple is something else must not tell
            (detune,) = fit_surfaces([surface], {"pitch": pitch}, np.log(cents), weight)
            error = np.abs(np.log(cents) - surface.design({"pitch": pitch}, len(pitch)) @ detune)
            weight = 1 / np.maximum(error / FAR_LOG, 1.0) ** 2
        (level,) = fit_surfaces([surface], {"pitch": pitch}, np.maximum(second, -30.0), weight)
        return cls(
            {
                "detune_cents": cls.law("detune_cents", np.exp(detune), surface, step=0.01),
                "second_db": cls.law("second_db", level, surface),
            }
        )
