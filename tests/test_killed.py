"""Killed at any moment: the next run goes on, repeats nothing that was finished, and ends in the same bytes."""

from __future__ import annotations

import hashlib
import math
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

import mido
import pytest
import soundfile
from known_instrument import PITCHES, breath, core, known_patch, takes_of
from proofs import Proof
from tiny_soundfont import TinyZone, tiny_soundfont
from written_takes import write_takes

import backtune.stem_kept
from backtune.automation import curve_of
from backtune.chain import Chain, EffectSlot
from backtune.cli import STOPPED
from backtune.patch import Patch
from backtune.patch_file import write_patch
from backtune.scala import write_scl
from backtune.stem import StemFormat, render_stems
from backtune.stem_kept import drafts_of
from backtune.stem_part import Part
from backtune.stem_patch import PatchPerformer
from backtune.stem_song import read_parts
from backtune.temperaments import temperament
from backtune.whole_file import write_beside

TIMES = {signal.SIGKILL: 50, signal.SIGINT: 15}  # of each kind of work, nightly
WITHIN_WRITES = 3  # every third kill is in the middle of a write: a random moment hardly ever is
AFTER_ALL = -signal.SIGINT  # what shells call 130 too: all was written and said, Python was taking itself down
STOP_S = 1.0  # from Ctrl-C to the end of all processes; told by the proof, since a busy machine answers later
KEPT_WORDS = re.compile("kept|goes on|was not written|no stem was written|nothing was written|half-written")
DIES_WRITING = Path(__file__).parent / "dies_writing.py"
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
    """Return the hash of a file, or of each in a folder by its name, hidden ones too."""
    if path.is_file():
        return {"": hashlib.sha256(path.read_bytes()).hexdigest()}
    return {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in path.rglob("*") if one.is_file()}


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


def test_a_part_whose_files_or_effects_changed_is_rendered_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered: list[str] = []
    stream = Part.stream
    monkeypatch.setattr(Part, "stream", lambda part, *rest: rendered.append(part.name) or stream(part, *rest))
    response, moved, stands = (tmp_path / name for name in ("room.wav", "moved.scl", "stands.scl"))
    room = Chain("room", "a room", (EffectSlot("room", "convolution", {"file": str(response)}),))
    patch = replace(instrument(), controls={"temperament": str(stands)})
    curves = {"temperament": curve_of([(0.1, str(moved))])}
    part = Part("Piano", PatchPerformer(patch), read_parts(song(tmp_path / "song.mid"))[0].score, room, curves)
    (tmp_path / "drafts").mkdir()

    def rendered_anew() -> bool:
        rendered.clear()
        drafts_of([part], tmp_path / "drafts", 8000, 16000, lambda name, done, total: None, lambda told: None)
        return rendered == ["Piano"]

    soundfile.write(response, [1.0, 0.5, 0.1], 16000)
    for path in (moved, stands):
        write_scl(path, temperament("just").scale)
    assert (rendered_anew(), rendered_anew()) == (True, False)
    soundfile.write(response, [1.0, 0.2, 0.1], 16000)
    assert (rendered_anew(), rendered_anew()) == (True, False)
    for path in (moved, stands):
        write_scl(path, temperament("young").scale)
        assert (rendered_anew(), rendered_anew()) == (True, False)
    monkeypatch.setattr("backtune.stem_kept.version", lambda name: f"another {name}")
    assert (rendered_anew(), rendered_anew()) == (True, False)


