"""Temperaments of twelve notes, by name."""

from __future__ import annotations

from collections.abc import Sequence

from backtune.errors import InputError, nearest
from backtune.tuning import EQUAL, PYTHAGOREAN_COMMA, SYNTONIC_COMMA, Scale, Tuning, by_fifths, on_a4
from backtune.units import A4_HZ, ratio_to_cents

_FIFTHS = ("Eb-Bb", "Bb-F", "F-C", "C-G", "G-D", "D-A", "A-E", "E-B", "B-F#", "F#-C#", "C#-G#")
_SCHISMA = PYTHAGOREAN_COMMA - SYNTONIC_COMMA
_JUST = (16 / 15, 9 / 8, 6 / 5, 5 / 4, 4 / 3, 45 / 32, 3 / 2, 8 / 5, 5 / 3, 9 / 5, 15 / 8, 2 / 1)


def _narrowed(cents: float, fifths: Sequence[str]) -> tuple[float, ...]:
    return tuple(cents if fifth in fifths else 0.0 for fifth in _FIFTHS)


def _kirnberger() -> Scale:
    fifths = list(_narrowed(SYNTONIC_COMMA / 4, ("C-G", "G-D", "D-A", "A-E")))
    fifths[_FIFTHS.index("F#-C#")] = _SCHISMA
    return by_fifths("kirnberger3", tuple(fifths))


# Sources: Barbour 1951, "Tuning and Temperament", tables 24 (Pythagorean), 22 (meantone), 136 (Werckmeister III,
# 1691), Kirnberger 1779, Vallotti 1779 and Young 1800 (his second); just intonation: Ptolemy's diatonic extended.
SCALES: dict[str, Scale] = {
    "equal": EQUAL.scale,
    "pythagorean": by_fifths("pythagorean", _narrowed(0.0, ())),
    "meantone": by_fifths("meantone", _narrowed(SYNTONIC_COMMA / 4, _FIFTHS)),
    "werckmeister3": by_fifths("werckmeister3", _narrowed(PYTHAGOREAN_COMMA / 4, ("C-G", "G-D", "D-A", "B-F#"))),
    "kirnberger3": _kirnberger(),
    "vallotti": by_fifths("vallotti", _narrowed(PYTHAGOREAN_COMMA / 6, ("F-C", "C-G", "G-D", "D-A", "A-E", "E-B"))),
    "young": by_fifths("young", _narrowed(PYTHAGOREAN_COMMA / 6, ("C-G", "G-D", "D-A", "A-E", "E-B", "B-F#"))),
    "just": Scale("just", tuple(float(ratio_to_cents(ratio)) for ratio in _JUST)),
}


def temperament(name: str, root: int = 0, a4_hz: float = A4_HZ) -> Tuning:
    """Return a temperament: equal, pythagorean, meantone (quarter-comma), werckmeister3, kirnberger3, vallotti, young,
    just.

    `root` is the pitch class the scale is built on (0 = C ... 11 = B), `a4_hz` the frequency of A4.
    Raises InputError for an unknown name, a root outside 0..11, or A4 outside 200..800 Hz.
    """
    if name not in SCALES:
        raise InputError(f"temperament: '{name}' is unknown; {nearest(name, SCALES)}")
    if not 0 <= root <= 11:
        raise InputError(f"temperament root: {root} is outside 0..11 (C..B)")
    if not 200.0 <= a4_hz <= 800.0:
        raise InputError(f"temperament A4: {a4_hz} Hz is outside 200..800 Hz")
    return on_a4(SCALES[name], root, a4_hz)
