"""The tempo map of a song: beats to seconds and back, and its time signatures."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from backtune.errors import InputError
from backtune.midi import DEFAULT_TEMPO_US, open_midi

MINUTE_US = 60_000_000


@dataclass(frozen=True)
class TempoMap:
    """Changes of tempo and metre; the first is at beat 0. A beat is a quarter note.

    - `beats`, `seconds`, `tempo_us` (K,): where each tempo begins, and how many microseconds its beats last.
    - `metres`: (beat, numerator, denominator) where each begins.
    """

    beats: tuple[float, ...] = (0.0,)
    seconds: tuple[float, ...] = (0.0,)
    tempo_us: tuple[int, ...] = (DEFAULT_TEMPO_US,)
    metres: tuple[tuple[float, int, int], ...] = ((0.0, 4, 4),)

    def seconds_at(self, beat: float) -> float:
        """Return when a beat is, s."""
        place = max(bisect_right(self.beats, beat) - 1, 0)
        return self.seconds[place] + (beat - self.beats[place]) * self.tempo_us[place] * 1e-6

    def beats_at(self, second: float) -> float:
        """Return how many beats have passed at a time in s."""
        place = max(bisect_right(self.seconds, second) - 1, 0)
        return self.beats[place] + (second - self.seconds[place]) * 1e6 / self.tempo_us[place]

    def bpm(self, place: int) -> float:
        """Return a tempo in beats a minute: the roundest number that comes to the same microseconds a beat."""
        exact = MINUTE_US / self.tempo_us[place]
        return next((near for near in (round(exact), round(exact, 3)) if near and self._same(near, place)), exact)

    def _same(self, bpm: float, place: int) -> bool:
        return round(MINUTE_US / bpm) == self.tempo_us[place]


EVEN = TempoMap()


def tempo_map_of(changes: list[tuple[float, int]], metres: list[tuple[float, int, int]]) -> TempoMap:
    """Return the map of tempo changes (beat, microseconds a beat) and metres (beat, numerator, denominator).

    Of several at one beat the last one given holds.
    """
    tempi = {0.0: DEFAULT_TEMPO_US} | dict(sorted(changes, key=lambda one: one[0]))
    beats = tuple(tempi)
    seconds = [0.0]
    for beat, later in pairwise(beats):
        seconds.append(seconds[-1] + (later - beat) * tempi[beat] * 1e-6)
    kept = {0.0: (4, 4)} | {beat: tuple(metre) for beat, *metre in sorted(metres, key=lambda one: one[0])}
    return TempoMap(beats, tuple(seconds), tuple(tempi.values()), tuple((at, *metre) for at, metre in kept.items()))


def song_tempo_map(song: Path | None) -> TempoMap:
    """Return the tempo map of a MIDI file; 120 beats a minute without one, or where it counts no beats.

    Raises InputError for a file that cannot be read, and a tempo of 0.
    """
    return EVEN if song is None else tempo_map_in(song, open_midi(song))


def tempo_map_in(song: Path, file: Any) -> TempoMap:
    """Return the tempo map of a MIDI file as `open_midi` gives it; raise as `song_tempo_map`, naming `song`."""
    import mido

    if file.ticks_per_beat <= 0:  # it counts frames of film, not beats
        return EVEN
    beat, changes, metres = 0.0, [], []
    for message in mido.merge_tracks(file.tracks):
        beat += message.time / file.ticks_per_beat
        if message.type == "set_tempo":
            if message.tempo <= 0:
                raise InputError(f"{song}: tempo 0 at beat {beat:g} stops the music")
            changes.append((beat, message.tempo))
        elif message.type == "time_signature":
            metres.append((beat, message.numerator, message.denominator))
    return tempo_map_of(changes, metres)
