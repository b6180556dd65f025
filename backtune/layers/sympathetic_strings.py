"""Sympathetic strings: strings that nothing damps ring along with every note, each at its own pitch."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from backtune.analysis.knots import velocity_knots
from backtune.analysis.known import medians
from backtune.analysis.lines import HALF_SEMITONE, KEYS, seen_below_onset_db
from backtune.analysis.observations import Observations
from backtune.analysis.residual import Residual
from backtune.analysis.surface import Surface, fit_levels
from backtune.errors import Declined
from backtune.fixed_modes import fixed_modes
from backtune.law import LawSpec
from backtune.layer import Layer
from backtune.units import cents_to_ratio, midi_to_hz, ratio_to_cents
from backtune.voice import Floats, Voice

ALIKE_CENTS = 6.0  # a string sounds this near to the same frequency in every take
FEWEST_PITCHES = 3  # that a string rings along with
CHANCE = 2 * ALIKE_CENTS / 100.0  # puts this share of all lines near a key there
SIGMAS = 3.0  # more than chance would
FEWEST_STRINGS = 3
NEIGHBOUR_CENTS = 40.0  # two lines nearer than this are one string, seen from both sides of half a semitone
AUDIBLE_DB = 85.0  # below a take's loudest partial: farther down, lines are alike by chance, and nobody hears them
HIDES_DB = 10.0  # above its surroundings' median: a softer line would not have been seen
HZ_KNOTS = np.array([700.0, 1500.0, 3500.0])  # a hard blow, and a high key, wake the high strings more
PITCH_KNOTS = np.array([30.0, 60.0, 85.0, 105.0])


class SympatheticStrings(Layer):
    """Damped modes at the pitches of undamped strings: the frequencies are the knots of the laws over hz."""

    kind: ClassVar[str] = "sympathetic_strings"
    explains: ClassVar[str] = "Strings without dampers ring along with every note, each at its own pitch."
    references: ClassVar[str] = (
        "Weinreich 1977, Coupled piano strings; "
        "Lehtonen et al. 2007, Analysis and modeling of piano sustain-pedal effects"
    )
    depth: ClassVar[int] = 2
    where: ClassVar[tuple[str, ...]] = ("sustained", "fixed frequency")
    evidence: ClassVar[str] = "character"
    trait: ClassVar[str] = "lines"
    adds_sound: ClassVar[bool] = True
    specs: ClassVar[tuple[LawSpec, ...]] = (
        LawSpec("string_db", "dB", -160, 0, "amplitude at the onset of the string at each of these pitches", ("hz",)),
        LawSpec("decay_s", "s", 0.1, 30, "time to fall 60 dB", ("hz",)),
        LawSpec("velocity_db", "dB", -80, 80, "change with velocity of low and high strings", ("velocity", "hz")),
        LawSpec("pitch_db", "dB", -80, 80, "change over the keyboard of low and high strings", ("pitch", "hz")),
    )

    def shape(self, voice: Voice) -> Voice:
        """Return `voice` with the strings ringing, but for the one that is struck."""
        hz, level, decay = fixed_modes(self.laws, "string_db", voice)
        if len(voice.partial_hz):
            others = np.abs(np.log2(hz / voice.partial_hz.min())) > np.log2(HALF_SEMITONE)
            hz, level, decay = hz[others], level[others], decay[others]
        return voice.adding_modes(hz, level, decay)

    @classmethod
    def guess(cls, residual: Residual) -> Self:
        """Return the strings that ring along with many notes; declines where fewer than three do."""
        if not residual.struck:
            raise Declined("the notes are sustained: what they set ringing is covered by them")
        lines = [heard.tracks.lines for heard in residual.heard]
        seen = np.array([one.line_hz for one in lines])
        gain = np.array([heard.gain_db for heard in residual.heard])[:, None]
        level, around = (np.array([getattr(one, name) for one in lines]) + gain for name in ("line_db", "around_db"))
        top = np.array([float(np.nanmax(heard.tracks.partial_db)) + heard.gain_db for heard in residual.heard])
        softest = top[:, None] - AUDIBLE_DB
        seen = np.where(level > softest, seen, np.nan)
        theirs = _alike(seen, np.array([heard.note.midi for heard in residual.heard]))
        found = theirs.any(axis=0)
        if found.sum() < FEWEST_STRINGS:
            raise Declined("no strings ring along: what sounds between the partials keeps to no pitch of its own")
        hz = medians(np.where(theirs, seen, np.nan)[:, found])
        fall = medians(np.where(theirs, np.array([one.line_fall_db_s for one in lines]), np.nan)[:, found])
        decay = 60.0 / np.maximum(np.nan_to_num(fall, nan=60.0), 2.0)
        there = np.where(theirs, level, np.maximum(around + HIDES_DB, softest))[:, found]
        strings, velocity, pitch, surfaces = _levels(residual, hz, there, ~theirs[:, found])
        at_onset = strings + seen_below_onset_db(decay)
        audible = at_onset + velocity.max() + pitch.max() > softest.max()
        if audible.sum() < FEWEST_STRINGS:
            raise Declined("strings that ring along are too soft to be heard")
        places = Surface(("hz",), (np.round(hz[audible], 1),), (0.0,))
        return cls(
            {
                "string_db": cls.law("string_db", at_onset[audible], places, step=0.5),
                "decay_s": cls.law("decay_s", decay[audible], places, step=0.01),
                "velocity_db": cls.law("velocity_db", velocity, surfaces[1], step=0.1),
                "pitch_db": cls.law("pitch_db", pitch, surfaces[2], step=0.1),
            }
        )


def _alike(seen: Floats, pitch: Floats) -> np.ndarray:
    """Return which lines (takes, keys) are those of a string: at one frequency, whatever note was struck."""
    cents = ratio_to_cents(seen / midi_to_hz(KEYS))
    out = np.zeros(seen.shape, bool)
    last = -np.inf
    for key in range(len(KEYS)):
        near = np.abs(cents[:, key, None] - cents[None, :, key]) <= ALIKE_CENTS
        pitches = [len(np.unique(pitch[row])) for row in near]
        best = near[int(np.argmax(pitches))]
        hz = float(np.median(seen[best, key])) if best.any() else np.nan
        count = np.isfinite(cents[:, key]).sum()
        unlikely = CHANCE * count + SIGMAS * np.sqrt(CHANCE * (1 - CHANCE) * count)
        enough = max(pitches) >= FEWEST_PITCHES and best.sum() > unlikely
        if enough and hz > last * cents_to_ratio(NEIGHBOUR_CENTS):
            out[:, key], last = best, hz
    return out


def _levels(
    residual: Residual, hz: Floats, level: Floats, hidden: np.ndarray
) -> tuple[Floats, Floats, Floats, list[Surface]]:
    """Return the strings' levels, their change with velocity and with pitch, and the surfaces of all three."""
    row, column = np.nonzero(np.isfinite(level))
    count = len(row)
    levels = Observations(
        {
            "hz": hz[column],
            "velocity": np.array([heard.note.velocity for heard in residual.heard])[row],
            "pitch": np.array([heard.note.midi for heard in residual.heard])[row],
        },
        level[row, column],
        np.zeros(count),
        np.ones(count),
        hidden[row, column],
        row,
    )
    surfaces = [
        Surface(("hz",), (hz,), (0.0,)),
        Surface(("velocity", "hz"), (velocity_knots(residual.velocities), HZ_KNOTS), (0.3, 3.0), ridge=0.1),
        Surface(("pitch", "hz"), (PITCH_KNOTS, HZ_KNOTS), (3.0, 3.0), ridge=0.1),
    ]
    strings, velocity, pitch = fit_levels(surfaces, levels)
    return strings, velocity, pitch, surfaces
