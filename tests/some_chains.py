"""Chains for the tests: of any slots, one of a plugin that is late, and audio through them in blocks."""

from __future__ import annotations

import hosted
import numpy as np

from backtune.automation import Curve
from backtune.chain import Chain, EffectSlot, ParallelSlot, PluginSlot, PluginValue
from backtune.chain_run import start

RATE = 48000
NOISE = (np.random.default_rng(3).standard_normal((2, RATE)) * 0.1).astype(np.float32)
DELAY = 480


def chain(*slots: EffectSlot | PluginSlot | ParallelSlot) -> Chain:
    return Chain("test", "for tests", tuple(slots))


def delay_plugin(name: str = "late", **changes: object) -> PluginSlot:
    """Return a slot of our plugin that is 480 frames late and says so, at unit gain."""
    path = hosted.made_plugin("TestDelay", f"EFFECT_LATENCY={DELAY}")
    values = {"Gain": PluginValue("0 dB")}
    return PluginSlot(name, path, values=values, **changes)  # type: ignore[arg-type]


def in_blocks(
    made: Chain, audio: np.ndarray, lengths: list[int], curves: dict[str, Curve], tail_s: float = 0.0
) -> np.ndarray:
    """Return `audio` through a chain, pushed in blocks of the given lengths, again and again."""
    out: list[np.ndarray] = []
    at = 0
    with start(made, RATE, curves) as running:
        while at < audio.shape[1]:
            length = lengths[len(out) % len(lengths)]
            out.append(running.push(audio[:, at : at + length]))
            at += length
        return np.concatenate([*out, running.finish()], axis=1)
