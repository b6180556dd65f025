"""The null control: layers are offered for takes in which nothing repeats; whatever growth accepts is a mistake."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.between_partials import between_partials_db
from backtune.analysis.listen import listen
from backtune.analysis.residual import FLOOR_MARGIN_DB, Heard, numbered_db
from backtune.analysis.tracks import ABOVE_FLOOR_DB, TRACK_TIMES_S
from backtune.axes import AXES
from backtune.evidence import Bench, Fold
from backtune.growth_record import Audit
from backtune.growth_state import Growth
from backtune.judging import Held
from backtune.library import CORE, library
from backtune.notes import NoteEvent, Recording, Take
from backtune.patch import Patch
from backtune.render import render_take, render_voice
from backtune.trial import attempt
from backtune.voice import Voice, frame_times

Floats = NDArray[np.float64]

NULLS = 3  # instruments of chance; with 15 kinds offered on each, 2 accepted are 4 %
MOST_DB = 20.0  # of a level that is put back: one note with a gross error must not tell


def null_control(
    grown: Growth,
    takes: Sequence[Take],
    heard: Sequence[Heard],
    divided: Sequence[Fold],
    nulls: int = NULLS,
    say: Callable[[str], None] = lambda text: None,
) -> Audit:
    """Return how often growth accepts a layer for residuals in which nothing repeats.

    Each null is the grown patch playing the same notes, with what it missed of each take put back on its partials
    and its noise, the sign drawn for each take alone (a wild bootstrap: spectrum and size of the residual stay,
    what takes share of it goes), above the noise of the recording. Its takes are heard, divided and judged as the real
    ones; every layer type that the patch has not got is offered. Layers of character are not: a null does have the
    scatter that was put back. For the same reason its takes do not speak for themselves (see `split_half`).
    """
    patch, first = grown.patches[0], grown.residuals[0]
    kinds = [k for k, t in library().items() if k not in (*patch.kinds, CORE) and t.evidence != "character"]
    tried, declined, accepted = 0, 0, dict[str, int]()
    for number in range(nulls):
        made = [
            null_take(patch, _named(take, number), one, np.random.default_rng((number, index)))
            for index, (take, one) in enumerate(zip(takes, heard, strict=True))
        ]
        with tempfile.TemporaryDirectory() as folder:
            again = listen(made, first.struck, grown.bench.jobs, cache=Path(folder))
        held = [[_again(h, takes, made, again) for h in fold.held] for fold in divided]
        residuals = [replace(first, heard=tuple(again[i] for i in fold.fitted), voices=()) for fold in divided]
        bench = Bench(held, grown.bench.level_matched, grown.bench.jobs)
        patches = (patch,) * len(divided)
        state = Growth(residuals, bench, grown.budget_bytes, patches, bench.measure(patches), alone=False)
        for kind in kinds:
            trial = attempt(state, kind)
            declined += trial.patches is None
            tried += trial.patches is not None
            if not trial.refusal:
                accepted[kind] = accepted.get(kind, 0) + 1
            say(f"null {number + 1} {kind}: {trial.refusal or 'accepted'}")
    return Audit(nulls, tried, sum(accepted.values()), declined, accepted)


def _named(take: Take, number: int) -> Take:
    """Return a take under a name of its own: what is remembered of the recorded one is not of it."""
    return replace(take, name=f"{take.name}, null {number + 1}")


def _again(held: Held, takes: Sequence[Take], made: Sequence[Take], heard: Sequence[Heard]) -> Held:
    index = next(i for i, take in enumerate(takes) if take is held.take)
    return Held(made[index], heard[index], held.why)


def null_take(patch: Patch, take: Take, heard: Heard, rng: np.random.Generator) -> Take:
    """Return a take as `patch` plays it, with the residual of the recorded one put back under a sign of chance."""
    sign = float(rng.choice([-1.0, 1.0]))
    instrument = _Scattered(patch, heard, sign)
    audio = render_take(instrument, heard.note, heard.onset_s, heard.seconds, heard.rate)
    audio = audio + _floor(heard, len(audio), rng)
    gate_s = None if heard.note.gate_s is None else heard.onset_s + heard.note.gate_s
    recording = Recording(samples=audio, rate=heard.rate)
    return replace(take, recording=recording, onset_s=heard.onset_s, gate_s=gate_s)


class _Scattered:
    """A patch whose voice of one note carries that note's residual, times a sign."""

    def __init__(self, patch: Patch, heard: Heard, sign: float) -> None:
        self.patch, self.heard, self.sign = patch, heard, sign
        self.lead_s = patch.lead_s

    def voice(self, note: NoteEvent, seconds: float) -> Voice:
        plain = self.patch.voice_at(note, TRACK_TIMES_S)
        tones, noise = missing_db(plain, self.heard)
        voice = self.patch.voice(note, seconds)
        number = np.rint(voice.partial_number).astype(int) - 1
        known = number < len(tones)
        added = np.zeros_like(voice.partial_db)
        added[known] = self.sign * _on_frames(tones, voice.times_s)[number[known]]
        noisy = voice.noise_db + self.sign * _on_frames(noise, voice.times_s)
        return voice.with_(partial_db=voice.partial_db + added, noise_db=noisy)


def missing_db(voice: Voice, heard: Heard) -> tuple[Floats, Floats]:
    """Return what `voice` misses of a take's partials (P, T) and noise bands (B, T), dB; 0 where nothing is known."""
    tracks = heard.tracks
    level, noise = tracks.partial_db + heard.gain_db, tracks.noise_db + heard.gain_db
    own = tracks.partial_db > tracks.floor_db + ABOVE_FLOOR_DB
    noisy = tracks.noise_db > tracks.noise_floor_db[:, None] + FLOOR_MARGIN_DB
    tones = np.where(own, level - numbered_db(voice, len(level)), 0.0)
    bands = np.where(noisy, noise - between_partials_db(voice), 0.0)
    return (np.nan_to_num(np.clip(tones, -MOST_DB, MOST_DB)), np.nan_to_num(np.clip(bands, -MOST_DB, MOST_DB)))


def _on_frames(rows: Floats, times_s: Floats) -> Floats:
    at, places = np.asarray(AXES["time_s"](times_s)), np.asarray(AXES["time_s"](TRACK_TIMES_S))
    return np.array([np.interp(at, places, row) for row in rows]).reshape(len(rows), len(times_s))


def _floor(heard: Heard, length: int, rng: np.random.Generator) -> Floats:
    """Return the noise of the recording itself, as loud in each band as it was measured, (length,)."""
    times = frame_times(length / heard.rate, 0.0)
    silent = Voice.silent(NoteEvent(heard.note.midi), times, seed=int(rng.integers(2**31)))
    level = np.broadcast_to((heard.tracks.noise_floor_db + heard.gain_db)[:, None], silent.noise_db.shape)
    return render_voice(silent.with_(noise_db=np.maximum(level, silent.noise_db)), heard.rate, length)
