"""Reading a plugin's parameters by the texts it shows for them, and finding the raw value behind a text."""

from __future__ import annotations

import re
from typing import Any

SAMPLES = 129  # raw values tried along 0..1: enough to see 64 choices, and 8 times fewer than pedalboard reads
MOST_CHOICES = 64  # a list longer than this is a number in disguise
ENDLESS_STEPS = 2147483647  # how JUCE spells "continuous"
LEFT_OUT = re.compile(r"MIDI CC ")  # 2,048 controllers that JUCE plugins list as parameters
HALVINGS = 40  # of the raw range: down to 1e-12, finer than a float32 raw value
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
    """Return the raw value whose text is `text`; raise ValueError with what is allowed when none shows it."""
    if row["choices"]:
        for shown, raw in row["choices"]:
            if shown.strip().casefold() == text.strip().casefold():
                return float(raw)
    wanted = number_in(text)
    if wanted is None or row["low"] is None:
        allowed = ", ".join(shown for shown, _ in row["choices"]) or f"{row['low_text']} to {row['high_text']}"
        raise ValueError(f"'{text}' is not among its values: {allowed}")
    number = wanted[0]
    listed = [float(raw) for shown, raw in row["choices"] if (number_in(shown) or (None,))[0] == number]
    # the plugin's own reading of the text is exact where it has one; the ends are the way to "-inf dB"
    for raw in (*listed, parameter.get_raw_value_for_text(text), 0.0, 1.0):
        if 0.0 <= raw <= 1.0 and _shown(parameter, raw) == number:
            return float(raw)
    if not row["low"] <= number <= row["high"]:
        raise ValueError(f"{number:g} is outside its range {row['low']:g} to {row['high']:g} {row['unit']}".rstrip())
    for low, high in _brackets(parameter, number):
        raw = _bisect(parameter, number, low, high)
        if raw is not None:
            return raw
    raise ValueError(f"'{text}' is inside its range, but no setting of the plugin shows it")


def _shown(parameter: Any, raw: float) -> float:
    """Return the number shown at a raw value; NaN where it shows none."""
    number = number_in(parameter.get_text_for_raw_value(raw) or "")
    return float("nan") if number is None else number[0]


def _brackets(parameter: Any, number: float) -> Any:
    """Yield pairs of neighbouring raw values between whose numbers `number` lies, from the low end."""
    raws = [i / (SAMPLES - 1) for i in range(SAMPLES)]
    shown = [_shown(parameter, raw) for raw in raws]
    for low, high, a, b in zip(raws, raws[1:], shown, shown[1:], strict=False):
        if min(a, b) <= number <= max(a, b):
            yield low, high


def _bisect(parameter: Any, number: float, low: float, high: float) -> float | None:
    """Return the raw value in low..high that shows the number nearest to `number`; None when the texts jump past it."""
    at_low, at_high = _shown(parameter, low), _shown(parameter, high)
    span = abs(at_high - at_low)
    rising = at_high >= at_low
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        if (_shown(parameter, middle) < number) == rising:
            low = middle
        else:
            high = middle
    raw = min((low, high), key=lambda r: abs(_shown(parameter, r) - number))
    # a rounded text may miss the number by half its last digit; a jump over many steps may not
    return raw if abs(_shown(parameter, raw) - number) <= max(0.02 * span, 1e-9) or span == 0 else None


def short(text: str) -> str:
    """Return a plugin's text without the zeros at the end of a decimal fraction: 10.000000 is 10."""
    return re.sub(r"(\d)\.0+$|(\.\d*[1-9])0+$", r"\1\2", text)
