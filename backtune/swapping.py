"""Swapping: which layer types are asked first, which may say the same, and a law swapped for a simpler one."""

from __future__ import annotations

from dataclasses import dataclass

from backtune.errors import Declined
from backtune.evidence import total
from backtune.fit import add_guess
from backtune.growth_state import Growth, Patches, price_db
from backtune.layer import DEPTHS
from backtune.library import is_character, library
from backtune.workers import side_by_side

LEAST_GAIN_DB = 0.05  # below this nobody hears it, however sure and cheap it is


@dataclass(frozen=True)
class Swap:
    """A layer type that `went` for a simpler one that `came`."""

    went: str
    came: str


def turn(kind: str) -> int:
    """Return when a layer type is asked: laws, how tones move, corrections, what is invented for notes never heard.

    Strings that ring along are asked among the laws, though a trait tells them: in a world of known truth, laws asked
    before them bent overtones towards the strings, and a decay in two stages was not found again beside those.
    A table of what single notes do mimics any law on the notes it was made from, and leaves that law nothing to find:
    it is asked when no law pays, and laws are not asked again beside it. What takes do not share is what nothing else
    explains.
    """
    moves = is_character(kind) and not library()[kind].adds_sound
    return 2 * (DEPTHS[library()[kind].depth] == "residual") + moves


def stands_for(kind: str, best: str) -> bool:
    """Return whether two layer types may say the same: what sounds where the other mainly does, or what shapes sound.

    A knock that came nearly as near as a breath left no room for that, and a piano 0.3 dB farther in the end.
    """
    one, other = library()[kind], library()[best]
    if turn(kind) != turn(best) or one.adds_sound != other.adds_sound or is_character(kind) != is_character(best):
        return False
    return not one.adds_sound or other.where[0] in one.where


def swap(state: Growth) -> Swap | None:
    """Let a simpler layer type that was passed over stand for one that was taken in, where that loses nothing audible.

    Which of two won more was told before either had settled among all others. Each pair is tried once; returns the
    first that was swapped, None when none is left to try.
    """
    while state.passed_over:
        went, rivals = next(iter(state.passed_over.items()))
        if not rivals or went not in state.patches[0].kinds:
            del state.passed_over[went]
            continue
        came = rivals.pop(0)
        if swapped := _swapped(state, went, came):
            return swapped
    return None


def _swapped(state: Growth, went: str, came: str) -> Swap | None:
    """Return the swap of one layer type for another with all layers settled beside it, or None where it loses.

    Where the other has come in beside it since, the one may go for nothing.
    """
    smaller = tuple(patch.without(went) for patch in state.patches)
    there = came in smaller[0].kinds
    try:
        grown = smaller if there else _grown(state, smaller, came)
    except Declined:
        return None
    saved = state.patches[0].layer(went).numbers - (0 if there else grown[0].layer(came).numbers)
    if saved <= 0:
        return None
    other = state.settled(grown)
    measured = state.bench.measure(other)
    lost = state.bench.gain(measured, state.measured, "", 1)
    allowed_db = max(price_db(other, state.patches), LEAST_GAIN_DB)
    if max(lost.mean_db, total(measured) - total(state.measured)) >= allowed_db:
        return None
    reason = f"{came} says with {saved} numbers fewer what it said ({-lost.mean_db:+.2f} dB)"
    state.note(state.step("remove", went, reason, lost))
    state.take(other, measured)
    if not there:
        gain = state.bench.gain(state.bench.measure(smaller), measured, "", 1)
        won = f"wins {gain.mean_db:.2f} dB in place of {went}, all settled beside it"
        state.note(state.step("add", came, won, gain))
    return Swap(went, came)


def _grown(state: Growth, patches: Patches, kind: str) -> Patches:
    """Return the patches of all folds with a first guess of a layer type; raises Declined as that does."""
    return side_by_side(
        lambda patch, residual: add_guess(patch, library()[kind], residual),
        patches,
        state.residuals,
        threads=state.bench.jobs,
    )
