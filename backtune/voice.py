"""A voice: one note compiled to what the kernels understand - partials, noise bands, modes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtune.notes import NoteEvent
from backtune.units import LOG_POWER_DB, erb_to_hz, hz_to_erb

Floats = NDArray[np.float64]

SILENCE_DB = -200.0
BANDS = 24  # noise bands, about 1.7 ERB wide: narrower ones are not resolved between low partials
BAND_LOW_HZ, BAND_HIGH_HZ = 40.0, 18000.0
BAND_EDGES_HZ: Floats = erb_to_hz(np.linspace(hz_to_erb(BAND_LOW_HZ), hz_to_erb(BAND_HIGH_HZ), BANDS + 1))
COMES_IN_S, COMES_IN_DB = 0.005, 60.0
FIRST_STEP_S = 0.001  # frames are 1 ms apart at the onset ...
STEP_GROWTH = 1.08  # ... each 8 % longer than the one before ...
LAST_STEP_S = 0.02  # ... up to 20 ms, which still follows a 6 Hz vibrato
NOISE_RELEASE_DB_S = 300.0  # breath and bow stop within 0.2 s of the key's release, unless a layer says otherwise


@dataclass(frozen=True)
class Voice:
    """One note as the kernels see it; times run from the perceived onset, so the lead-in is negative.

    Shapes: P partials, T frames, B noise bands, M modes. All arrays are float64.
    Between frames every level runs on a straight line in dB.

    - `times_s` (T,): frame times in s, rising; the first may be negative (sound before the perceived onset).
    - `partial_number` (P,): which overtone each partial is (1 = fundamental); two partials may share a number.
    - `partial_hz` (P,): frequencies without bend. `bend_cents` (T,): a bend that all partials share.
    - `partial_db` (P, T): peak amplitude, 0 dB = full scale. `phase_rad` (P,): sine phase at the first frame.
    - `band_hz` (B + 1,): edges of the noise bands. `noise_db` (B, T): mean square in each band, 0 dB = 1.0.
    - `mode_hz`, `mode_db`, `mode_decay_s` (M,): damped sines struck at time 0: amplitude and time to fall 60 dB.
    - `partial_release_db_s` (P,), `noise_release_db_s` (B,), `mode_release_db_s` (M,): by how many dB per second
      each falls faster once the key is up and no pedal holds it; 0 = rings on (a string above the dampers).
      The levels above are those of a held note: the renderer applies gate and pedals.
    - `seed`: where every random choice of this note (phases, noise) starts from.
    """

    note: NoteEvent
    times_s: Floats
    partial_number: Floats
    partial_hz: Floats
    bend_cents: Floats
    partial_db: Floats
    phase_rad: Floats
    band_hz: Floats
    noise_db: Floats
    mode_hz: Floats
    mode_db: Floats
    mode_decay_s: Floats
    partial_release_db_s: Floats
    noise_release_db_s: Floats
    mode_release_db_s: Floats
    seed: int = 0

    @classmethod
    def silent(cls, note: NoteEvent, times_s: Floats, seed: int = 0) -> Voice:
        """Return the voice before any layer: no partials, silent noise bands, no modes."""
        frames = len(times_s)
        none = np.zeros(0)
        return cls(
            note=note,
            times_s=np.asarray(times_s, float),
            partial_number=none,
            partial_hz=none,
            bend_cents=np.zeros(frames),
            partial_db=np.zeros((0, frames)),
            phase_rad=none,
            band_hz=BAND_EDGES_HZ,
            noise_db=np.full((BANDS, frames), SILENCE_DB),
            mode_hz=none,
            mode_db=none,
            mode_decay_s=none,
            partial_release_db_s=none,
            noise_release_db_s=np.full(BANDS, NOISE_RELEASE_DB_S),
            mode_release_db_s=none,
            seed=seed,
        )

    def with_(self, **changes: Any) -> Voice:
        """Return a copy with some fields replaced.

        A note passes through many layers: this takes a fifth of the time of `dataclasses.replace`.
        """
        if not changes.keys() <= self.__dict__.keys():
            raise TypeError(f"a voice has no {', '.join(sorted(changes.keys() - self.__dict__.keys()))}")
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__, **changes)
        return copy

    @property
    def band_centre_hz(self) -> Floats:
        """Centre of each noise band on the ERB scale, Hz, (B,)."""
        erb = hz_to_erb(self.band_hz)
        return np.asarray(erb_to_hz(0.5 * (erb[1:] + erb[:-1])))

    def adding_noise(self, noise_db: Floats) -> Voice:
        """Return the voice with noise of level `noise_db` (B, T) added, power to power."""
        if np.max(self.noise_db, initial=SILENCE_DB) <= SILENCE_DB:  # the first noise of a voice: nothing to sum
            return self.with_(noise_db=np.maximum(noise_db, self.noise_db))
        total = 10.0 * np.logaddexp(self.noise_db * LOG_POWER_DB, noise_db * LOG_POWER_DB) / np.log(10.0)
        return self.with_(noise_db=total)

    def coming_in(self) -> Voice:
        """Return the voice risen from silence within its first 5 ms: what begins in the middle of its lead clicks."""
        gain = -COMES_IN_DB * np.maximum(1.0 - (self.times_s - self.times_s[0]) / COMES_IN_S, 0.0)
        return self.with_(partial_db=self.partial_db + gain, noise_db=self.noise_db + gain)

    def up_to(self, top_hz: float) -> Voice:
        """Return the voice with all that lies above `top_hz` silent."""
        return self.with_(
            partial_db=np.where((self.partial_hz > top_hz)[:, None], SILENCE_DB, self.partial_db),
            noise_db=np.where((self.band_hz[1:] > top_hz)[:, None], SILENCE_DB, self.noise_db),
            mode_db=np.where(self.mode_hz > top_hz, SILENCE_DB, self.mode_db),
        )

    def adding_modes(self, hz: Floats, db: Floats, decay_s: Floats, release_db_s: Floats | None = None) -> Voice:
        """Return the voice with modes appended: frequency Hz, amplitude dB, time to fall 60 dB in s, all (M,).

        `release_db_s` (M,) is their extra fall once the key is up; None = they ring on, as a body does.
        """
        return self.with_(
            mode_hz=np.concatenate([self.mode_hz, hz]),
            mode_db=np.concatenate([self.mode_db, db]),
            mode_decay_s=np.concatenate([self.mode_decay_s, decay_s]),
            mode_release_db_s=np.concatenate(
                [self.mode_release_db_s, np.zeros(len(hz)) if release_db_s is None else release_db_s]
            ),
        )


def frame_times(seconds: float, lead_s: float) -> Floats:
    """Return frame times in s from `-lead_s` to at least `seconds`: dense at the onset, sparse later."""
    lead = np.arange(-round(lead_s / FIRST_STEP_S), 0) * FIRST_STEP_S
    sparse_at = _DENSE_S[-1]
    sparse = sparse_at + LAST_STEP_S * np.arange(1, max(0, np.ceil((seconds - sparse_at) / LAST_STEP_S)) + 1)
    after = np.concatenate([_DENSE_S, sparse])
    return np.concatenate([lead, after[: np.searchsorted(after, seconds) + 1]])


def _dense_frames() -> Floats:
    """Return the frame times from 0 on for as long as their steps grow."""
    grown = int(np.ceil(np.log(LAST_STEP_S / FIRST_STEP_S) / np.log(STEP_GROWTH)))
    return np.concatenate([[0.0], np.cumsum(FIRST_STEP_S * STEP_GROWTH ** np.arange(grown))])


_DENSE_S = _dense_frames()
