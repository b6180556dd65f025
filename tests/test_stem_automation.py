"""Automation of stems: of chains, controllers and controls, by tables and by the song, told where it is wrong."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile
from some_patches import simple_patch
from stem_songs import RATE, two_parts

from backtune.automation import curve_of, in_numbers
from backtune.chain import Chain, EffectSlot
from backtune.errors import InputError
from backtune.lane import Lane
from backtune.moving import Moving, render_moving
from backtune.patch_file import write_patch
from backtune.score_parts import read_parts
from backtune.stem import StemFormat, render_stems
from backtune.stem_part import NO_CHAIN
from backtune.stem_patch import with_controllers
from backtune.stem_song import StemOptions, parse_assignment, stem_song

pytestmark = pytest.mark.usefixtures("own_cache")


def test_automation_leaves_what_it_does_not_touch_bit_by_bit(song: Path, tmp_path: Path) -> None:
    chain = Chain("c", "p", (EffectSlot("tone", "low_shelf"), EffectSlot("room", "reverb", mix=0.3)))
    form = StemFormat(RATE, 32, 1.0)
    still = render_stems(two_parts(song, chain), song, tmp_path / "a", form)
    curves = {"room.mix": curve_of([(1.0, 0.3), (1.5, 1.0)])}
    moving = render_stems(two_parts(song, chain, curves), song, tmp_path / "b", form)
    first, second = (soundfile.read(report.stems[0].path)[0] for report in (still, moving))
    assert np.array_equal(first[:RATE], second[:RATE])
    assert not np.array_equal(first[RATE:], second[RATE:])
    first, second = (soundfile.read(report.stems[1].path)[0] for report in (still, moving))
    assert np.array_equal(first, second)


def test_controllers_are_automated_as_a_player_would_move_them(song: Path, tmp_path: Path) -> None:
    curves = {"cc11": curve_of([(0.0, 127.0), (1.0, 127.0), (1.0, 0.0)])}
    report = render_stems(two_parts(song, NO_CHAIN, curves), song, tmp_path, StemFormat(RATE, 32, 1.0))
    stem, _ = soundfile.read(report.stems[0].path)
    assert np.max(np.abs(stem[: RATE // 2])) > 1e-3
    assert np.max(np.abs(stem[RATE + RATE // 2 :])) < 1e-4
    score = with_controllers(read_parts(song)[1].score, {"bend": curve_of([(0.0, -1.0), (1.0, 1.0)])}, RATE)
    bends = [(status & 0x0F, low | high << 7) for _, status, low, high in score.messages if status & 0xF0 == 0xE0]
    assert bends[0] == (3, 0)
    assert bends[-1] == (3, 16383)
    assert all(a[1] < b[1] for a, b in pairwise(bends))


def test_controls_of_a_patch_move_beside_its_chain_and_as_in_a_render(song: Path, tmp_path: Path) -> None:
    write_patch(simple_patch(), tmp_path / "piano.yaml")
    table = tmp_path / "moves.csv"
    table.write_text(
        "beats,part,control,value,curve\n0,,brightness,-6,smooth\n2,,brightness,6,hold\n"
        "0,2,room.mix,0,linear\n1,2,room.mix,1,linear\n"
    )
    (tmp_path / "room.yaml").write_text("chain: R\npurpose: a room\nslots:\n  - effect: reverb\n    name: room\n")
    assigned = [parse_assignment(f"{part}={tmp_path}/piano.yaml{chain}") for part, chain in (("1", ""), ("2", ""))]
    assigned[1] = replace(assigned[1], chain=str(tmp_path / "room.yaml"))
    report = stem_song(song, assigned, tmp_path / "out", StemFormat(RATE, 32, 1.0), None, StemOptions(automation=table))
    stem, _ = soundfile.read(report.stems[0].path)
    lanes = {"brightness": Lane((0.0, 1.0), (-6.0, 6.0), ("smooth", "hold"))}
    meant = render_moving(Moving(simple_patch(), lanes), read_parts(song)[0].score, RATE)
    common = min(len(stem), len(meant))
    np.testing.assert_array_equal(stem[:common, 0], meant[:common].astype(np.float32))
    layers = stem_song(
        song, assigned[:1], tmp_path / "layers", StemFormat(RATE, 32, 1.0), None, StemOptions(True, table)
    )
    assert len(layers.stems) == 1  # this patch has one layer that sounds


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("0,,brightnes,1,", r"moves.csv line 3: 'brightnes' is nothing that moves.*did you mean 'brightness'"),
        ("0,,brightness,99,", r"moves.csv line 3: brightness: 99 is above the allowed 9 dB/octave"),
        ("0,,brightness,1,Hz", r"moves.csv line 3: brightness is in 'dB/octave', not in 'Hz'"),
        ("0,,temperament,meantoned,", r"moves.csv line 3: temperament: .*did you mean 'meantone'"),
        ("0,,room.mix,2,", r"moves.csv line 3: room.mix: 2; allowed: 0..1"),
        ("0,,room.room_sice,0.5,", r"moves.csv line 3: 'room.room_sice' is nothing.*did you mean 'room.room_size'"),
    ],
)
def test_bad_rows_are_told_with_their_line(song: Path, tmp_path: Path, row: str, says: str) -> None:
    write_patch(simple_patch(), tmp_path / "piano.yaml")
    (tmp_path / "room.yaml").write_text("chain: R\npurpose: a room\nslots:\n  - effect: reverb\n    name: room\n")
    table = tmp_path / "moves.csv"
    table.write_text(f"time_s,part,target,value,unit\n0,,level,-3,dB\n{row}\n")
    assigned = [parse_assignment(f"1={tmp_path}/piano.yaml:{tmp_path}/room.yaml")]
    with pytest.raises(InputError, match=says):
        stem_song(song, assigned, tmp_path / "out", StemFormat(RATE), None, StemOptions(automation=table))


def test_controllers_of_the_song_move_controls_by_a_map(tmp_path: Path) -> None:
    track = mido.MidiTrack([mido.Message("control_change", control=74, value=127)])
    track += [mido.Message("note_on", note=60), mido.Message("note_off", note=60, time=480)]
    mido.MidiFile(tracks=[track]).save(tmp_path / "song.mid")
    write_patch(simple_patch(), tmp_path / "piano.yaml")
    write_patch(simple_patch().with_controls(brightness=9.0), tmp_path / "bright.yaml")
    sounds = []
    for name, chosen in (("piano", "general_midi"), ("bright", "")):
        options = StemOptions(controller_map=chosen)
        assigned = [parse_assignment(f"1={tmp_path}/{name}.yaml")]
        report = stem_song(tmp_path / "song.mid", assigned, tmp_path / name, StemFormat(RATE, 32), None, options)
        sounds.append(soundfile.read(report.stems[0].path)[0])
    np.testing.assert_allclose(sounds[0], sounds[1], atol=2e-5)


@pytest.mark.parametrize(
    ("target", "value", "says"),
    [
        ("cc200", 1.0, "nothing that moves in part 'Piano'"),
        ("cc1", 200.0, r"allowed: numbers in 0..127"),
        ("cc1", "20 dB", "allowed: numbers in 0..127, without a unit"),
        ("room.mix", 0.5, "nothing that moves in 'none'"),
    ],
)
def test_wrong_automation_is_refused(song: Path, tmp_path: Path, target: str, value: float | str, says: str) -> None:
    curve = in_numbers(curve_of([(0.0, value)]))
    with pytest.raises(InputError, match=says):
        render_stems(two_parts(song, NO_CHAIN, {target: curve}), song, tmp_path, StemFormat(RATE))
