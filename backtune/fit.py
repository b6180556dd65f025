"""Fitting: finds the numbers of a patch whose structure is given, and never changes the structure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from backtune.analysis.residual import Heard, Residual
from backtune.analysis.tracks import TRACK_TIMES_S
from backtune.carried_on import carried_on
from backtune.errors import Declined
from backtune.kept_layers import fitted_once
from backtune.kinship import told_kinship
from backtune.layer import Layer
from backtune.patch import Patch
from backtune.units import power_to_db

SETTLING = 1  # turns: in worlds of known truth a second decay wins 0.7 dB without, 1.1 after one, 1.3 after two
CARRIED = 2  # sweeps show where numbers go
LOUD_S = (0.0, 0.5)  # a take's loudness is that of its first half second
PEAK_DB = 3.0  # of a sine over its mean square
ASSUMED_TOP_DB = -14.0  # of the loudest note, where recordings do not tell
ASSUMED_RANGE_DB = 30.0  # softest to loudest, where recordings were normalised note by note (Goebl and Bresin 2003)


def beside(patch: Patch, residual: Residual) -> Residual:
    """Return the takes of `residual` beside what `patch` makes of them."""
    return residual.without([patch.voice_at(heard.note, TRACK_TIMES_S) for heard in residual.heard])


class Remains:
    """What remains of takes beside one patch and beside parts of it, worked out once for all layer types that look."""

    def __init__(self, patch: Patch, residual: Residual) -> None:
        self.patch, self.residual = patch, residual
        self._beside: dict[tuple[str, ...], Residual] = {}

    @property
    def whole(self) -> Residual:
        """The takes beside the whole patch."""
        return self._remembered(self.patch)

    def grown_by(self, kind: type[Layer]) -> Patch:
        """Return the patch with a first guess of a layer type; what that looked past is fitted again after it.

        Raises Declined when the residual holds nothing for that type.
        """

        @fitted_once
        def guessed(patch: Patch, kind: type[Layer], residual: Residual) -> Patch:
            seen = fitted_beside(patch, kind)
            grown = patch.with_layer(kind.guess(self._remembered(seen)))
            if kind.evidence == "pitches" and not kind.adds_sound and not kind.closes:
                grown = _settled(grown, kind, residual)
            passed = [layer for layer in patch.layers if layer.kind not in seen.kinds]
            for layer in sorted(passed, key=lambda one: one.closes):
                grown = _refitted(grown, layer, residual)
            return grown

        return guessed(self.patch, kind, self.residual)

    def _remembered(self, patch: Patch) -> Residual:
        """Return the takes beside `patch`, the whole or what is left of it without some of its layers."""
        if patch.kinds not in self._beside:
            self._beside[patch.kinds] = beside(patch, self.residual)
        return self._beside[patch.kinds]


@fitted_once
def refit(patch: Patch, residual: Residual, sweeps: int) -> Patch:
    """Return `patch` with every layer refitted beside the others, `sweeps` times from broad to deep.

    A layer that finds nothing left for it keeps the numbers it has. After two sweeps numbers are carried on to where
    they are heading: in worlds of known truth the third sweep is then where the eighth would be.
    """
    first = second = patch
    for sweep in range(sweeps):
        first, second = second, patch if sweep != CARRIED else carried_on(first, second, patch)
        patch = second
        for layer in (one for one in patch.layers if not one.closes):
            patch = _refitted(patch, layer, residual)
    for kind in _closing(patch):
        patch = _refitted(patch, patch.layer(kind), residual)
    return patch


@fitted_once
def refit_notes(patch: Patch, residual: Residual) -> Patch:
    """Return `patch` with what single notes do fitted again beside laws that stay; notes stay as alike as they were.

    When a named law has taken the place of a surface, recorded notes get back what of them the surface said.
    """
    for layer in (one for one in patch.layers if one.mimics):
        patch = _refitted(patch, layer, residual)
        patch = patch.with_layer(patch.layer(layer.kind).with_laws(*told_kinship(layer.laws)))
    return patch


def add_guess(patch: Patch, kind: type[Layer], residual: Residual) -> Patch:
    """Return `patch` with a first guess of a layer type; what closes the stack is fitted again after it.

    Raises Declined when the residual holds nothing for that type.
    """
    return Remains(patch, residual).grown_by(kind)


def _settled(patch: Patch, kind: type[Layer], residual: Residual) -> Patch:
    """Return the patch with the core and a new layer that bends it refitted beside each other by turns.

    The core has bent itself towards what the layer is for; a layer guessed beside that core explains half of it.
    """
    for _ in range(SETTLING):
        for one in (patch.layers[0].kind, kind.kind):
            patch = _refitted(patch, patch.layer(one), residual)
    return patch


def fitted_beside(patch: Patch, kind: type[Layer] | Layer) -> Patch:
    """Return the layers that one of this type is fitted beside: all but what closes and, of a table, the freer tables.

    What a freer table holds, another never gets back: in a world of notes that are individuals at all dynamics, a table
    of single dynamics kept 3.4 dB of them from the table of notes. Laws are fitted beside all tables: without them,
    single notes bend them (0.02 to 0.04 dB on unheard pitches of three instruments). What closes is fitted beside all.
    """
    if kind.closes:
        return patch
    return patch.without(*[layer.kind for layer in patch.layers if layer.closes or layer.mimics > kind.mimics > 0])


def without_closing(patch: Patch) -> Patch:
    """Return the patch without what closes the stack: what the other layers are fitted beside."""
    return patch.without(*_closing(patch))


def _closing(patch: Patch) -> list[str]:
    return [layer.kind for layer in patch.layers if layer.closes]


def _refitted(patch: Patch, layer: Layer, residual: Residual) -> Patch:
    """Return `patch` with `layer` fitted again, or as it is where the layer finds nothing left for it.

    After what bends the core, that is fitted again: without, a decay in two stages was after three sweeps 0.13 dB
    farther from a world of known truth, and took nine to come near.
    """
    try:
        patch = patch.with_layer(layer.fit(beside(fitted_beside(patch, layer), residual)))
    except Declined:
        return patch
    return _refitted(patch, patch.layers[0], residual) if layer.bends else patch


def comparable(heard: Sequence[Heard], levels_natural: bool) -> tuple[Heard, ...]:
    """Return takes whose levels may be compared.

    Natural levels stay. Recordings that were normalised one by one get the loudness that a player
    would expect: 30 dB from the softest to the loudest velocity, the same for all pitches.
    """
    if levels_natural:
        return tuple(heard)
    out = []
    for one in heard:
        velocity = np.clip(one.note.velocity, 1, 127)
        wanted = ASSUMED_TOP_DB + ASSUMED_RANGE_DB * np.log2(velocity / 127) / np.log2(127 / 20)
        out.append(replace(one, gain_db=float(wanted - loudness_db(one))))
    return tuple(out)


def loudness_db(heard: Heard) -> float:
    """Return the level in dB of all that sounds in a take over its first half second, as a sine's peak would have it.

    Its knock as well: the highest key of a piano, told by its tone alone, came out 6 dB louder than its neighbours.
    """
    inside = (LOUD_S[0] <= TRACK_TIMES_S) & (LOUD_S[1] >= TRACK_TIMES_S)
    power = np.sum(10 ** (heard.tracks.band_db[:, inside] / 10), axis=0)
    known = np.isfinite(power)
    return float(power_to_db(power[known].mean())) + PEAK_DB if known.any() else 0.0
