"""Provenance of patches made from patches: what was done, with what, whose recordings are in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from backtune.patch import Origin, Patch

MADE = "made"  # the key among an origin's options that tells the steps, oldest first


def made_from(patch: Patch, how: str, other: Patch | None = None, **facts: Any) -> Origin:
    """Return the origin of a patch made from `patch` (and `other`): both licences, and one more step of its history.

    A step tells `how`, and the name and source hash of the other patch, then the `facts`.
    """
    step: dict[str, Any] = {"how": how, "from": patch.name, **facts}
    origin = patch.origin
    if other is not None:
        step |= {"with": other.name, "with_source": other.origin.source_hash}
        tops = [one.top_hz for one in (origin, other.origin) if one.top_hz is not None]
        origin = replace(
            origin,
            name=_joined(origin.name, other.origin.name),
            licence=_joined(origin.licence, other.origin.licence),
            pitches=(
                min(origin.pitches[0], other.origin.pitches[0]),
                max(origin.pitches[1], other.origin.pitches[1]),
            ),
            top_hz=max(tops) if len(tops) == 2 else None,
        )
    return replace(origin, options={**origin.options, MADE: [*origin.options.get(MADE, []), step]})


def bare(patch: Patch) -> Patch:
    """Return the patch without its story, growth and all that was measured of it: what sounds."""
    return replace(patch, record=(), quality={}, cuts=(), baselines=(), audit=None)


def _joined(one: str, other: str) -> str:
    return one if not other or other in one.split("; ") else f"{one}; {other}" if one else other
