"""The pitch of a note: what stands clear of its surroundings tells it, chance does not."""

from __future__ import annotations

import numpy as np
import pytest
from tolerances import PITCH_CENTS

from backtune.analysis.pitch import measure_pitch, string_inharmonicity
from backtune.units import midi_to_hz, ratio_to_cents

RATE = 44100
ONSET_S = 0.1
VIBRATO_HZ = 5.3


def struck(
    midi: float, b: float, levels_db: list[float], flat_cents: np.ndarray | float = 0.0, seed: int = 0
) -> np.ndarray:
    """Return a struck string in noise of 50 dB below full scale; its partials lie flatter than the formula says."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(2.0 * RATE)) / RATE
    f0, noise = float(midi_to_hz(midi)), 10 ** (-50 / 20) * rng.standard_normal(len(t))
    out = np.zeros(len(t))
    flat = np.broadcast_to(flat_cents, len(levels_db))
    for n, level in enumerate(levels_db, 1):
        hz = n * f0 * np.sqrt(1 + b * n * n) * 2 ** (-flat[n - 1] / 1200)
        out += 10 ** (level / 20) * np.exp(-3 * t) * np.sin(2 * np.pi * hz * t)
    return np.concatenate([np.zeros(round(ONSET_S * RATE)), out + noise])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("midi", [98, 103, 108])
def test_the_highest_notes_are_told_by_their_first_partial(midi: int, seed: int) -> None:
    # The others drown in the noise of the blow, where something always stands out a little.
    true_b = 0.6 * string_inharmonicity(float(midi_to_hz(midi)))
    audio = struck(midi + 0.34, true_b, [0.0, -45.0], seed=seed)
    found = measure_pitch(audio, RATE, ONSET_S, float(midi_to_hz(midi)), True)
    wanted = midi_to_hz(midi + 0.34) * np.sqrt(1 + true_b)
    assert abs(ratio_to_cents(found.first_hz / wanted)) < PITCH_CENTS


def test_all_partials_count_alike_in_cents() -> None:
    # The lowest partials of a bass string are up to 14 cents flat of the formula that fits the others. If an error in
    # Hz counted, the highest would tell the pitch alone.
    n, b = np.arange(1, 29), 2e-4
    flat_cents = np.maximum(14.0 - n, 0.0)
    audio = struck(30, b, [-6.0] * len(n), flat_cents)
    found = measure_pitch(audio, RATE, ONSET_S, float(midi_to_hz(30)), True)
    sounding = midi_to_hz(30) * np.sqrt(1 + b * n * n) * 2 ** (-flat_cents / 1200)
    missed = ratio_to_cents(found.f0_hz * np.sqrt(1 + found.inharmonicity * n * n) / sounding)
    assert np.abs(missed).max() < flat_cents.max() - 4.0


def blown(levels_db: list[float], sharp_cents: np.ndarray, depth_cents: float = 0.0) -> np.ndarray:
    """Return an A of 220 Hz held for two seconds in noise 60 dB below full scale, its partials sharp by cents."""
    t = np.arange(round(2.0 * RATE)) / RATE
    out = 10 ** (-60 / 20) * np.random.default_rng(5).standard_normal(len(t))
    swing = 220 * np.cumsum(2 ** (depth_cents * np.sin(2 * np.pi * VIBRATO_HZ * t) / 1200)) / RATE
    for n, (level, sharp) in enumerate(zip(levels_db, sharp_cents, strict=True), 1):
        out += 10 ** (level / 20) * np.sin(2 * np.pi * n * 2 ** (sharp / 1200) * swing)
    return np.concatenate([np.zeros(round(ONSET_S * RATE)), out])


def missed_cents(audio: np.ndarray) -> float:
    return float(ratio_to_cents(measure_pitch(audio, RATE, ONSET_S, 220.0, False).first_hz / 220.0))


@pytest.mark.parametrize("depth_cents", [10.0, 20.0, 35.0])
def test_a_tone_that_swings_is_as_high_as_what_it_swings_about(depth_cents: float) -> None:
    # The highest peak of a swinging partial is where it turns.
    assert abs(missed_cents(blown([-6.0 * n for n in range(1, 9)], np.zeros(8), depth_cents))) < PITCH_CENTS


def test_what_hardly_stands_out_does_not_tell_a_held_tone() -> None:
    # Its partials are locked to each other: a soft one that is off is noise.
    levels_db = [-6.0, -12.0, -18.0, *[-75.0] * 12]
    assert abs(missed_cents(blown(levels_db, np.where(np.arange(15) < 3, 0.0, 14.0)))) < PITCH_CENTS
