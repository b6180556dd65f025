"""What the file names of a folder say together: which of their bare numbers are pitches, and which velocities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from backtune.errors import InputError
from backtune.reading.file_names import (
    MOST_LAYERS,
    NameFacts,
    SeveralPitches,
    could_be_pitch,
    read_name,
    velocities,
)

LOUDEST = 127
RUNNING = 0.5  # share of a span that numbers given one by one fill: some files of a session were thrown away

Named = NameFacts | InputError  # what a name says, or why it says nothing


def read_names(stems: Sequence[str], octave: int) -> tuple[list[Named], list[str]]:
    """Return what each file name (without suffix) says or why it says nothing, and remarks on their numbers.

    Where no name tells a layer and all tell the same dynamic or none, one number of each is its velocity: the only
    one that differs among files of one note, lies in 1..127, exceeds 32 somewhere and counts no files. Of two bare
    numbers the first is the pitch. `octave`: what the names call the octave of middle C, 3, 4 or 5.
    """
    alone = [_read(stem, octave) for stem in stems]
    places = _pitch_places(alone)
    found = [_read(stem, octave, places[0]) for stem in stems] if places else alone
    place = _velocity_place(_facts(found))
    if place is not None:
        loud = [_with_velocity(one, place) if isinstance(one, NameFacts) else one for one in found]
        return loud, [as_velocities(stems, loud)]
    if len(places) > 1:  # the second is no velocity, so that the first need not be the pitch
        found = alone
    return found, _not_understood(stems, found)


def as_velocities(stems: Sequence[str], found: Sequence[Named]) -> str:
    """Return the remark that numbers were read as velocities, with the first name of which they were."""
    stem, first = next((stem, one) for stem, one in zip(stems, found, strict=True) if isinstance(one, NameFacts))
    return f"numbers in the file names were read as velocities: '{stem}' as MIDI {first.midi:g} at {first.layer}"


def _read(stem: str, octave: int, place: int | None = None) -> Named:
    try:
        return read_name(stem, octave, place)
    except InputError as error:
        return error


def _facts(found: Sequence[Named]) -> list[NameFacts]:
    return [one for one in found if isinstance(one, NameFacts)]


def _pitch_places(found: Sequence[Named]) -> list[int]:
    """Return the places at which all names without a note name have what could be a pitch, and not all the same."""
    bare = [
        one.numbers
        for one in found
        if isinstance(one, SeveralPitches)
        or (isinstance(one, NameFacts) and not one.named and one.numbers and one.layer not in one.numbers)
    ]
    columns = enumerate(zip(*bare, strict=False))
    return [place for place, column in columns if all(map(could_be_pitch, column)) and len(set(column)) > 1]


def _velocity_place(facts: Sequence[NameFacts]) -> int | None:
    """Return the place of the numbers that are velocities; None where there is none, or more than one."""
    if not _tell_no_dynamics(facts) or len({one.named for one in facts}) != 1:
        return None
    shared = range(min(len(one.numbers) for one in facts))
    found = [place for place in shared if _are_velocities(_by_note(facts, place))]
    return found[0] if len(found) == 1 else None


def _tell_no_dynamics(facts: Sequence[NameFacts]) -> bool:
    """Return whether words and layers are the same in all names: "Piano" in each of them is the instrument."""
    return all(one.layer is None for one in facts) and len({one.dynamic for one in facts}) == 1


def _by_note(facts: Sequence[NameFacts], place: int) -> list[list[int]]:
    notes: dict[float, list[int]] = {}
    for one in facts:
        if place < len(one.numbers):
            notes.setdefault(one.midi, []).append(one.numbers[place])
    return list(notes.values())


def _differ(notes: Sequence[Sequence[int]]) -> bool:
    return any(len(set(numbers)) > 1 for numbers in notes)


def _are_velocities(notes: Sequence[Sequence[int]]) -> bool:
    values = [value for numbers in notes for value in numbers]
    low, high = min(values), max(values)
    counted = all(max(numbers) <= len(numbers) for numbers in notes)
    running = len(set(values)) == len(values) > RUNNING * (high - low + 1)
    return _differ(notes) and low >= 1 and MOST_LAYERS < high <= LOUDEST and not counted and not running


def _with_velocity(one: NameFacts, place: int) -> NameFacts:
    velocity = one.numbers[place]
    return replace(one, dynamic="", layer=velocity, number=None if one.number == velocity else one.number)


def _not_understood(stems: Sequence[str], found: Sequence[Named]) -> list[str]:
    """Return a remark when nothing but numbers tells files of one note apart."""
    facts = _facts(found)
    if not facts or not _tell_no_dynamics(facts):
        return []
    most = max(len(one.numbers) for one in facts)
    differing = [place for place in range(most) if _differ(_by_note(facts, place))]
    if not differing:
        return []
    shown = next(
        stem
        for stem, one in zip(stems, found, strict=True)
        if isinstance(one, NameFacts) and len(one.numbers) > differing[0]
    )
    everywhere = f"all takes get velocity {velocities(facts)[0]:g}, and those of one note pass for repeats"
    return [f"numbers in the file names, as in '{shown}', were not understood: {everywhere}"]
