"""Every way a file comes into the program: a name, true files as seeds, and what reads one; for fuzzing them all."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import mido
import numpy as np
import soundfile
from playable import playable_patch
from some_patches import simple_patch
from tiny_soundfont import TinyZone, tiny_soundfont

from backtune.automation import read_automation
from backtune.automation_file import read_automation_lanes
from backtune.chain_file import read_chain, shipped_chains
from backtune.controller_map import preset_maps, read_map
from backtune.hosting.preset import JUCE_STATE, Preset, check_state, unpack_preset
from backtune.lane_dawproject import read_dawproject_lanes
from backtune.lane_table import read_table
from backtune.midi import read_midi
from backtune.parameter_table import parameter_id
from backtune.patch import Patch
from backtune.patch_file import dump_patch, parse_patch, read_patch
from backtune.reading.file_names import read_name
from backtune.reading.index_file import NAME, read_index
from backtune.reading.unpack import unpack
from backtune.rows import ALL, read_rows
from backtune.scala import read_kbm, read_scl
from backtune.score_parts import read_parts
from backtune.song import Song
from backtune.source import open_source
from backtune.tempo_map import song_tempo_map

RATE = 8000


@dataclass(frozen=True)
class Door:
    """One kind of file: `file` is its name on disk, `seeds` true ones, `enter` reads what is at a path.

    `words`: pieces that damage this kind of file more cleverly than chance does. `most_bytes`: longest file tried.
    """

    name: str
    file: str
    seeds: tuple[bytes, ...]
    enter: Callable[[Path], Any]
    words: tuple[bytes, ...] = ()
    most_bytes: int = 20_000


NUMBERS = (b"nan", b"-1", b"1e999", b"-1e308", b"9" * 40, b"0x7f", b"1_0", b"\xd9\xa3", b"1e-400", b"2147483648")
YAML_WORDS = (b"&a ", b"*a", b"!!python/name:os.system ", b"[[[[", b"{a: ", b"- ", b"? ", b"|\n", b"%YAML 1.1\n---\n")
TEXT_WORDS = (*NUMBERS, b"\0", b"../", b"C:\\", b"\xff", b'"', b",", b"\r", b"\n", b"\xe2\x80\xa8", b"$A")


@cache
def take() -> bytes:
    """Return a sound file of 50 ms, for tables and instruments that name one."""
    block = io.BytesIO()
    soundfile.write(block, 0.5 * np.sin(np.arange(RATE // 20) * 0.2), RATE, format="WAV", subtype="PCM_16")
    return block.getvalue()


@cache
def patch() -> Patch:
    """Return an instrument with every kind of control, for automation that moves it."""
    return playable_patch()


def _song() -> bytes:
    file = mido.MidiFile(type=1, ticks_per_beat=96)
    track = mido.MidiTrack(
        [
            mido.MetaMessage("track_name", name="Piano", time=0),
            mido.MetaMessage("set_tempo", tempo=400_000, time=0),
            mido.Message("control_change", control=1, value=3, time=5),
            mido.Message("note_on", note=60, velocity=90, time=10),
            mido.Message("pitchwheel", pitch=100, time=3),
            mido.Message("sysex", data=(1, 2, 3), time=1),
            mido.Message("note_off", note=60, time=96),
            mido.MetaMessage("end_of_track", time=1),
        ]
    )
    file.tracks += [track, mido.MidiTrack(track[2:])]
    block = io.BytesIO()
    file.save(file=block)
    return block.getvalue()


def _session() -> bytes:
    return (
        f'<Project version="1.0"><RealParameter id="p1" parameterID="{parameter_id("brightness")}" name="brightness"/>'
        '<Lanes timeUnit="beats"><Points><Target parameter="p1"/><RealPoint time="0" value="1"/>'
        '<RealPoint time="2.5" value="-3" interpolation="linear"/></Points></Lanes></Project>'
    ).encode()


def _beside(path: Path, name: str) -> Path:
    """Put a true sound file beside `path`, for those that name one; return the folder."""
    there = path.parent / name
    if not there.is_file():
        there.write_bytes(take())
    return path.parent


def _enter_patch(path: Path) -> None:
    text = dump_patch(read_patch(path))
    assert dump_patch(parse_patch(text)) == text, "a patch read, written and read again is another one"


def _enter_and_play(path: Path) -> None:
    read_patch(path).render(60, 90.0, 0.02, rate=RATE)


def _enter_chain(path: Path) -> None:
    read_chain(path)


def _enter_index(path: Path) -> None:
    open_source(_beside(path, "C4.wav"), split="all")


def _enter_rows(path: Path) -> None:
    read_index(path)
    read_rows(path, ALL)


def _enter_sfz(path: Path) -> None:
    _beside(path, "C4.wav")
    open_source(path)


def _enter_soundfont(path: Path) -> None:
    open_source(path, preset="0:5", keys="57", velocities="80", hold_s=0.05)


def _enter_soundfont_samples(path: Path) -> None:
    open_source(path, preset="0:5", player="samples")


def _enter_sound(path: Path) -> None:
    for one in open_source(path.parent).takes:
        one.audio()


def _enter_song(path: Path) -> None:
    read_midi(path)
    read_parts(path)
    song_tempo_map(path).beats_at(1.0)


def _enter_song_lanes(path: Path) -> None:
    read_automation_lanes(path, patch().panel, {"brightness": 1}, Song(path))


def _enter_table(path: Path) -> None:
    read_table(path, patch().panel, lambda beat: beat / 2)


def _enter_session(path: Path) -> None:
    archive = path.with_suffix(".dawproject")
    with ZipFile(archive, "w") as written:
        written.writestr("project.xml", path.read_bytes())
    read_dawproject_lanes(archive, patch().panel)


def _enter_archive(path: Path) -> None:
    unpack(path, path.parent / "unpacked")


def _enter_name(path: Path) -> None:
    read_name(path.read_bytes().decode("utf-8", "replace"))


def _zip() -> bytes:
    block = io.BytesIO()
    with ZipFile(block, "w") as written:
        written.writestr("top/a.txt", "one")
        written.writestr("top/b/c.txt", "two")
    return block.getvalue()


def _deb() -> bytes:
    import tarfile

    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:gz") as written:
        entry = tarfile.TarInfo("usr/a.txt")
        entry.size = 3
        written.addfile(entry, io.BytesIO(b"one"))
    data = tar.getvalue()
    head = b"data.tar.gz".ljust(16) + b"0".ljust(12) + b"0".ljust(6) * 2 + b"100644".ljust(8)
    return b"!<arch>\n" + head + str(len(data)).encode().ljust(10) + b"`\n" + data


SFZ = b"""#define $VOL 3
<control> default_path=./ set_cc1=64 note_offset=0
<curve> curve_index=7 v000=0 v064=0.3 v127=1
<global> amp_veltrack=90 tune=-4 <group> lovel=1 hivel=64 volume=$VOL
<region> sample=C4.wav key=60 pitch_keycenter=c4 offset=3 end=200 amplitude_oncc1=50 amplitude_curvecc1=7
<group> lovel=65 seq_position=2 amp_velcurve_64=0.5
<region> sample=C4.wav lokey=50 hikey=70 locc1=0 hicc1=127 transpose=12 // said
"""
INDEX = (
    b"file,midi,velocity,dynamic,take,onset_s,gate_s,duration_s,split\n"
    b'C4.wav,60,80,mf,1,0.01,,0.05,train\n"C4.wav",C#4,100.5,,2,,0.02,0.05,test\n'
)
SOUNDS = INDEX.replace(b'"C4.wav"', b'"C#4.wav"')  # each row is a file of its own
KBM = b"! a map\n12\n0\n127\n60\n69\n440.0\n12\n0\n1\nx\n3\n4\n5\n6\n7\n8\n9\n10\n11\n"
TABLE = b"time_s,control,value,unit,curve\n0,brightness,1,,linear\n0.5,brightness,-2,,hold\n1,level,-3 dB,dB,smooth\n"
POINTS = [{"beats": 0, "control": "brightness", "value": 1}, {"beats": 2.5, "control": "level", "value": -3}]
MOVES = b"time_s,part,target,value\n0,,reverb.mix,0.5\n1.5,1,reverb.mix,0.75\n2,piano,eq.on,true\n"
STATE = b"<VST3PluginState><IComponent>4.abcd</IComponent></VST3PluginState>\0"
PLUGIN_CHAIN = (
    b"chain: rack\npurpose: all kinds of slots\nslots:\n"
    b"- {plugin: Some.vst3, name: synth, parameters: {Gain: 3 dB, Tone: {raw: 0.5}, Mode: {text: lead, raw: 0.25}}}\n"
    b"- parallel:\n    - {name: dry, gain_db: -3}\n    - name: wet\n      slots: [{effect: reverb, mix: 0.3}]\n"
)


def _doors() -> tuple[Door, ...]:
    simple, rich = dump_patch(simple_patch()).encode(), dump_patch(patch()).encode()
    chains = tuple(path.read_bytes() for path in shipped_chains().values())
    maps = tuple(path.read_bytes() for path in preset_maps().values())
    font = tiny_soundfont([TinyZone(0, {54: 1, 34: -2000}), TinyZone(1, {43: 127 << 8 | 60, 8: 9000})], 2, {48: 10})
    text = (*TEXT_WORDS, *YAML_WORDS)
    song = (b"MThd", b"MTrk", b"\xff\x51\x03\0\0\0", b"\xf0", b"\xff\x2f\0", b"\xff\x7f\x8f\xff\xff\xff\x7f")
    return (
        Door("patch", "p.yaml", (simple, rich), _enter_patch, text),
        Door("patch played", "p.yaml", (simple, rich), _enter_and_play, text),
        Door("chain", "c.yaml", (*chains, PLUGIN_CHAIN), _enter_chain, text),
        Door("controller map", "m.yaml", maps, lambda path: read_map(str(path)), text),
        Door("index.csv", NAME, (INDEX,), _enter_index, TEXT_WORDS),
        Door("index.csv to render", NAME, (SOUNDS,), _enter_rows, TEXT_WORDS),
        Door("sfz", "i.sfz", (SFZ,), _enter_sfz, (*TEXT_WORDS, b'#include "i.sfz"\n', b"<region>", b"/*", b"=")),
        Door("soundfont", "f.sf2", (font,), _enter_soundfont, (b"LIST", b"shdr", b"\xff" * 4, b"\0\x80")),
        Door("soundfont samples", "f.sf2", (font,), _enter_soundfont_samples, (b"LIST", b"pgen", b"\xff" * 4)),
        Door("sound file", "C4.wav", (take(),), _enter_sound, (b"fmt ", b"data", b"\xff" * 4, b"\x7f\0\0\0")),
        Door("midi", "s.mid", (_song(),), _enter_song, song),
        Door("midi lanes", "s.mid", (_song(),), _enter_song_lanes, song),
        Door("automation csv", "a.csv", (TABLE,), _enter_table, (*TEXT_WORDS, b"beats", b"smooth")),
        Door(
            "automation json", "a.json", (json.dumps(POINTS).encode(),), _enter_table, (*NUMBERS, b"[", b"{", b"true")
        ),
        Door("automation of chains", "a.csv", (MOVES,), read_automation, TEXT_WORDS),
        Door("dawproject", "project.xml", (_session(),), _enter_session, (*NUMBERS, b"<!DOCTYPE a [", b"&a;", b"<")),
        Door("scl", "s.scl", (b"! s\nscale\n 3\n 100.0\n 5/4 third\n 2/1\n",), read_scl, (*TEXT_WORDS, b"/", b"!")),
        Door("kbm", "k.kbm", (KBM,), read_kbm, (*TEXT_WORDS, b"x")),
        Door("vstpreset", "p.vstpreset", (Preset("0" * 32, {"Comp": b"abc", "Cont": b"d"}).pack(),), _enter_preset),
        Door("plugin state", "s.bin", (JUCE_STATE + len(STATE).to_bytes(4, "little") + STATE,), _enter_state),
        Door("zip archive", "a.zip", (_zip(),), _enter_archive, (b"PK\1\2", b"../", b"\xff" * 4)),
        Door("deb archive", "a.deb", (_deb(),), _enter_archive, (b"data.tar", b"99999999", b"-1")),
        Door("file name", "n.txt", (b"Piano_C4_ff_rr2", b"inst-060-100", b"v1 Bb3 mezzo-forte"), _enter_name),
    )


def _enter_preset(path: Path) -> None:
    unpack_preset(path.read_bytes(), "preset")


def _enter_state(path: Path) -> None:
    check_state(path.read_bytes(), "state")


DOORS = {door.name: door for door in _doors()}
