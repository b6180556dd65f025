"""Recordings that sound elsewhere than a patch plays their keys: heard as both are compared, told in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from backtune.notes import Take
from backtune.patch import Patch
from backtune.screening import HARMONIC
from backtune.take_facts import Floats, facts_in
from backtune.units import away

MOST_NAMED = 3  # of the recordings, where not all of them sound elsewhere


def semitones_apart(patch: Patch, take: Take, audio: Floats, rate: int) -> int:
    """Return how far above where `patch` plays its key a take sounds, its samples (n,) at `rate` Hz being read already.

    0 where nothing tells without doubt.
    """
    heard = patch.heard(take)
    pitch = facts_in(heard, audio, rate).pitch
    if pitch is None or pitch.agrees or pitch.confidence < HARMONIC:
        return 0
    return pitch.heard_midi - round(heard.sounding_midi)


def told_apart(names: Sequence[str], semitones: Sequence[int]) -> tuple[str, ...]:
    """Return a sentence for each distance at which recordings of these names sound from where a patch plays them."""
    told = []
    for apart in sorted(set(semitones) - {0}):
        those = [name for name, one in zip(names, semitones, strict=True) if one == apart]
        which = ", ".join(those[:MOST_NAMED]) + ("..." if len(those) > MOST_NAMED else "")
        some = "" if len(those) == len(names) else f" ({which})"
        plural = "recordings sounds" if len(those) == 1 else "recordings sound"
        told.append(
            f"{len(those)} of {len(names)} {plural} {away(apart)} where the patch plays its keys{some}: "
            "distances are told at the patch's own pitch"
        )
    return tuple(told)
