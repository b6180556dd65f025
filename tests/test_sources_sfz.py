"""SFZ instruments: conditions, microphones, round robins, layers, levels, pitch, and samples that are not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from recordings import struck, write
from sfz_library import open_sfz, write_library

from backtune.errors import InputError
from backtune.source import open_source


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return write_library(tmp_path)


def test_one_microphone_is_taken_and_can_be_chosen(library: Path) -> None:
    source = open_source(library)
    assert [take.name for take in source.takes] == [
        "Samples/A note p close 60.wav",
        "Samples/A note ff close 60.wav",
        "Samples/A note p close 64.wav",
        "Samples/A note ff close 64.wav",
    ]
    assert [(take.midi, take.velocity, take.dynamic) for take in source.takes[:2]] == [(60, 32, "p"), (60, 96, "ff")]
    assert "4 samples that sound together" in source.problems[0]
    far = open_source(library, only="*FAR*")
    assert all("far" in take.name for take in far.takes)
    assert far.problems == ["left out: 4 of 8 regions do not match only='*FAR*'"]
    with pytest.raises(InputError, match=r"no region sounds when a key is struck; left out: 8 of 8"):
        open_source(library, only="*none*")


def test_played_levels_and_tuning_follow_the_opcodes(library: Path) -> None:
    played = {take.name: take.recording for take in open_source(library).takes}
    soft = played["Samples/A note p close 60.wav"]
    assert soft.gain_db == pytest.approx(-6.0)
    assert soft.retune_cents == pytest.approx(20.0)
    assert played["Samples/A note ff close 60.wav"].gain_db == pytest.approx(0.0)
    far = open_source(library, only="*far*").takes[1].recording
    assert far.gain_db == pytest.approx(-6.02, abs=0.01)  # its controller stands at one half
    raw = open_source(library, levels="recorded").takes[0].recording
    assert (raw.gain_db, raw.retune_cents) == (0.0, 0.0)


def test_velocity_curve_defaults_to_the_square(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", struck(60))
    write(tmp_path / "b.wav", struck(62))
    text = "<region>sample=a.wav key=60 lovel=63 hivel=65 {} <region>sample=b.wav key=62"

    def gain(opcodes: str) -> float:
        return open_sfz(tmp_path, text.format(opcodes)).takes[0].recording.gain_db

    assert gain("") == pytest.approx(2 * -5.953, abs=0.01)  # (64 / 127) squared
    assert gain("amp_veltrack=0") == pytest.approx(0.0)
    assert gain("amp_veltrack=50 volume=3") == pytest.approx(3.0 - 4.06, abs=0.01)
    assert gain("amp_velcurve_64=1") == pytest.approx(0.0, abs=1e-9)
    assert gain("amplitude=50 amp_veltrack=0") == pytest.approx(-6.02, abs=0.01)


def test_pitch_of_a_sample_is_where_it_plays_at_its_own_rate(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", struck(64))
    write(tmp_path / "b.wav", struck(60))

    def pitches(opcodes: str) -> list[tuple[float, float]]:
        takes = open_sfz(tmp_path, f"<region>sample=a.wav {opcodes} <region>sample=b.wav key=60").takes
        return [(take.midi, round(take.recording.retune_cents, 6)) for take in takes if take.name == "a.wav"]

    assert pitches("key=64") == [(64, 0)]
    assert pitches("lokey=60 hikey=70 pitch_keycenter=e4") == [(64, 0)]
    assert pitches("key=62 pitch_keycenter=64 tune=-30") == [(64, -30)]
    assert pitches("key=62 pitch_keycenter=62 transpose=-2") == [(64, 0)]
    assert pitches("lokey=1 hikey=127") == [(60, 0)]  # the format's default
    with pytest.raises(InputError, match=r"said to sound at MIDI 160; allowed: 0\.\.127"):
        pitches("key=100 transpose=-60")


def test_offset_and_end_cut_the_file(tmp_path: Path) -> None:
    audio = struck(60)
    write(tmp_path / "a.wav", audio)
    take = open_sfz(tmp_path, "<region>sample=a.wav key=60 offset=100 end=5099", levels="recorded").takes[0]
    assert len(take.audio()[0]) == 5000
    assert abs(take.audio()[0] - audio[100:5100]).max() < 2.0**-15
    with pytest.raises(InputError, match="offset 999999 is behind its end"):
        open_sfz(tmp_path, "<region>sample=a.wav offset=999999")


@pytest.mark.parametrize("ranges", ["lokey=62 hikey=61", "lovel=100 hivel=99", "xfin_lovel=90 xfin_hivel=90 hivel=80"])
def test_a_region_that_nothing_reaches_is_left_out_and_told(tmp_path: Path, ranges: str) -> None:
    write(tmp_path / "a.wav", struck(60))
    write(tmp_path / "b.wav", struck(62))
    source = open_sfz(tmp_path, f"<region>sample=a.wav key=60 <region>sample=b.wav key=62 {ranges}")
    assert [take.name for take in source.takes] == ["a.wav"]
    assert source.problems == ["left out: 1 of 2 regions have no key or velocity that reaches them"]


@pytest.mark.parametrize(
    ("slip", "said"),
    [
        ("key=62 tune=abc", "tune is 'abc'; allowed: a number"),
        ("key=62 locc1=nan", "locc1 is 'nan'; allowed: a number"),
        ("key=62 volume_oncc7=1e99", "volume_oncc7 is '1e99'; allowed: a number"),
        ("key=H4", "note: 'H4' is not a note name"),
    ],
)
def test_a_region_with_an_opcode_that_holds_no_number_is_left_out_and_told(
    tmp_path: Path, slip: str, said: str
) -> None:
    for name in "abc":
        write(tmp_path / f"{name}.wav", struck(60))
    more = "<region> sample=a.wav key=60 <region> sample=c.wav key=64"
    source = open_sfz(tmp_path, f"{more} <region> sample=b.wav {slip}")
    assert [take.midi for take in source.takes] == [60, 64]
    (told,) = source.problems
    assert told.startswith(f"left out: 1 of 3 regions cannot be read, region 3: {said}"), told
    twice = open_sfz(tmp_path, f"{more} <region> sample=b.wav {slip} <region> sample=b.wav {slip}")
    assert twice.problems[0].startswith(f"left out: 2 of 4 regions cannot be read, such as region 3: {said}")


def test_round_robins_are_numbered_and_cross_fades_are_layers(tmp_path: Path) -> None:
    for name in "abcd":
        write(tmp_path / f"{name}.wav", struck(60))
    text = """<group> key=60 seq_length=2
