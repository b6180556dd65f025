"""Sound: samples that know their rate, so that a notebook shows a player; and written to files."""

from __future__ import annotations

import base64
import io
import wave
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtune.errors import InputError
from backtune.whole_file import beside

FORMATS = {
    ".wav": ("WAV", "PCM_24"),
    ".flac": ("FLAC", "PCM_24"),
    ".aiff": ("AIFF", "PCM_24"),
    ".ogg": ("OGG", "VORBIS"),
}


class Sound(NDArray[np.float64]):
    """Mono samples (n,), float64, 1.0 = full scale, with their `rate` in Hz; an ordinary array otherwise."""

    rate: int

    def __new__(cls, samples: Any, rate: int) -> Sound:
        sound = np.asarray(samples, np.float64).view(cls)
        sound.rate = int(rate)
        return sound

    def __array_finalize__(self, origin: Any) -> None:
        self.rate = getattr(origin, "rate", 44100)

    @property
    def seconds(self) -> float:
        """Length in s."""
        return float(len(self) / self.rate)

    @property
    def peak_db(self) -> float:
        """Level of the largest sample in dB of full scale; -inf for silence."""
        with np.errstate(divide="ignore"):
            return float(20 * np.log10(np.max(np.abs(self), initial=0.0)))

    def _repr_html_(self) -> str:
        """Return a player; sound above full scale is played softer, and the text says so."""
        excess_db = max(0.0, self.peak_db)
        levels = np.asarray(self) * 10 ** (-excess_db / 20) * 32767.0
        block = io.BytesIO()
        with wave.open(block, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(self.rate)
            file.writeframes(np.round(levels).astype("<i2").tobytes())
        softer = f", played {excess_db:.1f} dB softer" if excess_db else ""
        data = base64.b64encode(block.getvalue()).decode()
        facts = f"{self.seconds:.2f} s, {self.rate} Hz, peak {self.peak_db:.1f} dB{softer}"
        return (
            f'<figure><audio controls src="data:audio/wav;base64,{data}"></audio>'
            f"<figcaption>{facts}</figcaption></figure>"
        )


def write_sound(path: str | Path, samples: Any, rate: int, like: tuple[str, str] | None = None) -> None:
    """Write samples, (n,) or (n, channels), beside `path` and rename the file there.

    The ending chooses the format (.wav, .flac, .aiff with 24 bits, .ogg); `like` is libsndfile's
    (format, subtype) instead. Raises InputError for another ending, samples above full scale or not
    finite, or a place that cannot be written.
    """
    import soundfile

    target = Path(path)
    ending = target.suffix.lower()
    if like is None and ending not in FORMATS:
        raise InputError(f"{target}: the ending '{ending}' is no sound format; allowed: {', '.join(FORMATS)}")
    audio = np.asarray(samples)
    peak = float(np.max(np.abs(audio), initial=0.0))
    if not np.isfinite(peak):
        raise InputError(f"{target}: the sound holds NaN or infinite samples")
    if peak > 1.0:
        raise InputError(
            f"{target}: peaks {20 * np.log10(peak):.1f} dB above full scale; play softer or lower the gain"
        )
    kind, subtype = like or FORMATS[ending]
    try:
        with beside(target) as part:
            soundfile.write(part, audio, rate, format=kind, subtype=subtype)
            check_arrived(part, target, len(audio))
    except soundfile.SoundFileError as error:
        raise InputError(f"{target}: cannot be written ({error})") from None


def check_arrived(part: Path, target: Path, frames: int) -> None:
    """Raise InputError, naming `target`, unless the sound file `part` holds `frames` frames to its end.

    Vorbis is written as the file is closed, and libsndfile does not tell when the disk is full then.
    """
    import soundfile

    with soundfile.SoundFile(part) as written:
        arrived = written.frames
    if arrived != frames:
        raise InputError(f"{target}: cannot be written ({arrived} of {frames} frames arrived: is the disk full?)")
