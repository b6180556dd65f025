"""Body modes: the knock of soundboard and case - a few damped modes at fixed frequencies, struck with every note."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from backtune.analysis.below import BELOW_HZ, WINDOW_S, below_onset_db, floor_below
from backtune.analysis.knots import velocity_knots
from backtune.analysis.known import medians
from backtune.analysis.observations import Observations
from backtune.analysis.residual import Residual
from backtune.analysis.surface import Surface, fit_levels
from backtune.errors import Declined
from backtune.fixed_modes import fixed_modes
from backtune.law import LawSpec
from backtune.layer import Layer
from backtune.voice import SILENCE_DB, Floats, Voice

MOST_MODES = 28
SPACING = 3  # steps of the frequency grid between two modes: 24 Hz, what a quarter second resolves
FEWEST_NOTES = 3  # a frequency has to be heard on this many notes to belong to the body
LEAST_FALL_DB = 4.0  # in a quarter second: what falls slower is no knock
FEWEST_PLACES = 3  # of the frequency grid: a mode and its two sides; one place alone may be a hum
LEAST_LIKENESS = 0.5  # correlation of the spectrum over frequency between one half of the notes and the other
AUDIBLE_DB = 75.0  # below the loudest partial of all takes, a mode does not count
CLEAR_DB = 3.0  # above what the other layers make there already
PITCH_KNOTS = np.array([40.0, 70.0, 100.0])


@dataclass(frozen=True)
class _Below:
    """Levels below the first partial of all takes; N takes, F frequencies."""

    first_db: Floats
    fall_db: Floats
    others_db: Floats
    pitch: Floats
    velocity: Floats


class BodyModes(Layer):
    """Damped modes at fixed frequencies: the frequencies are the knots of the laws over hz."""

    kind: ClassVar[str] = "body_modes"
    explains: ClassVar[str] = "The knock of the body: the same low modes sound with every note, below its partials."
    references: ClassVar[str] = "Suzuki 1986, Vibration and sound radiation of a piano soundboard"
    depth: ClassVar[int] = 2
    where: ClassVar[tuple[str, ...]] = ("onset", "fixed frequency")
    adds_sound: ClassVar[bool] = True
    specs: ClassVar[tuple[LawSpec, ...]] = (
        LawSpec("mode_db", "dB", -160, 20, "amplitude of the mode at each of these frequencies", ("hz",)),
        LawSpec("decay_s", "s", 0.01, 10, "time to fall 60 dB", ("hz",)),
        LawSpec("velocity_db", "dB", -80, 80, "change of all modes with velocity", ("velocity",)),
        LawSpec("pitch_db", "dB", -80, 80, "change of all modes over the keyboard", ("pitch",)),
    )

    def shape(self, voice: Voice) -> Voice:
        """Return `voice` with the body's modes struck at the onset."""
        return voice.adding_modes(*fixed_modes(self.laws, "mode_db", voice))

    @classmethod
    def guess(cls, residual: Residual) -> Self:
        """Return the modes heard below the first partials of many notes; declines when nothing there repeats."""
        return cls._fitted(residual, _below(residual, None))

    def fit(self, residual: Residual) -> Self:
        """Return the modes refitted beside the other layers."""
        return self._fitted(residual, _below(residual, self))

    @classmethod
    def _fitted(cls, residual: Residual, below: _Below) -> Self:
        heard = np.isfinite(below.first_db) & (below.first_db > below.others_db + CLEAR_DB)
        enough = heard.sum(axis=0) >= FEWEST_NOTES
        if enough.sum() < FEWEST_PLACES:
            raise Declined("too little sounds below the first partials of the higher notes")
        like = _likeness(below.first_db, below.pitch)
        if like < LEAST_LIKENESS:
            raise Declined(f"what sounds below the first partials differs from note to note (likeness {like:.2f})")
        fall = medians(np.where(heard, below.fall_db, np.nan))
        told = fall[enough & np.isfinite(fall)]
        if len(told) and np.median(told) < LEAST_FALL_DB:
            raise Declined("what sounds below the first partials lasts: it is no knock")
        spectrum, velocity, pitch, surfaces = _spectrum(residual, below, heard)
        spectrum = np.where(enough, spectrum, SILENCE_DB)
        chosen = _peaks(spectrum)
        loudest = max(float(np.nanmax(h.tracks.partial_db)) + h.gain_db for h in residual.heard)
        chosen = chosen[spectrum[chosen] > loudest - AUDIBLE_DB]
        if not len(chosen):
            raise Declined("what sounds below the first partials is too soft to be heard")
        seconds = 60.0 * WINDOW_S / np.maximum(np.nan_to_num(fall[chosen], nan=20.0), 1.0)
        hz, level = _tops(spectrum, chosen)
        places = Surface(("hz",), (hz,), (0.0,))
        return cls(
            {
                "mode_db": cls.law("mode_db", level + _start_db(seconds), places, step=0.5),
                "decay_s": cls.law("decay_s", seconds, places, step=0.01),
                "velocity_db": cls.law("velocity_db", velocity, surfaces[1], step=0.1),
                "pitch_db": cls.law("pitch_db", pitch, surfaces[2], step=0.1),
            }
        )


