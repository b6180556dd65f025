"""Does a recording sound at the pitch on its label? A vote of spectral peaks for harmonic series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.pitch import string_inharmonicity
from backtune.notes import recorded_to_hz
from backtune.units import midi_to_hz

Floats = NDArray[np.float64]

WINDOW_CYCLES = 40.0  # of the labelled pitch ...
SHORTEST_S, LONGEST_S = 0.15, 0.75  # ... within these; 0.75 s parts the partials of A0 (27.5 Hz) by 20 bins
SKIP_S = 0.03  # after the loudest 10 ms: the knock of the onset has no pitch
PEAKS = 48  # strongest peaks kept
RANGE_DB = 60.0  # peaks further below the strongest one say nothing
STANDING_OUT_DB = 15.0  # above the median spectrum around; noise peaks stand 10 dB out
HIGHEST_HZ = 10000.0
LOWEST_SHARE = 0.24  # of the labelled frequency: below the lowest candidate there is only knock and rumble
BRIGHT_HZ = 3000.0  # peaks above count less: pitch is heard below
HARMONICS = 20
TOLERANCE_CENTS = 18.0  # how close to a harmonic a peak must be to count for it
STEP_CENTS = 10.0
REACH_CENTS = 50.0  # a pitch is heard as the nearest semitone
OFFSETS = np.array([-24, -19, *range(-12, 13), 19, 24])  # candidate labels, semitones from the given one
STIFFNESS = np.array([0.0, 0.5, 1.0, 2.0])  # times the usual inharmonicity of a piano at that pitch
RATIO = 1.5  # how much better another pitch must explain the peaks before the label is doubted
FEW_HARMONICS_MIDI = 94  # above, fewer than 5 harmonics are heard, and lower strings sound along ...
FEW_HARMONICS_RATIO = 4.0  # ... so a lower octave must explain this much more
FUNDAMENTAL_MIDI = 84  # from here up the fundamental is the strongest partial of every instrument that ...
FUNDAMENTAL_REACH_CENTS = 130.0  # ... has one, and tells the tuning better than the series: see how far
LEAST_SCORE = 0.04  # below, the recording has no pitch that could contradict a label
MULTIPLES = {2: 12, 3: 19, 4: 24}  # every k-th harmonic alone is a series so many semitones higher
LOWEST_MIDI, HIGHEST_MIDI = 9, 130  # candidates; 12 Hz..15 kHz
LEAST_BETWEEN = 0.1  # share of a series' weight below which only every k-th harmonic sounds
MOST_BETWEEN = 0.3  # share above which the harmonics between must be real
ALIKE = 0.8  # of the score of another series: the noise of a pipe explains the rest
STRONG = 0.5  # of the strongest peak: a fundamental, not noise


@dataclass(frozen=True)
class PitchVerdict:
    """What the spectrum says of a labelled pitch.

    - `heard_midi`: the semitone whose harmonic series explains the peaks best, by more than a margin;
      the label itself when none does. `cents`: how far the recording is above that semitone's label.
    - `confidence`: 0..1, share of the peaks that the heard series explains. `agrees`: heard = label.
    """

    heard_midi: int
    cents: float
    confidence: float
    agrees: bool


def check_pitch(audio: Floats, rate: int, midi: float) -> PitchVerdict:
    """Return whether `audio` (mono, at `rate` Hz) sounds at MIDI pitch `midi`.

    Each candidate (the label and 28 others up to two octaves away) is scored by the share of spectral
    peaks on its stretched harmonic series f_n = n f0 sqrt(1 + B n^2), lowered when strong harmonics of it
    are absent. Another pitch is heard only when it explains half as much again, or when the label's
    series has peaks at every second (third, fourth) harmonic only; so weak fundamentals do not matter.
    """
    label = round(midi)
    hz, weight = spectral_peaks(audio, rate, float(midi_to_hz(label)))
    if len(hz) == 0:
        return PitchVerdict(label, 0.0, 0.0, True)
    candidates = label + OFFSETS
    heard = (candidates >= LOWEST_MIDI) & (candidates <= HIGHEST_MIDI)
    candidates = candidates[heard | (candidates == label)]  # names may tell a C-1, which nobody hears
    fits = _fit_series(hz, weight, candidates, min(HIGHEST_HZ, recorded_to_hz(rate)))
    own = int(np.flatnonzero(candidates == label)[0])
    best = int(np.argmax(fits.score))
    if fits.score[best] < max(LEAST_SCORE, RATIO * fits.score[own]) or not _needed(fits, candidates, own, best):
        best = _multiple(fits, candidates, own)
    best = _upper_octave(fits, candidates, best, own, hz, weight)
    cents = float(fits.cents[best])
    if best == own and label >= FUNDAMENTAL_MIDI:
        cents = _fundamental_cents(hz, weight, label, cents)
    return PitchVerdict(int(candidates[best]), cents, float(fits.score[best]), best == own)


def _fundamental_cents(hz: Floats, weight: Floats, label: int, otherwise: float) -> float:
    """Return how far the strongest peak near the fundamental is above the label, in cents."""
    cents = 1200.0 * np.log2(hz / midi_to_hz(label))
    near = np.abs(cents) < FUNDAMENTAL_REACH_CENTS
    return float(cents[near][np.argmax(weight[near])]) if near.any() else otherwise


def _needed(fits: _Fits, candidates: NDArray[np.int64], own: int, best: int) -> bool:
    """Return whether an octave-like lower candidate holds peaks that the label's series cannot explain."""
    multiple = {semitones: k for k, semitones in MULTIPLES.items()}.get(int(candidates[own] - candidates[best]))
    if multiple is None:
        return True
    ratio = RATIO if candidates[own] <= FEW_HARMONICS_MIDI else FEW_HARMONICS_RATIO
    real = fits.score[best] > ratio * fits.score[own]
    return bool(real and _between(fits.gained[best], multiple) > MOST_BETWEEN)


