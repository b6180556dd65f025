"""Sound: an array that knows its rate, plays in notebooks and is written whole."""

from __future__ import annotations

import base64
import io
import re
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tolerances import FILE_16_BIT, FILE_24_BIT, FILE_VORBIS

from backtune.errors import InputError
from backtune.sound import FORMATS, Sound, write_sound


def player(sound: Sound) -> tuple[np.ndarray, int, str]:
    """Return (samples, rate, caption) of what a notebook would show."""
    html = sound._repr_html_()
    data = base64.b64decode(re.search(r"base64,([^\"]*)", html).group(1))  # type: ignore[union-attr]
    with wave.open(io.BytesIO(data)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32767
        return samples, file.getframerate(), html


def test_a_sound_is_an_array_with_a_rate() -> None:
    sound = Sound([0.0, 0.5, -0.25], 8000)
    assert isinstance(sound, np.ndarray)
    assert sound.dtype == np.float64
    assert (sound * 2).rate == sound[1:].rate == 8000
    assert sound.seconds == 3 / 8000
    assert sound.peak_db == pytest.approx(-6.02, abs=0.01)
    assert Sound([], 8000).peak_db == -np.inf


def test_a_notebook_plays_the_samples() -> None:
    samples, rate, html = player(Sound([0.0, 0.5, -0.25], 8000))
    np.testing.assert_allclose(samples, [0, 0.5, -0.25], atol=FILE_16_BIT)
    assert rate == 8000
    assert "softer" not in html


def test_a_notebook_plays_loud_sound_softer_and_says_so() -> None:
    samples, _, html = player(Sound([0.0, 2.0, -1.0], 8000))
    np.testing.assert_allclose(samples, [0, 1.0, -0.5], atol=FILE_16_BIT)
    assert "played 6.0 dB softer" in html


@pytest.mark.parametrize("ending", sorted(FORMATS))
def test_every_format_holds_the_sound(tmp_path: Path, ending: str) -> None:
    audio = 0.5 * np.sin(np.arange(8000) / 8)
    write_sound(tmp_path / f"x{ending}", audio, 44100)
    back, rate = soundfile.read(tmp_path / f"x{ending}")
    assert rate == 44100
    np.testing.assert_allclose(back, audio, atol=FILE_VORBIS if ending == ".ogg" else FILE_24_BIT)
    assert [one.name for one in tmp_path.iterdir()] == [f"x{ending}"]


@pytest.mark.parametrize(
    ("name", "audio", "told"),
    [
        ("x.mp4", [0.0], "ending '.mp4' is no sound format"),
        ("x.wav", [0.0, 1.5], "3.5 dB above full scale"),
        ("x.wav", [0.0, np.nan], "NaN or infinite"),
        ("none/x.wav", [0.0], "cannot be written"),
    ],
)
def test_what_cannot_be_written_is_told(tmp_path: Path, name: str, audio: list[float], told: str) -> None:
    with pytest.raises(InputError, match=told):
        write_sound(tmp_path / name, audio, 44100)
    assert list(tmp_path.iterdir()) == []
