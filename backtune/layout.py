"""A voice laid out for the kernels at one sampling rate."""

from __future__ import annotations

from functools import lru_cache
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtune.errors import BacktuneError
from backtune.hearing import quiet_db
from backtune.units import DB_PER_NEPER, T60_NEPER
from backtune.voice import Voice
from dsp_kernels import ensemble
from dsp_kernels.layout import last_heard, lay_out, thin
from dsp_kernels.modes import MODE_ROWS
from dsp_kernels.noise import NOISE_ROWS, TABLE, band_tables
from dsp_kernels.partials import PARTIAL_ROWS

NOISE_SEED = 20240917  # the tables of noise are the same for all voices; each starts elsewhere in them
EXACT_DB = -180.0  # with hearing left aside, only this is silence
TAIL_S = 10.0  # a voice that outlasts its frames falls on ...
TAIL_FROM_S = 1.0  # ... as it did, on average, over its last second
SWEEPS = 2  # through the frames for those that may go: each can leave out every second one


class Layout:
    """One voice at one sampling rate, as arrays the kernels read; it can be played many times.

    - `first_frame`: the sample, relative to the perceived onset, at which its first frame lies.
    - Levels become nepers in float32, times whole samples (a frame moves by half a sample, 11 us, at most).
    - With `hearing`, what `quiet_db` calls inaudible is left out, and frames within 0.1 dB of the line between
      their neighbours; without, all down to -180 dB is there.

    Raises BacktuneError, naming the array, when the voice's arrays do not belong together.
    """

    def __init__(self, voice: Voice, rate: int, hearing: bool) -> None:
        _check(voice)
        at = np.round(voice.times_s * rate).astype(np.int64)
        rises = at[1:] > at[:-1]
        kept: Any = slice(None)  # a view is free, a copy is not
        if not rises.all():
            kept = np.concatenate([[True], rises])  # two frames in one sample: the first holds
        at, times = at[kept], voice.times_s[kept]
        if len(at) < 2:
            raise BacktuneError(f"voice {voice.note.name}.times_s: all within one sample of {rate} Hz")
        self.rate = rate
        self.first_frame = int(at[0])
        self.strike = max(0, -self.first_frame)
        self.frames = _with_one_more(at - at[0], at[-1] - at[0] + round(TAIL_S * rate))
        self.levels = _with_tail(voice.partial_db[:, kept], times)
        self.bands = _with_tail(voice.noise_db[:, kept], times)
        ratios = np.exp2(voice.bend_cents[kept] / 1200.0)
        self.rates = _with_one_more(ratios, ratios[-1])

        partials = np.zeros((PARTIAL_ROWS, len(voice.partial_hz)))
        partials[0] = voice.partial_hz / rate
        partials[1] = voice.phase_rad / (2.0 * np.pi)
        partials[2] = voice.partial_release_db_s / DB_PER_NEPER / rate
        partials[3] = _floor(voice.partial_hz.tobytes(), hearing)
        partials[4] = np.log2(voice.partial_hz / np.min(voice.partial_hz, initial=np.inf))
        noise = np.zeros((NOISE_ROWS, len(voice.noise_db)))
        noise[0] = voice.noise_release_db_s / DB_PER_NEPER / rate
        noise[1] = _band_floor(tuple(voice.band_hz), hearing)
        noise[2] = _noise_offsets(voice.seed, len(voice.noise_db))
        modes = np.zeros((MODE_ROWS, len(voice.mode_hz)))
        modes[0] = voice.mode_hz / rate
        modes[1] = voice.mode_db / DB_PER_NEPER
        modes[2] = T60_NEPER / voice.mode_decay_s / rate
        modes[3] = voice.mode_release_db_s / DB_PER_NEPER / rate
        modes[4] = _floor(voice.mode_hz.tobytes(), hearing)
        self.sheets = (partials, noise, modes)
        self.tones = max(partials.shape[1], modes.shape[1], noise.shape[1] + 1)
        if hearing:
            self._thin()
        last = max(last_heard(self.levels, partials[3]), last_heard(self.bands, noise[1]), 0)
        self.quiet = int(self.frames[last])
        self.noise = noise_tables(tuple(voice.band_hz), rate)
        self.row = self._row()

    def _thin(self) -> None:
        """Leave out frames that change nothing audible: the fewer there are, the less each costs."""
        for _ in range(SWEEPS):
            curves = (self.frames, self.rates, self.levels, self.bands)
            left = thin(*curves, self.sheets[0][3], self.sheets[1][1])
            self.frames, self.rates, self.levels, self.bands = (curve[:left].copy() for curve in curves)

    def _row(self) -> NDArray[np.int64]:
        """Return what the kernels' table of voices holds of it; a player's own columns are still 0."""
        curves = (self.frames, self.rates, self.levels, self.bands)
        if not all(array.flags.c_contiguous for array in (*curves, *self.sheets, *self.noise)):
            raise BacktuneError("a layout's arrays must be whole in memory: the kernels know them by their addresses")
        row = np.zeros(ensemble.COLUMNS, np.int64)
        ensemble.tell(row, curves, self.sheets, self.noise, self.strike, self.quiet)
        return row

    @property
    def size_bytes(self) -> int:
        """How much memory its curves take."""
        return self.levels.nbytes + self.bands.nbytes + self.frames.nbytes + self.rates.nbytes

    @property
    def length(self) -> int:
        """How many samples its frames span, the tail not counted."""
        return int(self.frames[-2])