def _between(gained: Floats, multiple: int) -> float:
    """Return the share of a series' weight at harmonics that are no multiple of `multiple`."""
    number = np.arange(1, HARMONICS + 1)
    return float(gained[number % multiple != 0].sum() / max(gained.sum(), 1e-12))


def _upper_octave(fits: _Fits, candidates: NDArray[np.int64], best: int, own: int, hz: Floats, weight: Floats) -> int:
    """Return the candidate an octave above `best` where it explains little less and no fundamental is below it.

    Every series lies within that an octave below, which the noise between its harmonics may make the better one.
    """
    upper = np.flatnonzero(candidates == candidates[best] + 12)
    if best == own or len(upper) == 0 or upper[0] == own:
        return best
    alike = fits.score[upper[0]] > ALIKE * fits.score[best]
    return int(upper[0]) if alike and _heard_at(hz, weight, float(midi_to_hz(candidates[best]))) < STRONG else best


def _heard_at(hz: Floats, weight: Floats, at_hz: float) -> float:
    """Return the weight of the strongest peak within a semitone of a frequency, relative to the strongest of all."""
    near = np.abs(12.0 * np.log2(hz / at_hz)) < 0.5
    return float(weight[near].max() / weight.max()) if near.any() else 0.0


def _multiple(fits: _Fits, candidates: NDArray[np.int64], own: int) -> int:
    """Return the index of the candidate whose series is all that sounds of the label's one, or `own`."""
    for multiple, semitones in MULTIPLES.items():
        other = np.flatnonzero(candidates == candidates[own] + semitones)
        hollow = _between(fits.gained[own], multiple) < LEAST_BETWEEN
        if len(other) and hollow and fits.score[other[0]] > LEAST_SCORE:
            return int(other[0])
    return own


