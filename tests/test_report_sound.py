"""Sounds of the report page, and what it shows of recordings beside them."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from recordings import instrument_folder
from report_pages import Page, grown

from backtune.analysis.listen import listen
from backtune.law import Law
from backtune.notes import NoteEvent
from backtune.report.beside import hear_beside, measured_dots, spread
from backtune.report.html import report_page
from backtune.report.html_sound import RATE, compressed, note_sounds
from backtune.report.plot_beside import bands_map, notes_map, spectrogram
from backtune.source import open_source
from backtune.units import note_name


def test_solo_and_the_rest_make_the_whole() -> None:
    sounds = note_sounds(grown(), NoteEvent(60.0, 80.0), 0.5)
    np.testing.assert_allclose(sounds.alone["breath"] + sounds.without["breath"], sounds.whole, atol=1e-4)
    changed = sounds.alone["evolving_spectrum"] + sounds.without["evolving_spectrum"]
    np.testing.assert_allclose(changed, sounds.whole, atol=1e-9)
    assert not sounds.adds_sound["evolving_spectrum"]
    assert np.max(np.abs(sounds.alone["evolving_spectrum"])) > 1e-3


def test_players_hold_the_sound_of_the_patch(page: Page) -> None:
    mine = next(one for one in page.audio if str(one["aria-label"]).endswith(": the patch"))
    data = base64.b64decode(str(mine["src"]).partition("base64,")[2])
    audio, rate = soundfile.read(io.BytesIO(data))
    whole = note_sounds(grown(), NoteEvent(60.0, 80.0)).whole
    assert rate == RATE
    assert abs(len(audio) - len(whole)) < 0.1 * RATE
    first, second = (np.abs(np.fft.rfft(one[:RATE])) for one in (audio, whole))
    assert np.argmax(first) == np.argmax(second)


@pytest.mark.parametrize("rate", [11025, 43983, 96000])
def test_sound_of_any_rate_is_compressed_at_its_pitch(rate: int) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(rate) / rate)
    audio, its_rate = soundfile.read(io.BytesIO(compressed(tone, rate)))
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
    assert np.argmax(spectrum) * its_rate / len(audio) == pytest.approx(1000, abs=2)
    assert len(audio) / its_rate == pytest.approx(1.0, abs=0.06)  # whole frames of MP3


def test_compressed_sound_ends_without_a_click() -> None:
    audio, _ = soundfile.read(io.BytesIO(compressed(np.full(RATE, 0.5))))
    assert np.max(np.abs(np.diff(audio[RATE // 2 :]))) < 0.05


def test_takes_are_spread_evenly_with_both_ends(tmp_path: Path) -> None:
    names: dict[str, tuple[int, float]] = {f"{note_name(midi)}_v80.wav": (midi, 80.0) for midi in range(48, 60)}
    takes = open_source(instrument_folder(tmp_path / "many", names)).takes
    assert [take.midi for take in spread(takes, 4)] == [48, 52, 55, 59]
    softer = [replace(take, velocity=30.0) for take in takes]
    assert [(take.midi, take.velocity) for take in spread([*takes, *softer], 5)] == [
        (48, 30),
        (48, 80),
        (59, 30),
        (59, 80),
    ]
    assert len(spread([*takes, *softer], 24)) == 24


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    names: dict[str, tuple[int, float]] = {
        f"{note}_v{velocity}.wav": (midi, velocity) for note, midi in (("C3", 48), ("C4", 60)) for velocity in (40, 90)
    }
    return instrument_folder(tmp_path_factory.mktemp("takes"), names)


def test_with_recordings_the_page_shows_where_it_fails_and_notes_beside_them(recordings: Path) -> None:
    source = open_source(recordings)
    patch = grown()
    page = Page(report_page(patch, source, keys=[48.0, 60.0], jobs=1))
    found = hear_beside(patch, source, 1, lambda stage, done, total: None)
    rows = page.tables["Median distances by region, dB"]
    assert rows[-1][1] == f"{found.comparison.median_db['total']:.2f}"
    worst = max(found.comparison.notes, key=lambda note: note.distance_db["total"])
    assert page.tables["The notes farthest from their recordings, dB"][1][0] == worst.name
    labels = [str(one["aria-label"]) for one in page.audio]
    assert sum(label.endswith(": recording") for label in labels) == 2
    assert sum(label.endswith(": render") for label in labels) == 2
    assert sum("Spectrograms of" in str(words) for words in page.pictures) == 2


def test_measured_notes_stand_beside_their_laws(recordings: Path) -> None:
    found = hear_beside(grown(), open_source(recordings), 1, lambda stage, done, total: None)
    assert set(found.dots) == {"stretch_cents", "inharmonicity", "fall_db_s"}
    pitch, stiffness = found.dots["inharmonicity"]
    true = 0.7 * np.exp(0.0926 * pitch - 13.6) + 0.7 * np.exp(-0.0926 * pitch - 5.8)
    np.testing.assert_allclose(stiffness, true, rtol=0.2)
    pitch, fall = found.dots["fall_db_s"]
    np.testing.assert_allclose(fall, 8.686 * (1 + 440 * 2 ** ((pitch - 69) / 12) / 800), rtol=0.1)


def test_notes_of_an_organ_s_stop_stand_beside_its_tuning_in_the_octave_where_it_sounds(recordings: Path) -> None:
    patch, takes = grown(), open_source(recordings).takes[:2]
    octaves = Law.constant("transposed_semitones", "semitones", -12)
    stop = replace(patch, layers=(patch.layers[0].with_laws(octaves), *patch.layers[1:]))
    written = [stop.heard(replace(take, midi=take.midi + 12)) for take in takes]
    _, cents = measured_dots(stop, listen(written, True))["stretch_cents"]
    assert len(cents) == 2
    assert np.max(np.abs(cents)) < 20.0


def test_maps_hold_what_was_measured(recordings: Path) -> None:
    found = hear_beside(grown(), open_source(recordings), 1, lambda stage, done, total: None)
    pitches, velocities, values = notes_map(found.comparison)
    for note in found.comparison.notes:
        cell = values[velocities.tolist().index(note.velocity), pitches.tolist().index(note.midi)]
        assert cell == pytest.approx(note.distance_db["total"])
    hz, _, missing = bands_map(found.bands)
    louder = replace(found.bands, rendered_db=found.bands.rendered_db - 3.0)
    _, _, more = bands_map(louder)
    assert missing.shape[0] == len(hz)
    np.testing.assert_allclose((more - missing)[np.isfinite(missing)], 3.0)


def test_a_spectrogram_shows_a_sine_at_its_frequency_and_level() -> None:
    times, hz, levels = spectrogram(0.5 * np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE), RATE)
    middle = levels[:, len(times) // 2]
    assert hz[np.argmax(middle)] == pytest.approx(1000, rel=0.06)
    assert middle.max() == pytest.approx(-6.0, abs=1.5)  # scalloping of a Hann window: 1.4 dB
