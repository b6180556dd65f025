"""Stems: files of one length that begin together, add up to the mix, and say what they are."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path

import hosted
import mido
import numpy as np
import pyloudnorm
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from small_instruments import Struck
from some_patches import simple_patch
from stem_songs import RATE, SECONDS, two_parts

from backtune.automation import curve_of
from backtune.chain import Chain, EffectSlot, PluginSlot, PluginValue
from backtune.chain_file import open_chain
from backtune.errors import BacktuneError, InputError
from backtune.hosting.plugin import Plugin
from backtune.law import Law
from backtune.library import library
from backtune.midi import Score, read_midi
from backtune.patch_file import write_patch
from backtune.performance import render_score
from backtune.score_parts import read_parts
from backtune.stem import SUM_DB, StemFormat, render_stems, sum_error_db
from backtune.stem_part import NO_CHAIN, Part, PluginPerformer
from backtune.stem_patch import PatchPerformer
from backtune.stem_song import StemOptions, layers_of, parse_assignment, report_data, report_text, stem_song

pytestmark = pytest.mark.usefixtures("own_cache")


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
