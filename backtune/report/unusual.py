"""What is unusual in a patch, in words: laws that stray from how instruments behave, layers that only compensate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.pitch import string_inharmonicity
from backtune.law import Law
from backtune.layer import DEPTHS, Layer
from backtune.library import CORE
from backtune.patch import Patch
from backtune.report.text_plot import number
from backtune.units import away, midi_to_hz, note_name

Floats = NDArray[np.float64]

STRETCH_CENTS = 5.0  # less than this does not stray: two tuners differ by as much
STIFF_TIMES = 3.0  # strings of pianos differ by a factor of two (Rauhala and Valimaki 2007)
LEAST_RANGE_DB, MOST_RANGE_DB = 12.0, 60.0  # softest to loudest: 33 dB on a piano, 15-30 dB on winds
SLOW_ATTACK_S = 0.05  # of something struck: hammers leave the string within 5 ms
NOTES_IN_A_ROW = 3  # neighbours that stray to the same side are no accident
SHARED = 0.3  # of a field by notes: what all notes share in it is a law that is missing below
FEWEST_NOTES = 5  # with fewer, what they share cannot be told from chance
LEAST_SHARED_DB = 0.5
RESIDUAL = DEPTHS.index("residual")


def unusual(patch: Patch) -> list[str]:
    """Return one sentence for every law that strays from how instruments behave, with the place and the number."""
    keys = np.arange(np.ceil(patch.origin.pitches[0]), np.floor(patch.origin.pitches[1]) + 1)
    out = []
    for layer in patch.layers:
        for name, law in layer.laws.items():
            if law.form == "notes" and law.axes == ("pitch",):
                out += _rows_of_notes(law)
            elif (
                layer.kind == CORE  # another layer may name a law alike
                and name in _RULES
                and set(law.axes) <= {"pitch", "velocity", "partial"}
                and len(keys) > 1
            ):
                out += _RULES[name](layer, keys, patch.struck)
    return out


def compensating(patch: Patch) -> list[str]:
    """Return one sentence for every deep layer: whether it only compensates, or what it holds is its own."""
    out = []
    for layer in patch.layers:
        if layer.closes:
            levels = [float(np.mean(np.abs(law.values))) for law in layer.laws.values() if law.unit == "dB"]
            size = float(np.mean(levels or [0.0]))
            out.append(f"{layer.kind} only compensates: it moves whole bands by {size:.1f} dB that no law explains.")
        elif layer.depth == RESIDUAL:
            out += [_shared(layer, law) for law in layer.laws.values() if law.form == "notes" and len(law.axes) > 1]
    return [one for one in out if one]


def _shared(layer: Layer, law: Law) -> str:
    """Tell how much of a field by notes is the same for all notes: that part is a law which is missing below."""
    values = law.values.reshape(law.values.shape[0], -1)
    values = values[np.any(values != 0, axis=1)]
    power = float(np.mean(values**2)) if values.size else 0.0
    if len(values) < FEWEST_NOTES or power == 0:
        return ""
    common = np.mean(values, axis=0)
    chance = 1 / len(values)  # notes that share nothing still have a mean
    share = max(0.0, (float(np.mean(common**2)) / power - chance) / (1 - chance))
    size = float(np.mean(np.abs(common)))
    if share > SHARED and size > LEAST_SHARED_DB:
        return (
            f"{layer.kind} is compensating: {share:.0%} of {law.name} is the same for all {len(values)} notes "
            f"({size:.1f} dB on average), which a law below should explain."
        )
    return f"{layer.kind} holds what is single: {1 - share:.0%} of {law.name} differs from note to note."


def _rows_of_notes(law: Law) -> list[str]:
    """Tell of neighbouring notes that all stray from their law to one side."""
    out, start = [], 0
    side = np.where(np.abs(law.values) >= STRETCH_CENTS, np.sign(law.values), 0) if law.unit == "cents" else np.zeros(0)
    for index in range(1, len(side) + 1):
        if index < len(side) and side[index] == side[start]:
            continue
        if len(side) and side[start] and index - start >= NOTES_IN_A_ROW:
            low, high = (note_name(law.known_pitches[i]) for i in (start, index - 1))
            mean = float(np.mean(law.values[start:index]))
            out.append(f"From {low} to {high} the notes are {_cents(mean)} than the law of stretch.")
        start = index
    return out


def _cents(cents: float) -> str:
    return f"{abs(cents):.0f} cents {'sharper' if cents > 0 else 'flatter'}"


def _stretch(core: Layer, keys: Floats, struck: bool) -> list[str]:
    """Stretched octaves rise from bass to treble; where the law falls, the keys below are sharper than they should."""
    if not struck:
        return []
    law = core.laws["stretch_cents"]
    cents = np.atleast_1d(law(pitch=keys)) * np.ones(len(keys))
    fall = np.maximum.accumulate(cents) - cents
    low = int(np.argmax(fall))
    if fall[low] < STRETCH_CENTS:
        return []
    high = int(np.argmax(cents[: low + 1]))
    return [
        f"The keys around {note_name(keys[high])} are sharper than stretched octaves explain: stretch_cents falls "
        f"by {fall[low]:.0f} cents from there up to {note_name(keys[low])}, where it should rise."
    ]


def _stiffness(core: Layer, keys: Floats, struck: bool) -> list[str]:
    """Strings of a piano are as stiff as its scale asks where they sound, within a factor; others and bars stray."""
    law = core.laws["inharmonicity"]
    if not struck or not np.any(law.values):
        return []
    usual = string_inharmonicity(midi_to_hz(keys + core.transposed_semitones))
    ratio = np.maximum(np.atleast_1d(law(pitch=keys)) * np.ones(len(keys)), 1e-12) / usual
    out = []
    for far, what in ((ratio, "stiffer"), (1 / ratio, "less stiff")):
        at = int(np.argmax(far))
        if far[at] > STIFF_TIMES:
            told = f"{number(float(far[at]))} times {what}"
            out.append(f"At {note_name(keys[at])} the strings are {told} than those of pianos: inharmonicity strays.")
    return out


def _level(core: Layer, keys: Floats, struck: bool) -> list[str]:
    """Playing harder is louder, by 12 to 60 dB from the softest to the loudest that was recorded."""
    law = core.laws["level_db"]
    if "velocity" not in law.axes:
        return ["It does not get louder when played harder: level_db does not depend on velocity."]
    knots = law.coordinates[law.axes.index("velocity")]
    if len(knots) < 2:
        return []
    level = law.over("pitch", "velocity", pitch=keys, velocity=knots)
    step, out = np.diff(level, axis=1), []
    if step.min() < 0:
        key, index = np.unravel_index(int(np.argmin(step)), step.shape)
        out.append(
            f"At {note_name(keys[key])} velocity {knots[index + 1]:g} is {-step.min():.1f} dB softer than "
            f"velocity {knots[index]:g}: level_db should rise."
        )
    reach = level[:, -1] - level[:, 0]
    odd = [(int(np.argmin(reach)), reach.min() < LEAST_RANGE_DB), (int(np.argmax(reach)), reach.max() > MOST_RANGE_DB)]
    for at in [place for place, strays in odd if strays][:1]:
        if not out:
            out.append(
                f"At {note_name(keys[at])} there are {reach[at]:.0f} dB between velocity {knots[0]:g} and "
                f"{knots[-1]:g}; {LEAST_RANGE_DB:.0f} to {MOST_RANGE_DB:.0f} dB are usual."
            )
    return out


def _fall(core: Layer, keys: Floats, struck: bool) -> list[str]:
    """Struck notes fall, and those of the treble faster than those of the bass."""
    if not struck:
        return []
    fall = np.ravel(core.laws["fall_db_s"].over("pitch", "partial", pitch=keys, partial=np.array([1.0])))
    out = []
    if fall.min() < 0:
        key = note_name(keys[int(np.argmin(fall))])
        out.append(f"The fundamental of {key} grows while it is held: fall_db_s is below 0.")
    third = max(1, len(keys) // 3)
    bass, treble = float(fall[:third].mean()), float(fall[-third:].mean())
    if 0 < treble < bass:
        out.append(f"The treble rings longer than the bass: {treble:.1f} dB/s against {bass:.1f} dB/s (fall_db_s).")
    return out


def _attack(core: Layer, keys: Floats, struck: bool) -> list[str]:
    times = np.atleast_1d(core.laws["attack_s"](pitch=keys)) * np.ones(len(keys))
    at = int(np.argmax(times))
    if not struck or times[at] <= SLOW_ATTACK_S:
        return []
    return [f"{note_name(keys[at])} takes {1000 * times[at]:.0f} ms to its full tone, long for something struck."]


def _transposed(core: Layer, keys: Floats, struck: bool) -> list[str]:
    if not core.transposed_semitones:
        return []
    alike = "stops of organs" if core.transposed_semitones % 12 == 0 else "transposing instruments"
    return [f"Keys sound {away(core.transposed_semitones)} where they are written, as {alike} do."]


_RULES: dict[str, Callable[[Layer, Floats, bool], list[str]]] = {
    "stretch_cents": _stretch,
    "transposed_semitones": _transposed,
    "inharmonicity": _stiffness,
    "level_db": _level,
    "fall_db_s": _fall,
    "attack_s": _attack,
}
