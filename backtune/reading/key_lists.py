"""Keys and velocities as users list them: single ones, and runs with a step."""

from __future__ import annotations

import re

from backtune.errors import InputError
from backtune.units import parse_note

_ONE = r"[A-Ga-g][#b]?-?\d+|[^:\s-]+"
_RUN = re.compile(rf"({_ONE})[:-]({_ONE})(?::([^:]*))?")
ALLOWED = "allowed: C4 or 60, FROM:TO or FROM:TO:STEP such as A0:C8:3, with commas between"


def parse_keys(text: str) -> tuple[int, ...]:
    """Return the MIDI keys that a text lists: "A0:C8:3" (from, to, step in semitones), "C4-C5", "60,C5".

    Raises InputError for anything else, keys outside 0..127 and runs downwards.
    """
    return _listed("keys", text)


def parse_velocities(text: str) -> tuple[int, ...]:
    """Return the velocities that a text lists, as `parse_keys` does; raise InputError for those outside 1..127."""
    found = _listed("velocities", text)
    if found and not min(found) >= 1:
        raise InputError("velocities: 0 is outside 1..127")
    return found


def _listed(what: str, text: str) -> tuple[int, ...]:
    found: list[int] = []
    for part in (one.strip() for one in text.split(",")):
        run = _RUN.fullmatch(part)
        low, high = (_whole(what, part, end) for end in (run.groups()[:2] if run else (part, part)))
        step = (run[3] if run else None) or "1"
        if not step.isdecimal() or int(step) < 1:
            raise InputError(f"{what}: step '{step[:20]}' in '{part[:40]}'; allowed: 1 or more")
        if high < low:
            raise InputError(f"{what}: '{part[:40]}' runs downwards; allowed: the lower end first")
        found += range(low, high + 1, int(step))
    return tuple(dict.fromkeys(found))


def _whole(what: str, part: str, text: str) -> int:
    try:
        number = parse_note(text)
    except InputError as error:
        raise InputError(f"{what}: '{part[:40]}' ({error}); {ALLOWED}") from None
    if number != round(number):
        raise InputError(f"{what}: {text} is between two; allowed: whole MIDI numbers and note names")
    return int(number)
