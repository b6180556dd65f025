"""A second opinion on SFZ files: sfizz, the sampler of many DAWs, plays them."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

from backtune.sample_set import RATE
from backtune.voice import Floats

BLOCK = 64
AT_REST_S = 0.05  # controllers are smoothed
WHOLE = "<control>\nhint_ram_based=1\n"  # else samples are read behind one's back, and notes struck before are silent


class Sampler:
    """An SFZ file in sfizz; skips where sfizz is not installed."""

    def __init__(self, path: Path) -> None:
        pysfizz = pytest.importorskip("pysfizz", reason="the sampler sfizz is missing (pip install pysfizz)")
        self._player = pysfizz.Synth(RATE, BLOCK)
        beside = path.with_name(f"in_memory_{path.name}")
        beside.write_text(WHOLE + path.read_text(encoding="utf-8"), encoding="utf-8")
        assert self._player.load_sfz_file(str(beside)), f"sfizz does not read {path}"

    def note(
        self, key: int, velocity: int, held_s: float, seconds: float, controllers: dict[int, int] | None = None
    ) -> Floats:
        """Return the left channel of a note, (round(seconds * 44100),), as loud as its samples are.

        `controllers` are moved before; they stay where they are put.
        """
        for number, value in (controllers or {}).items():
            self._player._synth.cc(0, number, value)
        for _ in range(round(AT_REST_S * RATE / BLOCK)):
            self._player._synth.render_block()
        sound = np.asarray(self._player.render_note(key, velocity, held_s, seconds)[0], float)
        self._player._synth.all_sound_off()
        return sound / own_gain()


@cache
def own_gain() -> float:
    """Return the factor by which sfizz plays every mono file softer: its headroom, and volume 100 of 127."""
    import pysfizz

    with tempfile.TemporaryDirectory() as folder:
        tone = 0.5 * np.sin(2 * np.pi * 441 * np.arange(RATE) / RATE)
        soundfile.write(Path(folder, "tone.wav"), tone, RATE, subtype="PCM_24")
        Path(folder, "tone.sfz").write_text(f"{WHOLE}<region>sample=tone.wav key=60 amp_veltrack=0\n")
        player = pysfizz.Synth(RATE, BLOCK)
        player.load_sfz_file(str(Path(folder, "tone.sfz")))
        heard = player.render_note(60, 100, 0.9, 0.9)[0]
    return float(np.std(heard[RATE // 4 : RATE // 2]) / np.sqrt(0.125))
