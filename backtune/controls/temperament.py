"""Temperament: which pitch each key sounds - a historical tuning, or any Scala file."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from backtune.control import Control
from backtune.errors import InputError
from backtune.notes import NoteEvent
from backtune.scala import read_kbm, read_tuning
from backtune.temperaments import SCALES, temperament
from backtune.tuning import Tuning
from backtune.voice import SILENCE_DB, Voice


def tuning_of(value: str) -> Tuning:
    """Return the tuning a setting names: a temperament, a .scl file, a .kbm file, or both, joined by "+".

    It begins on C with A4 at 440 Hz, unless a .kbm says otherwise. Raises InputError for a name or file that is none.
    """
    return _tuning(value, tuple(_stamp(file) for file in TEMPERAMENT.files_in(value)))


@lru_cache(maxsize=16)
def _tuning(value: str, stamps: tuple[tuple[int, int] | None, ...]) -> Tuning:
    if value in SCALES:
        return temperament(value)
    files = TEMPERAMENT.files_in(value)
    for file, stamp in zip(files, stamps, strict=True):
        if stamp is None:
            raise InputError(f"temperament: '{file}' is not there; a name or a file {TEMPERAMENT.endings} is needed")
    kinds = [Path(file).suffix.lower() for file in files]
    if kinds == [".kbm"]:
        return Tuning(SCALES["equal"], read_kbm(files[0]))
    if kinds not in ([".scl"], [".scl", ".kbm"]):
        raise InputError(f"temperament: '{value[:60]}'; a file {TEMPERAMENT.endings} is needed")
    return read_tuning(*files)


def _stamp(file: str) -> tuple[int, int] | None:
    """Return what changes with a file's contents: when it was written, ns, and its size in bytes; None without it."""
    try:
        found = os.stat(file)
    except (OSError, ValueError):  # a name with a null byte
        return None
    return found.st_mtime_ns, found.st_size


def _pitch(note: NoteEvent, value: str) -> float | None:
    """Return the pitch of a note, between keys if it lies between them, or None where the tuning is silent."""
    key = round(note.midi)
    pitch = tuning_of(value).pitch(key)
    return None if pitch is None else pitch + (note.midi - key)


def _play(note: NoteEvent, value: str) -> NoteEvent:
    pitch = _pitch(note, value)
    moved = 0 if pitch is None else round(pitch - note.midi)  # laws are asked on keys: whole steps only
    return replace(note, midi=note.midi + moved) if moved else note


def _shape(voice: Voice, note: NoteEvent, value: str) -> Voice:
    pitch = _pitch(note, value)
    if pitch is None:
        return voice.with_(
            partial_db=np.full_like(voice.partial_db, SILENCE_DB),
            noise_db=np.full_like(voice.noise_db, SILENCE_DB),
            mode_db=np.full_like(voice.mode_db, SILENCE_DB),
        )
    return voice.with_(bend_cents=voice.bend_cents + 100.0 * (pitch - voice.note.midi))


TEMPERAMENT = Control(
    name="temperament",
    short="Temperament",
    group="tuning",
    unit="",
    low=0.0,
    high=float(len(SCALES) - 1),
    default="equal",
    sentence="The tuning of the keyboard; the instrument's own stretch stays on top of it; "
    "A4 is 440 Hz unless a .kbm says otherwise.",
    moves="all partials: + cents of the key's pitch over its equal-tempered one",
    cc=20,
    smoothing_s=0.0,
    choices=tuple(SCALES),
    files=(".scl", ".kbm"),
    opens=tuning_of,
    play=_play,
    shape=_shape,
)
