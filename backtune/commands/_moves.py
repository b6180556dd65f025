"""Moves of controls on the command line: where they come from, what plays under them, where they are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from backtune.errors import InputError

if TYPE_CHECKING:
    from backtune.lane import Lane
    from backtune.midi import Score
    from backtune.patch import Patch
    from backtune.sound import Sound

USUAL_S = 4.0  # of a note that nobody told the length of


@dataclass(frozen=True)
class Held:
    """Notes without a song: `pitches` struck `step_s` apart, let go after `gate_s` or held; `seconds` in all."""

    pitches: tuple[float, ...]
    step_s: float
    velocity: float
    gate_s: float | None
    seconds: float | None

    def score(self) -> Score:
        """Return the notes as messages; raise InputError for a pitch between keys."""
        from backtune.midi import Score

        held_s = self.step_s if self.gate_s is None and self.step_s else self.gate_s
        messages: list[tuple[float, int, int, int]] = []
        for number, pitch in enumerate(self.pitches):
            if pitch != round(pitch):
                raise InputError(f"note: {pitch:g} lies between keys; under automation whole MIDI numbers are allowed")
            at, key = number * self.step_s, round(pitch)
            messages.append((at, 0x90, key, round(self.velocity)))
            if held_s is not None:
                messages.append((at + held_s, 0x80, key, 64))
        usual = len(self.pitches) * self.step_s + 1.0 if self.step_s else USUAL_S
        return Score(tuple(sorted(messages)), usual if self.seconds is None else self.seconds)


@dataclass(frozen=True)
class Moves:
    """The lanes of a patch's controls, the song they belong to, and the controllers they are written to."""

    patch: Patch
    lanes: Mapping[str, Lane]
    controllers: Mapping[str, int]
    song: Path | None

    def render(self, held: Held, rate: int) -> Sound:
        """Return the song, or the held notes, played while controls move."""
        from backtune.midi import read_midi
        from backtune.moving import Moving, render_moving
        from backtune.sound import Sound

        score = read_midi(self.song) if self.song is not None else held.score()
        audio = render_moving(Moving(self.patch, self.lanes), score, rate)
        return Sound(audio if self.song is not None else audio[: round(score.seconds * rate)], rate)

    def require_any(self, path: Path) -> None:
        """Raise InputError when nothing moves that could be written to `path`."""
        if not self.lanes:
            raise InputError(f"{path}: nothing moves; give --automation, or a song and the --map of its controllers")

    def write(self, path: Path) -> None:
        """Write the lanes; raise InputError when that is impossible."""
        from backtune.automation_file import write_automation_lanes

        write_automation_lanes(path, self.patch, self.lanes, self.controllers, self.song)


def moves_of(patch: Patch, automation: Path | None, song: Path | None, controller_map: str) -> Moves:
    """Return what moves a patch: a file of automation, over the song's own controllers if a map says what they are."""
    from backtune.controller_map import OWN, controllers_for

    controllers = controllers_for(patch.panel, controller_map or OWN)
    lanes: dict[str, Lane] = {}
    if song is not None and controller_map:
        from backtune.lane_midi import lanes_of
        from backtune.midi import read_midi

        lanes |= lanes_of(read_midi(song), patch.panel, controllers)
    if automation is not None:
        from backtune.automation_file import read_automation_lanes

        lanes |= read_automation_lanes(automation, patch.panel, controllers, song)
    return Moves(patch, lanes, controllers, song)
