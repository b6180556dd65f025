"""The dense piece of music that engines are compared on: 400 overlapping piano notes over 41 s, under the pedal."""

from __future__ import annotations

from pathlib import Path

NOTES = 400
SECONDS = 40.0
TICKS_A_SECOND = 960  # 120 quarters a minute, 480 ticks each
PEDAL_S = 4.0  # the pedal is changed this often


def write_dense(path: Path) -> Path:
    """Write the piece as a Standard MIDI file; the same bytes every time."""
    import mido
    import numpy as np

    random = np.random.default_rng(400)
    messages = []
    for at in sorted(random.uniform(0.0, SECONDS - 1.0, NOTES)):
        key, velocity = int(random.integers(33, 92)), int(random.integers(30, 110))
        messages.append((at, mido.Message("note_on", note=key, velocity=velocity)))
        messages.append((at + random.uniform(0.3, 2.0), mido.Message("note_off", note=key)))
    for at in np.arange(0.0, SECONDS, PEDAL_S):
        messages.append((at, mido.Message("control_change", control=64, value=127)))
        messages.append((at + PEDAL_S - 0.1, mido.Message("control_change", control=64, value=0)))
    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    file.tracks.append(track)
    last = 0
    for at, message in sorted(messages, key=lambda item: item[0]):
        tick = round(at * TICKS_A_SECOND)
        track.append(message.copy(time=tick - last))
        last = tick
    track.append(mido.MetaMessage("end_of_track", time=max(0, round((SECONDS + 1.0) * TICKS_A_SECOND) - last)))
    file.save(path)
    return path
