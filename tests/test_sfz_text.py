"""SFZ texts: inheritance, texts in texts, definitions, comments, what is refused, and how long it takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from counted import TWICE_AS_MUCH, calls_made
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recordings import struck, write
from sfz_library import open_sfz, write_library

from backtune.errors import InputError
from backtune.reading.sfz_text import read_sfz, uncommented
from backtune.source import open_source


def test_defines_includes_and_inheritance_are_worked_off(tmp_path: Path) -> None:
    library = write_library(tmp_path)
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


def test_blanks_around_the_sign_of_an_opcode_mean_nothing(tmp_path: Path) -> None:
    for name in ("a one.wav", "b.wav"):
        write(tmp_path / name, struck(64))
    text = "<region>sample = a one.wav key\t= 64 lovel =64\n<region>\nkey = e4\n hivel= 63  sample =b.wav\n"
    takes = open_sfz(tmp_path, text).takes
    assert [(take.name, take.midi, take.velocity) for take in takes] == [("b.wav", 64, 32), ("a one.wav", 64, 96)]


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
        open_sfz(tmp_path, text)
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
    assert open_sfz(tmp_path, text).takes[0].name == "a.wav"


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
        open_sfz(tmp_path, "#define $A a\n<region> sample=$A" + "x" * 10_000)


def test_defines_that_grow_without_end_are_stopped(tmp_path: Path) -> None:
    lines = ["#define $A0 " + "x" * 50] + [f"#define $A{number + 1} " + f"$A{number}" * 20 for number in range(20)]
    with pytest.raises(InputError, match="is longer than 10000 characters"):
        open_sfz(tmp_path, "\n".join(lines) + "\n<region> sample=$A20")


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
