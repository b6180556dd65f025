"""Notes that knock and rustle more than their neighbours: what is their own, and what it must not do to the law."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from known_instrument import PITCHES, breath, core, grid, known_patch, takes_of
from tolerances import LEVEL_DB

from backtune.analysis.listen import listen
from backtune.analysis.residual import Residual
from backtune.analysis.tracks import TRACK_TIMES_S
from backtune.errors import Declined
from backtune.fit import beside, comparable, loudness_db
from backtune.layers.breath import Breath
from backtune.layers.noise_correction import NoiseCorrection
from backtune.notes import NoteEvent
from backtune.patch import Patch
from backtune.voice import Floats

LOUD, LOUDER_DB = 71, 15.0
OPEN = slice(12, 21)  # 1.7 to 9 kHz, where no partial covers the noise
HELD = (TRACK_TIMES_S >= 0.1) & (TRACK_TIMES_S <= 0.5)


def one_noisy_note() -> Patch:
    """Return an instrument in which one key's noise is 15 dB louder than the law says."""
    field = np.zeros((len(PITCHES), 2, 1))
    field[PITCHES.index(LOUD)] = LOUDER_DB
    law = grid("noise_field_db", "dB", field, pitch=PITCHES, hz=(40, 18000), time_s=(0,))
    own = NoiseCorrection({"noise_field_db": replace(law, form="notes")})
    return known_patch(core(), breath(), own)


@pytest.fixture(scope="module")
def heard() -> Residual:
    """Its takes, heard."""
    return Residual(tuple(listen(takes_of(one_noisy_note()), struck=False)), (), struck=False)


def noise_of(patch: Patch, midi: float, velocity: float = 80) -> Floats:
    """Return the noise of a note where nothing covers it, while it is held, dB."""
    return patch.voice_at(NoteEvent(midi, velocity), TRACK_TIMES_S).noise_db[OPEN][:, HELD]


def test_a_noisy_note_is_found_and_carried_to_a_dynamic_never_heard(heard: Residual) -> None:
    apart = replace(heard, heard=tuple(one for one in heard.heard if one.note.velocity != 80))
    plain = known_patch(core(), breath())
    found = plain.with_layer(NoiseCorrection.guess(beside(plain, apart)))
    for midi, louder_db in ((LOUD, LOUDER_DB), (63, 0.0)):
        change = noise_of(found, midi) - noise_of(plain, midi)
        assert abs(change.mean() - louder_db) < 4 * LEVEL_DB
    assert np.abs(noise_of(found, 69) - noise_of(plain, 69)).max() < LEVEL_DB  # never recorded: eight notes tell no kin


def test_fitted_again_it_stays_where_it_was(heard: Residual) -> None:
    plain = known_patch(core(), breath())
    found = plain.with_layer(NoiseCorrection.guess(beside(plain, heard)))
    again = found.with_layer(found.layer("noise_correction").fit(beside(found, heard)))
    assert np.abs(noise_of(again, LOUD) - noise_of(found, LOUD)).max() < 2 * LEVEL_DB


def test_a_noisy_note_does_not_bend_the_law_of_its_neighbours(heard: Residual) -> None:
    residual = beside(known_patch(core()), heard)
    found = known_patch(core(), Breath.guess(residual))
    true = known_patch(core(), breath())
    for midi in (63, 67, 75, 79):
        assert abs(np.mean(noise_of(found, midi) - noise_of(true, midi))) < 4 * LEVEL_DB


def once(residual: Residual) -> tuple[Patch, Residual]:
    return known_patch(core(), breath()), replace(
        residual, heard=tuple(one for one in residual.heard if one.note.velocity == 80)
    )


def silent(residual: Residual) -> tuple[Patch, Residual]:
    return known_patch(core()), residual


@pytest.mark.parametrize(("given", "reason"), [(once, "no note was recorded twice"), (silent, "no layer makes noise")])
def test_it_declines_with_a_reason(
    given: Callable[[Residual], tuple[Patch, Residual]], reason: str, heard: Residual
) -> None:
    patch, residual = given(heard)
    with pytest.raises(Declined, match=reason):
        NoiseCorrection.guess(beside(patch, residual))


def test_a_recorded_note_has_its_own_noise_at_every_velocity() -> None:
    loud, plain = one_noisy_note(), known_patch(core(), breath())
    for velocity in (30, 80, 127):
        assert np.allclose(noise_of(loud, LOUD, velocity) - noise_of(plain, LOUD, velocity), LOUDER_DB)
        assert np.allclose(noise_of(loud, 63, velocity), noise_of(plain, 63, velocity))


def test_a_note_that_knocks_louder_is_not_made_louder_for_it(heard: Residual) -> None:
    note = heard.heard[4]
    knocking = replace(note, tracks=replace(note.tracks, band_db=note.tracks.band_db + 6.0))
    assert loudness_db(knocking) == pytest.approx(loudness_db(note) + 6.0)
    plain, quieter = comparable([note, knocking], levels_natural=False)
    assert quieter.gain_db == pytest.approx(plain.gain_db - 6.0)
