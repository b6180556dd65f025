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
    from backtune.notes import NoteEvent
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

    @property
    def held_s(self) -> float | None:
        """How long each note is held; None: to the end."""
        return self.step_s if self.gate_s is None and self.step_s else self.gate_s

    @property
    def length_s(self) -> float:
        """How long all of it lasts."""
        usual = len(self.pitches) * self.step_s + 1.0 if self.step_s else USUAL_S
        return usual if self.seconds is None else self.seconds

    def notes(self) -> list[tuple[float, NoteEvent]]:
        """Return when each note is struck, s, and the note."""
        from backtune.notes import NoteEvent

        return [(i * self.step_s, NoteEvent(pitch, self.velocity, self.held_s)) for i, pitch in enumerate(self.pitches)]

    def score(self) -> Score:
        """Return the notes as messages; raise InputError for a pitch between keys."""
        from backtune.midi import Score

        messages: list[tuple[float, int, int, int]] = []
        for number, pitch in enumerate(self.pitches):
            if pitch != round(pitch):
                raise InputError(f"note: {pitch:g} lies between keys; under automation whole MIDI numbers are allowed")
            at, key = number * self.step_s, round(pitch)
            messages.append((at, 0x90, key, round(self.velocity)))
            if self.held_s is not None:
                messages.append((at + self.held_s, 0x80, key, 64))
        return Score(tuple(sorted(messages)), self.length_s)


@dataclass(frozen=True)
class Moves:
    """The lanes of a patch's controls, the song they belong to, and the controllers they are written to.

    `score`: what the song holds, read once for all who ask.
    """

    patch: Patch
    lanes: Mapping[str, Lane]
    controllers: Mapping[str, int]
    song: Path | None
    score: Score | None

    def render_song(self, score: Score, rate: int, cores: int) -> Sound:
        """Return the song as it is played, while controls move if any do."""
        from backtune.moving import Moving, render_moving
        from backtune.performance import render_score
        from backtune.sound import Sound

        if self.lanes:
            return Sound(render_moving(Moving(self.patch, self.lanes), score, rate), rate)
        return Sound(render_score(self.patch, score, rate, cores=cores), rate)

    def render_held(self, held: Held, rate: int) -> Sound:
        """Return the held notes as they are played, while controls move if any do."""
        from backtune.moving import Moving, render_moving
        from backtune.phrase import render_phrase
        from backtune.sound import Sound

        if not self.lanes:
            return render_phrase(self.patch, held.notes(), held.length_s, rate)
        score = held.score()
        audio = render_moving(Moving(self.patch, self.lanes), score, rate)
        return Sound(audio[: round(score.seconds * rate)], rate)

    def require_any(self, path: Path) -> None:
        """Raise InputError when nothing moves that could be written to `path`."""
        if not self.lanes:
            raise InputError(f"{path}: nothing moves; give --automation, or a song and the --map of its controllers")

    def write(self, path: Path) -> None:
        """Write the lanes; raise InputError when that is impossible."""
        from backtune.automation_file import write_automation_lanes

        write_automation_lanes(path, self.patch, self.lanes, self.controllers, self.song)


def moves_of(patch: Patch, automation: Path | None, song: Path | None, controller_map: str) -> Moves:
    """Return what moves a patch: a file of automation, over the song's own controllers if a map says what they are.

    Raises InputError for a song that cannot be played, and for automation that cannot be read.
    """
    from backtune.controller_map import OWN, controllers_for
    from backtune.song import Song

    controllers = controllers_for(patch.panel, controller_map or OWN)
    played = None if song is None else Song(song)
    score = None if played is None else played.score
    lanes: dict[str, Lane] = {}
    if score is not None and controller_map:
        from backtune.lane_midi import lanes_of

        lanes |= lanes_of(score, patch.panel, controllers)
    if automation is not None:
        from backtune.automation_file import read_automation_lanes

        lanes |= read_automation_lanes(automation, patch.panel, controllers, played)
    return Moves(patch, lanes, controllers, song, score)
