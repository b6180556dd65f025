"""Live play against a real JACK server with its dummy driver: a minute of dense MIDI, every block on time.

    python ci/bench/live.py PATCH.yaml [--seconds 60] [--block 128] [--voices 64] [--ahead 10]

Needs jackd and PortAudio (apt-get install jackd2 libportaudio2), sounddevice and python-rtmidi. Prints blocks, gaps
and load. The server reports by itself when its clock, or the C code that plays what was made ahead, came too late:
those are counted apart, and under silence first, for nothing that we do changes them. Exits with 1 when one block came
too late because of us, or took more than 80 % of its time to make.
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
    parser.add_argument("--ahead", type=float, default=10.0, help="ms")
    given = parser.parse_args()
    os.environ["JACK_DEFAULT_SERVER"] = server = f"backtune_bench_{os.getpid()}"
    log = Path(tempfile.mkdtemp()) / "jack.log"
    with log.open("w") as told:
        command = ["jackd", "-n", server, "-d", "dummy", "-r", f"{RATE}", "-p", f"{given.block}"]
        jack = subprocess.Popen(command, stdout=told, stderr=told)
    try:
        time.sleep(2.0)  # the server needs a moment before PortAudio looks for it
        # PortAudio must be gone before the server is: so it has a process of its own
        child = multiprocessing.get_context("spawn").Process(target=play, args=(given, log))
        child.start()
        child.join()
        return child.exitcode or 0
    finally:
        jack.terminate()
        jack.wait()


def play(given: argparse.Namespace, log: Path) -> None:
    """Play silence, then the dense piece round and round, for `given.seconds` each."""
    from backtune.live import playing
    from backtune.midi import read_midi
    from backtune.patch_file import read_patch
    from backtune.player import Player

    with tempfile.TemporaryDirectory() as folder:
        score = read_midi(write_dense(Path(folder) / "dense.mid"))
    play_silence(given)
    before = reported(log)
    print(f"silence for {given.seconds:g} s: {before} blocks late in JACK itself")
    most = 0
    prepared = time.perf_counter()
    player = Player(read_patch(given.patch), RATE, given.voices, latency_s=0.0)
    with playing(player, block_frames=given.block, ahead_s=given.ahead / 1000) as live:
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
        late = reported(log) - before
    precedence = "before" if live.precedes else "in turn with"
    print(f"made {1000 * live.ahead_s:.1f} ms ahead, {precedence} other programs")
    print(
        f"{meter.blocks} blocks of {given.block}: {meter.missed} missed because of us, {late} that JACK calls its own"
    )
    print(f"load {100 * meter.load_mean:.1f} % mean, {100 * meter.load_worst:.1f} % worst, {meter.late} over 100 %")
    print(f"up to {most} voices, {meter.stolen} stolen")
    sys.exit(int(meter.missed > 0 or meter.load_worst > WORST_LOAD))


def play_silence(given: argparse.Namespace) -> None:
    """Play zeros for as long as the music will last."""
    import numpy as np
    import sounddevice

    block = np.zeros((given.block, 2), np.float32)
    with sounddevice.OutputStream(RATE, given.block, channels=2, dtype="float32", latency=given.ahead / 1000) as stream:
        for _ in range(int(given.seconds * RATE / given.block)):
            stream.write(block)


def reported(log: Path) -> int:
    """Return how many blocks the server has reported as late so far."""
    return log.read_text(errors="replace").count("XRun")


if __name__ == "__main__":
    sys.exit(main())