@lru_cache(maxsize=8)
def noise_tables(edges_hz: tuple[float, ...], rate: int) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    """Return the looped noise of bands with these edges in Hz at `rate`, made once."""
    return band_tables(np.array(edges_hz), rate, NOISE_SEED)


@lru_cache(maxsize=8)
def _band_floor(edges_hz: tuple[float, ...], hearing: bool) -> NDArray[np.float64]:
    edges = np.array(edges_hz)
    return _floor(np.sqrt(edges[1:] * edges[:-1]).tobytes(), hearing)


@lru_cache(maxsize=256)
def _floor(hz: bytes, hearing: bool) -> NDArray[np.float64]:
    """Return the floors of frequencies given as bytes: a key sounds the same ones at every velocity."""
    floor_db = quiet_db(np.frombuffer(hz)) if hearing else np.full(len(hz) // 8, EXACT_DB)
    return np.asarray(floor_db / DB_PER_NEPER)


@lru_cache(maxsize=256)
def _noise_offsets(seed: int, bands: int) -> NDArray[np.int64]:
    """Return where in the tables of noise each band of a voice starts."""
    return np.random.default_rng(seed).integers(0, TABLE, bands)


def _with_one_more(values: NDArray[Any], last: Any) -> NDArray[Any]:
    out = np.empty(len(values) + 1, values.dtype)
    out[:-1], out[-1] = values, last
    return out


def _with_tail(level_db: NDArray[np.float64], times_s: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return levels in nepers, frames first, with one more frame where each line would fall to."""
    back = int(np.searchsorted(times_s, times_s[-1] - TAIL_FROM_S))
    back = min(back, len(times_s) - 2)
    slope = (level_db[:, -1] - level_db[:, back]) / (times_s[-1] - times_s[back])
    tail_db = level_db[:, -1] + np.minimum(slope, 0.0) * TAIL_S
    out = np.empty((len(times_s) + 1, len(level_db)), np.float32)
    lay_out(np.ascontiguousarray(level_db), 1.0 / DB_PER_NEPER, tail_db, out)
    return out


def _check(voice: Voice) -> None:
    frames, bands = len(voice.times_s), len(voice.band_hz) - 1
    partials, modes = len(voice.partial_hz), len(voice.mode_hz)
    shapes = {
        "bend_cents": (frames,),
        "partial_db": (partials, frames),
        "phase_rad": (partials,),
        "partial_release_db_s": (partials,),
        "noise_db": (bands, frames),
        "noise_release_db_s": (bands,),
        "mode_db": (modes,),
        "mode_decay_s": (modes,),
        "mode_release_db_s": (modes,),
    }
    if frames < 2 or not (voice.times_s[1:] > voice.times_s[:-1]).all():
        raise BacktuneError(f"voice {voice.note.name}.times_s: two or more rising times are needed, {frames} given")
    for name, shape in shapes.items():
        array = getattr(voice, name)
        if array.shape != shape:
            raise BacktuneError(f"voice {voice.note.name}.{name}: shape {array.shape}, {shape} is needed")
        if not isfinite(array.sum()):
            raise BacktuneError(f"voice {voice.note.name}.{name}: not all are finite numbers")
