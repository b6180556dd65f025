"""Gains that several controls give to all that sounds in a voice."""

from __future__ import annotations

import numpy as np

from backtune.control import at_onset
from backtune.voice import Floats, Voice

NOTHING = 1e-30  # power: keeps the logarithm of silence finite


def louder(voice: Voice, gain_db: Floats) -> Voice:
    """Return the voice with `gain_db` (T,) on partials, noise and (as at the onset) modes."""
    return voice.with_(
        partial_db=voice.partial_db + gain_db,
        noise_db=voice.noise_db + gain_db,
        mode_db=voice.mode_db + at_onset(voice, gain_db) if voice.mode_db.size else voice.mode_db,
    )


def tilted(voice: Voice, tilt_db: Floats, pivot_hz: float) -> Voice:
    """Return the voice with `tilt_db` (T,) dB an octave above `pivot_hz` on all that lies there."""

    def octaves(hz: Floats) -> Floats:
        return np.maximum(np.log2(hz / pivot_hz), 0.0)

    modes = voice.mode_db
    if modes.size:
        modes = modes + at_onset(voice, tilt_db) * octaves(voice.mode_hz)
    return voice.with_(
        partial_db=voice.partial_db + octaves(voice.partial_hz)[:, None] * tilt_db,
        noise_db=voice.noise_db + octaves(voice.band_centre_hz)[:, None] * tilt_db,
        mode_db=modes,
    )


def as_loud_as(voice: Voice, model: Voice, partials_only: bool = False) -> Voice:
    """Return the voice with every frame brought to the power that `model` has there."""
    gain = 10.0 * np.log10(_power(model, partials_only) / _power(voice, partials_only))
    if partials_only:
        return voice.with_(partial_db=voice.partial_db + gain)
    return louder(voice, gain)


def _power(voice: Voice, partials_only: bool) -> Floats:
    power = 0.5 * np.sum(10.0 ** (voice.partial_db / 10.0), axis=0) + NOTHING
    return np.asarray(power if partials_only else power + np.sum(10.0 ** (voice.noise_db / 10.0), axis=0))
