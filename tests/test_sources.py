"""Sources: one door for takes; folders with a table; what bad input is told."""

from __future__ import annotations

import itertools
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recordings import RATE, blown, instrument_folder, struck, write, write_index
from written_takes import write_takes

from backtune.errors import InputError
from backtune.notes import Recording, Take
from backtune.reading.index_file import read_index
from backtune.source import Source, SourceKind, find_kind, open_source, source_kinds, source_options

NOTES = {"a.wav": (60, 90.0), "b.wav": (64, 90.0), "c.wav": (67, 60.0)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    instrument_folder(tmp_path, NOTES)
    rows = [
        {"file": "a.wav", "midi": 60, "velocity": 90, "dynamic": "mf", "take": 1, "onset_s": 0.01, "split": "train"},
        {"file": "b.wav", "midi": "E4", "velocity": 90, "dynamic": "mf", "take": 2, "onset_s": "", "split": "test"},
        {"file": "c.wav", "midi": 67, "velocity": 60, "dynamic": "p", "take": "", "onset_s": "", "split": "train"},
    ]
    write_index(tmp_path, rows)
    return tmp_path


def test_every_file_of_the_folder_is_a_kind_and_says_what_it_reads() -> None:
    import pkgutil

    import backtune.sources as sources

    files = {module.name for module in pkgutil.iter_modules(sources.__path__)}
    kinds = source_kinds()
    assert {"folder_index", "folder_names", "sfz", "soundfont"} <= set(kinds)
    assert {kind.__module__.rsplit(".", 1)[1] for kind in kinds.values()} == files
    assert all(issubclass(kind, SourceKind) and kind.explains and source_options(kind) for kind in kinds.values())


def test_index_gives_train_rows_unless_all_are_asked_for(folder: Path) -> None:
    source = open_source(folder)
    assert [(take.name, take.midi, take.velocity, take.number) for take in source.takes] == [
        ("a.wav", 60, 90, 1),
        ("c.wav", 67, 60, 1),
    ]
    assert source.takes[0].onset_s == 0.01
    assert source.takes[1].gate_s is None
    assert len(open_source(folder, split="all").takes) == 3
    assert [take.name for take in open_source(folder / "index.csv", split="test").takes] == ["b.wav"]
    assert source.remarks == ["2 of 3 rows have split=train"]


def test_corpus_json_gives_name_licence_and_levels(folder: Path) -> None:
    (folder / "corpus.json").write_text('{"name": "x", "licence": "CC0", "levels_natural": false, "percussive": true}')
    source = open_source(folder)
    assert (source.name, source.licence, source.levels_natural, source.family) == ("x", "CC0", False, "struck")


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ('"notes": null', "notes: nothing; a list is needed"),
        ('"notes": "soft"', "notes: 'soft'; a list is needed"),
        ('"licence": null', "licence: nothing; a text is needed"),
        ('"levels_natural": 0', "levels_natural: 0; true or false is needed"),
    ],
)
def test_a_fact_of_another_kind_is_refused(folder: Path, told: str, says: str) -> None:
    (folder / "corpus.json").write_text(f'{{"name": "x", {told}}}')
    with pytest.raises(InputError, match=re.escape(f"corpus.json: {says}")):
        open_source(folder)


def test_identity_follows_contents_and_labels_not_places(folder: Path, tmp_path: Path) -> None:
    other = tmp_path.parent / f"{tmp_path.name}-copy"
    shutil.copytree(folder, other)
    first = open_source(folder)
    assert open_source(other).identity == first.identity
    louder = replace(first.takes[0], recording=replace(first.takes[0].recording, gain_db=1.0))
    assert replace(first, takes=[louder, *first.takes[1:]]).identity != first.identity
    write(other / "a.wav", struck(60, 91.0))
    assert open_source(other).identity != first.identity


LABELS: list[dict[str, Any]] = [
    {"name": "b.wav"}, {"midi": 60.5}, {"velocity": 91.0}, {"onset_s": 0.02}, {"gate_s": 0.5}, {"split": "test"}
]  # fmt: skip


@pytest.mark.parametrize("label", LABELS, ids=lambda label: next(iter(label)))
def test_identity_follows_every_label_of_a_take(label: dict[str, Any]) -> None:
    take = Take("a.wav", 60, 90.0, Recording(samples=np.ones(9), rate=RATE), "mf", 1, 0.01, 0.4, "train")
    first, other = (Source(Path("x"), "memory", [one], "x") for one in (take, replace(take, **label)))
    assert other.identity != first.identity
    assert Source(Path("y"), "memory", [replace(take)], "y").identity == first.identity


