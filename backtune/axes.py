"""The axes of laws: how each is warped, and where on it a coordinate lies between knots."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtune.units import hz_to_erb

Floats = NDArray[np.float64]

NOTE_REACH = 0.5  # semitones: a law by notes holds for the key, bent or retuned
TIME_KNEE_S = 0.01  # below 10 ms the time axis is linear, above it is logarithmic, as onsets are heard

# An axis is warped before interpolation, so that equal steps on it are about equal steps for the ear.
AXES: dict[str, Callable[[Any], Any]] = {
    "pitch": lambda x: np.asarray(x, float),  # MIDI number
    "velocity": lambda x: np.asarray(x, float),  # 1..127
    "partial": lambda x: np.log2(np.asarray(x, float)),  # overtone number, 1 = fundamental
    "hz": lambda x: hz_to_erb(x),
    "time_s": lambda x: np.arcsinh(np.asarray(x, float) / TIME_KNEE_S),
}


def hats(axis: str, knots: Floats, x: Any) -> tuple[NDArray[np.int64], Floats]:
    """Return the knots around each coordinate, (N, 2), and their shares in linear interpolation, (N, 2).

    Outside the knots the nearest knot's value holds. A single knot gives (N, 1). Shares sum to 1.
    """
    at = np.atleast_1d(AXES[axis](x))
    if len(knots) == 1:
        return np.zeros((len(at), 1), np.int64), np.ones((len(at), 1))
    k = np.asarray(AXES[axis](knots))
    at = np.clip(at, k[0], k[-1])
    right = np.clip(np.searchsorted(k, at, side="right"), 1, len(k) - 1)
    share = (at - k[right - 1]) / (k[right] - k[right - 1])
    return np.stack([right - 1, right], axis=1), np.stack([1.0 - share, share], axis=1)


def exact(knots: Floats, x: Any) -> tuple[NDArray[np.int64], Floats]:
    """Return the knot within half a semitone of each coordinate, (N, 1), and 1, or 0 where there is none."""
    at = np.atleast_1d(np.asarray(x, float))
    near = np.argmin(np.abs(at[:, None] - knots), axis=1)
    return near[:, None], (np.abs(knots[near] - at) < NOTE_REACH).astype(float)[:, None]


def tensor_weights(
    axes: tuple[str, ...], knots: tuple[Floats, ...], by_notes: bool, at: Mapping[str, Any], count: int
) -> tuple[NDArray[np.int64], Floats]:
    """Return for N points the flat indices into a tensor of values, (N, K), and their shares, (N, K).

    `by_notes`: the first axis is pitch and holds at its knots alone.
    """
    index, share = np.zeros((count, 1), np.int64), np.ones((count, 1))
    for position, (axis, k) in enumerate(zip(axes, knots, strict=True)):
        i, w = exact(k, at[axis]) if by_notes and position == 0 else hats(axis, k, at[axis])
        index = (index[:, :, None] * len(k) + i[:, None, :]).reshape(count, -1)
        share = (share[:, :, None] * w[:, None, :]).reshape(count, -1)
    return index, share


def basis(axis: str, knots: Floats, x: Any, by_notes: bool) -> Floats:
    """Return the (len(x), len(knots)) matrix of shares of one axis."""
    index, share = exact(knots, x) if by_notes else hats(axis, knots, x)
    out = np.zeros((len(index), len(knots)))
    np.put_along_axis(out, index, share, axis=1)
    return out


@lru_cache(maxsize=512)
def remembered_basis(axis: str, knots: bytes, x: bytes, by_notes: bool) -> Floats:
    """Return `basis` of arrays given as bytes: notes share their frames, and laws their knots."""
    return basis(axis, np.frombuffer(knots), np.frombuffer(x), by_notes)


@lru_cache(maxsize=4096)
def warped(axis: str, at: float) -> float:
    """Return where one coordinate lies on its warped axis: a key and a velocity are asked for by law after law."""
    return float(AXES[axis](at))


def at_place(values: Floats, places: Sequence[float], at: float) -> Floats:
    """Return `values` (K, ...) at one place of their first axis, on the line between the knots at `places` (K,).

    Outside the knots the nearest knot's value holds.
    """
    if at >= places[-1]:
        return values[-1]
    if at <= places[0]:
        return values[0]
    right = bisect_right(places, at)
    share = (at - places[right - 1]) / (places[right] - places[right - 1])
    return (1.0 - share) * values[right - 1] + share * values[right]


def at_note(values: Floats, notes: Sequence[float], at: float) -> Floats:
    """Return `values` (K, ...) at the note within half a semitone of `at`, or zeros where there is none."""
    right = bisect_right(notes, at)
    near = min(range(max(0, right - 1), min(len(notes), right + 1)), key=lambda i: abs(notes[i] - at))
    return values[near] if abs(notes[near] - at) < NOTE_REACH else np.zeros(values.shape[1:])
