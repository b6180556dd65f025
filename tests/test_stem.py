"""Stems: files of one length that begin together, add up to the mix, and say what they are."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
import tracemalloc
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import hosted
import mido
import numpy as np
import pyloudnorm
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from small_instruments import Blown, Struck
from some_patches import simple_patch

from backtune.automation import Curve, curve_of, in_numbers
from backtune.chain import Chain, EffectSlot, PluginSlot, PluginValue
from backtune.chain_file import open_chain
from backtune.errors import BacktuneError, InputError
from backtune.hosting.plugin import Plugin
from backtune.lane import Lane
from backtune.law import Law
from backtune.library import library
from backtune.midi import Score, read_midi
from backtune.moving import Moving, render_moving
from backtune.patch_file import write_patch
from backtune.performance import render_score
from backtune.score_parts import find_part, read_parts
from backtune.stem import SUM_DB, StemFormat, render_stems, sum_error_db
from backtune.stem_part import NO_CHAIN, Part, PluginPerformer
from backtune.stem_patch import PatchPerformer, with_controllers
from backtune.stem_song import StemOptions, layers_of, parse_assignment, report_data, report_text, stem_song

RATE = 48000
SECONDS = 2.0
FAST_S = 5.0  # 4000 tracks of three events take 0.2 s; merged anew for each part, 20 s


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """Return a MIDI file of two tracks with a change of tempo between their notes; it lasts 2 s."""
    conductor = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=500_000), mido.MetaMessage("time_signature")])
    conductor.append(mido.MetaMessage("set_tempo", tempo=1_000_000, time=960))
    piano, flute = mido.MidiTrack(), mido.MidiTrack()
    piano.append(mido.MetaMessage("track_name", name="Piano"))
    flute.append(mido.MetaMessage("track_name", name="Flute"))
    for track, key, channel in ((piano, 60, 0), (flute, 72, 3)):
        for number in range(3):
            track.append(mido.Message("note_on", note=key + number, velocity=60 + 20 * number, channel=channel))
            track.append(mido.Message("note_off", note=key + number, time=480, channel=channel))
    path = tmp_path / "song.mid"
    mido.MidiFile(type=1, ticks_per_beat=480, tracks=[conductor, piano, flute]).save(path)
    return path


def two_parts(song: Path, chain: Chain = NO_CHAIN, curves: dict[str, Curve] | None = None) -> list[Part]:
    first, second = read_parts(song)
    return [
        Part(first.name, PatchPerformer(Struck()), first.score, chain, curves or {}),
        Part(second.name, PatchPerformer(Blown()), second.score),
    ]


def test_parts_share_the_tempo_map_and_keep_their_names(song: Path) -> None:
    piano, flute = read_parts(song)
    assert (piano.number, piano.name, flute.name) == (1, "Piano", "Flute")
    assert piano.score.seconds == flute.score.seconds == pytest.approx(SECONDS)
    onsets = [time for time, status, *_ in flute.score.messages if status & 0xF0 == 0x90]
    assert onsets == pytest.approx([0.0, 0.5, 1.0])
    assert find_part([piano, flute], "flute", "x") is flute
    assert find_part([piano, flute], "1", "x") is piano
    with pytest.raises(InputError, match=r"no part 'flut'; it has 1 \(Piano\), 2 \(Flute\); did you mean 'Flute'"):
        find_part([piano, flute], "flut", "x")


def test_one_track_has_a_part_a_channel(tmp_path: Path) -> None:
    track = mido.MidiTrack()
    for channel in (9, 0, 4):
        track.append(mido.Message("note_on", note=60, velocity=80, channel=channel))
        track.append(mido.Message("note_off", note=60, time=240, channel=channel))
    mido.MidiFile(type=0, tracks=[track]).save(tmp_path / "one.mid")
    assert [part.name for part in read_parts(tmp_path / "one.mid")] == ["channel 1", "channel 5", "drums"]
    mido.MidiFile(type=0, tracks=[mido.MidiTrack()]).save(tmp_path / "none.mid")
    with pytest.raises(InputError, match="holds no note"):
        read_parts(tmp_path / "none.mid")


def test_parts_are_on_the_clock_of_the_whole(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    file = mido.MidiFile(type=1, ticks_per_beat=480)
    for number in range(4):
        track = mido.MidiTrack()
        for tempo, key, wait in rng.integers((200_000, 20, 0), (900_000, 100, 700), (50, 3)).tolist():
            track.append(mido.MetaMessage("set_tempo", tempo=tempo, time=wait // 3))
            track.append(mido.Message("note_on", note=key, velocity=90, channel=number, time=wait))
        file.tracks.append(track)
    file.save(tmp_path / "many.mid")
    parts, whole = read_parts(tmp_path / "many.mid"), read_midi(tmp_path / "many.mid")
    assert sorted(one for part in parts for one in part.score.messages) == sorted(whole.messages)
    assert {part.score.seconds for part in parts} == {whole.seconds}


def test_thousands_of_tracks_with_tempi_are_read_as_fast_as_one(tmp_path: Path) -> None:
    file = mido.MidiFile(type=1)
    for number in range(4000):
        tempo = mido.MetaMessage("set_tempo", tempo=500_000 + number)
        struck = mido.Message("note_on", note=60, velocity=90, time=10)
        file.tracks.append(mido.MidiTrack([tempo, struck] if number % 2 else [tempo]))
    file.save(tmp_path / "many.mid")
    began = time.monotonic()
    parts = read_parts(tmp_path / "many.mid")
    assert [part.name for part in parts[:2]] == ["track 1", "track 2"]
    assert len(parts) == 2000
    assert time.monotonic() - began < FAST_S


@pytest.mark.parametrize("bits", [16, 24, 32])
def test_stems_add_up_to_the_mix(song: Path, tmp_path: Path, bits: int) -> None:
    form = StemFormat(RATE, bits, tail_s=1.0)
    report = render_stems(
        two_parts(song, open_chain("concert_room")), song, tmp_path / "out", form, tmp_path / "mix.wav"
    )
    assert [stem.path.name for stem in report.stems] == ["01_Piano.wav", "02_Flute.wav"]
    frames = round((SECONDS + 1.0) * RATE)
    for path in [stem.path for stem in report.stems] + [tmp_path / "mix.wav"]:
        with soundfile.SoundFile(path) as file:
            assert (file.frames, file.channels, file.samplerate) == (frames, 2, RATE)
            assert file.subtype == {16: "PCM_16", 24: "PCM_24", 32: "FLOAT"}[bits]
    again = sum_error_db([stem.path for stem in report.stems], tmp_path / "mix.wav")
    assert again == report.sum_error_db <= -120.0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["01_Piano.wav", "02_Flute.wav", "tempo.mid"]
    assert "add up to it" in report_text(report)
    assert report_data(report)


def test_a_mix_that_is_not_the_sum_is_seen(song: Path, tmp_path: Path) -> None:
    report = render_stems(two_parts(song), song, tmp_path, StemFormat(RATE, 24, 0.0), tmp_path / "mix.wav")
    assert sum_error_db([report.stems[0].path], tmp_path / "mix.wav") > -60.0


def test_a_stem_without_a_chain_is_the_part_as_it_is_rendered(song: Path, tmp_path: Path) -> None:
    """Chunked with a chain that does nothing equals one call, bit by bit."""
    report = render_stems(two_parts(song), song, tmp_path, StemFormat(RATE, 32, 1.0))
    stem, _ = soundfile.read(report.stems[0].path, dtype="float32")
    whole = render_score(Struck(), read_midi(song), RATE, channels=[1])
    assert np.array_equal(stem[:, 0], stem[:, 1])
    common = min(len(stem), len(whole))
    assert np.array_equal(stem[:common, 0], whole[:common].astype(np.float32))
    assert not np.any(stem[common:])


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


def test_the_mix_is_brought_to_a_loudness_and_stems_keep_their_balance(song: Path, tmp_path: Path) -> None:
    plain = render_stems(two_parts(song), song, tmp_path / "a", StemFormat(RATE, 24, 1.0), tmp_path / "a.wav")
    loud = render_stems(two_parts(song), song, tmp_path / "b", StemFormat(RATE, 24, 1.0, -30.0), tmp_path / "b.wav")
    audio, _ = soundfile.read(tmp_path / "b.wav")
    assert pyloudnorm.Meter(RATE, filter_class="DeMan").integrated_loudness(audio) == pytest.approx(-30.0, abs=0.05)
    assert loud.mix is not None
    assert loud.mix.lufs == pytest.approx(-30.0, abs=0.05)
    for before, after in zip(plain.stems, loud.stems, strict=True):
        assert after.peak_db - before.peak_db == pytest.approx(loud.gain_db, abs=0.01)


def test_a_stem_above_full_scale_is_refused_and_nothing_is_written(song: Path, tmp_path: Path) -> None:
    loud = Chain("loud", "too loud", (EffectSlot("g", "gain", {"gain_db": 40.0}),))
    out = tmp_path / "out"
    before = render_stems(two_parts(song), song, out, StemFormat(RATE, 24, 0.5))
    kept = {stem.path: stem.path.read_bytes() for stem in before.stems}
    with pytest.raises(BacktuneError, match="above full scale; a lower lufs or 32 bits hold it"):
        render_stems(two_parts(song, loud), song, out, StemFormat(RATE, 24, 0.5))
    assert {path: path.read_bytes() for path in kept} == kept
    assert len(list(out.iterdir())) == 3
    assert render_stems(two_parts(song, loud), song, out, StemFormat(RATE, 32, 0.5)).stems[0].peak_db > 0


def test_a_plugin_that_fails_leaves_earlier_stems(song: Path, tmp_path: Path) -> None:
    slot = PluginSlot("late", hosted.made_plugin("TestDelay", "EFFECT_LATENCY=480"), values={"Fault": PluginValue("1")})
    before = render_stems(two_parts(song), song, tmp_path, StemFormat(RATE, 24, 0.5))
    kept = before.stems[0].path.read_bytes()
    with pytest.raises(BacktuneError, match="crashed while rendering"):
        render_stems(two_parts(song, Chain("c", "p", (slot,))), song, tmp_path, StemFormat(RATE, 24, 0.5))
    assert before.stems[0].path.read_bytes() == kept


def test_silence_and_cut_tails_are_told(song: Path, tmp_path: Path) -> None:
    quiet = Chain(
        "quiet", "p", (EffectSlot("a", "gain", {"gain_db": -80.0}), EffectSlot("b", "gain", {"gain_db": -80.0}))
    )
    report = render_stems(two_parts(song, quiet), song, tmp_path, StemFormat(RATE, 24, 0.0))
    assert "part 'Piano' is silent" in report.warnings
    wash = Chain("wash", "p", (EffectSlot("r", "reverb", {"room_size": 1.0}, mix=1.0),))
    report = render_stems(two_parts(song, wash), song, tmp_path, StemFormat(RATE, 24, 0.0))
    assert any("a longer tail keeps it" in sentence for sentence in report.warnings)


@given(st.integers(1, 2 * RATE))
@settings(max_examples=15, deadline=None)
def test_a_part_gives_exactly_the_frames_asked_for(frames: int) -> None:
    score = Score(((0.0, 0x90, 60, 90), (0.3, 0x80, 60, 64)), 0.5)
    for chain in (NO_CHAIN, open_chain("mastering")):
        part = Part("p", PatchPerformer(Struck()), score, chain)
        assert sum(block.shape[1] for block in part.stream(frames, RATE)) == frames


def test_a_plugin_plays_a_part_as_in_one_call(song: Path, tmp_path: Path) -> None:
    piano = read_parts(song)[0]
    with Plugin(hosted.made_plugin(), role="instrument") as plugin:
        events = [(e.frame, bytes([e.status, e.data1, e.data2])) for e in piano.score.events(RATE)]
        whole = plugin.play(events, 3 * RATE, RATE, fresh=True)
        form = StemFormat(RATE, 32, 1.0)
        parts = [Part("synth", PluginPerformer(plugin), piano.score)]
        stem, _ = soundfile.read(render_stems(parts, song, tmp_path, form).stems[0].path, dtype="float32")
        assert np.array_equal(stem.T, whole)
        curves = {"Brightness": curve_of([(1.0, 0.3), (1.4, 1.0)])}
        parts = [Part("synth", PluginPerformer(plugin), piano.score, NO_CHAIN, curves)]
        moved, _ = soundfile.read(render_stems(parts, song, tmp_path, form).stems[0].path, dtype="float32")
        assert np.array_equal(moved.T[:, :RATE], whole[:, :RATE])
        assert not np.array_equal(moved.T[:, RATE:], whole[:, RATE:])


def test_stems_of_layers_add_up_to_the_part(song: Path, tmp_path: Path) -> None:
    """Two layers of noise and one of tones, all shaped by a fourth: what each adds, adds up."""
    types = library()
    breath = types["breath"](
        {
            "noise_db": Law.constant("noise_db", "dB", -70.0),
            "velocity_db": Law.constant("velocity_db", "dB", 0.0),
        }
    )
    burst = types["onset_noise"](
        {
            "burst_db": Law.constant("burst_db", "dB", -60.0),
            "velocity_db": Law.constant("velocity_db", "dB", 0.0),
            "decay_s": Law.constant("decay_s", "s", 0.3),
            "rise_s": Law.constant("rise_s", "s", 0.01),
        }
    )
    patch = simple_patch().with_layer(breath).with_layer(burst)
    part = Part("piano", PatchPerformer(patch), read_parts(song)[0].score)
    layers = layers_of(part)
    assert [one.name for one in layers] == ["piano tonal_core", "piano breath", "piano onset_noise"]
    form = StemFormat(RATE, 32, 1.0)
    whole, _ = soundfile.read(render_stems([part], song, tmp_path / "whole", form).stems[0].path)
    report = render_stems(layers, song, tmp_path / "layers", form)
    each = [soundfile.read(stem.path)[0] for stem in report.stems]
    assert all(np.max(np.abs(one)) > 1e-5 for one in each)
    assert np.max(np.abs(sum(each) - whole)) < 10 ** (SUM_DB / 20) * np.max(np.abs(whole))


def test_a_song_is_stemmed_from_the_words_of_a_command(song: Path, tmp_path: Path) -> None:
    write_patch(simple_patch(), tmp_path / "piano.yaml")
    table = tmp_path / "moves.csv"
    table.write_text("time_s,part,target,value\n0.5,Piano,room.mix,0.1\n1,Piano,room.mix,0.9\n0,2,Gain,-20\n")
    (tmp_path / "room.yaml").write_text("chain: R\npurpose: a room\nslots:\n  - effect: reverb\n    name: room\n")
    words = [f"1={tmp_path}/piano.yaml:{tmp_path}/room.yaml", f"Flute={hosted.made_plugin()}:tape"]
    options = StemOptions(automation=table)
    assignments = [parse_assignment(text) for text in words]
    report = stem_song(song, assignments, tmp_path / "out", StemFormat(RATE), tmp_path / "mix.wav", options)
    assert [stem.name for stem in report.stems] == ["Piano", "Flute"]
    assert report.sum_error_db <= SUM_DB
    assert report.warnings == []
    table.write_text("time_s,part,target,value\n0,3,room.mix,1\n")
    with pytest.raises(InputError, match="of part '3', which"):
        stem_song(song, assignments, tmp_path / "out", StemFormat(RATE), None, options)
    with pytest.raises(InputError, match=r"no part '4'; it has 1 \(Piano\)"):
        stem_song(song, [parse_assignment(f"4={tmp_path}/piano.yaml")], tmp_path / "out", StemFormat(RATE))


def test_the_tempo_map_is_kept(song: Path, tmp_path: Path) -> None:
    render_stems(two_parts(song), song, tmp_path, StemFormat(RATE, 24, 0.0))
    kept = mido.MidiFile(tmp_path / "tempo.mid")
    changes, at = [], 0
    for message in kept.tracks[0]:
        at += message.time
        if message.type == "set_tempo":
            changes.append((at, message.tempo))
    assert kept.ticks_per_beat == 480
    assert changes == [(0, 500_000), (960, 1_000_000)]


def chunks_of(path: Path) -> dict[bytes, bytes]:
    """Return the chunks of a RIFF file, read as the format says."""
    data = path.read_bytes()
    assert data[:4] == b"RIFF"
    assert struct.unpack_from("<I", data, 4)[0] == len(data) - 8
    found, at = {}, 12
    while at < len(data):
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        found[name] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return found


def test_files_say_what_they_are(song: Path, tmp_path: Path) -> None:
    report = render_stems(two_parts(song), song, tmp_path, StemFormat(RATE, 24, 0.0))
    chunks = chunks_of(report.stems[0].path)
    bext = chunks[b"bext"]
    assert bext[:256].rstrip(b"\0") == b"Stem of song.mid, begins with the score."
    assert bext[256:288].rstrip(b"\0") == b"backtune"
    assert bext[288:320].rstrip(b"\0") == b"Piano"
    assert struct.unpack_from("<Q", bext, 338)[0] == 0
    assert struct.unpack_from("<H", bext, 346)[0] == 2
    loudness, *others = struct.unpack_from("<5h", bext, 412)
    assert loudness == round(100 * report.stems[0].lufs)
    assert others == [0x7FFF] * 4  # range and true peaks are not measured
    assert b"A=PCM,F=48000,W=24,M=stereo" in bext[602:]
    assert b"INAM" in chunks[b"LIST"]
    assert b"Piano\0" in chunks[b"LIST"]


def test_the_same_song_gives_the_same_bytes(song: Path, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        render_stems(two_parts(song), song, tmp_path / folder, StemFormat(RATE, 16, 0.5), tmp_path / folder / "mix.wav")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_assignments_are_read() -> None:
    one = parse_assignment("1=piano.yaml")
    assert (one.part, one.played, one.chain) == ("1", "piano.yaml", "")
    two = parse_assignment("Lead flute=C:/x/flute.yaml:presets/chains/room.yaml")
    assert (two.part, two.played, two.chain) == ("Lead flute", "C:/x/flute.yaml", "presets/chains/room.yaml")
    assert parse_assignment("2=X.vst3:tape").chain == "tape"
    shipped = parse_assignment("3=flute:presets/chains/room.yaml")
    assert (shipped.played, shipped.chain) == ("flute", "presets/chains/room.yaml")
    for played in ("a b/X.vst3@warm.vstpreset", "X.vst3@C:/presets/warm.vstpreset", "X.vst3#Two@s.bin"):
        three = parse_assignment(f"2={played}:tape")
        assert (three.played, three.chain) == (played, "tape")
    for wrong in ("piano.yaml", "1=piano.txt", "=x.yaml"):
        with pytest.raises(InputError, match=r"allowed: PART=PATCH"):
            parse_assignment(wrong)


@pytest.mark.parametrize("wrong", [{"bits": 8}, {"rate": 100}, {"tail_s": -1.0}, {"lufs": 3.0}])
def test_wrong_formats_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match="allowed"):
        StemFormat(**wrong)  # type: ignore[arg-type]


def test_memory_does_not_grow_with_the_length_of_the_score(tmp_path: Path) -> None:
    peaks = []
    for notes in (20, 20, 90):  # the first also loads and compiles; a score shorter than the tail would need less
        track = mido.MidiTrack()
        for number in range(notes):
            track.append(mido.Message("note_on", note=60 + number % 12, velocity=80))
            track.append(mido.Message("note_off", note=60 + number % 12, time=480))
        song = tmp_path / f"{notes}.mid"
        mido.MidiFile(tracks=[track], ticks_per_beat=480).save(song)
        (part,) = read_parts(song)
        chain = open_chain("concert_room")
        tracemalloc.start()
        render_stems([Part("p", PatchPerformer(Struck()), part.score, chain)], song, tmp_path / "out", StemFormat(RATE))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # 35 s more of stereo in float64 would be 27 MB
    assert peaks[2] - peaks[1] < 4e6


@pytest.mark.nightly
@pytest.mark.skipif(not hasattr(os, "wait4"), reason="memory of a process is told by wait4")
def test_a_long_song_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    """One minute and ten of them, by the memory the system gave the whole command: files that are mapped count."""
    taken = []
    for notes in (60, 600):
        track = mido.MidiTrack()
        for number in range(notes):
            track.append(mido.Message("note_on", note=72 + number % 12, velocity=80))
            track.append(mido.Message("note_off", note=72 + number % 12, time=960))
        song = tmp_path / f"{notes}.mid"
        mido.MidiFile(tracks=[track], ticks_per_beat=480).save(song)
        words = ["stem", str(song), "--part", "1=flute:slap_delay", "-o", str(tmp_path / "out"), "-q"]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        with subprocess.Popen([sys.executable, "-m", "backtune", *words], env=environment) as run:
            _, status, usage = os.wait4(run.pid, 0)
            run.returncode = os.waitstatus_to_exitcode(status)
        assert run.returncode == 0
        taken.append(usage.ru_maxrss)
    assert taken[1] < 1.05 * taken[0], taken
