"""A song: a Standard MIDI file that is opened once, for its notes and for its tempo map."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from backtune.errors import InputError
from backtune.held import NOTE_ON
from backtune.midi import Score, on_the_clock, open_midi
from backtune.tempo_map import TempoMap, tempo_map_in


@dataclass(frozen=True)
class Song:
    """The file at `path`; what mido makes of it, 100 bytes a byte, goes with the song."""

    path: Path

    @cached_property
    def score(self) -> Score:
        """Its messages on the clock; raises as `read_midi`, and InputError when it holds no note."""
        score = on_the_clock(self.path, self._file.tracks, self._file.ticks_per_beat)
        if not any(status & 0xF0 == NOTE_ON for _, status, _, _ in score.messages):
            raise InputError(f"{self.path}: holds no note")
        return score

    @cached_property
    def tempo(self) -> TempoMap:
        """Its tempo map; raises as `song_tempo_map`."""
        return tempo_map_in(self.path, self._file)

    @cached_property
    def _file(self) -> Any:
        return open_midi(self.path)
