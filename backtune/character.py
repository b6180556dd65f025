"""Character: evidence for what a distance between two notes is deaf to - how a tone moves, how far notes differ.

A vibrato of the right rate and depth, but of another phase, is farther from a recording than none; and bands as wide
as the ear's do not tell a string that rings along from noise of its power. What takes do share is the trait: how much
there is of it. So a trait is measured on takes never fitted, and on the patch's notes in the same way, and a layer has
to bring the two nearer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from backtune.analysis.lines import NO_CHANCE_DB, measure_lines, standing_out_db
from backtune.analysis.motion import PARTIALS, measure_motion
from backtune.analysis.movement import CENT_DB, FAST, SLOW, movement
from backtune.analysis.pitch import Pitch
from backtune.analysis.residual import Heard, Residual, beating_db, numbered_db, sharper_cents
from backtune.analysis.scatter import FARTHEST, TIMES_S, Scatter, clear_levels, departure_db
from backtune.evidence import Bench, Floats, Gain, Held, paired_gain
from backtune.growth_record import TAKEN
from backtune.kept import kept
from backtune.kept_layers import patch_data
from backtune.layer import Layer
from backtune.library import library
from backtune.panel import layer_control
from backtune.patch import Patch
from backtune.render import render_take
from backtune.workers import in_order

DRAWS = 8  # of what is invented for a note: its size is told by their root mean square, not by the luck of one
SILENT_LOSS_DB = 0.1  # who takes notes farther than this from their recordings is heard when the player wishes

Measure = Callable[[Patch, Held, Sequence[Heard]], tuple[Floats, Floats]]


@dataclass(frozen=True)
class Trait:
    """What takes share of a character: its `words`, and `measure`.

    `measure(patch, held, others)` returns the trait of a held-out take and of the patch's same note, dB (N,) each;
    NaN where one cannot be told. `others` are the takes that were fitted.
    """

    words: str
    measure: Measure


def _swing(patch: Patch, held: Held, others: Sequence[Heard]) -> tuple[Floats, Floats]:
    recorded, rendered = _movements(patch, held)
    return recorded[:, FAST].ravel(), rendered[:, FAST].ravel()


def _drift(patch: Patch, held: Held, others: Sequence[Heard]) -> tuple[Floats, Floats]:
    recorded, rendered = _movements(patch, held)
    return recorded[0, SLOW], rendered[0, SLOW]


def _swell(patch: Patch, held: Held, others: Sequence[Heard]) -> tuple[Floats, Floats]:
    recorded, rendered = _movements(patch, held)
    return recorded[0], rendered[0]


def _spread(patch: Patch, held: Held, others: Sequence[Heard]) -> tuple[Floats, Floats]:
    """Return (lasting, wandering) departure from the line between the nearest notes below and above."""
    here = held.heard
    mine = sorted((h for h in others if h.note.velocity == here.note.velocity), key=lambda h: h.note.midi)
    low = next((h for h in reversed(mine) if 0 < here.note.midi - h.note.midi <= FARTHEST), None)
    high = next((h for h in mine if 0 < h.note.midi - here.note.midi <= FARTHEST), None)
    if low is None or high is None:
        return np.full(2, np.nan), np.full(2, np.nan)
    b = (here.note.midi - low.note.midi) / (high.note.midi - low.note.midi)
    recorded = departure_db(clear_levels(low), clear_levels(here), clear_levels(high), b)

    def levels(drawn: Patch, heard: Heard) -> Floats:
        voice = drawn.voice_at(heard.note, TIMES_S)
        level = numbered_db(voice, len(recorded)) + beating_db(voice, len(recorded))
        return np.where(np.isfinite(recorded), level, np.nan)

    draws = [replace(patch, origin=replace(patch.origin, seed=patch.origin.seed + draw)) for draw in range(DRAWS)]
    rendered = [departure_db(levels(one, low), levels(one, here), levels(one, high), b) for one in draws]
    return _size(recorded), np.sqrt(np.mean([_size(one) ** 2 for one in rendered], axis=0))


def _glide(patch: Patch, held: Held, others: Sequence[Heard]) -> tuple[Floats, Floats]:
    heard = held.heard
    audio, rate = _rendered(patch, held)
    number, hz = _partials(patch, heard)
    pitch = Pitch(float(hz[0]) / float(number[0]), heard.tracks.pitch.inharmonicity, heard.tracks.pitch.partials)
    found = measure_motion(audio, rate, heard.onset_s, pitch, patch.struck).glide_cents
    return CENT_DB * heard.tracks.motion.glide_cents, CENT_DB * found


def _lines(patch: Patch, held: Held, others: Sequence[Heard]) -> tuple[Floats, Floats]:
    """Return how far recording and render stand out where either of them has a line: one too many is as wrong.

    Divided by the root of their number: the distance of two such traits is that of a line, in the root mean square.
    """
    heard = held.heard
    recorded, _ = held.take.audio()
    rendered, rate = _rendered(patch, held)
    own = measure_lines(rendered, rate, heard.onset_s, heard.tracks.pitch)
    line_hz = np.stack([heard.tracks.lines.line_hz, own.line_hz])
    stands = np.array(
        [standing_out_db(audio, rate, heard.onset_s, line_hz) for audio in (recorded[: len(rendered)], rendered)]
    )
    theirs = np.stack([stands[0, 0], stands[1, 1]])  # each where its own lines are
    stands = np.where(theirs >= NO_CHANCE_DB, stands, np.nan)
    count = np.sqrt(max(np.isfinite(stands[0]).sum(), 1))
    both_silent = 0.0  # where neither has a line they agree
    return np.append(stands[0].ravel() / count, both_silent), np.append(stands[1].ravel() / count, both_silent)


def _intonation(patch: Patch, held: Held, others: Sequence[Heard]) -> tuple[Floats, Floats]:
    sharper = sharper_cents(held.heard, patch.voice_at(held.heard.note, np.zeros(1)))
    return np.array([CENT_DB * sharper]), np.zeros(1)


TRAITS = {
    "intonation": Trait("how sharp notes are played", _intonation),
    "lines": Trait("how far lines at other keys' pitches stand out", _lines),
    "swing": Trait("swing of pitch and levels, by rate", _swing),
    "drift": Trait("slow movement of the overtones, by rate", _drift),
    "glide": Trait("course of the pitch over the first second", _glide),
    "swell": Trait("swelling and beating of the overtones, by rate", _swell),
    "spread": Trait("spread of the overtones between notes", _spread),
}


def character_gain(
    layer: type[Layer],
    smaller: Sequence[Patch],
    larger: Sequence[Patch],
    residuals: Sequence[Residual],
    bench: Bench,
    tried: int,
) -> tuple[Gain, str]:
    """Return by how much the trait of held-out takes is met better with a layer than without, and a sentence of it.

    `smaller`, `larger`: the patches of all folds without and with it, `residuals` their fitted takes. A take's
    error is the distance between its trait and the patch's, root of the summed squares, dB; controls that silence the
    layer do not count. `tried` candidates widen the interval.
    """
    pairs = [
        (small.with_controls(**_aloud(small)), large.with_controls(**_aloud(large)), held, residual.heard)
        for small, large, one, residual in zip(smaller, larger, bench.held, residuals, strict=True)
        for held in one
    ]
    trait = TRAITS[layer.trait]

    def make() -> list[tuple[float, float]]:
        calls = [(layer.trait, *pair) for pair in pairs]
        return list(in_order(_errors, calls, bench.jobs, lambda *call: f"character of {call[3].take.name}"))

    fitted = [[one.name for one in residual.heard] for residual in residuals]
    patches = [[patch_data(patch) for patch in some] for some in (smaller, larger)]
    held = [[one.label for one in some] for some in bench.held]
    errors = np.array(kept(make, "character", layer.trait, patches, held, fitted)).reshape(-1, 2)
    known = np.isfinite(errors).all(axis=1)
    pitches = np.array([held.heard.note.midi for _, _, held, _ in pairs])
    errors = errors[known]
    gain = paired_gain(errors[:, 0] - errors[:, 1], pitches[known], tried)
    before, after = errors.mean(axis=0) if len(errors) else (0.0, 0.0)
    return (
        gain,
        f"{trait.words}: {before:.2f} dB from that of {len(errors)} takes never fitted without it, {after:.2f} with it",
    )


def silenced(patch: Patch, kind: str) -> Patch:
    """Return the patch with a layer turned to nothing, for the player to turn up."""
    control = layer_control(library()[kind])
    return patch.with_controls(**{control.name: control.low})


def as_fitted(patch: Patch) -> Patch:
    """Return the patch with its controls as the fit left them: silent what waits for the player, else at defaults.

    A layer taken silent is told by its step of the record: it left the held-out distance where it was, to 0.001 dB.
    """
    taken = [step for step in patch.record if step.action in TAKEN]
    waiting = {
        step.kind
        for before, step in pairwise(taken)
        if step.action == "add" and step.distance_db == before.distance_db and step.kind in patch.kinds
    }
    out = replace(patch, controls={})
    for layer in patch.layers:
        if layer.kind in waiting and layer.evidence == "character":
            out = silenced(out, layer.kind)
    return out


def _aloud(patch: Patch) -> dict[str, Any]:
    """Return the settings that make every layer heard."""
    controls = [layer_control(type(layer)) for layer in patch.layers]
    return {control.name: control.default for control in controls if control.name in patch.controls}


def _errors(trait: str, smaller: Patch, larger: Patch, held: Held, others: Sequence[Heard]) -> tuple[float, float]:
    def error(patch: Patch) -> float:
        recorded, rendered = TRAITS[trait].measure(patch, held, others)
        known = np.isfinite(recorded) & np.isfinite(rendered)
        return float(np.sqrt(np.sum((recorded - rendered)[known] ** 2))) if known.any() else float("nan")

    return round(error(smaller), 4), round(error(larger), 4)


def _movements(patch: Patch, held: Held) -> tuple[Floats, Floats]:
    """Return the movement spectra of a held-out take and of the patch's same note, held to the gate."""
    heard = held.heard
    recorded, _ = held.take.audio()
    rendered, rate = _rendered(patch, held)
    pitch, number = heard.tracks.pitch, np.arange(1.0, PARTIALS + 1)
    recorded_hz = pitch.partial_hz(number)
    _, mine = _partials(patch, heard)
    rendered_hz = np.append(mine, recorded_hz[len(mine) :])  # above them nothing sounds
    return (
        movement(recorded[: len(rendered)], rate, heard.onset_s, recorded_hz, patch.struck),
        movement(rendered, rate, heard.onset_s, rendered_hz, patch.struck),
    )


