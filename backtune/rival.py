"""Rivals of a patch: plugins and SoundFont presets that play the same notes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from math import gcd
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.onset import find_onset
from backtune.hosting.players import Player, open_player
from backtune.notes import Recording, Take
from backtune.source import Source
from backtune.units import note_name

Floats = NDArray[np.float64]
RATE = 44100
LONGEST_S = 30.0  # of a note: more is never compared
SHORTEST_S = 0.01
LEAD_S = 0.1


@dataclass(frozen=True)
class Rival:
    """An instrument that plays notes as a patch does; `name` is how tables call it."""

    name: str
    player: Player

    def note(self, take: Take, recorded: Floats, rate: int) -> Floats:
        """Return the note of `take`, whose sound is `recorded` at `rate` Hz, as long as that: (n,) float64, mono.

        It is heard to begin when the recording is; the key is released when the take's was. Of stereo the left
        channel is taken. Pitch and velocity are rounded to what MIDI can say. Raises what the instrument raises.
        """
        begins_s = find_onset(recorded, rate)
        held_s = min(LONGEST_S, max(len(recorded) / rate - begins_s, SHORTEST_S))
        gate_s = held_s if take.gate_s is None else min(held_s, max(take.gate_s - begins_s, SHORTEST_S))
        velocity = min(127, max(1, round(take.velocity)))
        (audio,) = self.player.play(round(take.midi), [velocity], gate_s, held_s - gate_s)
        lead = np.zeros(round(LEAD_S * rate))  # onsets are found by what was before them
        left = np.concatenate([lead, resampled(np.asarray(audio[0], float), self.player.rate, rate)])
        start = round((begins_s - find_onset(left, rate)) * rate)
        out = np.zeros(len(recorded))
        piece = left[max(0, -start) : max(0, len(out) - start)]
        out[max(0, start) : max(0, start) + len(piece)] = piece
        return out


class Rivals:
    """Rivals at work, by the words of a command: "X.vst3", "gm.sf2:0"; the `with` statement ends their processes."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.rivals: tuple[Rival, ...] = ()
        with ExitStack() as opened:
            found = [Rival(name_of(text), opened.enter_context(open_player(text, RATE))) for text in texts]
            self.rivals = tuple(found)
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()


def name_of(text: str) -> str:
    """Return how tables call "folder/Synth.vst3" (Synth) or "folder/gm.sf2:0:4" (gm.sf2:0:4)."""
    path = Path(text)
    return path.stem if path.suffix.lower() in (".vst3", ".component", ".lv2") else path.name


def as_source(rival: Rival, keys: Sequence[int], velocities: Sequence[int], hold_s: float, release_s: float) -> Source:
    """Return a rival's notes as takes in memory: every key at every velocity, notes that are silent left out."""
    takes, silent = [], []
    for key in keys:
        for velocity, audio in zip(velocities, rival.player.play(key, velocities, hold_s, release_s), strict=True):
            name = f"{note_name(key)} v{velocity}"
            left = np.asarray(audio[0], float)
            if not np.any(left):
                silent.append(name)
                continue
            onset_s = find_onset(left, rival.player.rate)
            recording = Recording(samples=left, rate=rival.player.rate)
            takes.append(Take(name, float(key), float(velocity), recording, onset_s=onset_s, gate_s=onset_s + hold_s))
    problems = [f"{rival.name}: {len(silent)} notes are silent: {', '.join(silent[:8])}"] if silent else []
    return Source(Path(rival.name), "plugin", takes, rival.name, problems=problems)


def resampled(audio: Floats, rate: int, wanted: int) -> Floats:
    """Return mono audio at another rate in Hz (polyphase; its aliases lie below -80 dB)."""
    if rate == wanted:
        return audio
    from scipy.signal import resample_poly

    common = gcd(rate, wanted)
    return np.asarray(resample_poly(audio, wanted // common, rate // common, window=("kaiser", 8.0)))
