"""Sample sets: an instrument rendered to as many notes as a size allows; sustained ones loop without clicks."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from backtune.fading import faded_out
from backtune.notes import NoteEvent
from backtune.patch import Patch
from backtune.render import render_note
from backtune.voice import Floats

RATE = 44100
STEPS = (1, 2, 3, 4, 6, 12)  # semitones between sampled keys, finest first
STRUCK_S, SUSTAINED_S = 12.0, 3.0  # of a note; struck ones end before, where they have died away
QUIET_DB = -80.0  # below the note's peak nothing is kept
START_DB = -60.0  # ... nor in front of it
STRUCK_FADE_S = 0.02  # where a struck note has died away
LOOP_S = (1.2, 2.6)  # where a sustained note is repeated
FADE_S = 0.25  # of the loop, crossed with what comes before it
USUAL_VELOCITIES = (32, 64, 96, 120)  # for patches that name no dynamics
SEMITONE_DB, VELOCITY_DB = 1.0, 0.1  # how far colour is off for each step from the sampled note, seen on a piano
NEAR = 12  # velocities: samples need not lie closer, the colour changes by less than a listener tells


@dataclass(frozen=True)
class Sample:
    """One rendered note.

    `audio` (n,) float64 at 44100 Hz, all with their onset at the same frame; `audible`: the first frame that can be
    heard. `loop` (first frame, last frame), if any.
    """

    key: int
    velocity: int
    audio: Floats
    loop: tuple[int, int] | None
    audible: int = 0


@dataclass(frozen=True)
class Plan:
    """Which notes are rendered."""

    keys: tuple[int, ...]
    velocities: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many notes."""
        return len(self.keys) * len(self.velocities)


def plans(patch: Patch) -> Iterator[Plan]:
    """Yield sets of notes, those that follow the patch most closely first."""
    low, high = (round(pitch) for pitch in patch.origin.pitches)
    dynamics = _dynamics(patch)
    found = []
    for velocities in _velocities(dynamics):
        between = range(dynamics[0], dynamics[-1] + 1)  # beyond its dynamics a patch stays as it is
        reach = max(min(abs(one - sampled) for sampled in velocities) for one in between)
        for step in STEPS:
            keys = tuple(range(low, high + 1, step))
            plan = Plan(keys if keys[-1] == high else (*keys, high), velocities)
            found.append((SEMITONE_DB * (step // 2) + VELOCITY_DB * reach, plan.count, plan))
    yield from (plan for _, _, plan in sorted(found, key=lambda one: one[:2]))


def rendered(patch: Patch, key: int, velocity: int) -> Sample:
    """Return a note, cut behind where it cannot be heard; with a loop, if the notes are sustained."""
    seconds = STRUCK_S if patch.struck else SUSTAINED_S
    audio = np.asarray(render_note(patch, NoteEvent(float(key), float(velocity)), seconds, RATE))
    loud = np.abs(audio)
    peak = float(np.max(loud, initial=0.0))
    if peak == 0.0:
        return Sample(key, velocity, audio[: RATE // 10], None)
    first = int(np.argmax(loud > peak * 10 ** (START_DB / 20)))
    last = len(audio) - int(np.argmax(loud[::-1] > peak * 10 ** (QUIET_DB / 20)))
    if patch.struck:
        audio = audio[: max(last, first + RATE // 10)]
        return Sample(key, velocity, faded_out(audio, RATE, STRUCK_FADE_S), None, first)
    voice = patch.voice(NoteEvent(float(key), float(velocity)), 0.5)
    hz = float(np.min(voice.partial_hz, initial=1000.0) * 2.0 ** (voice.bend_cents[-1] / 1200.0))
    return Sample(key, velocity, *looped(audio, hz), first)


def in_time(samples: list[Sample]) -> list[Sample]:
    """Return samples without the silence that all begin with: their onsets stay together, so that rhythm does."""
    cut = min(sample.audible for sample in samples)
    return [
        Sample(one.key, one.velocity, one.audio[cut:], one.loop and (one.loop[0] - cut, one.loop[1] - cut))
        for one in samples
    ]


def _dynamics(patch: Patch) -> tuple[int, ...]:
    """Return the velocities of the patch's dynamics, softest first."""
    named = {round(min(max(velocity, 1), 127)) for velocity in patch.origin.dynamics.values()}
    return tuple(sorted(named)) or USUAL_VELOCITIES


def _velocities(chosen: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield sets of velocities: fewer and fewer of those chosen, then more and more between them."""
    for count in range(len(chosen), 0, -1):
        yield tuple(chosen[round(i)] for i in np.linspace(len(chosen) - 1, 0, count))[::-1]
    while len(chosen) > 1 and min(np.diff(chosen)) >= 2 * NEAR:
        between = [(low + high) // 2 for low, high in pairwise(chosen)]
        chosen = tuple(sorted({*chosen, *between}))
        yield chosen


def looped(audio: Floats, hz: float) -> tuple[Floats, tuple[int, int]]:
    """Return a sustained sound that repeats without a click, and its loop (first frame, last frame).

    The loop is a whole number of periods of `hz` that is nearest to whole samples. Before it ends, the sound
    crosses over to what comes before its start, so that sample after sample runs on as it did.
    """
    start = round(LOOP_S[0] * RATE)
    around = (LOOP_S[1] - LOOP_S[0]) * hz
    periods = np.arange(max(1, round(0.9 * around)), max(2, round(around)) + 1)
    lengths = periods * RATE / hz
    length = round(float(lengths[np.argmin(np.abs(lengths - np.round(lengths)))]))
    stop, fade = start + length, round(FADE_S * RATE)
    share = np.linspace(0.0, 1.0, fade, endpoint=False)
    out = audio[: stop + 1].copy()
    out[stop - fade : stop] = (1.0 - share) * audio[stop - fade : stop] + share * audio[start - fade : start]
    out[stop] = out[start]  # one sample behind the loop, for readers that interpolate
    return out, (start, stop - 1)


def flac(sample: Sample, gain: float) -> bytes:
    """Return a sample as a FLAC file of 16 bits, `gain` times as loud."""
    import soundfile

    data = io.BytesIO()
    soundfile.write(data, sample.audio * gain, RATE, format="FLAC", subtype="PCM_16")
    return data.getvalue()
