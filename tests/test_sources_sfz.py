"""SFZ instruments: inheritance, texts in texts, conditions, microphones, round robins, levels, and what is refused."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from counted import TWICE_AS_MUCH, calls_made
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recordings import struck, write

from backtune.errors import InputError
from backtune.reading.sfz_text import read_sfz, uncommented
from backtune.source import Source, open_source

LIBRARY = """// a library in the manner of ARIA
#define $EXT wav
#define $CLOSE 74
#define $FAR 77
<control> default_path=Samples/ set_cc$CLOSE=127 set_hdcc$FAR=0.5
<global> amp_veltrack=0 // follow nothing
<master> locc$CLOSE=1 amplitude_oncc$CLOSE=100
#define $MIC close
#include "Data/dynamics.txt"
<master> locc$FAR=1 amplitude_oncc$FAR=100
#define $MIC far
#include "Data\\dynamics.txt"
"""
DYNAMICS = """<group> lovel=1 hivel=63 group_volume=-6 #define $DYN p #include "Data/notes.txt"
/* the loud ones
   follow */
<group> lovel=64 hivel=127 #define $DYN ff
#include "Data/notes.txt"
"""
NOTES = """<region> #define $KEY 60 lokey=59 hikey=61 #include "Data/sample.txt" tune=20
<region> #define $KEY 64 lokey=e4 hikey=65 #include "Data/sample.txt"
"""
SAMPLE = "sample=A note $DYN $MIC $KEY.$EXT\npitch_keycenter=$KEY"


@pytest.fixture
def library(tmp_path: Path) -> Path:
    (tmp_path / "Data").mkdir()
    for name, text in (("dynamics", DYNAMICS), ("notes", NOTES), ("sample", SAMPLE)):
        (tmp_path / f"Data/{name}.txt").write_text(text)
    for dynamic in ("p", "ff"):
        for microphone in ("close", "far"):
            for key in (60, 64):
                write(tmp_path / f"Samples/A note {dynamic} {microphone} {key}.wav", struck(key))
    path = tmp_path / "x.sfz"
    path.write_text(LIBRARY)
    return path


def _sfz(folder: Path, text: str, **options: object) -> Source:
    path = folder / "t.sfz"
    path.write_text(text)
    return open_source(path, **options)


def test_defines_includes_and_inheritance_are_worked_off(library: Path) -> None:
    regions = read_sfz(library, library.parent).regions
    assert len(regions) == 8
    assert regions[0] == {
        "default_path": "Samples/",
        "amp_veltrack": "0",
        "locc74": "1",
        "amplitude_oncc74": "100",
        "lovel": "1",
        "hivel": "63",
        "group_volume": "-6",
        "lokey": "59",
        "hikey": "61",
        "sample": "A note p close 60.wav",
        "pitch_keycenter": "60",
        "tune": "20",
    }
    assert "group_volume" not in regions[2]
    assert "locc74" not in regions[4]


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
        return _sfz(tmp_path, text.format(opcodes)).takes[0].recording.gain_db

    assert gain("") == pytest.approx(2 * -5.953, abs=0.01)  # (64 / 127) squared
    assert gain("amp_veltrack=0") == pytest.approx(0.0)
    assert gain("amp_veltrack=50 volume=3") == pytest.approx(3.0 - 4.06, abs=0.01)
    assert gain("amp_velcurve_64=1") == pytest.approx(0.0, abs=1e-9)
    assert gain("amplitude=50 amp_veltrack=0") == pytest.approx(-6.02, abs=0.01)


def test_pitch_of_a_sample_is_where_it_plays_at_its_own_rate(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", struck(64))
    write(tmp_path / "b.wav", struck(60))

    def pitches(opcodes: str) -> list[tuple[float, float]]:
        takes = _sfz(tmp_path, f"<region>sample=a.wav {opcodes} <region>sample=b.wav key=60").takes
        return [(take.midi, round(take.recording.retune_cents, 6)) for take in takes if take.name == "a.wav"]

    assert pitches("key=64") == [(64, 0)]
    assert pitches("lokey=60 hikey=70 pitch_keycenter=e4") == [(64, 0)]
    assert pitches("key=62 pitch_keycenter=64 tune=-30") == [(64, -30)]
    assert pitches("key=62 pitch_keycenter=62 transpose=-2") == [(64, 0)]
    assert pitches("lokey=1 hikey=127") == [(60, 0)]  # the format's default
    with pytest.raises(InputError, match=r"said to sound at MIDI 160; allowed: 0\.\.127"):
        pitches("key=100 transpose=-60")


def test_blanks_around_the_sign_of_an_opcode_mean_nothing(tmp_path: Path) -> None:
    for name in ("a one.wav", "b.wav"):
        write(tmp_path / name, struck(64))
    text = "<region>sample = a one.wav key\t= 64 lovel =64\n<region>\nkey = e4\n hivel= 63  sample =b.wav\n"
    takes = _sfz(tmp_path, text).takes
    assert [(take.name, take.midi, take.velocity) for take in takes] == [("b.wav", 64, 32), ("a one.wav", 64, 96)]


def test_offset_and_end_cut_the_file(tmp_path: Path) -> None:
    audio = struck(60)
    write(tmp_path / "a.wav", audio)
    take = _sfz(tmp_path, "<region>sample=a.wav key=60 offset=100 end=5099", levels="recorded").takes[0]
    assert len(take.audio()[0]) == 5000
    assert abs(take.audio()[0] - audio[100:5100]).max() < 2.0**-15
    with pytest.raises(InputError, match="offset 999999 is behind its end"):
        _sfz(tmp_path, "<region>sample=a.wav offset=999999")


@pytest.mark.parametrize("ranges", ["lokey=62 hikey=61", "lovel=100 hivel=99", "xfin_lovel=90 xfin_hivel=90 hivel=80"])
def test_a_region_that_nothing_reaches_is_left_out_and_told(tmp_path: Path, ranges: str) -> None:
    write(tmp_path / "a.wav", struck(60))
    write(tmp_path / "b.wav", struck(62))
    source = _sfz(tmp_path, f"<region>sample=a.wav key=60 <region>sample=b.wav key=62 {ranges}")
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
    source = _sfz(tmp_path, f"{more} <region> sample=b.wav {slip}")
    assert [take.midi for take in source.takes] == [60, 64]
    (told,) = source.problems
    assert told.startswith(f"left out: 1 of 3 regions cannot be read, region 3: {said}"), told
    twice = _sfz(tmp_path, f"{more} <region> sample=b.wav {slip} <region> sample=b.wav {slip}")
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
    takes = _sfz(tmp_path, text).takes
    assert [(take.name, take.number) for take in takes[:2]] == [("a.wav", 1), ("b.wav", 2)]
    assert [(take.name, take.velocity) for take in takes[2:]] == [("c.wav", 31), ("d.wav", 94)]


def test_one_sample_in_two_layers_is_one_take_and_the_plain_one_counts(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", struck(60))
    write(tmp_path / "b.wav", struck(62))
    text = """<group> lovel=1 hivel=40 cutoff=1000 <region> sample=a.wav key=60
