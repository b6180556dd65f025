"""A voice laid out for the kernels at one sampling rate (Layout), and one that is being played (Sounding)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtune.errors import BacktuneError
from backtune.hearing import quiet_db
from backtune.units import DB_PER_NEPER, T60_NEPER
from backtune.voice import Voice
from dsp_kernels.bank import BATCH, GRID, LONGEST, SPIN_ROWS, TONE_ROWS
from dsp_kernels.frames import STATE, run, settle, steer
from dsp_kernels.modes import MODE_ROWS
from dsp_kernels.noise import NOISE_ROWS, TABLE, band_tables
from dsp_kernels.partials import MOTIONS, PARTIAL_ROWS

NOISE_SEED = 20240917  # the tables of noise are the same for all voices; each starts elsewhere in them
EXACT_DB = -180.0  # with hearing left aside, only this is silence
TAIL_S = 10.0  # a voice that outlasts its frames falls on ...
TAIL_FROM_S = 1.0  # ... as it did, on average, over its last second
RAMP_S = 0.005  # changes of gain, tilt and bend take this long: too short to hear, too long to click
FADE_DB = -104.0  # where a stolen voice is led before it stops

Aim = tuple[float, float, float]  # gain in dB, tilt in dB an octave above the fundamental, bend in cents


@lru_cache(maxsize=8)
def noise_tables(edges_hz: tuple[float, ...], rate: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the looped noise of bands with these edges in Hz at `rate`, made once."""
    return band_tables(np.array(edges_hz), rate, NOISE_SEED)


@lru_cache(maxsize=8)
def _band_floor(edges_hz: tuple[float, ...], hearing: bool) -> NDArray[np.float64]:
    edges = np.array(edges_hz)
    return _floor(np.sqrt(edges[1:] * edges[:-1]), hearing)


class Workspace:
    """Space that kernels overwrite: one a thread, grown to the largest voice met."""

    def __init__(self) -> None:
        self._tones = 0
        self.arrays: tuple[Any, ...] = ()

    def for_tones(self, tones: int) -> tuple[Any, ...]:
        """Return span, motion, tones, grid and spin for banks of up to `tones` sines."""
        if tones > self._tones:
            self._tones = max(BATCH, 2 * tones)
            self.arrays = (
                np.zeros(2),
                np.zeros((2, MOTIONS)),
                np.zeros((TONE_ROWS, self._tones)),
                np.zeros(GRID, np.float32),
                np.zeros((SPIN_ROWS, BATCH)),
            )
        return self.arrays


class Layout:
    """One voice at one sampling rate, as arrays the kernels read; it can be played many times.

    - `first_frame`: the sample, relative to the perceived onset, at which its first frame lies.
    - Levels become nepers in float32, times whole samples (a frame moves by half a sample, 11 us, at most).
    - With `hearing`, what `quiet_db` calls inaudible is left out; without, all down to -180 dB is there.

    Raises BacktuneError, naming the array, when the voice's arrays do not belong together.
    """

    def __init__(self, voice: Voice, rate: int, hearing: bool) -> None:
        _check(voice)
        at = np.round(voice.times_s * rate).astype(np.int64)
        keep = np.concatenate([[True], np.diff(at) > 0])  # two frames in one sample: the first holds
        kept: Any = slice(None) if np.all(keep) else keep  # a view is free, a copy is not
        at, times = at[kept], voice.times_s[kept]
        if len(at) < 2:
            raise BacktuneError(f"voice {voice.note.name}.times_s: all within one sample of {rate} Hz")
        self.rate = rate
        self.first_frame = int(at[0])
        self.strike = max(0, -self.first_frame)
        self.frames = np.append(at - at[0], at[-1] - at[0] + round(TAIL_S * rate))
        self.levels = _with_tail(voice.partial_db[:, kept], times)
        self.bands = _with_tail(voice.noise_db[:, kept], times)
        ratios = np.exp2(voice.bend_cents[kept] / 1200.0)
        self.rates = np.append(ratios, ratios[-1])

        partials = np.zeros((PARTIAL_ROWS, len(voice.partial_hz)))
        partials[0] = voice.partial_hz / rate
        partials[1] = voice.phase_rad / (2.0 * np.pi)
        partials[2] = voice.partial_release_db_s / DB_PER_NEPER / rate
        partials[3] = _floor(voice.partial_hz, hearing)
        partials[4] = np.log2(voice.partial_hz / np.min(voice.partial_hz, initial=np.inf))
        noise = np.zeros((NOISE_ROWS, len(voice.noise_db)))
        noise[0] = voice.noise_release_db_s / DB_PER_NEPER / rate
        noise[1] = _band_floor(tuple(voice.band_hz), hearing)
        noise[2] = np.random.default_rng(voice.seed).integers(0, TABLE, len(voice.noise_db))
        modes = np.zeros((MODE_ROWS, len(voice.mode_hz)))
        modes[0] = voice.mode_hz / rate
        modes[1] = voice.mode_db / DB_PER_NEPER
        modes[2] = T60_NEPER / voice.mode_decay_s / rate
        modes[3] = voice.mode_release_db_s / DB_PER_NEPER / rate
        modes[4] = _floor(voice.mode_hz, hearing)
        self.sheets = (partials, noise, modes)
        self.tones = max(partials.shape[1], modes.shape[1], 1)
        heard = np.any(self.levels >= partials[3], axis=1) | np.any(self.bands >= noise[1], axis=1)
        self.quiet = int(self.frames[np.flatnonzero(heard)[-1]]) if np.any(heard) else 0
        self.noise = noise_tables(tuple(voice.band_hz), rate)

    @property
    def size_bytes(self) -> int:
        """How much memory its curves take."""
        return self.levels.nbytes + self.bands.nbytes + self.frames.nbytes + self.rates.nbytes

    @property
    def length(self) -> int:
        """How many samples its frames span, the tail not counted."""
        return int(self.frames[-2])


