"""Individuality: what is invented for a note is as strong as measured, at all times, and beats are no part of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from worlds import constant, layer

from backtune.analysis.scatter import departure_db
from backtune.layers.individuality import TIME_KNOTS_S, Individuality
from backtune.notes import NoteEvent
from backtune.voice import Voice

PARTIALS = 60
NOTES = 30


def test_what_wanders_is_as_strong_between_its_knots_as_at_them() -> None:
    laws = [constant("spread_db", "dB", 0.0), constant("wander_db", "dB", 2.0)]
    laws += [constant("kinship", "", 0.0), constant("recorded", "", 0.0)]
    between = np.sqrt(TIME_KNOTS_S[2:] * TIME_KNOTS_S[1:-1])
    number, plain = np.arange(1.0, PARTIALS + 1), np.zeros((PARTIALS, len(between)))
    notes = [
        Voice.silent(NoteEvent(60), between, seed).with_(partial_number=number, partial_db=plain)
        for seed in range(NOTES)
    ]
    gains = np.concatenate([layer("individuality", *laws).shape(note).partial_db for note in notes])
    np.testing.assert_allclose(np.std(gains, axis=0), 2.0, rtol=0.07)  # 1800 numbers each: 4 sigma


def test_beats_are_taken_out_of_the_spread_in_power(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = SimpleNamespace(spread_db=np.full(8, 5.0), wander_db=1.3, kinship=0.0)
    beats = SimpleNamespace(spread_db=np.full(8, 3.0), wander_db=0.5)
    scatters = iter([measured, beats, measured, SimpleNamespace(spread_db=np.full(8, 4.9), wander_db=2.0)])
    monkeypatch.setattr("backtune.layers.individuality.measure_scatter", lambda heard, levels: next(scatters))
    notes: Any = SimpleNamespace(heard=(), voices=(), pitches=np.array([50.0, 60.0]))
    found = Individuality.guess(notes)
    np.testing.assert_allclose(found.laws["spread_db"].values[:3], 4.0, atol=0.05)
    assert found.laws["wander_db"]() == pytest.approx(1.2)
    again = Individuality.guess(notes)
    assert again.laws["spread_db"](partial=2.0) == pytest.approx(np.sqrt(5.0**2 - 4.9**2), abs=0.05)
    assert again.laws["wander_db"]() == 0.0  # it is all beats


@pytest.mark.parametrize("b", [0.2, 0.5, 0.8])
def test_notes_that_scatter_alone_depart_by_their_own_spread_wherever_they_lie(b: float) -> None:
    low, here, high = np.random.default_rng(5).standard_normal((3, 40, 1000))
    assert np.std(departure_db(low, here, high, b)) == pytest.approx(1.0, abs=0.02)
    assert np.mean(departure_db(low, here + 3.0, high, b)) == pytest.approx(0.0, abs=1e-12)  # that is loudness
    line = (1 - b) * low + b * high
    np.testing.assert_allclose(departure_db(low, line, high, b), 0.0, atol=1e-12)
