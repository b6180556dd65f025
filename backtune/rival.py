"""Rivals of a patch: plugins and SoundFont presets that play the same notes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.onset import find_onset
from backtune.errors import InputError
from backtune.hosting.players import Player, PluginPlayer, open_player, parse_sound_font, tried
from backtune.hosting.process import Limits
from backtune.hosting.settings import parse_address
from backtune.notes import Recording, Take
from backtune.resampling import resampled
from backtune.source import Progress, Source
from backtune.units import note_name

Floats = NDArray[np.float64]
RATE = 44100
LONGEST_S = 30.0  # of a note: more is never compared
SHORTEST_S = 0.01
LEAD_S = 0.1
KIND = "rival"  # of a source that is a rival's own notes


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

    def remarks(self, keys: Sequence[int]) -> list[str]:
        """Return a sentence when it is a plugin that does not repeat itself; raises what playing it raises."""
        if not isinstance(self.player, PluginPlayer) or tried(self.player, keys).repeats:
            return []
        return [f"{self.name} does not repeat itself: its distances differ from one run to the next"]


class Rivals:
    """Rivals at work, by the words of a command: "X.vst3@warm.vstpreset", "gm.sf2:0"; `with` ends their processes.

    Raises InputError for two of one name, and what opening them raises.
    """

    def __init__(self, texts: Sequence[str], limits: Limits | None = None) -> None:
        check_names([name_of(text) for text in texts])
        self.rivals: tuple[Rival, ...] = ()
        with ExitStack() as opened:
            players = [opened.enter_context(open_player(text, RATE, limits=limits)) for text in texts]
            found = [Rival(name_of(text), player) for text, player in zip(texts, players, strict=True)]
            self.rivals = tuple(found)
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()


def check_names(players: Sequence[str]) -> None:
    """Raise InputError when two players have one name, by which tables and folders tell them apart."""
    if len(set(players)) < len(players):
        raise InputError(f"compare: two players have one name ({', '.join(players)}); give one file another name")


def name_of(text: str) -> str:
    """Return how tables call "folder/Synth.vst3@warm.vstpreset" (Synth (warm)) or "folder/gm.sf2:0:4" (gm.sf2:0:4)."""
    return Path(text).name if parse_sound_font(text) else parse_address(text).title


def as_source(
    rival: Rival, keys: Sequence[int], velocities: Sequence[int], lengths_s: tuple[float, float], progress: Progress
) -> Source:
    """Return a rival's notes as takes in memory: every key at every velocity, notes that are silent left out.

    `lengths_s`: how long keys are held, and how long is listened after that, s.
    """
    takes, silent = [], []
    for number, key in enumerate(keys, start=1):
        for velocity, audio in zip(velocities, rival.player.play(key, velocities, *lengths_s), strict=True):
            name = f"{note_name(key)} v{velocity}"
            left = np.asarray(audio[0], float)
            if not np.any(left):
                silent.append(name)
                continue
            onset_s = find_onset(left, rival.player.rate)
            recording = Recording(samples=left, rate=rival.player.rate)
            gate_s = onset_s + lengths_s[0]
            takes.append(Take(name, float(key), float(velocity), recording, onset_s=onset_s, gate_s=gate_s))
        progress(f"playing {rival.name}", number, len(keys))
    problems = [f"{rival.name}: {len(silent)} notes are silent: {', '.join(silent[:8])}"] if silent else []
    return Source(Path(rival.name), KIND, takes, rival.name, problems=problems)
