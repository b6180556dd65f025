"""The only unit conversions of the project: decibels, MIDI pitches, note names, ERB rate."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from backtune.errors import InputError

A4_HZ = 440.0
A4_MIDI = 69
SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
DB_PER_NEPER = 20.0 / np.log(10.0)  # 8.686: one unit of natural logarithm of amplitude
LOG_POWER_DB = np.log(10.0) / 10.0  # 0.230: of the natural logarithm of power, one dB
T60_NEPER = np.log(1000.0)  # 6.908: nepers in 60 dB, so T60 = 6.908 / alpha
_BYTES = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(B|KB|MB|)", re.IGNORECASE)
SMALLEST_BYTES, LARGEST_BYTES = 1_000, 2_000_000  # of a patch
_NOTE = re.compile(r"([A-Ga-g])(#{1,2}|b{1,2}|♯|♭|s)?(-?\d{1,2})")


def amplitude_to_db(amplitude: Any, floor_db: float = -200.0) -> Any:
    """Return the level in dB of an amplitude (1.0 is 0 dB), never below `floor_db`."""
    return 20.0 * np.log10(np.maximum(np.abs(amplitude), 10.0 ** (floor_db / 20.0)))


def power_to_db(power: Any, floor_db: float = -200.0) -> Any:
    """Return the level in dB of a power (1.0 is 0 dB), never below `floor_db`."""
    return 10.0 * np.log10(np.maximum(power, 10.0 ** (floor_db / 10.0)))


def db_to_amplitude(db: Any) -> Any:
    """Return the amplitude of a level in dB."""
    return np.power(10.0, np.asarray(db) / 20.0)


def db_to_power(db: Any) -> Any:
    """Return the power of a level in dB."""
    return np.power(10.0, np.asarray(db) / 10.0)


def midi_to_hz(midi: Any) -> Any:
    """Return the equal-tempered frequency in Hz of a MIDI pitch (69 is A4 = 440 Hz; fractions are cents)."""
    return A4_HZ * np.exp2((np.asarray(midi, float) - A4_MIDI) / 12.0)


def hz_to_midi(hz: Any) -> Any:
    """Return the MIDI pitch (with a fraction) of a frequency in Hz."""
    return A4_MIDI + 12.0 * np.log2(np.asarray(hz, float) / A4_HZ)


def cents_to_ratio(cents: Any) -> Any:
    """Return the frequency ratio of an interval in cents."""
    return np.exp2(np.asarray(cents, float) / 1200.0)


def ratio_to_cents(ratio: Any) -> Any:
    """Return the interval in cents of a frequency ratio."""
    return 1200.0 * np.log2(ratio)


def hz_to_erb(hz: Any) -> Any:
    """Return the ERB-rate of a frequency in Hz (Glasberg and Moore 1990, equation 4)."""
    return 21.4 * np.log10(1.0 + 0.00437 * np.asarray(hz, float))


def erb_to_hz(erb: Any) -> Any:
    """Return the frequency in Hz of an ERB-rate."""
    return (np.power(10.0, np.asarray(erb, float) / 21.4) - 1.0) / 0.00437


def note_name(midi: float) -> str:
    """Return the scientific name of the nearest MIDI pitch: 60 is C4."""
    pitch = round(midi)
    return f"{NAMES[pitch % 12]}{pitch // 12 - 1}"


def parse_note(text: str | int | float) -> float:
    """Return the MIDI pitch of a note name ("C4", "F#3", "Bb2") or of a number ("60", 60.5).

    Raises InputError for anything else, or for a pitch outside 0..127.
    """
    if isinstance(text, str):
        match = _NOTE.fullmatch(text.strip())
        if match:
            letter, accidental, octave = match.groups()
            bend = {"#": 1, "##": 2, "♯": 1, "s": 1, "b": -1, "bb": -2, "♭": -1}.get(accidental or "", 0)
            midi = float(12 * (int(octave) + 1) + SEMITONES[letter.upper()] + bend)
        else:
            try:
                midi = float(text)
            except ValueError:
                raise InputError(f"note: '{text}' is not a note name such as C4 or F#3, nor a MIDI number") from None
    else:
        try:
            midi = float(text)
        except (TypeError, ValueError):
            raise InputError(f"note: {text!r} is no note; a name such as C4 or a MIDI number is needed") from None
    if not 0 <= midi <= 127:
        raise InputError(f"note: {text} is outside the MIDI range 0..127 (C-1..G9)")
    return midi


def parse_bytes(text: str, name: str) -> int:
    """Return a size in bytes: "20KB", "0.5 MB", "800B"; a plain number means KB (1 KB = 1000 bytes).

    Raises InputError beginning with `name` for anything else, or for sizes outside 1 KB..2 MB.
    """
    match = _BYTES.fullmatch(text.strip())
    if not match:
        raise InputError(f"{name}: '{text[:40]}' is no size; 20KB, 0.5MB or a number of KB is needed")
    amount, unit = match.groups()
    size = float(amount) * {"": 1e3, "b": 1.0, "kb": 1e3, "mb": 1e6}[unit.lower()]
    if not SMALLEST_BYTES <= size <= LARGEST_BYTES:
        raise InputError(f"{name}: {text.strip()} is outside 1KB..2MB")
    return round(size)


def away(semitones: float) -> str:
    """Return in words how far something sounds from where it is expected: "2 octaves below", "1 semitone above"."""
    count, unit = (abs(semitones) / 12, "octave") if semitones % 12 == 0 else (abs(semitones), "semitone")
    return f"{count:g} {unit}{'' if count == 1 else 's'} {'above' if semitones > 0 else 'below'}"
