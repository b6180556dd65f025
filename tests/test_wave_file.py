"""Wave files: written in blocks, read back as they were, dithered when bits are cut."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from backtune.errors import InputError
from backtune.wave_file import Description, WaveWriter, dithered, full_scale

RATE = 48000


@given(st.sampled_from([16, 24, 32]), st.integers(1, 2), st.lists(st.integers(0, 700), max_size=5))
@settings(max_examples=25, deadline=None)
def test_wave_files_are_read_back(
    tmp_path_factory: pytest.TempPathFactory, bits: int, channels: int, lengths: list[int]
) -> None:
    path = tmp_path_factory.mktemp("waves") / "x.wav"
    random = np.random.default_rng(1)
    blocks = []
    with WaveWriter(path, 44100, channels, bits, Description("t", "c", datetime.fromtimestamp(0, UTC))) as file:
        for length in lengths:
            if bits == 32:
                block = random.standard_normal((channels, length)).astype(np.float32)
            else:
                block = random.integers(-full_scale(bits), full_scale(bits), (channels, length)).astype(np.int32)
            file.write(block)
            blocks.append(block)
    wanted = np.concatenate([np.zeros((channels, 0)), *blocks], axis=1)
    audio, rate = soundfile.read(path, dtype="float64", always_2d=True)
    assert rate == 44100
    assert np.array_equal(audio.T, wanted if bits == 32 else wanted / full_scale(bits))


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    about = Description("t", "c", datetime.fromtimestamp(0, UTC))
    with pytest.raises(InputError, match=r"x\.wav: cannot be written"):
        WaveWriter(tmp_path / "none" / "x.wav", RATE, 2, 24, about)


def test_dither_makes_the_error_noise_of_known_strength() -> None:
    """A tone of a third of a step survives; the error has variance 1/4 step squared whatever the signal."""
    frames = 1 << 18
    tone = np.sin(2 * np.pi * 1000 / RATE * np.arange(frames)) / 3 / full_scale(16)
    steps = dithered(tone[None, :], 16, np.random.default_rng(0))[0]
    error = steps - tone * full_scale(16)
    assert np.var(error) == pytest.approx(0.25, rel=0.02)
    assert 2 * np.mean(steps * np.sin(2 * np.pi * 1000 / RATE * np.arange(frames))) == pytest.approx(1 / 3, abs=0.01)
