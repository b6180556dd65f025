"""A patch whose controls move while it plays: every note follows their lanes frame by frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backtune.expression import Expression
from backtune.keyboard import Action
from backtune.lane import Lane, check_lane
from backtune.layout import Layout
from backtune.midi import MidiEvent, Score
from backtune.notes import NoteEvent
from backtune.patch import Patch
from backtune.performance import VOICES, midi_blocks
from backtune.player import Player
from backtune.polyphony import Playing
from backtune.tuning import EQUAL, Tuning
from backtune.voice import Voice, frame_times

HELD_S = 8.0  # a note is followed at least this long ...
LONGEST_S = 120.0  # ... and at most: 6000 frames


@dataclass(frozen=True)
class Moving:
    """A patch and the lanes of its controls. Raises InputError for a lane that a control cannot follow."""

    patch: Patch
    lanes: Mapping[str, Lane]

    def __post_init__(self) -> None:
        """Check the lanes."""
        for name, lane in self.lanes.items():
            check_lane(lane, self.patch.panel.find(name, "automation"), f"automation of {name}")

    @property
    def lead_s(self) -> float:
        """How long before its perceived onset a note may sound, s."""
        return self.patch.lead_s

    def voice(self, note: NoteEvent, seconds: float) -> Voice:
        """Return the voice of a note that begins with the music."""
        return self.voice_from(note, seconds, 0.0)

    def voice_from(self, note: NoteEvent, seconds: float, start_s: float) -> Voice:
        """Return the voice of a note whose onset is at `start_s`; its controls move as the lanes do from there."""
        panel = self.patch.panel
        courses = {
            name: lane.course(panel.controls[name], start_s, panel.value(name)) for name, lane in self.lanes.items()
        }
        return self.patch.voice_under(note, frame_times(seconds, self.lead_s), courses).coming_in()


class MovingPlayer(Player):
    """A player that compiles every note for the moment it is struck at."""

    def __init__(self, moving: Moving, rate: int, expression: Expression | None = None, tuning: Tuning = EQUAL) -> None:
        super().__init__(moving, rate, VOICES, expression=expression, tuning=tuning)
        self._moving = moving
        self._last_s = max((lane.times_s[-1] for lane in moving.lanes.values()), default=0.0)

    def expect(self, events: Iterable[MidiEvent]) -> None:
        """Do nothing: a note is not known before it is struck."""

    def start(self, note: NoteEvent, frame: int, begin: Action) -> Playing:
        """Play `note`, with its controls where they stand at `frame`."""
        start_s = frame / self.rate
        seconds = min(max(HELD_S, self._last_s - start_s + 1.0), LONGEST_S)
        layout = Layout(self._moving.voice_from(note, seconds, start_s), self.rate, hearing=True)
        return self._polyphony.start(layout, frame + self.latency_frames, frame, begin)


def render_moving(
    moving: Moving, score: Score, rate: int, expression: Expression | None = None, tuning: Tuning = EQUAL
) -> NDArray[np.float64]:
    """Return a score played while controls move, mono float64, at least as long as the score."""
    blocks = list(midi_blocks(MovingPlayer(moving, rate, expression, tuning), score))
    return np.concatenate(blocks, dtype=np.float64) if blocks else np.zeros(0)
