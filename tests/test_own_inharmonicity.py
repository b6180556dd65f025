"""Strings of single notes that are stiffer or softer than the law of the keyboard says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from known_instrument import core, known_patch, takes_of

from backtune.analysis.listen import listen
from backtune.analysis.residual import Residual
from backtune.fit import beside, comparable
from backtune.law import Law
from backtune.layers.note_correction import NoteCorrection
from backtune.notes import NoteEvent
from backtune.patch import Patch
from backtune.units import ratio_to_cents

CENTS = 0.5
B = 4e-4


def stiff(b: float) -> Patch:
    """Return a tone whose overtones are stretched by `b`."""
    tone = core()
    law = Law.constant("inharmonicity", "", b)
    return known_patch(type(tone)({**tone.laws, "inharmonicity": law}))


@pytest.mark.parametrize("octaves", [-0.5, 0.4])
def test_a_note_keeps_its_own_inharmonicity(octaves: float) -> None:
    played = stiff(B * 2.0**octaves)
    takes = takes_of(played)
    heard = comparable(listen(takes, struck=False), True)
    assert any(one.tracks.pitch.partials >= 6 for one in heard)
    # Tracks of sustained tones are harmonic: what a struck string would show is put in its place.
    heard = tuple(
        replace(
            one,
            tracks=replace(one.tracks, pitch=replace(one.tracks.pitch, inharmonicity=B * 2.0**octaves)),
        )
        for one in heard
    )
    residual = beside(stiff(B), Residual(heard, (), struck=True))
    fitted = NoteCorrection.guess(residual)
    note = NoteEvent(float(residual.pitches[1]), 80)
    wanted = played.voice_at(note, np.zeros(1)).partial_hz
    found = stiff(B).with_layer(fitted).voice_at(note, np.zeros(1)).partial_hz
    both = min(len(found), len(wanted))  # stiffer strings have fewer overtones within hearing
    assert np.ptp(ratio_to_cents(found[:both] / wanted[:both])) < CENTS
    again = fitted.fit(beside(stiff(B).with_layer(fitted), residual))
    assert np.allclose(
        again.laws["inharmonicity_octaves"].values, fitted.laws["inharmonicity_octaves"].values, atol=0.02
    )


def test_notes_never_recorded_keep_the_law() -> None:
    takes = takes_of(stiff(B))
    heard = comparable(listen(takes, struck=False), True)
    fitted = NoteCorrection.guess(beside(stiff(B), Residual(heard, (), struck=True)))
    note = NoteEvent(float(fitted.laws["field_db"].known_pitches[0]) + 1.6, 80)
    plain = stiff(B).voice_at(note, np.zeros(1)).partial_hz
    assert np.array_equal(stiff(B).with_layer(fitted).voice_at(note, np.zeros(1)).partial_hz, plain)
