"""Notes: what is asked of an instrument (NoteEvent) and what was recorded from one (Recording, Take)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backtune.errors import InputError
from backtune.units import midi_to_hz, note_name

MOST_FRAMES = 60_000_000  # of one take: 20 minutes at 48 kHz, half a GB in memory; packed silence promises more
BLOCK = 1 << 20  # frames read at a time
TOP_OF_RATE = 0.45  # of a rate; above, the filters of converters are heard, not the instrument


@dataclass(frozen=True)
class NoteEvent:
    """One note to be played.

    - `midi`: pitch as a MIDI number, fractions allowed. `velocity`: 1..127.
    - `gate_s`: when the key is released, s after the onset; None = held, rings freely.
    - `release_velocity`: 0..127, how fast the key comes up.
    """

    midi: float
    velocity: float = 90.0
    gate_s: float | None = None
    release_velocity: float = 64.0

    @property
    def name(self) -> str:
        """Scientific name, such as C4."""
        return note_name(self.midi)


def recorded_to_hz(rate: float) -> float:
    """Return the highest frequency in Hz that recordings at `rate` Hz tell of."""
    return TOP_OF_RATE * rate


@dataclass(frozen=True)
class Recording:
    """Where the samples of a take are: a stretch of one channel of an audio file, or an array in memory.

    - `path`, `channel`, `start_frame`, `stop_frame`: the stretch of the file; or `samples` at `rate` Hz.
    - `gain_db`: applied on reading. `dc_offset`: subtracted on reading, in sample units before the gain.
    - `retune_cents`: the recording is played that much faster, so its rate changes and no sample does.
    """

    path: Path | None = None
    channel: int = 0
    start_frame: int = 0
    stop_frame: int | None = None
    samples: NDArray[np.float64] | None = field(default=None, compare=False, repr=False)
    rate: int = 44100
    gain_db: float = 0.0
    dc_offset: float = 0.0
    retune_cents: float = 0.0

    def read(self) -> tuple[NDArray[np.float64], int]:
        """Return (mono samples, float64; rate in Hz).

        Raises InputError when the file is missing, unreadable, has no such channel, holds no
        samples or samples that are not finite numbers.
        """
        if self.samples is not None:
            audio, rate = np.asarray(self.samples, float), self.rate
        else:
            audio, rate = self._read_file()
        where = self.path if self.path is not None else "audio"
        if audio.size == 0:
            raise InputError(f"{where}: the file holds no audio (0 samples)")
        if not np.all(np.isfinite(audio)):
            raise InputError(f"{where}: the audio holds NaN or infinite samples")
        if self.dc_offset or self.gain_db:
            audio = (audio - self.dc_offset) * 10.0 ** (self.gain_db / 20.0)
        return audio, round(rate * 2.0 ** (self.retune_cents / 1200.0))

    def _read_file(self) -> tuple[NDArray[np.float64], int]:
        import soundfile

        assert self.path is not None
        if not self.path.is_file():
            raise InputError(f"{self.path}: no such file")
        try:
            with soundfile.SoundFile(self.path) as sound:
                if self.channel >= sound.channels:
                    raise InputError(f"{self.path}: channel {self.channel} was asked for, it has {sound.channels}")
                sound.seek(self.start_frame)
                stop = sound.frames if self.stop_frame is None else min(self.stop_frame, sound.frames)
                count = max(0, stop - self.start_frame)
                if count > MOST_FRAMES:
                    raise InputError(f"{self.path}: {count} samples; a recording of one note may have {MOST_FRAMES}")
                blocks = [np.zeros(0)]
                while count > 0 and len(block := sound.read(min(count, BLOCK), dtype="float64", always_2d=True)):
                    blocks.append(block[:, self.channel].copy())  # other channels are never all in memory
                    count -= len(block)
                return np.concatenate(blocks), int(sound.samplerate)
        except (soundfile.LibsndfileError, RuntimeError, ValueError) as error:
            reason = getattr(error, "error_string", error)  # without the path, which stands in front already
            raise InputError(f"{self.path}: not readable as audio ({reason})") from None

    @cached_property
    def content_hash(self) -> str:
        """Hash of the samples, channel and rate: what analysis is cached by."""
        audio, rate = self.read()
        digest = hashlib.sha256(np.ascontiguousarray(audio, dtype=np.float64).tobytes())
        digest.update(f"{rate}".encode())
        return digest.hexdigest()


@dataclass(frozen=True)
class Take:
    """One performance of one note, as recorded.

    - `name`: how messages and tables call it (usually the file name).
    - `midi`, `velocity`: what was played. `dynamic`: its name ("pp"), or "". `number`: 1, 2... for repeats.
    - `onset_s`: perceived start of the note in the recording, s; None = to be found by analysis.
    - `gate_s`: time of the key's release in the recording, s; None = rings freely.
    - `split`: "train", "test" or "" where the source does not say.
    - `transposed_semitones`: how far it sounds above its key: -12 for an organ's 16' stop, -2 for a clarinet in B flat.
    """

    name: str
    midi: float
    velocity: float
    recording: Recording
    dynamic: str = ""
    number: int = 1
    onset_s: float | None = None
    gate_s: float | None = None
    split: str = ""
    transposed_semitones: float = 0.0

    @property
    def sounding_midi(self) -> float:
        """The pitch that is to be heard."""
        return self.midi + self.transposed_semitones

    @property
    def sounding_hz(self) -> float:
        """The fundamental, in equal temperament, that is to be heard."""
        return float(midi_to_hz(self.sounding_midi))

    def audio(self) -> tuple[NDArray[np.float64], int]:
        """Return (mono samples, rate in Hz) of the take."""
        return self.recording.read()
