"""Resonance: how much of the body is heard."""

from __future__ import annotations

from backtune.control import Control
from backtune.layer import Layer

RESONANCE_DEPTH = 2  # depth of layers that are bodies and rooms


def _adds(kind: type[Layer]) -> bool:
    return kind.depth == RESONANCE_DEPTH and kind.adds_sound


def _bends(kind: type[Layer]) -> bool:
    return kind.depth == RESONANCE_DEPTH and not kind.adds_sound


RESONANCE = Control(
    name="resonance",
    short="Resonance",
    group="colour",
    unit="dB",
    low=-60.0,
    high=12.0,
    default=0.0,
    sentence="More or less of what the body adds: modes that ring along.",
    moves="what layers of resonance add: + value dB",
    cc=27,
    weighs=_adds,
    offered=lambda kinds, struck: any(_adds(kind) for kind in kinds),
)
RESONANCE_COLOUR = Control(
    name="resonance_depth",
    short="Body depth",
    group="colour",
    unit="x",
    low=0.0,
    high=2.0,
    default=1.0,
    sentence="How deeply the body colours the tone: 0 not at all, 2 twice as deep as fitted.",
    moves="gains of layers of resonance that colour what is there: times value",
    cc=28,
    weighs=_bends,
    offered=lambda kinds, struck: any(_bends(kind) for kind in kinds),
)