<group> lovel=41 hivel=67 <region> sample=a.wav key=60
<group> <region> sample=b.wav key=62 lovel=1 hivel=40 <region> sample=b.wav key=62 lovel=41 hivel=100
"""
    takes = _sfz(tmp_path, text).takes
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
    source = _sfz(tmp_path, text)
    assert [take.name for take in source.takes] == ["a.wav"]
    assert len(source.problems) == 8


def test_curves_bend_controllers(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", struck(60))
    text = """<control> set_cc20=64 <region> sample=a.wav key=60 amp_veltrack=0 amplitude_oncc20=100
amplitude_curvecc20={} <curve> curve_index=17 v000=1 v127=1"""
    for curve, gain in ((0, -5.95), (4, -11.9), (17, 0.0)):
        assert _sfz(tmp_path, text.format(curve)).takes[0].recording.gain_db == pytest.approx(gain, abs=0.05)


def test_names_that_differ_in_case_are_found(tmp_path: Path) -> None:
    write(tmp_path / "Samples" / "A.wav", struck(60))
    assert len(_sfz(tmp_path, "<region> sample=Samples\\a.WAV key=60").takes) == 1


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
        _sfz(inner, f"<region> {opcode} key=60")
    if ".." in opcode and "out" in opcode:
        assert len(_sfz(inner, f"<region> {opcode} key=60", root=str(tmp_path)).takes) == 1


BAD = {
    "": "holds no <region>",
    "<region>": "no region sounds",
    "<region> sample=a.wav key=H9": "region 1: note: 'H9' is not a note name",
    "<region> sample=a.wav key=200": "region 1: note: 200 is outside the MIDI range",
    "<region> sample=a.wav key=60 volume=loud": "regions cannot be read, region 1: volume is 'loud'; allowed: a number",
    "<control> note_offset=up <region> sample=a.wav": "1 of 1 regions cannot be read, region 1: note_offset is 'up'",
    "<region> sample=a.wav key=60 volume=inf": "volume is 'inf'",
    "<region> sample=a.wav lokey=70 hikey=60": "left out: 1 of 1 regions have no key or velocity that reaches them",
    '#include "t.sfz" <region> sample=a.wav': "includes itself",
    '#include "nowhere.txt"': r"nowhere.txt: cannot be read \(No such file",
    '#include "../x.txt"': r"lies outside the folder '.*'; --with root=FOLDER allows",
}


@pytest.mark.parametrize("text", BAD)
def test_bad_texts_are_told_in_one_sentence(tmp_path: Path, text: str) -> None:
    write(tmp_path / "a.wav", struck(60))
    with pytest.raises(InputError, match=BAD[text]) as told:
        _sfz(tmp_path, text)
    assert "\n" not in str(told.value)


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    path = tmp_path / "x.sfz"
    path.write_bytes(b"<region>\0\1\2")
    with pytest.raises(InputError, match="not a text"):
        open_source(path)
    path.write_bytes("<region> sample=é.wav".encode("cp1252"))
    with pytest.raises(InputError, match=r"1 of 1 samples are missing: 'é.wav'"):
        open_source(path)


def test_of_defines_that_begin_alike_the_longest_counts(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", struck(60))
    text = "#define $KE c #define $KEY a\n#define $KEYS x\n<region> sample=$KEY.wav key=60"
    assert _sfz(tmp_path, text).takes[0].name == "a.wav"


@settings(max_examples=500)
@given(st.text("/* \na", max_size=14))
def test_comments_are_what_their_grammar_says(text: str) -> None:
    assert uncommented(text) == re.sub(r"//[^\n]*|/\*.*?\*/", " ", text, flags=re.DOTALL)


def test_defines_are_looked_up_as_fast_each_however_many_they_are(tmp_path: Path) -> None:
    def written(count: int) -> Path:
        path = tmp_path / f"{count}.sfz"
        path.write_text("".join(f"#define $K{n}k {n}\n<region> key=$K{n}k tune=$K{n}kk\n" for n in range(count)))
        return path

    some, more = written(100), written(200)
    last = read_sfz(more, tmp_path).regions[-1]
    assert (last["key"], last["tune"]) == ("199", "199k")
    assert calls_made(lambda: read_sfz(more, tmp_path)) < TWICE_AS_MUCH * calls_made(lambda: read_sfz(some, tmp_path))


def test_a_text_that_is_too_long_is_not_cut_where_it_holds_a_definition(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is longer than 10000 characters"):
        _sfz(tmp_path, "#define $A a\n<region> sample=$A" + "x" * 10_000)


def test_defines_that_grow_without_end_are_stopped(tmp_path: Path) -> None:
    lines = ["#define $A0 " + "x" * 50] + [f"#define $A{number + 1} " + f"$A{number}" * 20 for number in range(20)]
    with pytest.raises(InputError, match="is longer than 10000 characters"):
        _sfz(tmp_path, "\n".join(lines) + "\n<region> sample=$A20")


HEADERS = [f"<{name}>" for name in ("region", "group", "global", "control", "curve", "master")]
OPCODES = ["sample=a.wav", "key=60", "lokey=", "hikey=c4", "lovel=x", "tune=1e9", "set_cc7=", "v000=1", "locc7=0.5"]
LOOSE = [
    "#define",
    "#define $A b",
    "$A=1",
    '#include "t.sfz"',
    '#include "',
    "=",
    "<",
    "//",
    "/*",
    "*/",
    "\n",
    "end=-5",
]
WORDS = st.sampled_from(HEADERS + OPCODES + LOOSE)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.lists(WORDS | st.text(max_size=8), max_size=30).map(" ".join) | st.text(max_size=200))
def test_no_text_gives_a_traceback(tmp_path: Path, text: str) -> None:
    if not (tmp_path / "a.wav").exists():
        write(tmp_path / "a.wav", struck(60, seconds=0.1))
    path = tmp_path / "t.sfz"
    path.write_text(text, encoding="utf-8", errors="replace")
    try:
        takes = open_source(path).takes
    except InputError:
        return
    assert takes


def test_long_texts_are_read_in_a_moment(tmp_path: Path) -> None:
    """A search that goes back over each run would take minutes: 10^6 signs squared."""
    for run in (" ", "x", "=", "$A", "<", "/*", "\n", "a=b "):
        path = tmp_path / "t.sfz"
        path.write_text("<region> sample=" + run * 300_000)
        with pytest.raises(InputError):
            open_source(path)
