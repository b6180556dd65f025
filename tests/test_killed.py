"""Killed at any moment: the next run goes on, repeats nothing that was finished, and ends in the same bytes."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import mido
import pytest
from known_instrument import PITCHES, breath, core, known_patch, takes_of
from proofs import Proof
from tiny_soundfont import TinyZone, tiny_soundfont

import backtune.stem_kept
from backtune.patch import Patch
from backtune.patch_file import write_patch
from backtune.reading.index_file import write_takes
from backtune.stem import StemFormat, render_stems
from backtune.stem_part import Part
from backtune.stem_patch import PatchPerformer
from backtune.stem_song import read_parts
from backtune.whole_file import write_beside

TIMES = 50  # of each kind of work, nightly
STOP_S = 1.0  # from Ctrl-C to the last word; told by the proof, since a busy machine answers later
posix = pytest.mark.skipif(os.name != "posix", reason="needs kill -9")


def song(path: Path, seconds: float = 2.0) -> Path:
    """Write a song of two parts, a note every half second in each."""
    file = mido.MidiFile(ticks_per_beat=480)
    for channel, name in enumerate(("Piano", "Flute")):
        track = mido.MidiTrack([mido.MetaMessage("track_name", name=name)])
        for _ in range(int(2 * seconds)):
            track.append(mido.Message("note_on", channel=channel, note=60 + channel, velocity=80))
            track.append(mido.Message("note_off", channel=channel, note=60 + channel, time=480))
        file.tracks.append(track)
    file.save(path)
    return path


def instrument() -> Patch:
    """Return a tone with breath."""
    return known_patch(core(), breath())


def contents(path: Path) -> dict[str, str]:
    """Return the hash of a file, or of each in a folder, hidden ones too."""
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in files}


def test_a_stopped_render_goes_on_with_its_finished_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    score = song(tmp_path / "song.mid")
    rendered: list[str] = []
    stream = Part.stream

    def counted(part: Part, *rest: Any) -> Any:
        if part.name == "Flute" and not rendered.count("Flute"):
            rendered.append("Flute")
            raise KeyboardInterrupt
        rendered.append(part.name)
        return stream(part, *rest)

    parts = [Part(one.name, PatchPerformer(instrument()), one.score) for one in read_parts(score)]
    form = StemFormat(tail_s=0.5)
    render_stems(parts, score, tmp_path / "whole", form)
    monkeypatch.setattr(Part, "stream", counted)
    with pytest.raises(KeyboardInterrupt):
        render_stems(parts, score, tmp_path / "again", form)
    assert backtune.stem_kept.finished_drafts(tmp_path / "again") == 1
    render_stems(parts, score, tmp_path / "again", form)
    assert rendered == ["Piano", "Flute", "Flute"]
    assert contents(tmp_path / "again") == contents(tmp_path / "whole")
    other = [replace(parts[0], performer=PatchPerformer(known_patch(core()))), parts[1]]
    rendered[:] = ["Flute"]
    render_stems(other, score, tmp_path / "again", form)
    assert rendered == ["Flute", "Piano", "Flute"]


def run(command: Sequence[object], **more: Any) -> subprocess.Popen[str]:
    """Start the program in a process group of its own."""
    whole = [sys.executable, "-m", "backtune", *map(str, command)]
    return subprocess.Popen(
        whole, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **more
    )


def fit_of(folder: Path) -> Callable[[Path], list[object]]:
    """Return the command that fits eight takes."""
    some = [t for t in takes_of(instrument()) if t.midi in PITCHES[::2] and t.velocity != 80]
    write_takes(some, folder / "takes")
    return lambda out: ["fit", folder / "takes", "-o", out, "--jobs", "2"]


def sampling_of(folder: Path) -> Callable[[Path], list[object]]:
    """Return the command that samples a SoundFont, 52 takes."""
    font = folder / "tiny.sf2"
    font.write_bytes(tiny_soundfont([TinyZone(0)]))
    return lambda out: ["sample", f"{font}:0:5", "-o", out, "--keys", "C3:C5:2", "--seconds", "3"]


def stems_of(folder: Path) -> Callable[[Path], list[object]]:
    """Return the command that renders two parts of two minutes."""
    score, patch = song(folder / "song.mid", 120.0), folder / "patch.yaml"
    write_patch(instrument(), patch)
    parts = ["--part", f"1={patch}", "--part", f"2={patch}:concert_room"]
    return lambda out: ["stem", score, *parts, "-o", out, "--mix", out / "mix.wav", "--lufs", "-30"]


WORK = {"fit": fit_of, "sampling": sampling_of, "stems": stems_of}


@posix
@pytest.mark.nightly
@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
def test_stopped_at_random_moments(work: str, by: signal.Signals, tmp_path: Path) -> None:
    times = int(os.environ.get("BACKTUNE_KILLS", TIMES))
    caches = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = WORK[work](tmp_path)
    moment = random.Random(len(work))
    suffix = ".yaml" if work == "fit" else ""
    program = run(command(tmp_path / f"warm{suffix}"), env=caches)  # kernels are compiled once
    assert program.wait() == 0, program.stderr.read() if program.stderr else ""
    started = time.monotonic()
    assert run(command(tmp_path / f"whole{suffix}"), env=caches).wait() == 0
    whole_s, whole = time.monotonic() - started, contents(tmp_path / f"whole{suffix}")
    stopped, recovered, slowest_s, spoke = 0, 0, 0.0, 0
    output = tmp_path / f"out{suffix}"
    while stopped < times:
        program = run(command(output), env=caches)
        try:
            program.wait(timeout=moment.uniform(0.05, 1.1) * whole_s)
        except subprocess.TimeoutExpired:
            at = time.monotonic()
            os.killpg(program.pid, by)
            words = program.communicate()[1]
            slowest_s = max(slowest_s, time.monotonic() - at)
            stopped += 1
            spoke += "kept" in words or "written" in words or "goes on" in words
            recovered += by == signal.SIGKILL or ("Traceback" not in words and program.returncode == 130)
            continue
        same = program.returncode == 0 and contents(output) == whole
        assert same, f"{work} was stopped {stopped} times and then ended in other bytes"
        for path in [output] if output.is_file() else [one for one in output.rglob("*") if one.is_file()]:
            path.unlink()
    assert run(command(output), env=caches).wait() == 0
    assert contents(output) == whole
    how = "killed" if by == signal.SIGKILL else "interrupted"
    told = "" if by == signal.SIGKILL else f", gone after at most {slowest_s:.2f} s (wanted {STOP_S:g})"
    Proof(f"{work} {how}", stopped, stopped, recovered, f"same bytes in the end{told}").settle()


@posix
@pytest.mark.nightly
def test_two_fits_of_one_source_at_once(tmp_path: Path) -> None:
    caches = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command, same = fit_of(tmp_path), 0
    for _ in range(5):
        both = [
            run([*command(tmp_path / f"{name}.yaml")[:-1], jobs], env=caches) for name, jobs in (("a", 1), ("b", 3))
        ]
        assert [one.wait() for one in both] == [0, 0]
        same += contents(tmp_path / "a.yaml")["a.yaml"] == contents(tmp_path / "b.yaml")["b.yaml"]
    Proof("two fits of one source at once", 10, 5, same, "1 and 3 workers, shared caches: same bytes").settle()


@posix
def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path: Path) -> None:
    text = "import os, signal; from pathlib import Path; from backtune.whole_file import beside\n"
    text += f"with beside(Path({str(tmp_path / 'take.flac')!r})) as part:\n"
    text += "    part.write_bytes(b'half'); os.kill(os.getpid(), signal.SIGKILL)"
    subprocess.run([sys.executable, "-c", text], check=False)
    assert [one.suffix for one in tmp_path.iterdir()] == [".part"]
    write_beside(tmp_path / "take.flac", b"whole")
    assert [one.name for one in tmp_path.iterdir()] == ["take.flac"]
