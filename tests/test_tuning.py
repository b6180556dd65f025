"""Temperaments against published tables, and Scala files there and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tolerances import SCALA_CENTS

from backtune.controls.temperament import tuning_of
from backtune.errors import InputError
from backtune.scala import read_kbm, read_scl, read_tuning, write_kbm, write_scl
from backtune.temperaments import SCALES, temperament
from backtune.tuning import EQUAL, KeyMap, Scale, Tuning
from backtune.units import hz_to_midi, midi_to_hz

# From the Scala archive (huygens-fokker.org/docs/scales.zip): pyth_12 (Eb..G#), meanquar, werck3, kirnberger,
# vallotti, young2; just: the ratios themselves.
PUBLISHED = {
    "pythagorean": "113.68501 203.91000 294.13500 407.82000 498.04500 611.73001 701.95500 815.64001 905.86500 "
    "996.09000 1109.77501",
    "meantone": "76.04900 193.15686 310.26471 386.31371 503.42157 579.47057 696.57843 772.62743 889.73529 "
    "1006.84314 1082.89214",
    "werckmeister3": "90.22500 192.18000 294.13500 390.22500 498.04500 588.27000 696.09000 792.18000 888.27000 "
    "996.09000 1092.18000",
    "kirnberger3": "90.22500 193.15686 294.13500 386.31371 498.04500 590.22372 696.57843 792.18000 889.73529 "
    "996.09000 1088.26871",
    "vallotti": "94.13500 196.09000 298.04500 392.18000 501.95500 592.18000 698.04500 796.09000 894.13500 "
    "1000.00000 1090.22500",
    "young": "90.22500 196.09000 294.13500 392.18000 498.04500 588.27000 698.04500 792.18000 894.13500 "
    "996.09000 1090.22500",
    "just": "111.73129 203.91000 315.64129 386.31371 498.04500 590.22372 701.95500 813.68629 884.35871 "
    "1017.59629 1088.26871",
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_temperaments_are_those_published(name):
    wanted = np.array([float(cents) for cents in PUBLISHED[name].split()])
    assert np.max(np.abs(np.array(SCALES[name].cents[:-1]) - wanted)) < SCALA_CENTS
    assert SCALES[name].cents[-1] == pytest.approx(1200.0)


@pytest.mark.parametrize("name", SCALES)
@pytest.mark.parametrize("root", [0, 2, 9, 11])
def test_a4_stays_where_it_was_set(name, root):
    tuning = temperament(name, root, 415.0)
    assert midi_to_hz(tuning.pitch(69)) == pytest.approx(415.0)
    assert tuning.pitch(69 + 12) == pytest.approx(tuning.pitch(69) + 12)
    fifth = tuning.pitch(60 + root + 7) - tuning.pitch(60 + root)
    assert 100 * fifth == pytest.approx(SCALES[name].cents[6])


def test_equal_temperament_changes_nothing():
    assert [EQUAL.pitch(key) for key in range(128)] == pytest.approx(list(range(128)))


def test_twelve_fifths_close_the_circle():
    for name in ("werckmeister3", "kirnberger3", "vallotti", "young"):
        cents = (0.0, *SCALES[name].cents)
        fifths = [(cents[(7 * k + 7) % 12] - cents[7 * k % 12]) % 1200 for k in range(12)]
        assert sum(fifths) == pytest.approx(7 * 1200)
        assert max(fifths) < 702.0  # no wolf


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [(("werkmeister3",), "werckmeister3"), (("just", 12), "root"), (("just", 0, 44.0), "A4"), (("just", 0, 9e9), "A4")],
)
def test_temperaments_that_are_none_are_refused(arguments, reason):
    with pytest.raises(InputError, match=reason):
        temperament(*arguments)


def test_a_scala_scale_with_ratios_cents_and_comments(tmp_path):
    path = tmp_path / "a.scl"
    path.write_text("! a.scl\n!\nA scale\n 5\n!\n 9/8 a tone\n 386.314\n! in between\n3/2\n 1000. cents\n 2\n")
    scale = read_scl(path)
    assert scale.name == "A scale"
    assert scale.cents == pytest.approx((203.910, 386.314, 701.955, 1000.0, 1200.0), abs=1e-3)


@given(st.lists(st.floats(-2400, 4800), min_size=1, max_size=60), st.text("abc ÄÖé!\n", max_size=20))
def test_scales_come_back_as_written(tmp_path_factory, cents, name):
    path = tmp_path_factory.mktemp("scl") / "a.scl"
    write_scl(path, Scale(name, tuple(cents)))
    back = read_scl(path)
    assert back.cents == pytest.approx(cents, abs=6e-6)
    assert back.name == (" ".join(name.split()).lstrip("! ") or "a")
    assert [p.name for p in path.parent.iterdir()] == ["a.scl"]


def test_a_keyboard_mapping(tmp_path):
    path = tmp_path / "white.kbm"
    degrees = "\n".join(["0", "x", "1", "x", "2", "3", "x", "4", "x", "5", "x", "6"])
    path.write_text(f"! white keys\n12\n0\n127\n60\n69\n440.0\n7\n{degrees}\n")
    keys = read_kbm(path)
    assert keys.degrees == (0, None, 1, None, 2, 3, None, 4, None, 5, None, 6)
    tuning = Tuning(Scale("seven", tuple(1200 * k / 7 for k in range(1, 8))), keys)
    assert tuning.pitch(61) is None
    assert tuning.pitch(69) == pytest.approx(69)
    assert tuning.pitch(72) - tuning.pitch(60) == pytest.approx(12)
    assert tuning.pitch(71) - tuning.pitch(69) == pytest.approx(12 / 7)
    write_kbm(tmp_path / "back.kbm", keys)
    assert read_kbm(tmp_path / "back.kbm") == keys


def test_unmapped_keys_may_be_left_out_at_the_end_of_a_mapping(tmp_path):
    path = tmp_path / "short.kbm"
    path.write_text("12\n0\n127\n60\n69\n440.0\n12\n" + "\n".join(str(key) for key in range(10)) + "\n")
    keys = read_kbm(path)
    assert keys.degrees == (*range(10), None, None)
    tuning = Tuning(SCALES["equal"], keys)
    assert [tuning.pitch(key) for key in (69, 70, 71, 72)] == [pytest.approx(69.0), None, None, pytest.approx(72.0)]


def test_a_scale_without_a_mapping_starts_on_c4_and_holds_a4_at_440_hz_live_and_as_a_setting(tmp_path):
    write_scl(tmp_path / "a.scl", SCALES["just"])
    tuning = read_tuning(tmp_path / "a.scl")  # what `play --scl` takes
    assert [tuning.pitch(69), tuning.pitch(67) - tuning.pitch(60)] == pytest.approx([69.0, 7.01955])
    assert tuning == tuning_of(str(tmp_path / "a.scl"))  # what `control` and a line typed in `play` take
    write_kbm(tmp_path / "a.kbm", KeyMap(middle=62, reference_key=69, reference_hz=415.0))
    assert midi_to_hz(read_tuning(tmp_path / "a.scl", tmp_path / "a.kbm").pitch(69)) == pytest.approx(415.0)


def test_a_linear_mapping_and_its_limits():
    scale = Scale("nineteen", tuple(1200 * k / 19 for k in range(1, 20)))
    tuning = Tuning(scale, KeyMap(middle=60, reference_key=60, reference_hz=261.6256, first=40, last=80))
    assert tuning.pitch(79) == pytest.approx(hz_to_midi(2 * 261.6256))
    assert tuning.pitch(41) == pytest.approx(hz_to_midi(261.6256 / 2))
    assert [tuning.pitch(key) for key in (40, 80)] == pytest.approx([60 - 20 * 12 / 19, 60 + 20 * 12 / 19], abs=1e-4)
    assert tuning.pitch(81) == 81.0
    assert tuning.pitch(39) == 39.0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "description"),
        ("name\n", "description"),
        ("name\nmany\n", "line 2"),
        ("name\n0\n", r"line 2: '0' is no number of notes, 1\.\.4096"),
        ("name\n3\n100.\n200.\n", "3 notes are announced, 2"),
        ("name\n1\ntwelve\n", "line 3"),
        ("name\n1\n-3/2\n", "line 3"),
        ("name\n1\n1/0\n", "line 3"),
        ("name\n99999999\n", "line 2"),
        ("name\n1\nnan.\n", "line 3"),
        ("name\n1\n1e999.\n", "line 3"),
        ("name\n1\n" + "9" * 400 + "\n", "line 3"),
    ],
)
def test_broken_scales_are_told_with_their_line(tmp_path, text, reason):
    path = tmp_path / "a.scl"
    path.write_text(text)
    with pytest.raises(InputError, match=reason):
        read_scl(path)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["12", "0"], "7 numbers"),
        (["-1", "0", "127", "60", "69", "440", "12"], "line 1"),
        (["0", "0", "128", "60", "69", "440", "12"], "line 3"),
        (["0", "0", "127", "60", "69", "loud", "12"], "line 6"),
        (["2", "0", "127", "60", "69", "440", "12", "0", "one"], "line 9"),
    ],
)
def test_broken_mappings_are_told_with_their_line(tmp_path, lines, reason):
    path = tmp_path / "a.kbm"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=reason):
        read_kbm(path)


def test_a_reference_that_is_not_mapped_or_has_no_frequency_is_refused():
    with pytest.raises(InputError, match="not mapped"):
        Tuning(Scale("x", (1200.0,)), KeyMap(reference_key=61, degrees=(0, None)))
    for hz in (0.0, -440.0, 0.99, 100_001.0, np.inf, np.nan):
        with pytest.raises(InputError, match=r"Hz is no frequency for the reference key; allowed: 1..100000 Hz"):
            Tuning(Scale("x", (1200.0,)), KeyMap(reference_hz=hz))


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.floats(-24000, 24000), min_size=1, max_size=5),
    st.lists(st.none() | st.integers(0, 4096), max_size=5),
    st.integers(0, 4096),
    st.integers(0, 127),
)
def test_a_tuning_has_pitches_that_can_be_played(cents, degrees, octave, reference):
    try:
        tuning = Tuning(
            Scale("x", tuple(cents)), KeyMap(reference_key=reference, degrees=tuple(degrees), octave_degree=octave)
        )
    except InputError as error:
        assert "not mapped" in str(error) or "semitones from" in str(error)  # noqa: PT017
        return
    pitches = [pitch for pitch in map(tuning.pitch, range(128)) if pitch is not None]
    assert np.all(np.abs(pitches) < 1100)


def test_a_key_beyond_all_music_is_told(tmp_path):
    (tmp_path / "a.scl").write_text("far\n1\n24000.\n")
    with pytest.raises(InputError, match="scale far: key 0 lies -16560 semitones from the reference key 69; allowed"):
        read_tuning(tmp_path / "a.scl")
    assert Tuning(Scale("octaves", (1200.0,))).pitch(127) == pytest.approx(60 + 67 * 12)


def test_missing_and_enormous_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_scl(tmp_path / "none.scl")
    big = tmp_path / "big.scl"
    big.write_bytes(b"!" * ((1 << 20) + 1))
    with pytest.raises(InputError, match="bytes"):
        read_scl(big)