def spectral_peaks(audio: Floats, rate: int, f0_hz: float) -> tuple[Floats, Floats]:
    """Return (frequencies in Hz, weights 0..1) of the strongest spectral peaks after the loudest moment, (K,) each.

    A peak must stand out of the median spectrum around it; its weight grows with its level in dB.
    """
    quiet = np.abs(audio)
    if not np.any(quiet > 0):
        return np.zeros(0), np.zeros(0)
    hop = max(1, int(0.01 * rate))
    frames = np.add.reduceat(audio * audio, np.arange(0, len(audio), hop))
    start = int(np.argmax(frames)) * hop + int(SKIP_S * rate)
    length = int(np.clip(WINDOW_CYCLES / f0_hz, SHORTEST_S, LONGEST_S) * rate)
    start = max(0, min(start, len(audio) - length))
    piece = audio[start : start + length]
    size = 1 << int(np.ceil(np.log2(2 * max(len(piece), 256))))
    level = 20.0 * np.log10(np.abs(np.fft.rfft(piece * np.hanning(len(piece)), size)) + 1e-12)
    bin_hz = rate / size
    low, high = max(2, int(LOWEST_SHARE * f0_hz / bin_hz)), min(len(level) - 2, int(HIGHEST_HZ / bin_hz))
    inner = level[low:high]
    top = (inner > level[low - 1 : high - 1]) & (inner >= level[low + 1 : high + 1])
    index = low + np.flatnonzero(top & (inner > inner.max() - RANGE_DB))
    floor = _floor(level, index, max(4, int(0.6 * f0_hz / bin_hz)))
    index = index[level[index] > floor + STANDING_OUT_DB]
    index = index[np.argsort(level[index])[::-1][:PEAKS]]
    if len(index) == 0:
        return np.zeros(0), np.zeros(0)
    left, mid, right = level[index - 1], level[index], level[index + 1]
    hz = (index + 0.5 * (left - right) / (left - 2.0 * mid + right)) * bin_hz
    weight = (mid - (mid.max() - RANGE_DB)) / RANGE_DB
    weight = weight**2 / (1.0 + (hz / BRIGHT_HZ) ** 2)
    order = np.argsort(hz)
    return hz[order], weight[order]


def _floor(level: Floats, index: NDArray[np.int64], reach: int) -> Floats:
    """Return the median level in blocks of `reach` bins, taken at `index`, dB."""
    blocks = np.array_split(level, max(1, len(level) // (2 * reach)))
    medians = np.array([np.median(block) for block in blocks])
    ends = np.cumsum([len(block) for block in blocks])
    return np.asarray(medians[np.minimum(np.searchsorted(ends, index, side="right"), len(medians) - 1)])


@dataclass(frozen=True)
class _Fits:
    """Best series of each candidate: score 0..1 and tuning in cents (C,), weight gained by each harmonic (C, H)."""

    score: Floats
    cents: Floats
    gained: Floats


def _fit_series(hz: Floats, weight: Floats, candidates: NDArray[np.int64], top_hz: float) -> _Fits:
    tunings = np.arange(-REACH_CENTS, REACH_CENTS + 1.0, STEP_CENTS)
    usual = string_inharmonicity(midi_to_hz(candidates))
    f0 = midi_to_hz(candidates[:, None] + tunings / 100.0)[:, :, None, None]
    order = np.arange(1, HARMONICS + 1)
    stretch = np.sqrt(1.0 + usual[:, None, None, None] * STIFFNESS[:, None] * order**2)
    series = f0 * order * stretch  # (C, tunings, stiffnesses, H)
    right = np.clip(np.searchsorted(hz, series), 0, len(hz) - 1)
    left = np.maximum(right - 1, 0)
    near = np.where(np.abs(hz[right] - series) < np.abs(hz[left] - series), right, left)
    miss = np.abs(1200.0 * np.log2(hz[near] / series))
    possible = series < top_hz
    gained = np.clip(1.5 - miss / TOLERANCE_CENTS, 0.0, 1.0) * possible * weight[near]
    explained = gained.sum(-1) / weight.sum()
    expected = (0.5 * weight.max() * possible / order**0.5).sum(-1)
    score = explained * np.sqrt(np.minimum(1.0, gained.sum(-1) / np.maximum(expected, 1e-9)))
    rows = np.arange(len(candidates))
    best = score.reshape(len(rows), -1).argmax(1)
    return _Fits(
        score=score.reshape(len(rows), -1)[rows, best],
        cents=tunings[best // len(STIFFNESS)],
        gained=gained.reshape(len(rows), -1, HARMONICS)[rows, best],
    )
