"""The pitch of a note: what stands clear of its surroundings tells it, chance does not."""

from __future__ import annotations

import numpy as np
import pytest
from tolerances import PITCH_CENTS

from backtune.analysis.pitch import measure_pitch, string_inharmonicity
from backtune.units import midi_to_hz, ratio_to_cents

RATE = 44100
ONSET_S = 0.1


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
