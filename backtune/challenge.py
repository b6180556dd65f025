"""From the words of a command to contests: which rivals play, and against what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from backtune.contest import Contest, contest
from backtune.contest_report import as_data, as_text, keyboard_text, save
from backtune.errors import BacktuneError
from backtune.hosting.process import USUAL_LIMITS, Limits
from backtune.patch import Patch
from backtune.rival import Rivals, as_source
from backtune.source import Progress, Source
from backtune.stem import file_name

LENGTHS_S = (
    3.0,
    0.5,
)  # held and released, of rivals' notes where there are no recordings: body, tail and damping are heard
KEYS_APART = 6


@dataclass(frozen=True)
class Challenge:
    """Rivals by the words of a command, the recordings (None = the rivals themselves), keys and velocities without.

    `limits`: how long a rival may take to load and to play a note.
    """

    rivals: tuple[str, ...]
    source: Source | None
    keys: tuple[int, ...]
    velocities: tuple[int, ...]
    limits: Limits = USUAL_LIMITS


def keys_of(patch: Patch) -> tuple[int, ...]:
    """Return every sixth key of the range the patch was made from."""
    low, high = patch.origin.pitches
    return tuple(range(round(low), round(high) + 1, KEYS_APART))


def hold(
    patch: Patch,
    asked: Challenge,
    folder: Path | None = None,
    *,
    progress: Progress = lambda stage, done, total: None,
    **settings: Any,
) -> list[Contest]:
    """Return one contest against the recordings, or without them one against each rival; written to `folder`.

    `settings` are those of `contest`: jobs, pairs. Raises BacktuneError when a rival plays nothing, and
    what opening and playing rivals raises.
    """
    settings["progress"] = progress
    with Rivals(asked.rivals, asked.limits) as opened:
        doubts = {rival.name: rival.remarks(asked.keys) for rival in opened.rivals}
        if asked.source is not None:
            place = None if folder is None else folder / "listen"
            judged = contest(patch, asked.source, opened.rivals, folder=place, **settings)
            found = [replace(judged, remarks=(*chain.from_iterable(doubts.values()), *judged.remarks))]
            if folder is not None:
                save(found[0], folder)
            return found
        found = []
        for rival in opened.rivals:
            source = as_source(rival, asked.keys, asked.velocities, LENGTHS_S, progress)
            if not source.takes:
                raise BacktuneError(f"{rival.name}: none of {len(asked.keys) * len(asked.velocities)} notes sounds")
            here = None if folder is None else folder / file_name(rival.name)
            judged = contest(patch, source, folder=None if here is None else here / "listen", **settings)
            found.append(replace(judged, remarks=(*doubts[rival.name], *source.problems)))
            if here is not None:
                save(found[-1], here)
        return found


def told(found: Sequence[Contest]) -> str:
    """Return contests as a text to read; those of one player as tables over keyboard and velocity."""
    return "\n\n".join(as_text(one) if len(one.players) > 1 else keyboard_text(one) for one in found)


def told_data(found: Sequence[Contest]) -> Any:
    """Return contests as plain data: one, or a list where each rival has its own."""
    return as_data(found[0]) if len(found[0].players) > 1 else [as_data(one) for one in found]
