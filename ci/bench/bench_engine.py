"""The engine against its slow twins and against others, in one run.

    python -m pytest ci/bench/bench_engine.py [--patch PATCH.yaml]

The table of each group shows ratios to its fastest row. Needs pytest-benchmark; DawDreamer and FluidSynth take
part where they are installed, and are skipped with the reason where they are not.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from dense import write_dense

from dsp_kernels import bank
from dsp_kernels.glide import add_gliding_bank

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from small_instruments import Blown, Struck

from backtune.layout import Layout
from backtune.midi import MidiEvent, read_midi
from backtune.notes import NoteEvent
from backtune.performance import midi_blocks, render_score
from backtune.player import Player
from backtune.sounding import Sounding, Workspace

RATE = 48000
STRETCH = 960  # samples between frames that lie 20 ms apart
STRETCHES = 50  # one second


def some_tones(count, glide=0.0):
    random = np.random.default_rng(64)
    tones = np.zeros((bank.TONE_ROWS, count))
    tones[bank.LEVEL] = -4.0 * random.random(count)
    tones[bank.SLOPE] = -1e-4 * random.random(count)
    tones[bank.PHASE] = random.random(count)
    tones[bank.STEP] = 0.4 * random.random(count)
    tones[bank.BEND] = tones[bank.STEP] * glide / STRETCH
    return tones


def a_second(tones, gliding=False):
    """Return a function that renders one second of `tones` with our kernels."""
    count = tones.shape[1]
    out = np.zeros(STRETCH, np.float32)
    grid, spin = np.zeros(bank.GRID, np.float32), np.zeros((bank.SPIN_ROWS, bank.BATCH))

    def steady():
        for _ in range(STRETCHES):
            bank.add_steady_bank(out, tones, count, grid, spin)

    def glide():
        for _ in range(STRETCHES):
            add_gliding_bank(out, tones, count, grid)

    return glide if gliding else steady


def told(benchmark, partials, seconds=1.0):
    """Note the time of a partial and a sample, in ns, beside the result."""
    if benchmark.stats:
        benchmark.extra_info["ns_per_partial_sample"] = 1e9 * benchmark.stats["min"] / (partials * RATE * seconds)
        print(f"\n{benchmark.name}: {benchmark.extra_info['ns_per_partial_sample']:.3f} ns per partial-sample")


@pytest.mark.benchmark(group="64 decaying partials, 1 s")
class TestSixtyFourPartials:
    def test_backtune(self, benchmark):
        benchmark(a_second(some_tones(64)))
        told(benchmark, 64)

    def test_backtune_gliding(self, benchmark):
        benchmark(a_second(some_tones(64, 0.01), gliding=True))
        told(benchmark, 64)

    def test_sine_a_sample_in_numba(self, benchmark):
        import numba

        @numba.njit
        def naive(out, tones):
            for p in range(tones.shape[1]):
                for n in range(len(out)):
                    out[n] += np.exp(tones[0, p] + tones[1, p] * n) * np.sin(
                        2.0 * np.pi * (tones[2, p] + tones[3, p] * n)
                    )

        out, tones = np.zeros(RATE), some_tones(64)
        naive(out, tones)
        benchmark(naive, out, tones)
        told(benchmark, 64)

    def test_numpy(self, benchmark):
        tones, at = some_tones(64), np.arange(RATE)

        def twin():
            out = np.zeros(RATE)
            for level, slope, phase, step, _ in tones.T:
                out += np.exp(level + slope * at) * np.sin(2 * np.pi * (phase + step * at))

        benchmark(twin)
        told(benchmark, 64)

    def test_faust_modal_bank(self, benchmark):
        daw = pytest.importorskip("dawdreamer", reason="DawDreamer, which compiles Faust, is not installed")
        engine = daw.RenderEngine(RATE, 512)
        faust = engine.make_faust_processor("bank")
        hz = ",".join(f"{rate:.3f}" for rate in some_tones(64)[bank.STEP] * RATE)
        faust.set_dsp_string(
            'import("stdfaust.lib");'
            f'hz = ({hz}); process = button("strike") : ba.impulsify <: par(i, 64,'
            " pm.modeFilter(ba.take(i + 1, hz), 1.0 + i / 64, 1.0 / (i + 1))) :> _;"
        )
        faust.compile()
        engine.load_graph([(faust, [])])
        benchmark(engine.render, 1.0)
        told(benchmark, 64)


@pytest.mark.benchmark(group="dense MIDI, 400 notes over 41 s, 44.1 kHz")
class TestDenseMidi:
    @pytest.fixture
    def dense(self, tmp_path):
        return write_dense(tmp_path / "dense.mid")

    @pytest.mark.parametrize("cores", [1, 2])
    def test_backtune(self, benchmark, dense, instrument, cores):
        def play():
            return render_score(instrument, read_midi(dense), 44100, None, cores)

        before = time.process_time()
        benchmark.pedantic(play, rounds=10, warmup_rounds=1)
        print(f"\nCPU time {(time.process_time() - before) / 11:.2f} s")

    def test_fluidsynth(self, benchmark, dense, tmp_path):
        font = next(Path("/usr/share/sounds/sf2").glob("FluidR3_GM.sf2"), None)
        if not shutil.which("fluidsynth") or font is None:
            pytest.skip("fluidsynth and fluid-soundfont-gm are not installed")

        def play(song):
            command = ["fluidsynth", "-ni", "-F", str(tmp_path / "out.wav"), "-r", "44100", str(font), str(song)]
            before = os.times()
            subprocess.run(command, check=True, capture_output=True)
            after = os.times()
            return after.children_user + after.children_system - before.children_user - before.children_system

        silent = tmp_path / "silent.mid"
        silent.write_bytes(b"MThd\0\0\0\x06\0\0\0\x01\x01\xe0MTrk\0\0\0\x04\0\xff\x2f\0")
        cpu_s = benchmark.pedantic(play, (dense,), rounds=3)
        print(f"\nCPU time {cpu_s:.2f} s, {play(silent):.2f} s of it to load the SoundFont")


@pytest.mark.benchmark(group="64 sustained voices, a minute in blocks of 128 at 48 kHz: one block lasts 2.67 ms")
def test_a_block_of_sixty_four_voices(benchmark, instrument):
    """Keys of a prepared keyboard are struck again as they die away, one in 60 blocks, ten at once every second."""
    player = Player(instrument, RATE, voices=64, latency_s=0.0)
    keys = itertools.cycle(range(33, 97))
    player.rehearse()
    player.expect(MidiEvent(0, 0x90, key, 90) for key in range(33, 97))
    player.process([MidiEvent(0, 0xB0, 64, 127)] + [MidiEvent(0, 0x90, next(keys), 90) for _ in range(64)], 4096)
    turn, counts, times = itertools.count(), [], []  # times of this thread: other programs do not count

    def block():
        now, begin = next(turn), time.thread_time()
        struck = 10 if now % 375 == 0 else now % 60 == 0
        player.process([MidiEvent(0, 0x90, next(keys), 90) for _ in range(struck)], 128)
        counts.append(player.voices)
        times.append(time.thread_time() - begin)

    benchmark.pedantic(block, rounds=60 * RATE // 128)
    times = np.sort(times) * RATE / 128
    print(
        f"\n{np.mean(counts):.0f} voices: load {100 * np.mean(times):.1f} % mean, {100 * times[-1]:.1f} % worst, ",
        end="",
    )
    print(f"{100 * times[-1 - len(times) // 1000]:.1f} % but for one block in a thousand")


@pytest.mark.benchmark(group="growth over partials, 1 s")
@pytest.mark.parametrize("count", [8, 32, 128, 512])
def test_growth_over_partials(benchmark, count):
    benchmark(a_second(some_tones(count)))
    told(benchmark, count)


@pytest.mark.benchmark(group="growth over seconds, one note of 60 partials")
@pytest.mark.parametrize("seconds", [1, 10, 100, 600])
def test_growth_over_seconds(benchmark, seconds):
    layout = Layout(Struck(partials=60).voice(NoteEvent(33), 5.0), RATE, hearing=False)
    workspace, block = Workspace(), np.zeros(8192, np.float32)

    def render():
        sounding = Sounding(layout)
        for _ in range(seconds * RATE // len(block)):
            sounding.run(block, workspace)

    benchmark.pedantic(render, rounds=3, warmup_rounds=1)


@pytest.mark.benchmark(group="growth over voices, 1 s")
@pytest.mark.parametrize("count", [1, 4, 16, 64])
def test_growth_over_voices(benchmark, count):
    player = Player(Blown(), RATE)
    player.process([MidiEvent(0, 0x90, 36 + key, 90) for key in range(count)], 4096)
    benchmark.pedantic(player.process, ([], RATE), rounds=5)


@pytest.mark.benchmark(group="ten minutes of music, in blocks")
def test_ten_minutes(benchmark, tmp_path, instrument):
    import resource

    score = read_midi(write_dense(tmp_path / "dense.mid"))

    def play():
        player, sizes = Player(instrument, 44100), []
        for _ in range(15):
            for _ in midi_blocks(player, score):
                pass
            sizes.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        return sizes

    sizes = benchmark.pedantic(play, rounds=1)
    print(f"\nmemory after each of 15 rounds: {', '.join(f'{size >> 10}' for size in sizes)} MB")


@pytest.mark.benchmark(group="first sound after a cold start")
def test_first_sound(benchmark):
    code = (
        "import sys; sys.path.insert(0, 'tests')\n"
        "from small_instruments import Struck\nfrom backtune.notes import NoteEvent\n"
        "from backtune.render import render_note\nrender_note(Struck(), NoteEvent(60), 1.0, 48000)"
    )
    root = Path(__file__).parents[2]
    benchmark.pedantic(subprocess.run, ([sys.executable, "-c", code],), {"check": True, "cwd": root}, rounds=3)