def _numbers(*numbers: int) -> str:
    """Return the identity of takes of one pitch and velocity, numbered so."""
    audio = [Recording(samples=np.full(9, at + 1.0), rate=RATE) for at in range(len(numbers))]
    takes = [Take(f"{at}.wav", 60, 90.0, audio[at], number=number) for at, number in enumerate(numbers)]
    return Source(Path("x"), "memory", takes, "x").identity


def test_identity_tells_which_of_two_takes_is_the_first() -> None:
    assert _numbers(2, 1) != _numbers(1, 2)
    assert len({_numbers(*order) for order in itertools.permutations((1, 2, 3))}) == 6


def test_identity_of_takes_counted_in_order_is_that_of_takes_not_counted() -> None:
    assert _numbers(1, 2, 3) == _numbers(1, 1, 1)
    assert _numbers(1, 1, 1)[:16] == "d9f1e0a7bcf80448"  # made before numbers were part of it


@pytest.mark.parametrize("suffix", ["wav", "flac", "aiff", "ogg", "mp3"])
@pytest.mark.parametrize("rate", [22050, 44100, 48000])
def test_every_format_and_rate_reads_back(tmp_path: Path, suffix: str, rate: int) -> None:
    audio = blown(69, seconds=0.5, rate=rate)
    write(tmp_path / f"A4.{suffix}", audio, rate)
    write(tmp_path / f"C4.{suffix}", blown(60, seconds=0.5, rate=rate), rate)
    take = next(one for one in open_source(tmp_path).takes if one.midi == 69)
    read, read_rate = take.audio()
    assert read_rate == rate
    level = np.sqrt(np.mean(read**2)) / np.sqrt(np.mean(audio**2))
    assert level == pytest.approx(1.0, abs=0.05)


def test_stereo_is_read_one_channel_at_a_time(tmp_path: Path) -> None:
    left, right = blown(60), 0.25 * blown(60)
    write(tmp_path / "C4.wav", np.stack([left, right], 1))
    write(tmp_path / "D4.wav", np.stack([left, right], 1))
    for channel, expected in ((0, left), (1, right)):
        audio, _ = open_source(tmp_path, channel=channel).takes[0].audio()
        assert np.max(np.abs(audio - expected)) < 2.0**-15
    with pytest.raises(InputError, match=r"channel 2 was asked for; it has 2 \(0\.\.1\)"):
        open_source(tmp_path, channel=2)


def test_recording_applies_offset_gain_and_retuning() -> None:
    samples = np.array([0.1, 0.3, -0.1])
    recording = Recording(samples=samples, rate=44100, dc_offset=0.1, gain_db=20.0, retune_cents=1200.0)
    audio, rate = recording.read()
    assert rate == 88200
    assert np.max(np.abs(audio - np.array([0.0, 2.0, -2.0]))) < 1e-12


def test_rates_levels_onsets_gates_and_splits_are_read(tmp_path: Path) -> None:
    takes = [
        Take("x", 60, 90.0, Recording(samples=struck(60), rate=RATE), "mf", 1, 0.01, 1.2, "train"),
        Take("y", 61, 33.0, Recording(samples=struck(61), rate=48000), "", 2, None, None, "test"),
    ]
    index = write_takes(takes, tmp_path / "out")
    back = open_source(index, split="all").takes
    assert [(one.midi, one.velocity, one.dynamic, one.number) for one in back] == [(60, 90, "mf", 1), (61, 33, "", 2)]
    assert [(one.onset_s, one.gate_s, one.split) for one in back] == [(0.01, 1.2, "train"), (None, None, "test")]
    for wrote, read in zip(takes, back, strict=True):
        audio, rate = read.audio()
        assert rate == wrote.recording.rate
        assert np.max(np.abs(audio - wrote.audio()[0])) < 2.0**-22  # one step of 24 bits


