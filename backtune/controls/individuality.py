"""Individuality: how much single notes differ from the laws of the whole keyboard."""

from __future__ import annotations

from backtune.control import Control
from backtune.layer import Layer


def _weighs(kind: type[Layer]) -> bool:
    own = kind.evidence == "dynamics" or (kind.evidence == "character" and kind.kind == "individuality")
    return own and not kind.adds_sound


INDIVIDUALITY = Control(
    name="individuality",
    short="Individual",
    group="colour",
    unit="x",
    low=0.0,
    high=2.0,
    default=1.0,
    sentence="How much every note is a character of its own: 0 all follow the laws, 2 twice as far from them.",
    moves="corrections of single notes, in dB and cents: times value",
    cc=29,
    weighs=_weighs,
    offered=lambda kinds, struck: any(_weighs(kind) for kind in kinds),
)
