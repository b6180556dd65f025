"""Live play against a real JACK server with its dummy driver: a minute of dense MIDI, every block on time.

    python ci/bench/live.py PATCH.yaml [--seconds 60] [--block 128] [--voices 64]

Needs jackd and PortAudio (apt-get install jackd2 libportaudio2), sounddevice and python-rtmidi. As the server misses
blocks by itself on a busy machine, silence is played for as long first. Prints blocks, missed blocks and load, and
exits with 1 when a block took more than 80 % of its time to make, or more were missed than under silence.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from dense import write_dense

RATE = 48000
WORST_LOAD = 0.8


def main() -> int:
    """Run the minute and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("patch", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--block", type=int, default=128)
    parser.add_argument("--voices", type=int, default=64)
    given = parser.parse_args()
    os.environ["JACK_DEFAULT_SERVER"] = server = f"backtune_bench_{os.getpid()}"
    jack = subprocess.Popen(
        ["jackd", "-n", server, "-d", "dummy", "-r", f"{RATE}", "-p", f"{given.block}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        time.sleep(2.0)  # the server needs a moment before PortAudio looks for it
        # PortAudio must be gone before the server is: so it has a process of its own
        child = multiprocessing.get_context("spawn").Process(target=play, args=(given,))
        child.start()
        child.join()
        return child.exitcode or 0
    finally:
        jack.terminate()
        jack.wait()


def play(given: argparse.Namespace) -> None:
    """Play silence, then the dense piece round and round, for `given.seconds` each."""
    from backtune.live import playing
    from backtune.midi import read_midi
    from backtune.patch_file import read_patch
    from backtune.player import Player

    with tempfile.TemporaryDirectory() as folder:
        score = read_midi(write_dense(Path(folder) / "dense.mid"))
    missed = missed_under_silence(given)
    print(f"silence: {missed} blocks missed in {given.seconds:g} s")
    most = 0
    prepared = time.perf_counter()
    player = Player(read_patch(given.patch), RATE, given.voices, latency_s=0.0)
    with playing(player, block_frames=given.block) as live:
        begin = time.perf_counter()
        print(f"prepared in {begin - prepared:.1f} s")
        round_s = 0.0
        while round_s < given.seconds:
            for at, *message in score.messages:
                due = begin + round_s + at
                if due > begin + given.seconds:
                    break
                time.sleep(max(0.0, due - time.perf_counter()))
                live.send(message)
                most = max(most, live.meter.voices)
            round_s += score.seconds
        time.sleep(max(0.0, begin + given.seconds - time.perf_counter()))
        meter = live.meter
    print(f"{meter.blocks} blocks of {given.block}, {meter.late} late, {meter.missed} missed")
    print(f"load {100 * meter.load_mean:.1f} % mean, {100 * meter.load_worst:.1f} % worst")
    print(f"up to {most} voices, {meter.stolen} stolen")
    sys.exit(int(meter.missed > missed or meter.load_worst > WORST_LOAD))


def missed_under_silence(given: argparse.Namespace) -> int:
    """Return how many blocks the sound system misses when all we do is to write zeros."""
    import sounddevice

    missed = 0

    def silence(out: Any, frames: int, at: Any, status: Any) -> None:
        nonlocal missed
        missed += bool(status)
        out[:] = 0.0

    with sounddevice.OutputStream(RATE, given.block, channels=2, dtype="float32", latency="low", callback=silence):
        time.sleep(given.seconds)
    return missed


if __name__ == "__main__":
    sys.exit(main())