def _bad(tmp_path: Path, what: str) -> Path:
    instrument_folder(tmp_path, NOTES)
    good = [{"file": name, "midi": midi, "velocity": velocity} for name, (midi, velocity) in NOTES.items()]
    index = write_index(tmp_path, good)
    text = index.read_text()
    if what == "not utf-8":
        index.write_bytes(text.encode().replace(b"a.wav", b"\xe9.wav"))
    elif what == "semicolons":
        index.write_text(text.replace(",", ";"))
    elif what == "null":
        index.write_bytes(text.encode() + b"\0")
    elif what == "huge":
        index.write_bytes(text.encode() + b"#" * 21_000_000)
    elif what == "newline in name":
        write_index(tmp_path, [{"file": "a\n.wav", "midi": 60, "velocity": 90}])
    elif what == "escape":
        write_index(tmp_path, [{"file": "../outside.wav", "midi": 60, "velocity": 90}])
    elif what == "absolute":
        write_index(tmp_path, [{"file": "/etc/passwd", "midi": 60, "velocity": 90}])
    elif what == "missing file":
        write_index(tmp_path, [{"file": "z.wav", "midi": 60, "velocity": 90}])
    elif what == "no column":
        write_index(tmp_path, [{"file": "a.wav", "midi": 60, "velocty": 90}])
    elif what == "two onsets":
        index.write_text("file,midi,velocity,onset_s,onset_s\na.wav,60,90,0.01,0.5\n")
    elif what == "short row":
        index.write_text(text + "a.wav,60\n")
    elif what == "empty":
        index.write_text("")
    elif what == "velocity":
        write_index(tmp_path, [{"file": "a.wav", "midi": 60, "velocity": 128}])
    elif what == "nan":
        write_index(tmp_path, [{"file": "a.wav", "midi": 60, "velocity": "nan"}])
    elif what == "note":
        write_index(tmp_path, [{"file": "a.wav", "midi": "H4", "velocity": 90}])
    elif what == "text as wav":
        (tmp_path / "a.wav").write_text("this is no audio")
    elif what == "no samples":
        soundfile.write(tmp_path / "a.wav", np.zeros(0), RATE)
    elif what == "header that promises too much":
        soundfile.write(tmp_path / "a.wav", struck(60), RATE, format="FLAC")
        data = bytearray((tmp_path / "a.wav").read_bytes())
        data[21] |= 0x0F  # the upper bits of the 36 that count the samples (FLAC STREAMINFO)
        (tmp_path / "a.wav").write_bytes(data)
    elif what == "loop of links":
        (tmp_path / "a.wav").unlink()
        os.symlink(tmp_path / "a.wav", tmp_path / "a.wav")
    elif what == "corpus":
        (tmp_path / "corpus.json").write_text("[" * 100_000)
    elif what == "split":
        write_index(tmp_path, [{"file": "a.wav", "midi": 60, "velocity": 90, "split": "tset"}])
    return tmp_path


BAD = {
    "not utf-8": "byte 19 is not UTF-8",
    "null": "null bytes",
    "huge": "over 20000000 bytes",
    "newline in name": r"row 2: file is 'a\\n.wav'",
    "escape": r"row 2: '.*outside.wav' lies outside the folder",
    "absolute": "lies outside the folder",
    "missing file": "z.wav: no such file",
    "no column": "the column 'velocity' is missing; did you mean 'velocty'",
    "semicolons": "index.csv: its columns are separated by semicolons; allowed: commas",
    "two onsets": "the column 'onset_s' is there twice",
    "short row": "row 5 has 2 cells, the header has 3",
    "empty": "the table is empty",
    "velocity": r"velocity is '128'; allowed: a number in 1\.\.127",
    "nan": "velocity is 'nan'",
    "note": "'H4' is not a note name",
    "text as wav": "a.wav: not readable as audio",
    "no samples": "a.wav: the file holds no audio",
    "header that promises too much": "a.wav: 406 hours long",
    "loop of links": "a.wav",
    "corpus": "corpus.json: not readable as JSON",
    "split": "no row has split 'train'; allowed: all, tset",
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_table_is_told_in_one_sentence(tmp_path: Path, what: str) -> None:
    with pytest.raises(InputError, match=BAD[what]) as told:
        open_source(_bad(tmp_path, what))
    assert "\n" not in str(told.value)
    assert told.value.exit_code == 2


def test_bad_places_and_options_are_told(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        open_source(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no such file or folder"):
        open_source("a\0b")
    (tmp_path / "x.txt").write_text("x")
    with pytest.raises(InputError, match=r"not a source of recordings; allowed: .*index.csv.*SFZ"):
        open_source(tmp_path / "x.txt")
    with pytest.raises(InputError, match="has no option 'splitt'; did you mean 'split'"):
        open_source(folder, splitt="all")
    loop = tmp_path / "loop"
    os.symlink(loop, loop)
    with pytest.raises(InputError, match="loop"):
        open_source(loop)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match=r"empty: no audio files in this folder; allowed: .aif"):
        open_source(empty)


def test_at_most_one_kind_recognises_a_path(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "x.sfz").write_text("<region>")
    (tmp_path / "x.sf2").write_bytes(b"RIFF")
    for path in (folder, folder / "index.csv", tmp_path / "x.sfz", tmp_path / "x.sf2"):
        assert sum(kind.recognises(path) for kind in source_kinds().values()) == 1
        assert find_kind(path).recognises(path)


def _told(reader: Callable[[Path], object], path: Path) -> str:
    try:
        reader(path)
    except InputError as error:
        return str(error)
    return ""


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.binary(max_size=300))
def test_no_bytes_in_a_table_give_a_traceback(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "index.csv"
    for text in (data, b"file,midi,velocity\n" + data, b"file,midi,velocity,take\na.wav,60," + data + b",1\n"):
        path.write_bytes(text)
        for reader in (read_index, lambda index: open_source(index.parent)):
            told = _told(reader, path)
            assert "\n" not in told
