"""Kernels against their slow twins, and what their docstrings claim."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from naive import bank as naive_bank
from tolerances import KERNEL_DB

from backtune.voice import BAND_EDGES_HZ
from dsp_kernels import bank
from dsp_kernels.functions import exponential, sine_of_turns
from dsp_kernels.glide import add_gliding_bank
from dsp_kernels.noise import (
    HIGHEST,
    LOOP_STEP,
    NOISE_FLOOR,
    NOISE_ROWS,
    STEP,
    TABLE,
    _polynomial,
    add_noise,
    band_tables,
)
from dsp_kernels.partials import MOTIONS


def error_db(found, wanted, table):
    """Largest error against the peak the tones reach, or would in a longer stretch: the root of summed squares."""
    start, end = table[bank.LEVEL], table[bank.LEVEL] + table[bank.SLOPE] * len(wanted)
    reach = np.sqrt(np.sum(np.exp(2 * np.maximum(start, end))))
    return 20 * np.log10(np.max(np.abs(found - wanted)) / max(reach, np.max(np.abs(wanted))) + 1e-30)


def tones(count, seed, glide=0.0, fall=1e-3):
    """Random tones; `glide` is the relative change of frequency over the longest stretch."""
    random = np.random.default_rng(seed)
    table = np.zeros((bank.TONE_ROWS, count))
    table[bank.LEVEL] = -8.0 * random.random(count)
    table[bank.SLOPE] = fall * (random.random(count) - 0.7)
    table[bank.PHASE] = 1e4 * random.random(count)
    table[bank.STEP] = 0.49 * random.random(count)
    table[bank.BEND] = table[bank.STEP] * glide * (random.random(count) - 0.5) / bank.LONGEST
    return table


def render(table, n, gliding):
    out = np.zeros(n, np.float32)
    grid = np.full(bank.GRID, np.nan, np.float32)  # work space may hold anything
    spin = np.full((bank.SPIN_ROWS, bank.BATCH), np.nan)
    count = table.shape[1]
    if gliding:
        add_gliding_bank(out, table, count, grid)
    else:
        bank.add_steady_bank(out, table, count, grid, spin)
    return out


@pytest.mark.parametrize("turns", [np.linspace(-4, 4, 4001), np.linspace(1e6, 1e6 + 1, 101)])
def test_sine_of_turns_is_a_sine(turns):
    found = np.array([sine_of_turns(x) for x in turns])
    assert np.max(np.abs(found - np.sin(2 * np.pi * (turns - np.floor(turns))))) < 1e-11


def test_exponential_is_exp():
    nepers = np.linspace(-59.9, 59.9, 2001)
    found = np.array([exponential(x) for x in nepers])
    assert np.max(np.abs(found / np.exp(nepers) - 1)) < 1e-8


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 200), st.integers(1, bank.LONGEST), st.integers(0, 10**6))
def test_steady_bank_is_its_twin(count, n, seed):
    table = tones(count, seed)
    table[bank.BEND] = 0.0
    assert error_db(render(table, n, gliding=False), naive_bank(table, n), table) < KERNEL_DB


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, bank.LONGEST), st.floats(-0.06, 0.06), st.integers(0, 10**6))
def test_gliding_bank_is_its_twin(count, n, glide, seed):
    table = tones(count, seed, glide)
    assert error_db(render(table, n, gliding=True), naive_bank(table, n), table) < KERNEL_DB


@pytest.mark.parametrize("gliding", [False, True])
def test_a_bank_adds_to_what_is_there(gliding):
    table = tones(5, 3)
    out = np.ones(100, np.float32)
    grid, spin = np.zeros(bank.GRID, np.float32), np.zeros((bank.SPIN_ROWS, bank.BATCH))
    if gliding:
        add_gliding_bank(out, table, 5, grid)
    else:
        bank.add_steady_bank(out, table, 5, grid, spin)
    table[bank.BEND] *= gliding
    assert error_db(out, 1.0 + naive_bank(table, 100), table) < KERNEL_DB


def test_an_attack_from_silence_within_a_millisecond():
    table = tones(64, 5)
    table[bank.LEVEL], table[bank.SLOPE], table[bank.BEND] = -23.0, 23.0 / 44, 0.0  # -200 dB to 0 dB in 44 samples
    assert error_db(render(table, 45, gliding=False), naive_bank(table, 45), table) < KERNEL_DB


@pytest.fixture(scope="module")
def noise():
    return band_tables(BAND_EDGES_HZ, 48000, 7)


def test_noise_bands_have_unit_mean_square_over_their_loop(noise):
    tables, loops = noise
    for table, loop in zip(tables, loops, strict=True):
        assert np.mean((STEP * table[:loop]) ** 2) == pytest.approx(1.0, abs=1e-4)


def test_noise_bands_hold_but_their_rounding_outside_their_edges(noise):
    tables, loops = noise
    for b, (table, loop) in enumerate(zip(tables, loops, strict=True)):
        power = np.abs(np.fft.rfft(table[:loop].astype(float))) ** 2
        hz = np.arange(len(power)) * 48000 / loop
        outside = (hz < BAND_EDGES_HZ[b] - 1) | (hz > BAND_EDGES_HZ[b + 1] + 1)
        assert np.sum(power[outside]) / np.sum(power) < STEP**2 / 12 * 1.1


def test_noise_tables_go_on_past_their_loop_and_never_repeat_together(noise):
    tables, loops = noise
    for table, loop in zip(tables, loops, strict=True):
        assert np.array_equal(table[loop:], table[: len(table) - loop])
        assert len(table) - loop >= bank.LONGEST  # a stretch is read in one piece
    assert len(set(loops.tolist())) == len(loops)
    assert np.all(np.diff(loops) == -LOOP_STEP)
    assert loops[0] == TABLE


def test_noise_is_gaussian_and_its_bands_are_strangers(noise):
    tables, _ = noise
    tables = STEP * tables
    broad = tables[20, :65536]
    kurtosis = np.mean(broad**4) / np.mean(broad**2) ** 2
    assert abs(kurtosis - 3.0) < 0.15  # 65536 samples, about 6000 independent ones: 4 sigma is 0.25 / 2
    assert abs(np.mean(tables[20, :65536] * tables[21, :65536])) < 0.02


@settings(max_examples=200, deadline=None)
@given(st.floats(-21.0, 3.0), st.floats(-40.0, -1.0), st.booleans())
@example(-18.0, -13.0, False)
@example(-21.0, -20.9, True)
def test_levels_of_noise_hold_no_denormal_numbers(level, log_slope, falls):
    table = np.zeros((bank.TONE_ROWS, 24 + 1))
    sheet = np.zeros((NOISE_ROWS, 24))
    sheet[NOISE_FLOOR] = -30.0
    end = level + (-1.0 if falls else 1.0) * np.exp(log_slope)
    before, after = np.full(24, level), np.full(24, end)
    span, motion = np.array([0.0, 1.0]), np.zeros((2, MOTIONS))
    tables, loops = np.zeros((24, TABLE + bank.LONGEST), np.int16), np.full(24, TABLE)
    add_noise(np.zeros(900, np.float32), before, after, span, sheet, motion, 0, tables, loops, table)
    factors = np.abs(np.array(_polynomial(table, 0, 450.0, 1.0)))
    assert np.all((factors == 0.0) | (factors >= np.finfo(np.float32).tiny))


def test_no_noise_is_cut_at_the_highest_step(noise):
    tables, _ = noise
    assert np.max(np.abs(tables.astype(int))) < HIGHEST


def test_bands_above_half_the_rate_are_silent():
    tables, _ = band_tables(BAND_EDGES_HZ, 16000, 7)
    above = BAND_EDGES_HZ[:-1] >= 8000
    assert np.any(above)
    assert not np.any(tables[above])
    assert np.all(np.any(tables[~above] != 0, axis=1))
