"""Kinship: what unheard notes take from the recorded ones beside them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tolerances import KINSHIP_SHARE

from backtune.kinship import kin_shares, measure_kinship

KNOWN = np.array([40.0, 43.0, 47.0, 48.0, 55.0])


@pytest.mark.parametrize("midi", [40.0, 47.2, 55.0])
def test_a_recorded_note_is_itself(midi):
    assert kin_shares(KNOWN, midi, 0.6, 3.0) == [(midi, 1.0)]


def test_without_kinship_or_recordings_nothing_is_shared():
    assert kin_shares(KNOWN, 45.0, 0.0, 3.0) == []
    assert kin_shares(np.zeros(0), 45.0, 0.5, 3.0) == []


@given(st.floats(20, 90), st.floats(0.01, 0.95), st.floats(0.5, 24))
def test_shares_are_those_of_the_nearest_and_fade_with_distance(midi, kinship, reach):
    shares = dict(kin_shares(KNOWN, midi, kinship, reach))
    assert len(shares) <= 4
    assert all(0.0 <= share <= 1.0 for share in shares.values())
    if shares and midi not in shares:
        for side in (KNOWN[midi > KNOWN], KNOWN[midi < KNOWN][::-1]):
            of_side = [shares[pitch] for pitch in side if pitch in shares]
            assert of_side == sorted(of_side)
        assert sum(shares.values()) < 1.0


def test_a_note_midway_takes_from_both_sides_alike():
    (_, low), (_, high) = kin_shares(np.array([48.0, 55.0]), 51.5, 0.5, 4.0)
    assert np.isclose(low, high)
    assert np.isclose(low, 0.5 * np.exp(-3.5 / 4.0) / (1 + 0.5 * np.exp(-7.0 / 4.0)))


@given(st.floats(45, 60), st.floats(0.1, 0.95), st.floats(1, 9), st.integers(0, 2**32 - 1))
def test_no_other_shares_of_the_same_kin_come_nearer(midi, kinship, reach, seed):
    pitches = np.array([*KNOWN, midi])
    covariance = kinship * np.exp(-np.abs(pitches[:, None] - pitches[None, :]) / reach)
    np.fill_diagonal(covariance, 1.0)
    shares = dict(kin_shares(KNOWN, midi, kinship, reach))
    if midi in shares:
        return  # itself
    chosen = np.array([*(shares.get(pitch, 0.0) for pitch in KNOWN), -1.0])
    moved = np.array([*(pitch in shares for pitch in KNOWN), False])
    others = chosen + 0.05 * moved * np.random.default_rng(seed).standard_normal(len(chosen))
    assert chosen @ covariance @ chosen <= others @ covariance @ others + 1e-12  # the variance of what is missed


@pytest.mark.parametrize("kinship", [0.0, 0.5, 0.8])
def test_a_known_kinship_is_found_again(kinship):
    pitches = np.arange(40.0, 80.0)
    apart = np.abs(pitches[:, None] - pitches[None, :])
    covariance = kinship * np.exp(-apart / 4.0) + (1 - kinship) * np.eye(len(pitches))
    field = np.linalg.cholesky(covariance) @ np.random.default_rng(4).standard_normal((len(pitches), 200))
    found, reach = measure_kinship(pitches, field)
    assert abs(found * np.exp(-1 / reach) - kinship * np.exp(-1 / 4.0)) < KINSHIP_SHARE
    assert kinship == 0.0 or reach in (3.0, 4.0, 6.0)


def test_too_few_notes_tell_no_kinship():
    assert measure_kinship(np.array([40.0, 44.0]), np.ones((2, 30)))[0] == 0.0


def test_what_notes_hardly_depart_by_says_little_of_their_kinship():
    pitches = np.arange(40.0, 80.0, 0.5)
    loud = np.arange(len(pitches)) % 2 == 0
    covariance = 0.8 * np.exp(-np.abs(pitches[:, None] - pitches[None, :]) / 4.0) + 0.2 * np.eye(len(pitches))
    rng = np.random.default_rng(6)
    akin, alone = np.linalg.cholesky(covariance) @ rng.standard_normal((80, 200)), rng.standard_normal((80, 200))
    kinship, reach = measure_kinship(pitches, np.where(loud[:, None], akin, 1e-3 * alone))
    assert abs(kinship * np.exp(-1 / reach) - 0.8 * np.exp(-1 / 4.0)) < KINSHIP_SHARE


def test_notes_farther_apart_than_an_octave_say_nothing_of_their_kinship():
    pitches = np.array([0.0, 1.0, *np.arange(13.0, 150.0, 13.0)])
    field = np.tile([1.0, 0.0], (len(pitches), 1))  # all the same ...
    field[1] = [0.0, 1.0]  # ... but for the one that has others within an octave
    assert measure_kinship(pitches, field)[0] == 0.0
    field[1] = field[0]
    assert measure_kinship(pitches, field)[0] > 0.8
