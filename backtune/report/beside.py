"""A patch beside recordings, as the page shows it: distances of notes, what remains, notes measured for single laws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from backtune.analysis.listen import listen
from backtune.analysis.observations import Observations
from backtune.analysis.residual import Heard, Residual
from backtune.analysis.tracks import TRACK_TIMES_S
from backtune.comparison import Comparison, compare
from backtune.fit import beside, comparable
from backtune.notes import Take
from backtune.patch import Patch
from backtune.report.plots import Dots
from backtune.source import Source
from backtune.units import midi_to_hz, ratio_to_cents

MOST_TAKES = 60  # spread over the source; more change the maps little and take minutes to hear
FALL_FROM_S, FALL_TO_S = 0.1, 2.0  # the fall of a fundamental is measured over this part of the note
FEWEST_POINTS = 6  # of a fall that is measured
ABOVE_FLOOR_DB = 6.0
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Beside:
    """What recordings tell of a patch: `comparison` note by note, `bands` (measured and rendered levels in ear bands).

    `dots`: by the name of a law, measured notes. `of`: how many takes the source has; `takes`: those compared.
    """

    source: Source
    takes: tuple[Take, ...]
    of: int
    comparison: Comparison
    bands: Observations
    dots: dict[str, Dots]


def hear_beside(patch: Patch, source: Source, jobs: int, progress: Progress) -> Beside:
    """Return `patch` beside at most 60 takes of `source`, spread over it; the same for any number of `jobs`."""
    chosen = [patch.heard(take) for take in spread(source.takes, MOST_TAKES)]
    fewer = replace(source, takes=chosen)
    heard = listen(chosen, patch.struck, jobs, lambda done, total: progress("listening", done, total))
    ready = comparable(heard, source.levels_natural)
    residual = beside(patch, Residual(ready, (), patch.struck, source.levels_natural))
    comparison = compare(patch, fewer, jobs=jobs, progress=progress)
    return Beside(source, tuple(chosen), len(source.takes), comparison, residual.bands, measured_dots(patch, heard))


def spread(takes: Sequence[Take], most: int) -> list[Take]:
    """Return at most `most` takes: all takes of keys spread evenly over the keyboard, ends included."""
    keys = sorted({take.midi for take in takes})
    count = min(len(keys), max(1, most * len(keys) // len(takes)))
    chosen = {keys[i] for i in np.linspace(0, len(keys) - 1, count).round().astype(int)}
    order = sorted(
        (take for take in takes if take.midi in chosen),
        key=lambda take: (take.midi, take.velocity, take.number, take.name),
    )
    if len(order) <= most:
        return order
    return [order[i] for i in np.unique(np.linspace(0, len(order) - 1, most).round().astype(int))]


def nearest_take(takes: Sequence[Take], pitch: float, velocity: float) -> Take:
    """Return the take at the nearest pitch, of those the one with the nearest velocity."""
    return min(takes, key=lambda take: (abs(take.midi - pitch), abs(take.velocity - velocity), take.number))


def measured_dots(patch: Patch, heard: Sequence[Heard]) -> dict[str, Dots]:
    """Return measured notes by the name of the law they belong to: (pitches, values).

    - `inharmonicity`: B of the tracked partials. `stretch_cents`: the fundamental they share, without
      stiffness, from equal temperament where the patch sounds its keys (for a patch with a law of
      inharmonicity, as it was fitted).
    - `fall_db_s`: how fast the fundamental falls from 0.1 to 2 s, as a straight line (struck notes alone).
    """
    told = [one for one in heard if one.tracks.pitch.partials >= 2]
    pitch = np.array([one.note.midi for one in told])
    stiffness = np.array([one.tracks.pitch.inharmonicity for one in told])
    first = np.array([one.tracks.pitch.f0_hz for one in told]) * np.sqrt(1 + stiffness)
    laws = {name: law for layer in patch.layers for name, law in layer.laws.items()}
    out: dict[str, Dots] = {}
    if len(told):
        law_b = laws.get("inharmonicity")
        stiff = stiffness if law_b is None else np.broadcast_to(law_b(pitch=pitch), pitch.shape)
        written = midi_to_hz(pitch + patch.transposed_semitones)
        out["stretch_cents"] = (pitch, np.asarray(ratio_to_cents(first / np.sqrt(1 + stiff) / written)))
        known = stiffness > 0
        out["inharmonicity"] = (pitch[known], stiffness[known])
    falls = [(one.note.midi, fall) for one in heard if patch.struck and (fall := _fall_db_s(one)) is not None]
    if falls:
        keys, values = np.array(falls).T
        out["fall_db_s"] = (keys, values)
    return out


def _fall_db_s(heard: Heard) -> float | None:
    level, floor = heard.tracks.partial_db[0], heard.tracks.floor_db[0]
    with np.errstate(invalid="ignore"):
        own = np.isfinite(level) & (level > floor + ABOVE_FLOOR_DB)
    own &= (TRACK_TIMES_S >= FALL_FROM_S) & (TRACK_TIMES_S <= FALL_TO_S)
    if own.sum() < FEWEST_POINTS:
        return None
    return -float(np.polyfit(TRACK_TIMES_S[own], level[own], 1)[0])
