"""Folders whose file names carry the notes: what a name says, which octave it means, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import blown, struck, write

from backtune.errors import InputError
from backtune.reading.file_names import DYNAMICS, NameFacts, read_name, velocities
from backtune.reading.pitch_check import check_pitch
from backtune.screening import screen
from backtune.source import open_source
from backtune.units import NAMES, note_name

# name: (midi, dynamic, layer, number) - as real libraries write them
KNOWN = {
    "063_Ds4_mf_1": (63, "mf", None, 1),
    "Piano.ff.C4": (60, "ff", None, None),
    "Piano.pp.Bb1": (34, "pp", None, None),
    "A0v1": (21, "", 1, None),
    "D#1v12": (27, "", 12, None),
    "HEADROOM PIANO LEVEL1 CLOSE 21": (21, "", 1, None),
    "db2_f_rr1_cnd": (37, "f", None, 1),
    "MF C#3": (49, "mf", None, None),
    "keyboard_acoustic_004-060-075": (60, "", 75, None),
    "flute_A4_1_forte_normal": (69, "f", None, None),
    "saxophone_As3_15_mezzo-piano_normal": (58, "mp", None, None),
    "Flute_vib_C4_v1_1": (60, "", 1, 1),
    "Mid_Piano_C4_v2_rr1": (60, "", 2, 1),
    "violin_As3_025_fortissimo_arco-normal": (58, "ff", None, None),
    "bb2": (46, "", None, None),
    "060": (60, "", None, None),
    "note 60 vel 100": (60, "", 100, None),
    "A♭3 mf": (56, "mf", None, None),
    "C4_f2": (60, "f", None, 2),
    "C#-1": (1, "", None, None),
}
REFUSED = {
    "Flute.ff.C4B4": "names 2 different notes",
    "nor_p_1_1": "neither a note name such as C4 nor a MIDI number",
    "thing": "neither a note name",
    "30 60": r"several numbers could be the pitch \(30, 60\)",
    "G9 C-2": "different notes",
    "B9": "'B9': 131 is outside the MIDI range",
}


@pytest.mark.parametrize("name", KNOWN)
def test_names_of_real_libraries_are_read(name: str) -> None:
    facts = read_name(name)
    assert (facts.midi, facts.dynamic, facts.layer, facts.number) == KNOWN[name]


@pytest.mark.parametrize("name", REFUSED)
def test_names_without_one_clear_note_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=REFUSED[name]):
        read_name(name)


@pytest.mark.parametrize(("octave", "midi"), [(3, 72), (4, 60), (5, 48)])
def test_octave_says_what_middle_c_is_called(octave: int, midi: int) -> None:
    assert read_name("C4", octave).midi == midi
    assert read_name("060", octave).midi == 60
    with pytest.raises(InputError, match="octave: 6 was given; allowed: 3, 4 or 5"):
        read_name("C4", 6)


@given(
    midi=st.integers(0, 127),
    dynamic=st.sampled_from(["", *DYNAMICS]),
    number=st.integers(1, 99),
    octave=st.sampled_from([3, 4, 5]),
    order=st.permutations([0, 1, 2]),
    separator=st.sampled_from(["_", " ", ".", "-x-"]),
)
def test_a_written_name_reads_back(
    midi: int, dynamic: str, number: int, octave: int, order: list[int], separator: str
) -> None:
    pitch = NAMES[midi % 12] + str(midi // 12 - 5 + octave)
    parts = [pitch, dynamic, f"rr{number}"]
    facts = read_name(separator.join(parts[index] for index in order if parts[index]), octave)
    assert facts == NameFacts(midi, True, dynamic, None, number)


@settings(max_examples=500)
@given(name=st.text(max_size=40) | st.from_regex(r"[A-Ha-h#bs0-9vVpmf_ .\-]{0,30}", fullmatch=True))
def test_no_name_gives_a_traceback(name: str) -> None:
    try:
        midi = read_name(name).midi
    except InputError:
        return
    assert 0 <= midi <= 127


def test_layers_are_ranks_unless_they_are_velocities() -> None:
    def facts(*layers: int | None) -> list[NameFacts]:
        return [NameFacts(60, True, "pp", layer) for layer in layers]

    assert velocities(facts(1, 2, 4)) == [16, 48, 111]
    assert velocities(facts(0, 1)) == [32, 95]
    assert velocities(facts(64, 100, 127)) == [64, 100, 127]
    assert velocities(facts(None)) == [DYNAMICS["pp"]]


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


def test_held_notes_get_a_gate(tmp_path: Path) -> None:
    for midi in (60, 64, 67):
        write(tmp_path / f"{note_name(midi)}.wav", blown(midi, seconds=2.0, release_s=0.4))
    source = open_source(tmp_path)
    assert source.family == "sustained"
    assert all(take.gate_s == pytest.approx(1.9, abs=0.051) for take in source.takes)  # a quarter is left there
    assert open_source(tmp_path, family="struck").takes[0].gate_s is None


def test_nameless_files_are_listed_and_a_nameless_folder_refused(tmp_path: Path) -> None:
    for name in ("C4", "D4", "E4", "room noise"):
        write(tmp_path / f"{name}.wav", struck(60 if name == "C4" else 62 if name == "D4" else 64))
    source = open_source(tmp_path)
    assert len(source.takes) == 3
    assert source.problems == [
        "left out: 'room noise': holds neither a note name such as C4 nor a MIDI number in 12..120"
    ]
    for name in ("x", "y", "z"):
        write(tmp_path / f"{name}.wav", struck(60))
    with pytest.raises(InputError, match="4 of 7 file names hold no clear note"):
        open_source(tmp_path)


def test_broken_files_in_a_folder_are_left_out_by_name(tmp_path: Path) -> None:
    import numpy as np
    import soundfile

    for midi in (60, 62, 64):
        write(tmp_path / f"{note_name(midi)}.wav", struck(midi))
    (tmp_path / "F4.wav").write_text("text")
    soundfile.write(tmp_path / "G4.wav", np.full(44100, np.nan), 44100, subtype="FLOAT")
    source = open_source(tmp_path)
    assert [take.midi for take in source.takes] == [60, 62, 64, 67]
    assert source.problems == [f"left out: {tmp_path / 'F4.wav'}: not readable as audio (Format not recognised.)"]
    assert [str(one) for one in screen(source.takes).left_out] == ["G4.wav: the audio holds NaN or infinite samples"]
    for name in ("C4", "D4", "E4", "G4"):
        (tmp_path / f"{name}.wav").write_text("text")
    with pytest.raises(InputError, match=r"C4.wav: not readable as audio .* \(and 4 more files like it\)"):
        open_source(tmp_path)


def test_a_folder_that_holds_an_sfz_says_so(tmp_path: Path) -> None:
    (tmp_path / "piano.sfz").write_text("<region>")
    with pytest.raises(InputError, match=r"no audio files in this folder; it holds 'piano.sfz', which can be given"):
        open_source(tmp_path)


@pytest.mark.parametrize("make", [struck, blown])
@pytest.mark.parametrize("midi", [28, 40, 52, 60, 69, 81, 93, 103])
def test_labels_are_checked_against_the_measured_pitch(make, midi: int) -> None:  # type: ignore[no-untyped-def]
    audio = make(midi)
    assert check_pitch(audio, 44100, midi).agrees
    for wrong in (-12, -7, -2, 2, 5, 12):
        if 24 <= midi + wrong <= 104:
            assert not check_pitch(audio, 44100, midi + wrong).agrees


def test_a_weak_fundamental_fools_nobody() -> None:
    import numpy as np

    times = np.arange(44100) / 44100
    bass = sum(np.sin(2 * np.pi * 55 * number * times + number) / number for number in range(3, 16))
    verdict = check_pitch(np.asarray(bass), 44100, 33)
    assert verdict.agrees
    assert abs(verdict.cents) <= 10
    assert check_pitch(np.asarray(bass), 44100, 45).heard_midi == 33


def test_low_strings_that_sound_along_do_not_lower_a_high_note() -> None:
    """G#7 over the weak partials of undamped strings two octaves below, as pianos have it."""
    import numpy as np

    times = np.arange(2 * 44100) / 44100
    top = np.exp(-8 * times) * np.sin(2 * np.pi * 3322.4 * times)
    along = sum(0.02 * np.sin(2 * np.pi * 830.6 * number * times + number) for number in (1, 2, 3, 5, 6, 7))
    verdict = check_pitch(top + along, 44100, 104)
    assert verdict.agrees
    assert abs(verdict.cents) < 5