<region> sample=b.wav seq_position=2
<region> sample=a.wav seq_position=1
<group> key=64
<region> sample=c.wav lovel=1 hivel=80 xfout_lovel=40 xfout_hivel=80
<region> sample=d.wav lovel=40 hivel=127 xfin_lovel=40 xfin_hivel=80
"""
    takes = open_sfz(tmp_path, text).takes
    assert [(take.name, take.number) for take in takes[:2]] == [("a.wav", 1), ("b.wav", 2)]
    assert [(take.name, take.velocity) for take in takes[2:]] == [("c.wav", 31), ("d.wav", 94)]


def test_one_sample_in_two_layers_is_one_take_and_the_plain_one_counts(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", struck(60))
    write(tmp_path / "b.wav", struck(62))
    text = """<group> lovel=1 hivel=40 cutoff=1000 <region> sample=a.wav key=60
<group> lovel=41 hivel=67 <region> sample=a.wav key=60
<group> <region> sample=b.wav key=62 lovel=1 hivel=40 <region> sample=b.wav key=62 lovel=41 hivel=100
"""
    takes = open_sfz(tmp_path, text).takes
    assert [(take.name, take.velocity) for take in takes] == [("a.wav", 54), ("b.wav", 51)]


def test_only_what_a_struck_key_sounds_is_taken(tmp_path: Path) -> None:
    for name in "abcdefgh":
        write(tmp_path / f"{name}.wav", struck(60))
    text = """<control> set_cc20=0 <global> sw_default=c1
<region> sample=a.wav key=60 sw_last=24
<region> sample=b.wav key=61 sw_last=25
<region> sample=c.wav key=62 trigger=release
<region> sample=d.wav key=63 locc64=65
<region> sample=e.wav key=64 amplitude_oncc20=100
<region> sample=f.wav key=65 pitch_keytrack=0
<region> sample=*noise key=66
<region> sample=g.wav key=67 on_locc64=64 on_hicc64=127
<region> sample=h.wav key=68 end=-1
"""
    source = open_sfz(tmp_path, text)
    assert [take.name for take in source.takes] == ["a.wav"]
    assert len(source.problems) == 8


def test_curves_bend_controllers(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", struck(60))
    text = """<control> set_cc20=64 <region> sample=a.wav key=60 amp_veltrack=0 amplitude_oncc20=100
amplitude_curvecc20={} <curve> curve_index=17 v000=1 v127=1"""
    for curve, gain in ((0, -5.95), (4, -11.9), (17, 0.0)):
        assert open_sfz(tmp_path, text.format(curve)).takes[0].recording.gain_db == pytest.approx(gain, abs=0.05)


def test_names_that_differ_in_case_are_found(tmp_path: Path) -> None:
    write(tmp_path / "Samples" / "A.wav", struck(60))
    assert len(open_sfz(tmp_path, "<region> sample=Samples\\a.WAV key=60").takes) == 1


def test_missing_samples_are_named(library: Path) -> None:
    os.remove(library.parent / "Samples/A note p close 60.wav")
    with pytest.raises(InputError, match=r"1 of 4 samples are missing: 'Samples/A note p close 60.wav'"):
        open_source(library)


@pytest.mark.parametrize("opcode", ["sample=../out.wav", "sample=/etc/passwd", "default_path=.. sample=/x.wav"])
def test_samples_cannot_leave_the_folder_unless_a_root_allows(tmp_path: Path, opcode: str) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    write(tmp_path / "out.wav", struck(60))
    with pytest.raises(InputError, match=r"lies outside the folder '.*'; --with root=FOLDER allows"):
        open_sfz(inner, f"<region> {opcode} key=60")
    if ".." in opcode and "out" in opcode:
        assert len(open_sfz(inner, f"<region> {opcode} key=60", root=str(tmp_path)).takes) == 1
