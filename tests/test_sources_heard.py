"""What is heard of takes: which octave names mean, struck or blown, when keys were let go, labels that are wrong."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from recordings import RATE, blown, struck, write
from scipy.signal import fftconvolve

from backtune.errors import InputError
from backtune.notes import Recording, Take
from backtune.reading.family import guess_family
from backtune.reading.file_names import DYNAMICS
from backtune.reading.pitch_check import check_pitch
from backtune.source import open_source
from backtune.units import NAMES, note_name

Floats = NDArray[np.float64]


@pytest.mark.parametrize(
    "written", ["{velocity:03d}_{midi:03d}", "take1_{velocity}_{midi}", "Piano-{velocity:03d}-{midi:03d}"]
)
def test_the_second_of_two_numbers_is_the_pitch_where_it_sounds(tmp_path: Path, written: str) -> None:
    for midi in (60, 64, 67):
        for velocity in (40, 100):
            write(tmp_path / f"{written.format(midi=midi, velocity=velocity)}.wav", struck(midi, velocity))
    source = open_source(tmp_path)
    takes = sorted((take.midi, take.velocity, take.dynamic) for take in source.takes)
    assert takes == [(midi, velocity, f"v{velocity}") for midi in (60, 64, 67) for velocity in (40, 100)]
    assert re.search(r"as MIDI 60 at (40|100), as they sound$", source.remarks[0])


def test_the_first_of_two_numbers_is_the_pitch_where_none_is_heard(tmp_path: Path) -> None:
    for midi in (60, 64):
        for velocity in (40, 100):
            write(tmp_path / f"{midi}_{velocity}.wav", np.zeros(44100))
    assert {take.midi for take in open_source(tmp_path).takes} == {60, 64}


def _folder(path: Path, octave: int) -> Path:
    for midi in (48, 55, 60, 64, 72, 79):
        for dynamic, speed in (("p", 50.0), ("f", 100.0)):
            name = NAMES[midi % 12] + str(midi // 12 - 5 + octave)
            write(path / f"{name}_{dynamic}.wav", struck(midi, speed))
    return path


def test_wrong_octave_is_heard_and_named(tmp_path: Path) -> None:
    source = open_source(_folder(tmp_path / "c4", 4))
    assert {take.midi for take in source.takes} == {48, 55, 60, 64, 72, 79}
    assert {take.velocity for take in source.takes} == {DYNAMICS["p"], DYNAMICS["f"]}
    assert source.family == "struck"
    for octave in (3, 5):
        folder = _folder(tmp_path / f"c{octave}", octave)
        with pytest.raises(InputError, match=rf"sound 1 octave {'above' if octave == 3 else 'below'}.*octave={octave}"):
            open_source(folder)
        assert {take.midi for take in open_source(folder, octave=octave).takes} == {48, 55, 60, 64, 72, 79}
    against = open_source(tmp_path / "c5", octave=4)
    assert "although octave=4 was given" in against.remarks[0]


def test_the_octave_is_heard_behind_silence_which_has_no_vote(tmp_path: Path) -> None:
    for midi in (55, 60, 64, 67):
        write(tmp_path / f"{note_name(midi + 12)}.wav", np.pad(struck(midi), (4 * 44100, 0)))
    for midi in (72, 76, 79, 84):
        write(tmp_path / f"{note_name(midi)}_pp.wav", np.zeros(44100))
    with pytest.raises(
        InputError, match=r"4 of 4 .* sound 1 octave below .*; give octave=5, or octave=4 where keys are"
    ):
        open_source(tmp_path)


def test_an_octave_at_the_end_of_what_is_looked_for_may_be_farther_off(tmp_path: Path) -> None:
    for midi in (48, 55, 60, 67):
        write(tmp_path / f"{note_name(midi + 36)}.wav", struck(midi))
    with pytest.raises(InputError, match=r"sound 2 octaves or more below their names .*; check the names"):
        open_source(tmp_path)


def test_held_notes_get_a_gate(tmp_path: Path) -> None:
    for midi in (60, 64, 67):
        write(tmp_path / f"{note_name(midi)}.wav", blown(midi, seconds=2.0, release_s=0.4))
    source = open_source(tmp_path)
    assert source.family == "sustained"
    assert all(take.gate_s == pytest.approx(1.9, abs=0.051) for take in source.takes)  # a quarter is left there
    assert open_source(tmp_path, family="struck").takes[0].gate_s is None


@pytest.mark.parametrize("held_s", [0.6, 1.0])
def test_a_family_is_told_from_what_sounds_while_the_key_is_held(held_s: float) -> None:
    def family(sounds: dict[int, Floats]) -> str:
        takes = [
            Take(note_name(midi), midi, 90.0, Recording(samples=in_a_room(audio), rate=RATE), gate_s=held_s)
            for midi, audio in sounds.items()
        ]
        return guess_family(takes)

    keys = (50, 57, 64, 71)
    pipes = {midi: blown(midi, seconds=held_s, release_s=0.02) for midi in keys}
    assert family(pipes) == "sustained"  # although the room falls after it
    assert family({midi: struck(midi, seconds=2.0) for midi in keys}) == "struck"  # although little of its fall is held


def in_a_room(audio: Floats) -> Floats:
    """Return a sound with a reverberation that takes 2 s to fall 60 dB, 20 dB below it."""
    times = np.arange(RATE) / RATE
    room = 0.004 * np.random.default_rng(1).standard_normal(RATE) * 10.0 ** (-1.5 * times)
    room[0] = 1.0
    return np.asarray(fftconvolve(np.pad(audio, (0, RATE)), room))


def test_a_constant_offset_hides_neither_family_nor_gates(tmp_path: Path) -> None:
    for midi in (48, 55, 60, 67):
        write(tmp_path / "struck" / f"{note_name(midi)}.wav", struck(midi) + 0.15)
        write(tmp_path / "blown" / f"{note_name(midi)}.wav", np.pad(blown(midi), (0, 22050)) + 0.15)
    assert open_source(tmp_path / "struck").family == "struck"
    source = open_source(tmp_path / "blown")
    assert source.family == "sustained"
    assert all(take.gate_s == pytest.approx(1.5, abs=0.051) for take in source.takes)


@pytest.mark.parametrize("make", [struck, blown])
@pytest.mark.parametrize("midi", [28, 40, 52, 60, 69, 81, 93, 103])
def test_labels_are_checked_against_the_measured_pitch(make, midi: int) -> None:  # type: ignore[no-untyped-def]
    audio = make(midi)
    assert check_pitch(audio, 44100, midi).agrees
    for wrong in (-12, -7, -2, 2, 5, 12):
        if 24 <= midi + wrong <= 104:
            assert not check_pitch(audio, 44100, midi + wrong).agrees


def test_labels_below_all_that_is_heard_are_checked_too() -> None:
    for label in (0, 8):
        assert check_pitch(struck(label + 19), 44100, label).heard_midi == label + 19
        assert check_pitch(np.zeros(44100), 44100, label).agrees


def test_a_weak_fundamental_fools_nobody() -> None:
    times = np.arange(44100) / 44100
    bass = sum(np.sin(2 * np.pi * 55 * number * times + number) / number for number in range(3, 16))
    verdict = check_pitch(np.asarray(bass), 44100, 33)
    assert verdict.agrees
    assert abs(verdict.cents) <= 10
    assert check_pitch(np.asarray(bass), 44100, 45).heard_midi == 33


def test_low_strings_that_sound_along_do_not_lower_a_high_note() -> None:
    """G#7 over the weak partials of undamped strings two octaves below, as pianos have it."""
    times = np.arange(2 * 44100) / 44100
    top = np.exp(-8 * times) * np.sin(2 * np.pi * 3322.4 * times)
    along = sum(0.02 * np.sin(2 * np.pi * 830.6 * number * times + number) for number in (1, 2, 3, 5, 6, 7))
    verdict = check_pitch(top + along, 44100, 104)
    assert verdict.agrees
    assert abs(verdict.cents) < 5
