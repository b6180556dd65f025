"""Tables of single notes beside each other: what a note does at all dynamics stays in the table for that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from known_instrument import PITCHES, core, grid, known_patch, takes_of
from tolerances import BEAT_DB, FREER_SHARE

from backtune.analysis.listen import listen
from backtune.analysis.residual import Residual
from backtune.fit import add_guess, fitted_beside, refit
from backtune.layers.note_correction import NoteCorrection
from backtune.library import layer_type, library
from backtune.patch import Patch

SPREAD_DB = 6.0
PARTIALS = (1.0, 2, 3, 5, 8, 12)
BEATS_S = (0.08, 0.25, 0.45, 0.65)  # about two a second


def individuals(field_db: np.ndarray, time_s: Sequence[float]) -> Patch:
    """Return an instrument whose notes are individuals, the same at every dynamic: (pitches, partials, times)."""
    field = grid("field_db", "dB", field_db, pitch=PITCHES, partial=PARTIALS, time_s=time_s)
    tuning = grid("tuning_cents", "cents", np.zeros(len(PITCHES)), pitch=PITCHES)
    laws = {"tuning_cents": replace(tuning, form="notes"), "field_db": replace(field, form="notes")}
    return known_patch(core(), NoteCorrection(laws))


@pytest.fixture(scope="module")
def grown() -> Patch:
    """Both tables fitted to its takes, that of single dynamics first."""
    field_db = SPREAD_DB * np.random.default_rng(7).standard_normal((len(PITCHES), len(PARTIALS), 1))
    residual = Residual(tuple(listen(takes_of(individuals(field_db, (0,))), struck=False)), (), struck=False)
    patch = known_patch(core())
    for kind in ("dynamic_correction", "note_correction"):
        patch = add_guess(patch, layer_type(kind), residual)
    return refit(patch, residual, 3)


def test_a_freer_table_keeps_little_of_what_repeats_at_every_dynamic(grown: Patch) -> None:
    single = grown.layer("dynamic_correction").laws["field_db"].values
    note = grown.layer("note_correction").laws["field_db"].values
    assert np.std(single.mean(axis=1)) < FREER_SHARE * np.std(note)


def test_tables_are_told_by_how_free_they_are() -> None:
    tables = sorted((kind for kind, one in library().items() if one.mimics), key=lambda kind: library()[kind].mimics)
    assert tables == ["note_correction", "dynamic_correction", "last_resort"]


def test_laws_are_fitted_beside_all_tables_and_tables_below_the_freer(grown: Patch) -> None:
    assert fitted_beside(grown, layer_type("tonal_core")).kinds == grown.kinds
    assert fitted_beside(grown, layer_type("note_correction")).kinds == ("tonal_core", "note_correction")
    assert fitted_beside(grown, layer_type("dynamic_correction")).kinds == grown.kinds
    assert grown.kinds == ("tonal_core", "note_correction", "dynamic_correction")


def test_the_beats_of_single_notes_are_followed() -> None:
    signs = np.random.default_rng(11).choice([-1.0, 1.0], (len(PITCHES), len(PARTIALS), 1))
    true = individuals(SPREAD_DB * signs * np.resize([1.0, -1.0], len(BEATS_S)), BEATS_S)
    residual = Residual(tuple(listen(takes_of(true), struck=False)), (), struck=False)
    found = add_guess(known_patch(core()), NoteCorrection, residual)
    at = {"partial": np.array(PARTIALS[:3]), "time_s": np.array(BEATS_S)}
    told, put_in = (patch.layer("note_correction").laws["field_db"] for patch in (found, true))
    missed = [told(pitch=midi, **at) - put_in(pitch=midi, **at) for midi in PITCHES]
    assert np.mean(np.abs(missed)) < BEAT_DB
