"""Kin: how alike notes are in what no law says, as takes at pitches that were never fitted tell it."""

from __future__ import annotations

from dataclasses import dataclass

from backtune.analysis.distance import Distance
from backtune.evidence import RESOLVED_DB, Bench, total
from backtune.growth_state import Growth, Patches
from backtune.kinship import AT_SAME_HZ, SPECS, laws_of, told_kinship
from backtune.patch import Patch

# A field of single notes tells too little of their kinship where laws bend towards few notes: it is what those left.
# A saxophone's, measured 0.2, brings unheard pitches 0.12 dB nearer at 0.8; two pianos' are best as measured.
MIDDLE = (0.6, 6.0)  # kinship, and its reach in semitones
AROUND = [(kinship, reach) for kinship in (0.3, 0.9) for reach in (3.0, 12.0)]
OVERTONES_ALIKE = {0.0: "overtone by overtone", 1.0: "at the same Hz"}
BANDS_ALIKE = {0.0: "band by band"}


@dataclass(frozen=True)
class Kin:
    """One kinship asked about: its `numbers` (kinship, reach, at the same Hz), the patches, their distances."""

    numbers: tuple[float, float, float]
    patches: Patches
    measured: list[Distance]


def choose_kin(state: Growth) -> None:
    """Let the notes of each table be kin as brings takes at unheard pitches nearest, where that is audibly so.

    Else they stay kin as their table tells. Both ways to be alike are asked about, and more of the nearer.
    """
    asked = state.bench.asking("pitches")
    for layer in [one for one in state.patches[0].layers if SPECS[0] in one.specs and asked.everyone]:
        kind, before = layer.kind, state.measured_at("pitches")
        words = OVERTONES_ALIKE if AT_SAME_HZ in layer.specs else BANDS_ALIKE
        ways = [_asked(state, asked, kind, (*MIDDLE, alike)) for alike in words]
        best = min(ways, key=lambda one: total(one.measured))
        if total(best.measured) < total(before):
            ways += [_asked(state, asked, kind, (*numbers, best.numbers[-1])) for numbers in AROUND]
            best = min(ways, key=lambda one: total(one.measured))
        if total(before) - total(best.measured) < RESOLVED_DB:
            continue
        gain = asked.gain(before, best.measured, "pitches", len(ways))
        state.take(best.patches, state.bench.measure(best.patches))
        kinship, reach, alike = best.numbers
        reason = (
            f"notes never recorded take {kinship:g} of their kin, {words[alike]}, within {reach:g} semitones: nearer "
            f"by {gain.mean_db:.2f} dB ({gain.low_db:.2f}..{gain.high_db:.2f}) on {gain.takes} takes never fitted"
        )
        state.note(state.step("kin", kind, reason, gain, tried=len(ways)))


def _asked(state: Growth, asked: Bench, kind: str, numbers: tuple[float, float, float]) -> Kin:
    patches = tuple(with_kin(patch, kind, *numbers) for patch in state.patches)
    return Kin(numbers, patches, asked.measure(patches))


def with_kin(patch: Patch, kind: str, *numbers: float) -> Patch:
    """Return `patch` with the notes of one table as alike as `numbers` say: kinship, reach, at the same Hz."""
    return patch.with_layer(patch.layer(kind).with_laws(*laws_of(*numbers).values()))


def kin_as_chosen(patch: Patch, grown: Patch) -> Patch:
    """Return `patch` with the kinship of `grown` for those tables for which its record says that it was chosen."""
    for kind in [step.kind for step in grown.record if step.action == "kin" and step.kind in patch.kinds]:
        patch = patch.with_layer(patch.layer(kind).with_laws(*told_kinship(grown.layer(kind).laws)))
    return patch