def run(command: Sequence[object], die_in: int = 0, **more: Any) -> subprocess.Popen[str]:
    """Start the program in a process group of its own; it dies in write number `die_in`."""
    counts = more["env"]["XDG_CACHE_HOME"] + ".writes"
    whole = [sys.executable, str(DIES_WRITING), str(die_in), counts, *map(str, command)]
    return subprocess.Popen(
        whole,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # who runs the tests may be deaf to it
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


def fit_of(folder: Path) -> Callable[[Path, int], list[object]]:
    """Return the command that fits eight takes."""
    some = [t for t in takes_of(instrument()) if t.midi in PITCHES[::2] and t.velocity != 80]
    write_takes(some, folder / "takes")
    return lambda out, jobs: ["fit", folder / "takes", "-o", out, "--jobs", jobs]


def sampling_of(folder: Path) -> Callable[[Path, int], list[object]]:
    """Return the command that samples a SoundFont, 52 takes."""
    font = folder / "tiny.sf2"
    font.write_bytes(tiny_soundfont([TinyZone(0)]))
    return lambda out, jobs: ["sample", f"{font}:0:5", "-o", out, "--keys", "C3:C5:2", "--seconds", "3"]


def stems_of(folder: Path) -> Callable[[Path, int], list[object]]:
    """Return the command that renders two parts of two minutes."""
    score, patch = song(folder / "song.mid", 120.0), folder / "patch.yaml"
    write_patch(instrument(), patch)
    parts = ["--part", f"1={patch}", "--part", f"2={patch}:concert_room"]
    return lambda out, jobs: ["stem", score, *parts, "-o", out, "--mix", out / "mix.wav", "--lufs", "-30"]


WORK = {"fit": fit_of, "sampling": sampling_of, "stems": stems_of}
FINISHED = {"fit": ("cache/**/*.json", "cache/**/*.npz"), "sampling": ("out/*.flac",), "stems": ("out/.drafts/*.f32",)}


@dataclass
class Stops:
    """What became of the stops: those since the last run that ended, those that ended in the same bytes."""

    stopped: int = 0
    within_writes: int = 0
    waiting: int = 0
    recovered: int = 0
    repeated: int = 0
    rude: int = 0
    last_s: list[float] = field(default_factory=list)

    def settle(self, name: str, by: signal.Signals) -> None:
        """Write the row."""
        told = f"same bytes in the end, {self.repeated} finished pieces made again"
        if by == signal.SIGKILL:
            told += f"; {self.within_writes} in the middle of a write"
        else:
            late = sum(one > STOP_S for one in self.last_s)
            told += (
                f"; gone after {median(self.last_s):.2f} s, at most {max(self.last_s):.2f} s, {late} after {STOP_S:g} s"
            )
        lost = self.repeated + self.rude
        Proof(name, self.stopped, self.stopped, self.recovered - lost, told).settle()


def finished(folder: Path, work: str) -> dict[Path, tuple[int, int]]:
    """Return the finished pieces of work that lie in a folder, by what changes when one is made again."""
    found = {path: path.stat() for pattern in FINISHED[work] for path in folder.glob(pattern) if path.is_file()}
    return {path: (facts.st_ino, facts.st_mtime_ns) for path, facts in found.items()}


@posix
@pytest.mark.nightly
@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize("by", TIMES, ids=["kill -9", "Ctrl-C"])
def test_stopped_at_random_moments(work: str, by: signal.Signals, tmp_path: Path) -> None:
    cache, moment = tmp_path / "cache", random.Random(len(work))
    env = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    command, suffix, begun = WORK[work](tmp_path), ".yaml" if work == "fit" else "", cache.with_suffix(".writes")
    program = run(command(tmp_path / f"warm{suffix}", 1), env=env)  # kernels are compiled once
    assert program.wait() == 0, program.stderr.read() if program.stderr else ""
    shutil.rmtree(cache, ignore_errors=True)
    begun.unlink()
    started = time.monotonic()
    assert run(command(tmp_path / f"whole{suffix}", 1), env=env).wait() == 0
    whole_s, whole = time.monotonic() - started, contents(tmp_path / f"whole{suffix}")
    writes = begun.stat().st_size
    shutil.rmtree(cache, ignore_errors=True)
    output, stops = tmp_path / f"out{suffix}", Stops()
    times = int(os.environ.get("BACKTUNE_KILLS", TIMES[by]))
    while stops.stopped < times or stops.waiting:
        before = finished(tmp_path, work)
        enough, within = stops.stopped >= times, by == signal.SIGKILL and stops.stopped % WITHIN_WRITES == 0
        die_in = moment.randint(1, writes) if within and not enough else 0
        begun.unlink(missing_ok=True)
        program = run(command(output, 1 + stops.stopped % 2), die_in, env=env)
        while program.poll() is None and not begun.exists():
            time.sleep(0.01)
        at = math.inf
        try:
            program.wait(timeout=None if within or enough else moment.uniform(0.0, 1.1) * whole_s)
        except subprocess.TimeoutExpired:
            at = time.monotonic()
            os.killpg(program.pid, by)
        words = program.communicate()[1]
        if by == signal.SIGINT and program.returncode != 0:
            stops.last_s.append(time.monotonic() - at)
            told = KEPT_WORDS.search(words) or program.returncode == AFTER_ALL
            if "Traceback" in words or not told:
                stops.rude += 1
                print(f"exit code {program.returncode} after {stops.last_s[-1]:.2f} s: {words}")
        after = finished(tmp_path, work)
        stops.repeated += sum(before[path] != after[path] for path in before.keys() & after.keys())
        if program.returncode != 0:
            assert program.returncode in ((STOPPED, AFTER_ALL) if by == signal.SIGINT else (-signal.SIGKILL,)), words
            stops.stopped += 1
            stops.waiting += 1
            stops.within_writes += within
            continue
        stops.recovered += stops.waiting if contents(output) == whole else 0
        stops.waiting = 0
        shutil.rmtree(cache, ignore_errors=True)
        shutil.rmtree(output) if output.is_dir() else output.unlink()
    stops.settle(f"{work} {'killed' if by == signal.SIGKILL else 'interrupted'}", by)


@posix
@pytest.mark.nightly
def test_two_fits_of_one_source_at_once(tmp_path: Path) -> None:
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command, made = fit_of(tmp_path), []
    for _ in range(3):
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
        both = [run(command(tmp_path / f"{name}.yaml", jobs), env=env) for name, jobs in (("a", 1), ("b", 3))]
        assert [one.wait() for one in both] == [0, 0]
        made += [contents(tmp_path / "a.yaml"), contents(tmp_path / "b.yaml")]
    same = sum(one == made[0] for one in made)
    Proof("two fits of one source at once", 6, 6, same, "1 and 3 workers, shared caches: same bytes").settle()


@posix
def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path: Path) -> None:
    text = "import os, signal; from pathlib import Path; from backtune.whole_file import beside\n"
    text += f"with beside(Path({str(tmp_path / 'take.flac')!r})) as part:\n"
    text += "    part.write_bytes(b'half'); os.kill(os.getpid(), signal.SIGKILL)"
    subprocess.run([sys.executable, "-c", text], check=False)
    assert [one.suffix for one in tmp_path.iterdir()] == [".part"]
    write_beside(tmp_path / "take.flac", b"whole")
    assert [one.name for one in tmp_path.iterdir()] == ["take.flac"]
