"""What else could hold the instrument: samplers, interpolated harmonics, resynthesis; on the same held-out takes."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.distance import Distance
from backtune.analysis.residual import Heard
from backtune.encoded import codecs, decode, encode, shortened
from backtune.evidence import Bench, Fold, total
from backtune.growth_record import Baseline
from backtune.instrument import LEAD_S
from backtune.judging import Held, judge, judge_audio, reference_of
from backtune.notes import Take
from backtune.tracked import Tracked, between_notes, cleared
from backtune.workers import in_order

Floats = NDArray[np.float64]

TIMES = (1.0, 4.0, 16.0)  # the bytes of the patch: where samplers are measured, beside all fitted takes whole
SHORTEST_S = 1.2  # of a sampled note: rather fewer notes than shorter ones
LONGEST_S = 60.0  # of a sampled note
LEAST_S = 0.05  # of a note: in fewer bytes nothing is held
RATED = 8  # takes whose encoding tells the bytes of a second
LEVEL_STEP_DB = 0.5  # with which tracks are counted: a byte a level before compression
KEPT_DIGITS = 3


def measure_baselines(
    takes: Sequence[Take],
    heard: Sequence[Heard],
    divided: Sequence[Fold],
    bench: Bench,
    struck: bool,
    patch_size: int,
    say: Callable[[str], None] = lambda text: None,
) -> tuple[Baseline, ...]:
    """Return what samplers (FLAC; Opus where libsndfile has it), harmonic interpolation and resynthesis score.

    All are judged by the same distance on the held-out takes of `bench`, with what was fitted in each fold. A sampler
    plays the nearest of its notes, resampled to pitch; it holds as many notes, spread over keyboard and dynamics, as
    fit into the bytes of the patch and multiples of it. Interpolation holds the tracks of all fitted takes,
    resynthesis those of the held-out take itself: the least that any law over such tracks can reach.
    """
    out = []
    for codec in codecs():
        for times in (*TIMES, np.inf):
            size, notes, distances = _sampler(takes, heard, divided, bench, struck, times * patch_size, codec)
            out.append(_told(f"sampler, {codec}", size, notes, distances))
            say(f"baseline {out[-1].name}: {size:,} bytes")
    fitted = [[heard[i] for i in fold.fitted] for fold in divided]
    between = [_instrument_of(h, mine) for mine, one in zip(fitted, bench.held, strict=True) for h in one]
    size = tracks_bytes(fitted[0])
    out.append(_told("harmonic interpolation", size, len(fitted[0]), _judged(between, bench, struck)))
    say(f"baseline {out[-1].name}: {size:,} bytes")
    themselves = [Tracked(h.heard.tracks, LEAD_S[struck], h.heard.gain_db) for h in bench.everyone]
    size = tracks_bytes([h.heard for h in bench.everyone])
    out.append(_told("resynthesis", size, len(bench.everyone), _judged(themselves, bench, struck)))
    say(f"baseline {out[-1].name}: {size:,} bytes")
    return tuple(out)


def _told(name: str, size: int, notes: int, distances: Sequence[Distance]) -> Baseline:
    return Baseline(name, size, round(total(distances), KEPT_DIGITS), len(distances), notes)


def _judged(instruments: Sequence[Tracked], bench: Bench, struck: bool) -> list[Distance]:
    pairs = zip(instruments, bench.everyone, strict=True)
    calls = [(one, struck, held, bench.level_matched) for one, held in pairs]
    return list(in_order(judge, calls, bench.jobs, lambda one, struck, held, _: f"comparing with {held.take.name}"))


def tracks_bytes(heard: Iterable[Heard]) -> int:
    """Return the bytes of the tracks of takes, in steps of 0.5 dB, compressed (zlib)."""
    levels = []
    for one in heard:
        for rows in cleared(one.tracks):
            steps = np.clip(np.rint(np.nan_to_num(rows, nan=-100.0) / LEVEL_STEP_DB) + 128 + 60, 0, 255)
            levels.append(steps.astype(np.uint8).tobytes())
    return len(zlib.compress(b"".join(levels), 9))


def _instrument_of(held: Held, fitted: Sequence[Heard]) -> Tracked:
    """Return the tracks between the nearest fitted notes below and above, each between its nearest dynamics."""
    note = held.heard.note
    pitches = sorted({h.note.midi for h in fitted})
    low = max((p for p in pitches if p <= note.midi), default=pitches[0])
    high = min((p for p in pitches if p >= note.midi), default=pitches[-1])
    one, other = (_at_velocity([h for h in fitted if h.note.midi == p], note.velocity) for p in (low, high))
    share = 0.0 if low == high else (note.midi - low) / (high - low)
    gain_db = (1 - share) * one.gain_db + share * other.gain_db
    tracks = between_notes(one.tracks, other.tracks, share, (note.midi - low) / 12.0)
    return Tracked(tracks, one.lead_s, gain_db)


def _at_velocity(takes: Sequence[Heard], velocity: float) -> Tracked:
    rising = sorted(takes, key=lambda h: h.note.velocity)
    soft = next((h for h in reversed(rising) if h.note.velocity <= velocity), rising[0])
    loud = next((h for h in rising if h.note.velocity >= velocity), rising[-1])
    way = loud.note.velocity - soft.note.velocity
    share = 0.0 if way <= 0 else (velocity - soft.note.velocity) / way
    gain_db = (1 - share) * soft.gain_db + share * loud.gain_db
    return Tracked(between_notes(soft.tracks, loud.tracks, share, 0.0), 0.05, gain_db)


@dataclass(frozen=True)
class Sampled:
    """An encoded take: what was heard in it, its bytes, and how many samples it had."""

    heard: Heard
    data: bytes
    length: int

    def played(self, held: Held) -> Floats:
        """Return it resampled to the pitch of a held-out take, begun when that begins; sustained sound goes on."""
        from scipy.signal import resample

        rate, ratio = held.heard.rate, 2.0 ** ((held.heard.note.midi - self.heard.note.midi) / 12.0)
        audio = decode(self.data, rate, self.length)
        audio = np.asarray(resample(audio, max(2, round(len(audio) / ratio))))
        late = round(held.heard.onset_s * rate) - round(self.heard.onset_s * rate / ratio)
        audio = np.concatenate([np.zeros(max(0, late)), audio[max(0, -late) :]])
        wanted = round(held.heard.seconds * rate)
        if held.heard.note.gate_s is not None and len(audio) < wanted:
            audio = _held_on(audio, wanted)
        return audio


def _held_on(audio: Floats, length: int) -> Floats:
    """Return sound that goes on by running to and fro over its second half but for the last fade."""
    half = audio[len(audio) // 2 : max(len(audio) // 2 + 2, int(0.98 * len(audio)))]
    there_and_back = np.concatenate([half[::-1], half])
    start = audio[: len(audio) // 2 + len(half)]
    return np.concatenate([start, np.resize(there_and_back, max(0, length - len(start)))])


def _sampler(
    takes: Sequence[Take],
    heard: Sequence[Heard],
    divided: Sequence[Fold],
    bench: Bench,
    struck: bool,
    most_bytes: float,
    codec: str,
) -> tuple[int, int, list[Distance]]:
    """Return the bytes and notes of a sampler of at most `most_bytes` (of the first fold), and its distances."""
    calls: list[tuple[Any, ...]] = []
    size, notes = 0, 0
    for turn, (fold, held) in enumerate(zip(divided, bench.held, strict=True)):
        order = sorted(fold.fitted, key=lambda i: (takes[i].midi, takes[i].velocity, takes[i].number))
        sampled = _sampled([(takes[i], heard[i]) for i in order], most_bytes, codec)
        if turn == 0:
            size, notes = sum(len(one.data) for one in sampled), len(sampled)
        calls += [(_nearest(sampled, h), h, struck, bench.level_matched) for h in held]
    judged = in_order(_judge_sampled, calls, bench.jobs, lambda one, held, *_: f"comparing with {held.take.name}")
    return size, notes, list(judged)


def _sampled(pairs: Sequence[tuple[Take, Heard]], most_bytes: float, codec: str) -> list[Sampled]:
    """Return encoded notes, spread over all, as many as fit at the least length, then as long as fits."""
    some = pairs[:: max(1, len(pairs) // RATED)]
    rated = [(len(encode(*take.audio(), codec)), heard.seconds) for take, heard in some]
    bytes_s = sum(size for size, _ in rated) / sum(seconds for _, seconds in rated)
    count = int(np.clip(most_bytes / (bytes_s * SHORTEST_S), 1, len(pairs)))
    chosen = ((np.arange(count) + 0.5) * len(pairs) / count).astype(int)
    longest_s = min(most_bytes / (bytes_s * len(chosen)), LONGEST_S)
    while True:
        out = []
        for i in chosen:
            (audio, rate), (_, heard) = pairs[i][0].audio(), pairs[i]
            audio = shortened(audio, rate, heard.onset_s + longest_s)
            out.append(Sampled(heard, encode(audio, rate, codec), len(audio)))
        size = sum(len(one.data) for one in out)
        if size <= most_bytes or longest_s < LEAST_S:
            return out
        longest_s *= min(0.95, most_bytes / size)


def _nearest(sampled: Sequence[Sampled], held: Held) -> Sampled:
    note = held.heard.note
    return min(sampled, key=lambda s: (abs(s.heard.note.midi - note.midi), abs(s.heard.note.velocity - note.velocity)))


def _judge_sampled(sampled: Sampled, held: Held, struck: bool, level_matched: bool) -> Distance:
    return judge_audio(reference_of(held, struck, level_matched), sampled.played(held))
