"""Folders whose file names carry the notes: what a name says, alone and beside the others, what is refused."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import struck, write

from backtune.errors import InputError
from backtune.growth_record import Step
from backtune.patch import Patch
from backtune.patch_file import dump_patch, parse_patch
from backtune.reading.file_names import DYNAMICS, NameFacts, read_name, velocities
from backtune.reading.names_together import read_names
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
    "Steinway_A0_Dyn1_RR1": (21, "", 1, 1),
    "C4 dynamics-2": (60, "", 2, None),
    "v100_C4": (60, "", 100, None),
    "v100C#3": (49, "", 100, None),
    "vel.100.note.60": (60, "", 100, None),
    "v=100 n=60": (60, "", 100, None),
    "Piano.ff.060": (60, "ff", None, None),
    "ffC4": (60, "ff", None, None),
    "mfBb2_1": (46, "mf", None, 1),
    "pD#4": (63, "p", None, None),
    "bass 0.5 s_60": (60, "", None, None),
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
@given(
    names=st.lists(
        st.text(max_size=40) | st.from_regex(r"[A-Ha-h#bs0-9vVpmf_ .\-]{0,30}", fullmatch=True), min_size=1, max_size=4
    )
)
def test_no_name_gives_a_traceback(names: list[str]) -> None:
    found, _ = read_names(names, 4)
    facts = [one for one in found if isinstance(one, NameFacts)]
    assert len(found) == len(names)
    assert all(0 <= one.midi <= 127 for one in facts)
    assert all(1 <= velocity <= 127 for velocity in velocities(facts))


def test_layers_are_ranks_unless_they_are_velocities() -> None:
    def facts(*layers: int | None) -> list[NameFacts]:
        return [NameFacts(60, True, "pp", layer) for layer in layers]

    assert velocities(facts(1, 2, 4)) == [16, 48, 111]
    assert velocities(facts(0, 1)) == [32, 95]
    assert velocities(facts(64, 100, 127)) == [64, 100, 127]
    assert velocities(facts(None)) == [DYNAMICS["pp"]]


# names of two notes: (how they are written, numbers in place of {}, velocities)
VELOCITIES_IN_NAMES = {
    "beside a note": ("{note}_{}", (32, 64, 127), [32, 64, 127]),
    "after a space": ("{note} {}", (64, 100), [64, 100]),
    "a piano": ("Piano_{note}_{}", (32, 64), [32, 64]),
    "after the number of a microphone": ("{note}_mic1_{}", (1, 127), [1, 127]),
    "before a count of takes": ("{note}_{}_2", (64, 100), [64, 100]),
    "both above every pitch": ("Rh_{midi:03d}_{}", (121, 127), [121, 127]),
    "either could be the pitch": ("{midi:03d}_{:03d}", (64, 100), [64, 100]),
    "before the pitch": ("{}_{midi}", (5, 64, 127), [5, 64, 127]),
    "before the pitch, a hyphen between": ("{:03d}-{midi:03d}", (40, 127), [40, 127]),
    "before a note": ("{:03d}_{note}", (40, 127), [40, 127]),
    "before a note, after a word": ("Piano {} {note}", (40, 100), [40, 100]),
    "before a note and its take": ("{:03d}-{note}-1", (64, 127), [64, 127]),
    "glued to a note": ("{}{note}", (40, 100), [40, 100]),
    "before its unit": ("{}vel_{note}", (40, 100), [40, 100]),
    "a keyboard of 88 keys": ("88_{midi}_{}", (64, 100), [64, 100]),
    "ranks after a word": ("{note}_Dyn{}", (1, 2, 3), [21, 64, 106]),
}
# names of two notes: (how they are written, numbers in place of {}, their one velocity)
NO_VELOCITIES_IN_NAMES = {
    "takes": ("{note}_{:02d}", (1, 2, 3), 80),
    "forty takes": ("{note}_{:02d}", range(1, 41), 80),
    "seconds": ("violin_{note}_{}_forte", ("025", "05", "1", "15"), 96),
    "above 127": ("{note}_{}", (100, 200), 80),
    "two numbers": ("{note}_{}_{}", (64, 100), 80),
}


def _read_together(written: str, numbers: Iterable[object]) -> tuple[list[NameFacts | InputError], list[str]]:
    notes = [(midi, number) for midi in (60, 62) for number in numbers]
    return read_names([written.format(one, one, note=note_name(midi), midi=midi) for midi, one in notes], 4)


@pytest.mark.parametrize("case", VELOCITIES_IN_NAMES)
def test_numbers_beside_the_notes_are_velocities(case: str) -> None:
    written, numbers, expected = VELOCITIES_IN_NAMES[case]
    found, remarks = _read_together(written, numbers)
    facts = [one for one in found if isinstance(one, NameFacts)]
    assert [one.midi for one in facts] == [60] * len(numbers) + [62] * len(numbers)
    assert velocities(facts) == expected * 2
    assert len(remarks) == ("Dyn" not in written)
    assert all("in the file names were read as velocities: '" in one for one in remarks)
    assert all(one.number in (None, 1, 2) for one in facts)


@pytest.mark.parametrize("case", NO_VELOCITIES_IN_NAMES)
def test_numbers_that_are_not_understood_are_told(case: str) -> None:
    written, numbers, velocity = NO_VELOCITIES_IN_NAMES[case]
    found, remarks = _read_together(written, numbers)
    assert set(velocities([one for one in found if isinstance(one, NameFacts)])) == {velocity}
    assert len(remarks) == 1
    assert f"were not understood: all takes get velocity {velocity}" in remarks[0]


def test_a_number_that_runs_through_the_folder_is_no_velocity() -> None:
    stems = [f"{one:03d}_{'CDEFG'[one // 12]}4" for one in range(1, 60) if one != 7]
    found, remarks = read_names(stems, 4)
    assert set(velocities([one for one in found if isinstance(one, NameFacts)])) == {80}
    assert "as in '001_C4', were not understood" in remarks[0]


@pytest.mark.parametrize("names", [("C4_mf_1", "C4_ff_2"), ("C4_v1_60", "C4_v2_100"), ("48_C4", "50_D4"), ("C4_99",)])
def test_numbers_beside_other_dynamics_or_single_notes_are_left_alone(names: tuple[str, ...]) -> None:
    found, remarks = read_names(names, 4)
    assert found == [read_name(one) for one in names]
    assert remarks == []


def test_two_numbers_of_which_none_is_a_velocity_are_refused() -> None:
    found, _ = read_names(["13_60", "14_62", "15_64"], 4)
    assert ["several numbers could be the pitch" in str(one) for one in found] == [True] * 3


def test_a_folder_takes_velocities_from_its_names(tmp_path: Path) -> None:
    for midi in (60, 64):
        for velocity in (40, 100):
            write(tmp_path / f"{midi}_{velocity}.wav", struck(midi, velocity))
    source = open_source(tmp_path)
    takes = [(take.midi, take.velocity, take.dynamic, take.number) for take in source.takes]
    assert takes == [(midi, velocity, f"v{velocity}", 1) for midi in (60, 64) for velocity in (100, 40)]
    assert source.remarks == ["numbers in the file names were read as velocities: '60_100' as MIDI 60 at 100"]


def test_nameless_files_are_listed_and_a_nameless_folder_refused(tmp_path: Path) -> None:
    for name in ("C4", "D4", "E4", "room noise"):
        write(tmp_path / f"{name}.wav", struck(60 if name == "C4" else 62 if name == "D4" else 64))
    source = open_source(tmp_path)
    assert len(source.takes) == 3
    reason = "holds neither a note name such as C4 nor a MIDI number in 12..120"
    assert source.left_out == {"room noise.wav": reason}
    assert source.problems == [f"left out: room noise.wav: {reason}"]
    for name in ("x", "y", "z"):
        write(tmp_path / f"{name}.wav", struck(60))
    with pytest.raises(InputError, match="4 of 7 file names hold no clear note"):
        open_source(tmp_path)


def test_broken_files_in_a_folder_are_left_out_by_name(tmp_path: Path) -> None:
    import soundfile

    for midi in (60, 62, 64):
        write(tmp_path / f"{note_name(midi)}.wav", struck(midi))
    (tmp_path / "F4.wav").write_text("text")
    soundfile.write(tmp_path / "G4.wav", np.full(44100, np.nan), 44100, subtype="FLOAT")
    source = open_source(tmp_path)
    assert [take.midi for take in source.takes] == [60, 62, 64, 67]
    assert source.left_out == {"F4.wav": "not readable as audio (Format not recognised.)"}
    assert source.problems == ["left out: F4.wav: not readable as audio (Format not recognised.)"]
    assert [str(one) for one in screen(source.takes).left_out] == ["G4.wav: the audio holds NaN or infinite samples"]
    for name in ("C4", "D4", "E4", "G4"):
        (tmp_path / f"{name}.wav").write_text("text")
    with pytest.raises(InputError, match=r"C4.wav: not readable as audio .* \(and 4 more files like it\)"):
        open_source(tmp_path)


def test_names_in_another_encoding_can_be_written_into_a_patch(tmp_path: Path) -> None:
    """Else a fit came to its end and could not be written."""
    for note in ("C4", "E4", "G4"):
        write(tmp_path / f"{note}.wav", struck(60))
    try:
        for sign in (b"\xe4", b"\xe5"):
            Path(os.fsdecode(os.fsencode(tmp_path) + b"/C4 h" + sign + b"rter.wav")).write_bytes(b"no sound")
    except OSError:
        pytest.skip("all names are Unicode on this disk")
    source = open_source(tmp_path)
    steps = tuple(Step("leave out", name, reason) for name, reason in source.left_out.items())
    assert len(steps) == 2
    assert parse_patch(dump_patch(Patch(source.name, (), record=steps))).record == steps


def test_a_folder_that_holds_an_sfz_says_so(tmp_path: Path) -> None:
    (tmp_path / "piano.sfz").write_text("<region>")
    with pytest.raises(InputError, match=r"no audio files in this folder; it holds 'piano.sfz', which can be given"):
        open_source(tmp_path)
