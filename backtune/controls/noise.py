"""Noise: breath, bow, hammer and key noise against the tone."""

from __future__ import annotations

from backtune.control import Control
from backtune.layer import Layer

EXCITATION = 1  # depth of layers that bring the noise of playing


def _weighs(kind: type[Layer]) -> bool:
    return kind.depth == EXCITATION and kind.adds_sound


NOISE = Control(
    name="noise",
    short="Noise",
    group="colour",
    unit="dB",
    low=-60.0,
    high=18.0,
    default=0.0,
    sentence="More or less of the noise of playing: breath, bow, hammer, keys.",
    moves="what layers of excitation add: + value dB",
    cc=26,
    weighs=_weighs,
    offered=lambda kinds, struck: any(_weighs(kind) for kind in kinds),
)
