"""Recorded sound in few bytes: FLAC and Opus through libsndfile, cut to what is held, and decoded again."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from backtune.fading import faded_out
from backtune.resampling import resampled

Floats = NDArray[np.float64]

OPUS_RATE = 48000  # the only full-band rate of Opus
OPUS_BIT_S = 32_000  # mono: a single instrument at the edge of transparency
# libsndfile tells the bit rate by a level: 0 is 256 kbit/s a channel, 1 is 6 kbit/s.
OPUS_LEVEL = (256_000 - OPUS_BIT_S) / 250_000
FADE_S = 0.02


def codecs() -> tuple[str, ...]:
    """Return which codecs this libsndfile has: "FLAC", "Opus" (from 1.0.29)."""
    import soundfile

    return ("FLAC", "Opus") if "OPUS" in soundfile.available_subtypes("OGG") else ("FLAC",)


def encode(audio: Floats, rate: int, codec: str) -> bytes:
    """Return mono samples as a FLAC file of 16 bits, or as Opus of 32 kbit/s."""
    import soundfile

    data = io.BytesIO()
    if codec == "FLAC":
        soundfile.write(data, np.clip(audio, -1.0, 1.0), rate, format="FLAC", subtype="PCM_16")
    else:
        at_48 = resampled(audio, rate, OPUS_RATE)
        soundfile.write(
            data, np.clip(at_48, -1.0, 1.0), OPUS_RATE, format="OGG", subtype="OPUS", compression_level=OPUS_LEVEL
        )
    return data.getvalue()


def decode(data: bytes, rate: int, length: int) -> Floats:
    """Return what was encoded as `length` mono samples at `rate`."""
    import soundfile

    audio, its_rate = soundfile.read(io.BytesIO(data), dtype="float64")
    audio = resampled(audio, its_rate, rate)
    return np.asarray(np.pad(audio, (0, max(0, length - len(audio))))[:length])


def shortened(audio: Floats, rate: int, seconds: float) -> Floats:
    """Return the first `seconds`, faded out over 20 ms where something is cut."""
    length = min(len(audio), max(1, round(seconds * rate)))
    return faded_out(audio[:length], rate, FADE_S) if length < len(audio) else audio.copy()
