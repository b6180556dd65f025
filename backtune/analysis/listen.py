"""Listening: every take analysed, in parallel, remembered on disk by its contents."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import platformdirs

from backtune.analysis.aside import Aside, measure_aside
from backtune.analysis.bands import track_bands
from backtune.analysis.below import levels_below
from backtune.analysis.lines import Lines, measure_lines
from backtune.analysis.motion import Motion, measure_motion
from backtune.analysis.noise_tracks import noise_floor, quietest, track_noise
from backtune.analysis.onset import SHORTEST_S, held_span, is_too_short
from backtune.analysis.pitch import measure_pitch
from backtune.analysis.release import measure_release
from backtune.analysis.residual import Heard
from backtune.analysis.tracks import Pitch, Tracks, track_partials
from backtune.errors import InputError
from backtune.kept import code_identity, identity_of, libraries, sweep
from backtune.notes import NoteEvent, Take
from backtune.whole_file import DAMAGED_ZIP, write_beside
from backtune.workers import in_order

# What is measured depends on this code alone; a change of it forgets what was remembered.
CODE = ("backtune/analysis", "backtune/notes.py", "backtune/units.py", "backtune/voice.py")
NAMES = "[0-9a-f]" * 32 + ".npz"  # of remembered analyses


def listen(
    takes: Sequence[Take],
    struck: bool,
    jobs: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
    cache: Path | None = None,
) -> list[Heard]:
    """Return what was heard in each take, in their order; the same for any number of `jobs`.

    `progress(done, total)` is called after each take. `cache` is the folder of remembered analyses
    (by default the user's cache folder). Raises InputError for a take that cannot be read or is too short.
    """
    folder = cache if cache is not None else Path(platformdirs.user_cache_dir("backtune")) / "heard"
    with suppress(OSError):  # a cache that cannot be costs time, not the result
        folder.mkdir(parents=True, exist_ok=True)
    sweep(folder, NAMES)  # after a change of the code nobody asks for what is there
    heard: list[Heard] = []
    calls = [(take, struck, folder) for take in takes]
    for one in in_order(hear_cached, calls, jobs, lambda take, *_: f"listening to {take.name}"):
        heard.append(one)
        progress(len(heard), len(takes))
    return heard


def hear_cached(take: Take, struck: bool, folder: Path) -> Heard:
    """Return what was heard in a take, from `folder` when the same audio was heard before."""
    how = (code_identity(*CODE), libraries(), struck)
    label = take.midi, take.transposed_semitones, take.onset_s, take.gate_s
    key = identity_of(how, take.recording.content_hash, *label)
    path = folder / f"{key[:32]}.npz"
    try:
        with np.load(path, allow_pickle=False) as stored:
            heard = _heard(take, {name: stored[name] for name in stored.files})
        with suppress(OSError):
            os.utime(path)  # still asked for: what is not goes after a month
        return heard
    except (*DAMAGED_ZIP, TypeError, TokenError):
        pass  # never heard before, or a damaged file, of which numpy may read a header as Python: hear it (again)
    arrays = hear(take, struck)
    packed = io.BytesIO()
    np.savez(packed, allow_pickle=False, **arrays)
    with suppress(InputError):  # a full or read-only disk costs time, not the result
        write_beside(path, packed.getvalue())
    return _heard(take, arrays)


def hear(take: Take, struck: bool) -> dict[str, np.ndarray]:
    """Return the analysis of a take as named arrays; raise InputError when it is shorter than 0.1 s."""
    audio, rate = take.audio()
    onset, stop = held_span(take, audio, rate)
    if is_too_short(onset, stop, rate):
        raise InputError(f"{take.name}: less than {SHORTEST_S} s of sound after the onset at {onset:.3f} s")
    held = audio[:stop]  # what comes after the release says nothing about the held tone
    pitch = measure_pitch(held, rate, onset, take.sounding_hz, struck)
    partial_db, floor_db = track_partials(held, rate, onset, pitch, struck)
    noise_db, cover_db = track_noise(held, rate, onset, pitch, partial_db)
    return {
        "pitch": np.array([pitch.f0_hz, pitch.inharmonicity, pitch.partials]),
        "partial_db": partial_db,
        "floor_db": floor_db,
        "noise_db": noise_db,
        "cover_db": cover_db,
        "noise_floor_db": noise_floor(audio, rate, quietest(audio, rate)),
        "band_db": track_bands(held, rate, onset),
        "below_db": levels_below(held, rate, onset, pitch.f0_hz),
        **_parts(measure_aside(held, rate, onset, pitch)),
        "release_db_s": measure_release(audio, rate, take.gate_s, pitch),
        **_parts(measure_lines(held, rate, onset, pitch)),
        **_parts(measure_motion(held, rate, onset, pitch, struck)),
        "place": np.array([onset, len(audio) / rate, rate]),
    }


def _heard(take: Take, arrays: dict[str, np.ndarray]) -> Heard:
    f0, stiffness, count = arrays["pitch"]
    onset, seconds, rate = arrays["place"]
    gate = None if take.gate_s is None else take.gate_s - float(onset)
    return Heard(
        name=take.name,
        note=NoteEvent(take.midi, take.velocity, gate),
        tracks=Tracks(
            Pitch(float(f0), float(stiffness), int(count)),
            arrays["partial_db"],
            arrays["floor_db"],
            arrays["noise_db"],
            arrays["cover_db"],
            arrays["noise_floor_db"],
            arrays["band_db"],
            arrays["below_db"],
            Aside(**{part.name: arrays[part.name] for part in fields(Aside)}),
            Motion(**{part.name: _number(arrays[part.name]) for part in fields(Motion)}),
            arrays["release_db_s"],
            Lines(**{part.name: arrays[part.name] for part in fields(Lines)}),
        ),
        onset_s=float(onset),
        seconds=float(seconds),
        rate=int(rate),
        number=take.number,
    )


def _parts(measured: Aside | Lines | Motion) -> dict[str, np.ndarray]:
    """Return the fields of a measurement as arrays, by name."""
    return {part.name: np.asarray(getattr(measured, part.name), float) for part in fields(measured)}


def _number(stored: np.ndarray) -> Any:
    return float(stored) if stored.ndim == 0 else stored
