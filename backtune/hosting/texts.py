"""Reading a plugin's parameters by the texts it shows for them, and finding the raw value behind a text."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

SAMPLES = 129  # raw values tried along 0..1: enough to see 64 choices, and 8 times fewer than pedalboard reads
RAWS = tuple(i / (SAMPLES - 1) for i in range(SAMPLES))
MOST_CHOICES = 64  # a list longer than this is a number in disguise
ENDLESS_STEPS = 2147483647  # how JUCE spells "continuous"
LEFT_OUT = re.compile(r"MIDI CC ")  # 2,048 controllers that JUCE plugins list as parameters
HALVINGS = 40  # of the raw range: down to 1e-12, finer than a float32 raw value
SAME_NUMBER = 1e-9  # relative: 0.3 s is 300 ms, though 0.3 / 0.001 differs from 300 in its last bit
SIZES = {"ms": ("s", 0.001), "s": ("s", 1.0), "sec": ("s", 1.0), "hz": ("Hz", 1.0), "khz": ("Hz", 1000.0)}
_NUMBER = re.compile(
    r"\s*([-+−]?\s*(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+−]?\s*(?:inf|∞)\w*)\s*(.*?)\s*", re.IGNORECASE
)


def number_in(text: str) -> tuple[float, str] | None:
    """Return (number, unit) that a text shows ("1.5 kHz" is 1500, "Hz"), or None when it shows no number."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    digits, unit = match.group(1).replace(" ", "").replace("−", "-"), match.group(2)
    if "inf" in digits.lower() or "∞" in digits:
        return float("-inf") if digits.startswith("-") else float("inf"), unit
    return (float(digits) * 1000, unit[1:]) if unit.lower() == "khz" else (float(digits), unit)


def read_table(parameters: list[Any]) -> list[dict[str, Any]]:
    """Return one row a parameter: what pedalboard's native object says, and the texts along its range."""
    return [_row(parameter) for parameter in parameters if not LEFT_OUT.match(parameter.name)]


def _row(parameter: Any) -> dict[str, Any]:
    steps = 0 if parameter.num_steps >= ENDLESS_STEPS else int(parameter.num_steps)
    count = steps if 2 <= steps <= SAMPLES else SAMPLES
    raws = [i / (count - 1) for i in range(count)]
    texts = [parameter.get_text_for_raw_value(raw) or "" for raw in raws]
    numbers = [number_in(text) for text in texts]
    choices = dict(zip(reversed(texts), reversed(raws), strict=True))  # the lowest raw value of each text
    listed = len(choices) <= MOST_CHOICES and (any(n is None for n in numbers) or steps == len(choices))
    numeric = all(n is not None for n in numbers)
    shown = [n[0] for n in numbers if n is not None and abs(n[0]) < float("inf")]  # "-inf dB" is no bound
    return {
        "index": parameter.index,
        "name": parameter.name,
        "unit": parameter.label or (numbers[0][1] if numbers[0] else ""),
        "steps": steps,
        "low": min(shown) if numeric and shown else None,
        "high": max(shown) if numeric and shown else None,
        "low_text": texts[0],
        "high_text": texts[-1],
        "choices": sorted(([text, raw] for text, raw in choices.items()), key=lambda c: c[1]) if listed else [],
        "default_raw": parameter.default_raw_value,
        "automatable": bool(parameter.is_automatable),
    }


def raw_for(parameter: Any, text: str, row: dict[str, Any]) -> float:
    """Return the raw value whose text is `text`, in any unit of its kind; raise ValueError when none shows it."""
    if row["choices"]:
        for shown, raw in row["choices"]:
            if shown.strip().casefold() == text.strip().casefold():
                return float(raw)
    wanted = number_in(text)
    if wanted is None or row["low"] is None:
        allowed = ", ".join(shown for shown, _ in row["choices"]) or f"{row['low_text']} to {row['high_text']}"
        raise ValueError(f"'{text}' is not among its values: {allowed}")
    number, unit = wanted
    read = partial(_shown, parameter, unit, row["unit"])
    listed = [float(raw) for shown, raw in row["choices"] if (number_in(shown) or (None,))[0] == number]
    # the plugin's own reading of the text is exact where it has one; the ends are the way to "-inf dB"
    own = [parameter.get_raw_value_for_text(spelt) for spelt in (text, *_spelt_otherwise(number, unit))]
    for raw in (*listed, *own, 0.0, 1.0):
        if 0.0 <= raw <= 1.0 and math.isclose(read(raw), number, rel_tol=SAME_NUMBER):
            return float(raw)
    shown = [read(raw) for raw in RAWS]
    known = [one for one in shown if math.isfinite(one)]
    if not known:
        own_range = f"{row['low']:g} to {row['high']:g} {row['unit'] or 'without a unit'}"
        raise ValueError(f"'{text}' is in {unit}, its values are {own_range}")
    if not min(known) <= number <= max(known):
        own_range = f"{min(known):g} to {max(known):g} {unit or row['unit']}".rstrip()
        raise ValueError(f"{number:g} is outside its range {own_range}")
    for (low, high), (a, b) in zip(pairwise(RAWS), pairwise(shown), strict=True):
        if a <= number <= b or b <= number <= a:
            found = _bisect(read, number, low, high)
            if found is not None:
                return found
    raise ValueError(f"'{text}' is inside its range, but no setting of the plugin shows it")


def _shown(parameter: Any, unit: str, label: str, raw: float) -> float:
    """Return the number shown at a raw value in `unit` ("" = as shown), NaN where none is; `label`: of bare numbers."""
    found = number_in(parameter.get_text_for_raw_value(raw) or "")
    if found is None:
        return math.nan
    return found[0] * _ratio(found[1] or label, unit) if unit else found[0]


def _ratio(unit: str, other: str) -> float:
    """Return how many of `other` one of `unit` is; NaN when they are not of one kind."""
    one, two = unit.casefold(), other.casefold()
    if one == two:
        return 1.0
    (kind, size), (other_kind, other_size) = SIZES.get(one, (one, 1.0)), SIZES.get(two, (two, 1.0))
    return size / other_size if kind == other_kind else math.nan


def _spelt_otherwise(number: float, unit: str) -> list[str]:
    """Return a number in the other units of its kind: 2 s is 2000 ms."""
    kind = SIZES.get(unit.casefold(), ("", 1.0))[0]
    return [f"{number * _ratio(unit, other):.9g} {other}" for other, (of, _) in SIZES.items() if of == kind]


def _bisect(read: Callable[[float], float], number: float, low: float, high: float) -> float | None:
    """Return the raw value in low..high that shows the number nearest to `number`; None when the texts jump past it."""
    at_low, at_high = read(low), read(high)
    span = abs(at_high - at_low)
    rising = at_high >= at_low
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        if (read(middle) < number) == rising:
            low = middle
        else:
            high = middle
    raw = min((low, high), key=lambda r: abs(read(r) - number))
    # a rounded text may miss the number by half its last digit; a jump over many steps may not
    return raw if abs(read(raw) - number) <= max(0.02 * span, 1e-9) or span == 0 else None


def short(text: str) -> str:
    """Return a plugin's text without the zeros at the end of a decimal fraction: 10.000000 is 10."""
    return re.sub(r"(\d)\.0+$|(\.\d*[1-9])0+$", r"\1\2", text)
