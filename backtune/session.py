"""A session: parts with their notes, instruments, chains, automation and stems, for the projects of other programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from backtune.automation import Curve
from backtune.chain import Chain
from backtune.lane import Lane
from backtune.midi import Score
from backtune.parameter_table import Parameter
from backtune.tempo_map import EVEN, TempoMap


@dataclass(frozen=True)
class SessionPart:
    """One part.

    - `name` of its track, `instrument` that plays it, its `parameters` (of a patch) and their `lanes`.
    - `score`: its notes. `chain`: the effects behind it, and `curves` by target ("slot.parameter") that move them.
    """

    name: str
    instrument: str
    parameters: tuple[Parameter, ...] = ()
    lanes: Mapping[str, Lane] = field(default_factory=dict)
    score: Score | None = None
    chain: Chain | None = None
    curves: Mapping[str, Curve] = field(default_factory=dict)


@dataclass(frozen=True)
class Session:
    """All of it: `title`, `licence` and `comment` for the reader, `parts`, the song's `tempo`.

    `stems`: names and sound files that begin with the song.
    """

    title: str
    parts: tuple[SessionPart, ...]
    stems: tuple[tuple[str, Path], ...] = ()
    tempo: TempoMap = EVEN
    licence: str = ""
    comment: str = ""