def _below(residual: Residual, own: BodyModes | None) -> _Below:
    """Return the levels of all takes beside what the layers other than `own` sound at the same places."""
    first, fall, others, pitch, velocity = [], [], [], [], []
    for heard, voice in zip(residual.heard, residual.voices, strict=True):
        level = heard.tracks.below_db + heard.gain_db
        floor = floor_below(heard.tracks.noise_floor_db) + heard.gain_db
        rings = level[:, 1] > floor
        first.append(np.where(level[:, 0] > floor, level[:, 0], np.nan))
        fall.append(np.where(rings, level[:, 0] - level[:, 1], np.nan))
        own_hz = np.zeros(0) if own is None else fixed_modes(own.laws, "mode_db", voice)[0]
        others.append(_rendered(voice, ~np.isin(voice.mode_hz, own_hz)))
        pitch.append(heard.note.midi)
        velocity.append(heard.note.velocity)
    return _Below(np.array(first), np.array(fall), np.array(others), np.array(pitch), np.array(velocity))


def _rendered(voice: Voice, modes: np.ndarray) -> Floats:
    """Return what noise and the modes chosen by `modes` (M,) sound at `BELOW_HZ` in the first window, dB (F,)."""
    early = (voice.times_s >= 0) & (voice.times_s <= WINDOW_S)
    power = np.mean(10 ** (voice.noise_db[:, early] / 10), axis=1) / np.diff(voice.band_hz)
    band = np.clip(np.searchsorted(voice.band_hz, BELOW_HZ, side="right") - 1, 0, len(power) - 1)
    total = 2.0 * power[band] * 1.5 / WINDOW_S
    for hz, db, seconds in zip(voice.mode_hz[modes], voice.mode_db[modes], voice.mode_decay_s[modes], strict=True):
        lobe = np.maximum(0.0, np.cos(np.pi / 2 * np.clip((BELOW_HZ - hz) * WINDOW_S / 2, -1, 1))) ** 4
        total = total + lobe * 10 ** ((db - _start_db(np.array(seconds))) / 10)
    return np.asarray(10 * np.log10(np.maximum(total, 1e-20)))


def _start_db(decay_s: Floats) -> Floats:
    """Return how far the first window sees a mode below its amplitude at the onset, dB."""
    return below_onset_db(decay_s, 0.0, WINDOW_S)


def _likeness(level: Floats, pitch: Floats) -> float:
    """Return the correlation over frequency of the notes' mean spectra, every second pitch against the others."""
    level = level - medians(level.T)[:, None]
    place = np.searchsorted(np.unique(pitch), pitch)
    one, two = medians(level[place % 2 == 0]), medians(level[place % 2 == 1])
    known = np.isfinite(one) & np.isfinite(two)
    if known.sum() < FEWEST_PLACES:
        return 0.0
    return float(np.corrcoef(_rough(one[known]), _rough(two[known]))[0, 1])


def _rough(level: Floats) -> Floats:
    """Return a spectrum less its slow tilt over frequency: peaks have to repeat, a slope is no mode."""
    at = np.arange(len(level))
    return np.asarray(level - np.polyval(np.polyfit(at, level, min(2, len(level) - 3)), at))


def _spectrum(residual: Residual, below: _Below, heard: np.ndarray) -> tuple[Floats, Floats, Floats, list[Surface]]:
    """Return level over frequency, change with velocity, change with pitch, and their surfaces."""
    row, column = np.nonzero(heard)
    share = np.maximum(1 - 10 ** ((below.others_db - below.first_db) / 10), 0.1)[row, column]
    level = below.first_db[row, column] + 10 * np.log10(share)
    count = len(level)
    seen = Observations(
        {"hz": BELOW_HZ[column], "velocity": below.velocity[row], "pitch": below.pitch[row]},
        level,
        np.zeros(count),
        np.ones(count),
        np.zeros(count, bool),
        row,
    )
    surfaces = [
        Surface(("hz",), (BELOW_HZ,), (0.03,)),
        Surface(("velocity",), (velocity_knots(residual.velocities),), (3.0,), ridge=0.1),
        Surface(("pitch",), (PITCH_KNOTS,), (30.0,), ridge=0.1),
    ]
    spectrum, velocity, pitch = fit_levels(surfaces, seen)
    return spectrum, velocity, pitch, surfaces


def _peaks(spectrum: Floats) -> np.ndarray:
    """Return the grid steps of the strongest maxima at least `SPACING` apart, rising."""
    inner = spectrum[1:-1]
    maxima = 1 + np.flatnonzero((inner >= spectrum[:-2]) & (inner > spectrum[2:]) & (inner > SILENCE_DB))
    chosen: list[int] = []
    for k in maxima[np.argsort(-spectrum[maxima], kind="stable")]:
        if len(chosen) < MOST_MODES and all(abs(k - other) >= SPACING for other in chosen):
            chosen.append(int(k))
    return np.array(sorted(chosen), int)


def _tops(spectrum: Floats, chosen: np.ndarray) -> tuple[Floats, Floats]:
    """Return where between the grid's steps the maxima lie, Hz, and how high they are, dB: the tops of parabolas."""
    a, b, c = spectrum[chosen - 1], spectrum[chosen], spectrum[chosen + 1]
    steps = np.clip(0.5 * (a - c) / np.minimum(a - 2 * b + c, -1e-6), -0.5, 0.5)
    hz = BELOW_HZ[chosen] + (BELOW_HZ[1] - BELOW_HZ[0]) * steps
    return np.asarray(np.round(hz, 1)), np.asarray(b - 0.25 * (a - c) * steps)