class Sounding:
    """A layout being played: what it has sounded so far, and what the player does to it from the next sample on."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._ahead = np.zeros(LONGEST, np.float32)
        self.state = np.zeros(1, STATE)
        self.state["alive"] = 1
        self.state["bend"] = self.state["bend_target"] = 1.0

    @property
    def alive(self) -> bool:
        """Whether it may still be heard."""
        return bool(self.state["alive"][0])

    @property
    def excess_db(self) -> float:
        """How far its loudest part is above its floor; infinite before the strike, when that cannot be told."""
        begun = self.state["position"][0] + self.state["length"][0] > self.layout.strike
        return float(self.state["excess"][0]) * DB_PER_NEPER if begun else np.inf

    def run(self, out: NDArray[np.float32], workspace: Workspace) -> None:
        """Add its next samples to `out` (n, float32)."""
        sheet = self.layout
        work = (self._ahead, *workspace.for_tones(sheet.tones))
        curves = (sheet.frames, sheet.rates, sheet.levels, sheet.bands)
        run(out, self.state, curves, sheet.sheets, sheet.strike, sheet.quiet, sheet.noise, work)

    def damp(self, strength: float) -> None:
        """Press the damper: 0 = free, 1 = the full release of the voice."""
        settle(self.state)
        self.state["damper"] = strength

    def steer(self, aim: Aim, ramp_s: float = RAMP_S) -> None:
        """Lead gain, tilt and bend to `aim`, on lines that take `ramp_s`."""
        gain_db, tilt_db, cents = aim
        samples = max(1, round(ramp_s * self.layout.rate))
        steer(self.state, gain_db / DB_PER_NEPER, tilt_db / DB_PER_NEPER, 2.0 ** (cents / 1200.0), samples)

    def begin(self, aim: Aim) -> None:
        """Set gain, tilt and bend at once; for a voice that has not sounded yet."""
        gain_db, tilt_db, cents = aim
        values = {"gain": gain_db / DB_PER_NEPER, "tilt": tilt_db / DB_PER_NEPER, "bend": 2.0 ** (cents / 1200.0)}
        for name, value in values.items():
            self.state[name] = self.state[f"{name}_target"] = value

    def fade_in(self) -> None:
        """Come in from silence within 5 ms, for a voice whose first samples were cut off."""
        tilt, bend = float(self.state["tilt"][0]), float(self.state["bend"][0])
        gain = float(self.state["gain"][0])
        self.state["gain"] = FADE_DB / DB_PER_NEPER
        steer(self.state, gain, tilt, bend, max(1, round(RAMP_S * self.layout.rate)))

    def fade(self) -> None:
        """Fade out within 5 ms and end."""
        state = self.state[0]
        samples = max(1, round(RAMP_S * self.layout.rate))
        steer(self.state, FADE_DB / DB_PER_NEPER, float(state["tilt"]), float(state["bend"]), samples)
        self.state["fading"] = 1


def _floor(hz: NDArray[np.float64], hearing: bool) -> NDArray[np.float64]:
    floor_db = quiet_db(hz) if hearing else np.full(len(hz), EXACT_DB)
    return np.asarray(floor_db / DB_PER_NEPER)


def _with_tail(level_db: NDArray[np.float64], times_s: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return levels in nepers, frames first, with one more frame where each line would fall to."""
    back = int(np.searchsorted(times_s, times_s[-1] - TAIL_FROM_S))
    back = min(back, len(times_s) - 2)
    slope = (level_db[:, -1] - level_db[:, back]) / (times_s[-1] - times_s[back])
    out = np.empty((len(times_s) + 1, len(level_db)), np.float32)
    np.multiply(level_db.T, 1.0 / DB_PER_NEPER, out=out[:-1], casting="same_kind")
    out[-1] = (level_db[:, -1] + np.minimum(slope, 0.0) * TAIL_S) / DB_PER_NEPER
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
    if frames < 2 or np.any(np.diff(voice.times_s) <= 0):
        raise BacktuneError(f"voice {voice.note.name}.times_s: two or more rising times are needed, {frames} given")
    for name, shape in shapes.items():
        array = getattr(voice, name)
        if array.shape != shape:
            raise BacktuneError(f"voice {voice.note.name}.{name}: shape {array.shape}, {shape} is needed")
        if not np.isfinite(np.sum(array)):
            raise BacktuneError(f"voice {voice.note.name}.{name}: not all are finite numbers")
