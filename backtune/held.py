"""How long each note of a score is held, by key and pedal: so that no voice is compiled longer than it sounds."""

from __future__ import annotations

from collections.abc import Sequence

NOTE_OFF, NOTE_ON, CONTROL = 0x80, 0x90, 0xB0
SUSTAIN, SOSTENUTO, HOLDS = 64, 66, 1  # any pedal off its rest may hold

Message = tuple[float, int, int, int]


def held_s(messages: Sequence[Message]) -> list[float | None]:
    """Return for each message, in order of time, how long the note it strikes is held, s.

    None for what strikes no note, and for notes that are never let go. A pedal of any channel holds all.
    """
    lengths: list[float | None] = [None] * len(messages)
    down: dict[tuple[int, int], int] = {}
    lifted: list[int] = []
    pedals: set[tuple[int, int]] = set()
    for index, (at, status, data1, data2) in enumerate(messages):
        kind, key = status & 0xF0, (status & 0x0F, data1)
        if kind in (NOTE_ON, NOTE_OFF) and key in down:
            lifted.append(down.pop(key))
        if kind == NOTE_ON and data2 > 0:
            down[key] = index
        elif kind == CONTROL and data1 in (SUSTAIN, SOSTENUTO):
            (pedals.add if data2 >= HOLDS else pedals.discard)(key)
        if not pedals:
            for struck in lifted:
                lengths[struck] = at - messages[struck][0]
            lifted.clear()
    return lengths
