"""Stems that are brought to a loudness: what is told of their tails and peaks is told of what is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import mido
import numpy as np
import pytest

from backtune.automation import Curve
from backtune.errors import BacktuneError
from backtune.hosting.wire import Audio
from backtune.midi import Score
from backtune.stem import StemFormat, render_stems
from backtune.stem_part import Part
from backtune.units import db_to_amplitude

RATE = 48000
SCORE = Score(((0.0, 0x90, 60, 90),), 1.0)


@dataclass(frozen=True)
class Tone:
    """A performer of one tone that never ends; `end_db`: how much softer its last half is."""

    level_db: float
    end_db: float = 0.0
    sign: float = 1.0

    def targets(self) -> list[str]:
        return []

    def doubts(self, score: Score, rate: int) -> list[str]:
        return []

    def check(self, curves: Mapping[str, Curve]) -> None:
        pass

    def blocks(self, score: Score, frames: int, rate: int, curves: Mapping[str, Curve]) -> Iterator[Audio]:
        at = np.arange(frames)
        level_db = self.level_db + np.where(at < frames // 2, 0.0, self.end_db)
        tone = self.sign * db_to_amplitude(level_db) * np.sin(2 * np.pi * 997.0 / rate * at)
        yield np.stack([tone, tone]).astype(np.float32)


@pytest.fixture
def song(tmp_path: Path) -> Path:
    mido.MidiFile(tracks=[mido.MidiTrack()]).save(tmp_path / "song.mid")
    return tmp_path / "song.mid"


def warnings(song: Path, tone: Tone, lufs: float | None) -> list[str]:
    form = StemFormat(RATE, 24, 0.0, lufs)
    return render_stems([Part("tone", tone, SCORE)], song, song.parent / "out", form).warnings


def test_whether_a_part_still_sounds_at_its_end_is_asked_of_what_is_written(song: Path) -> None:
    soft = Tone(-40.0, end_db=-30.0)  # about -44 LUFS; it ends at -70 dB
    assert warnings(song, soft, None) == []
    (told,) = warnings(song, soft, -20.0)
    assert "'tone' still sounds at -4" in told
    loud = Tone(-20.0, end_db=-30.0)
    (told,) = warnings(song, loud, None)
    assert "still sounds at -50 dB" in told
    assert warnings(song, loud, -45.0) == []


def test_a_part_that_its_gain_brings_above_full_scale_is_refused_though_the_mix_fits(song: Path) -> None:
    parts = [Part("up", Tone(-20.0), SCORE), Part("down", Tone(-21.0, sign=-1.0), SCORE)]  # together -39 dB
    quiet = render_stems(parts, song, song.parent / "out", StemFormat(RATE, 24, 0.0, -30.0))
    assert 0.0 < quiet.gain_db < 20.0
    with pytest.raises(BacktuneError, match=r"part 'up' peaks at .* above full scale"):
        render_stems(parts, song, song.parent / "out", StemFormat(RATE, 24, 0.0, -10.0))