def _rendered(patch: Patch, held: Held) -> tuple[Floats, int]:
    """Return the patch's note of a held-out take, to where its key is released, and the rate."""
    audio, rate = held.take.audio()
    heard = held.heard
    stop = len(audio) if heard.note.gate_s is None else round((heard.onset_s + heard.note.gate_s) * rate)
    return render_take(patch, heard.note, heard.onset_s, min(stop, len(audio)) / rate, rate), rate


def _partials(patch: Patch, heard: Heard) -> tuple[Floats, Floats]:
    """Return number and frequency of the lowest partials of the patch's note, each number once."""
    voice = patch.voice_at(heard.note, np.zeros(1))
    first = np.unique(voice.partial_number, return_index=True)[1][:PARTIALS]
    return voice.partial_number[first], voice.partial_hz[first]


def _size(departure: Floats) -> Floats:
    """Return the size of departures (P, T) that lasts and of what changes, dB (2,)."""
    apart = [departure[:, i] * departure[:, j] for i in range(len(TIMES_S)) for j in range(i + 2, len(TIMES_S))]
    products = np.concatenate(apart)
    known = products[np.isfinite(products)]
    lasting = np.sqrt(max(float(np.mean(known)), 0.0)) if len(known) else np.nan
    return np.array([lasting, Scatter(departure[None]).wander_db])
