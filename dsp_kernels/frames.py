"""One voice in time: cut into stretches at its frames and at what the player does, rendered stretch by stretch."""

from __future__ import annotations

import numpy as np

from dsp_kernels._jit import kernel
from dsp_kernels.bank import LONGEST
from dsp_kernels.modes import add_modes
from dsp_kernels.noise import add_noise
from dsp_kernels.partials import FALL, GAIN, RATE, TILT, add_partials

# Where a voice is. Everything holds at the start of the current stretch, of which `done` of `length`
# samples have been handed out; slopes are per sample.
STATE = np.dtype(
    [(name, np.int64) for name in ("position", "length", "done", "knot", "ramp", "alive", "fading")]
    + [(name, np.float64) for name in ("warp", "rate", "rate_slope", "fall", "damper", "excess")]
    + [(name, np.float64) for name in ("gain", "gain_slope", "gain_target")]
    + [(name, np.float64) for name in ("tilt", "tilt_slope", "tilt_target")]
    + [(name, np.float64) for name in ("bend", "bend_slope", "bend_target")]
)


@kernel
def settle(states):  # type: ignore[no-untyped-def]
    """Move the state (1,) to the sample that comes next; what was computed beyond it is forgotten."""
    s = states[0]
    n = s.done
    s.position += n
    s.warp += s.rate * n + 0.5 * s.rate_slope * n * n
    s.fall += s.damper * n
    s.gain += s.gain_slope * n
    s.tilt += s.tilt_slope * n
    s.bend += s.bend_slope * n
    if s.ramp > 0 and n > 0:
        s.ramp -= n
        if s.ramp == 0:
            s.gain, s.tilt, s.bend = s.gain_target, s.tilt_target, s.bend_target
            s.gain_slope = s.tilt_slope = s.bend_slope = 0.0
            s.alive -= s.fading * s.alive
    s.done = s.length = 0


@kernel
def steer(states, gain, tilt, bend, samples):  # type: ignore[no-untyped-def]
    """Lead gain (nepers), tilt (nepers an octave) and bend (a ratio) to new values within `samples` > 0, on lines."""
    settle(states)
    s = states[0]
    s.gain_target, s.tilt_target, s.bend_target = gain, tilt, bend
    s.gain_slope = (gain - s.gain) / samples
    s.tilt_slope = (tilt - s.tilt) / samples
    s.bend_slope = (bend - s.bend) / samples
    s.ramp = samples


@kernel
def skip(states, frames, rates, samples):  # type: ignore[no-untyped-def]
    """Move a voice that has not sounded yet on by `samples` without a sound; `frames`, `rates` as for `run`."""
    s = states[0]
    last = len(frames) - 2
    stop = s.position + samples
    k = 0
    while s.position < stop:
        while k < last and frames[k + 1] <= s.position:
            k += 1
        n = stop - s.position
        if s.position < frames[last + 1]:
            n = min(n, frames[k + 1] - s.position)
        middle = min(1.0, (s.position + 0.5 * n - frames[k]) / (frames[k + 1] - frames[k]))
        s.warp += n * s.bend * (rates[k] + middle * (rates[k + 1] - rates[k]))
        s.position += n


@kernel
def run(out, states, curves, sheets, strike, quiet, noise, work):  # type: ignore[no-untyped-def]
    """Add the voice's next samples to `out` (n, float32), whatever n: the samples do not depend on it.

    - `states` (1,) of dtype STATE; moved on.
    - `curves`: frames (T,) int64, samples since the first; frequency factors (T,); levels of partials (T, P) and
      of noise bands (T, B), nepers, float32. All run on lines between frames; levels also beyond the last.
    - `sheets`: the sheets of partials (5, P), noise (3, B) and modes (5, M). `strike`: the frame at which modes
      start. `quiet`: a sample after which the voice ends as soon as it falls below all floors.
    - `noise`: tables and loops. `work`: samples ahead (LONGEST float32, kept between calls), then
      space overwritten: span (2,), motion (2, MOTIONS), tones, grid, spin.
    """
    s = states[0]
    frames, rates, levels, bands = curves
    partial_sheet, noise_sheet, mode_sheet = sheets
    ahead, span, motion, tones, grid, spin = work
    last = len(frames) - 2
    at = 0
    while at < len(out) and s.alive > 0:
        if s.done == s.length:
            settle(states)
            if s.alive == 0:
                break
            while s.knot < last and frames[s.knot + 1] <= s.position:
                s.knot += 1
            n = LONGEST
            if s.position < frames[last + 1]:
                n = min(n, frames[s.knot + 1] - s.position)
            if s.ramp > 0:
                n = min(n, s.ramp)
            if s.position < strike:
                n = min(n, strike - s.position)
            k = s.knot
            long = frames[k + 1] - frames[k]
            span[0] = (s.position - frames[k]) / long
            span[1] = (s.position + n - frames[k]) / long
            bend = s.bend + s.bend_slope * n
            motion[0, GAIN], motion[1, GAIN] = s.gain, s.gain + s.gain_slope * n
            motion[0, FALL], motion[1, FALL] = s.fall, s.fall + s.damper * n
            motion[0, TILT], motion[1, TILT] = s.tilt, s.tilt + s.tilt_slope * n
            motion[0, RATE] = (rates[k] + min(span[0], 1.0) * (rates[k + 1] - rates[k])) * s.bend
            motion[1, RATE] = (rates[k] + min(span[1], 1.0) * (rates[k + 1] - rates[k])) * bend
            s.rate, s.rate_slope = motion[0, RATE], (motion[1, RATE] - motion[0, RATE]) / n
            part = ahead[:n]
            part[:] = 0.0
            excess = add_partials(
                part, levels[k], levels[k + 1], span, partial_sheet, motion, s.warp, tones, grid, spin
            )
            sound = add_noise(
                part, bands[k], bands[k + 1], span, noise_sheet, motion, s.position, noise[0], noise[1], tones
            )
            excess = max(excess, sound)
            if s.position >= strike:
                excess = max(excess, add_modes(part, mode_sheet, motion, s.position - strike, tones, grid, spin))
                if excess < 0.0 and (s.position >= quiet or s.damper > 0.0):
                    s.alive = 0
            s.length, s.excess = n, excess
        take = min(len(out) - at, s.length - s.done)
        for i in range(take):
            out[at + i] += ahead[s.done + i]
        s.done += take
        at += take
