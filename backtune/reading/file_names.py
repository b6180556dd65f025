"""What a file name says of the note in it: pitch, dynamic, velocity, number of the take."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from backtune.errors import InputError
from backtune.units import SEMITONES

# Velocities of the written dynamics, as notation programs play them (MuseScore's table).
DYNAMICS: dict[str, float] = {"ppp": 16, "pp": 33, "p": 49, "mp": 64, "mf": 80, "f": 96, "ff": 112, "fff": 126}
WORDS = {
    "pianississimo": "ppp",
    "pianissimo": "pp",
    "mezzopiano": "mp",
    "mezzoforte": "mf",
    "fortissimo": "ff",
    "fortississimo": "fff",
    "soft": "p",
    "medium": "mf",
    "loud": "ff",
    "forte": "f",
    "piano": "p",  # last: it is also the name of an instrument
}
MIDDLE_C = 60
OCTAVES = (3, 4, 5)  # what different makers call the octave of middle C
DEFAULT_OCTAVE = 4  # scientific pitch notation
MOST_LAYERS = 32  # "v1".."v32" are ranks; larger numbers after a v are velocities
DEFAULT_VELOCITY = 80.0  # mf, for names that tell no dynamic
LONGEST_NAME = 255

_NOTE = re.compile(r"(?<![A-Za-z#])([A-Ga-g])(##?|♯|♭|bb?(?=-?\d)|s(?=-?\d)|sharp|flat)?(-\d|10|\d)(?!\d)")
_FORTE_TAKE = re.compile(r"(?<![A-Za-z])f\d(?!\d)")
_BEND = {"#": 1, "##": 2, "♯": 1, "s": 1, "sharp": 1, "b": -1, "bb": -2, "♭": -1, "flat": -1}
_LAYER = re.compile(
    r"(?<![a-z])(velocity|velo|vel|level|layer|lvl|vl|v|dynamics?|dyn)[ _.=-]?(\d{1,3})(?!\d)", re.IGNORECASE
)
_REPEAT = re.compile(r"(?<![a-z])(rr|roundrobin|take|rep|alt)[ _-]?(\d{1,3})(?!\d)", re.IGNORECASE)
_WORD = re.compile(r"[a-z]+", re.IGNORECASE)
_NUMBER = re.compile(r"(?<!\d)(?<!\d\.)\d{1,3}(?!\d)")  # no decimals, but what dots part
_GLUED = re.compile(r"(?<![A-Za-z])(ppp?|mp|mf|fff?|PPP?|MP|MF|FFF?|p|f)(?=[A-G](?:##?|♯|♭|bb?|s)?-?\d)")  # "ffC4"
_NSYNTH = re.compile(r"-(\d{3})-(\d{3})$")  # instrument-pitch-velocity, the NSynth way
LOWEST_NUMBER, HIGHEST_NUMBER = 12, 120  # a bare number outside is not taken for a pitch


@dataclass(frozen=True)
class NameFacts:
    """What one file name says; None where it says nothing.

    - `midi`: pitch. `named`: whether it was written as a note name (then the octave convention matters).
    - `layer`: number after v, vel, dyn...; a rank or a velocity, which only the whole folder tells.
    - `numbers`: all others of up to three digits in their order, a bare number's pitch (and velocity) among them.
    """

    midi: float
    named: bool
    dynamic: str = ""
    layer: int | None = None
    number: int | None = None
    numbers: tuple[int, ...] = ()


class SeveralPitches(InputError):
    """A name without a note name in which several of its `numbers` could be the pitch."""

    def __init__(self, message: str, numbers: tuple[int, ...]) -> None:
        """Keep the numbers, in the order of the name."""
        super().__init__(message)
        self.numbers = numbers


def read_name(stem: str, octave: int = DEFAULT_OCTAVE, place: int | None = None) -> NameFacts:
    """Return what a file name (without suffix) says.

    `octave` is what the names call the octave of middle C (MIDI 60): 3, 4 or 5. `place`: which of its numbers is
    the pitch when no note is named, as the names beside it tell. Raises InputError when the name holds no note,
    several different ones (SeveralPitches: numbers, and no `place`), or a pitch outside MIDI 0..127.
    """
    if octave not in OCTAVES:
        raise InputError(f"octave: {octave} was given; allowed: 3, 4 or 5, the number of middle C's octave")
    shown = stem[:60]
    if len(stem) > LONGEST_NAME:
        raise InputError(f"'{shown}...': the name is longer than {LONGEST_NAME} characters")
    rest = _GLUED.sub(r"\1 ", stem)
    if nsynth := _NSYNTH.search(stem):
        pitch, velocity = (_checked(int(one), shown) for one in nsynth.groups())
        return NameFacts(pitch, named=False, layer=velocity, numbers=(pitch, velocity))
    layer, rest = _take_number(_LAYER, rest)
    number, rest = _take_number(_REPEAT, rest)
    notes = {_midi(match, octave) for match in _NOTE.finditer(rest)}
    if len(notes) > 1 and (forte := _FORTE_TAKE.search(rest)):  # "C4_f2": forte, second take
        rest = rest[: forte.start()] + "f_" + rest[forte.start() + 1 :]
        notes = {_midi(match, octave) for match in _NOTE.finditer(rest)}
    if len(notes) > 1:
        raise InputError(f"'{shown}': names {len(notes)} different notes; allowed: one note in each file name")
    rest_after_note = _NOTE.sub(" ", rest)
    dynamic = dynamic_in(rest_after_note, layered=layer is not None)
    numbers = tuple(int(one) for one in _NUMBER.findall(rest_after_note))
    if notes:
        trailing = re.search(r"[ _-](\d{1,2})\)?$", rest_after_note)
        if number is None and trailing:
            number = int(trailing[1])
        return NameFacts(_checked(notes.pop(), shown), True, dynamic, layer, number, numbers)
    pitches = {one for one in numbers if could_be_pitch(one)}
    if place is not None and place < len(numbers) and could_be_pitch(numbers[place]):
        pitches = {numbers[place]}
    if not pitches:
        raise InputError(f"'{shown}': holds neither a note name such as C4 nor a MIDI number in 12..120")
    if len(pitches) > 1:
        listed = ", ".join(map(str, sorted(pitches)))
        raise SeveralPitches(f"'{shown}': several numbers could be the pitch ({listed}); allowed: one", numbers)
    return NameFacts(float(pitches.pop()), False, dynamic, layer, number, numbers)


def could_be_pitch(number: int) -> bool:
    """Return whether a bare number may be a MIDI pitch: 12..120."""
    return LOWEST_NUMBER <= number <= HIGHEST_NUMBER


def velocities(names: Sequence[NameFacts]) -> list[float]:
    """Return a MIDI velocity for each name, (n,), in the order given.

    A written dynamic gives its usual velocity. Layer numbers up to 32 are ranks, spread evenly over
    1..127; when any is larger all of them are velocities. Names that tell nothing get 80 (mf).
    """
    layers = sorted({one.layer for one in names if one.layer is not None})
    ranked = bool(layers) and layers[-1] <= MOST_LAYERS
    top = layers[-1] + (1 if layers[0] == 0 else 0) if layers else 1
    found: list[float] = []
    for one in names:
        if one.layer is not None and ranked:
            rank = one.layer + (1 if layers[0] == 0 else 0)
            found.append(round(127.0 * (rank - 0.5) / top))
        elif one.layer is not None:
            found.append(min(max(one.layer, 1), 127))
        else:
            found.append(DYNAMICS.get(one.dynamic, DEFAULT_VELOCITY))
    return [float(value) for value in found]


def _take_number(pattern: re.Pattern[str], text: str) -> tuple[int | None, str]:
    matches = list(pattern.finditer(text))
    if not matches:
        return None, text
    match = matches[-1]  # the last one counts: "v1 Violin_v3"
    return int(match[2]), text[: match.start()] + " " + text[match.end() :]


def _midi(match: re.Match[str], octave: int) -> int:
    letter, accidental, number = match.groups()
    return MIDDLE_C + 12 * (int(number) - octave) + SEMITONES[letter.upper()] + _BEND.get((accidental or "").lower(), 0)


def dynamic_in(text: str, layered: bool = True) -> str:
    """Return the dynamic written in a text ("pp", "mezzo-forte"...), "" when there is none.

    `layered`: the text tells its dynamic by a layer number too, so that "piano" is the instrument.
    """
    joined = re.sub(r"(?i)mezzo[ _-]+(piano|forte)", r"mezzo\1", text)
    words = [word.lower() for word in _WORD.findall(joined)]
    written = [word for word in words if word in DYNAMICS]
    if written:
        return written[-1]  # the last: "p" may stand for another word earlier on
    spelt = [word for word in words if word in WORDS]
    if len(spelt) > 1 or layered:
        spelt = [word for word in spelt if word != "piano"]  # here it is the instrument
    return WORDS[spelt[-1]] if spelt else ""


def _checked(midi: float, shown: str) -> int:
    if not 0 <= midi <= 127:
        raise InputError(f"'{shown}': {midi:g} is outside the MIDI range 0..127")
    return int(midi)
