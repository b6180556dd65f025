"""The notes of a score, each with its length, for formats that know notes and no messages."""

from __future__ import annotations

from dataclasses import dataclass

from backtune.midi import Score


@dataclass(frozen=True)
class ScoreNote:
    """A note on the clock: `start_s`, `length_s`, `channel` 0..15, `key`, and its velocities 0..127."""

    start_s: float
    length_s: float
    channel: int
    key: int
    velocity: int
    release_velocity: int


def score_notes(score: Score) -> tuple[ScoreNote, ...]:
    """Return the notes in the order they begin; one that is never let go lasts as long as the score."""
    open_notes: dict[tuple[int, int], list[tuple[float, int]]] = {}
    found = []
    for time_s, status, key, *rest in score.messages:
        kind, channel, velocity = status & 0xF0, status & 0x0F, rest[0] if rest else 0
        if kind == 0x90 and velocity:
            open_notes.setdefault((channel, key), []).append((time_s, velocity))
        elif kind in (0x80, 0x90) and open_notes.get((channel, key)):
            start_s, struck = open_notes[channel, key].pop(0)
            lifted = velocity if kind == 0x80 else 64
            found.append(ScoreNote(start_s, time_s - start_s, channel, key, struck, lifted))
    for (channel, key), left in open_notes.items():
        for start_s, struck in left:
            found.append(ScoreNote(start_s, max(score.seconds - start_s, 0.0), channel, key, struck, 64))
    return tuple(sorted(found, key=lambda note: (note.start_s, note.channel, note.key)))
