"""Live play against a real JACK server with its dummy driver: a minute of dense MIDI, every block on time.

    python ci/bench/live.py PATCH.yaml [--seconds 60] [--block 128] [--voices 64]

Needs jackd (apt-get install jackd2), sounddevice and python-rtmidi. Prints blocks, missed blocks and load, and
exits with 1 when a block was missed or took more than 80 % of its time.
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
    """Play the dense piece round and round for `given.seconds`."""
    from backtune.live import playing
    from backtune.midi import read_midi
    from backtune.patch_file import read_patch
    from backtune.player import Player

    with tempfile.TemporaryDirectory() as folder:
        score = read_midi(write_dense(Path(folder) / "dense.mid"))
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
    print(
        f"{meter.blocks} blocks of {given.block}, {meter.missed} missed, load {100 * meter.load_mean:.1f} % mean, "
        f"{100 * meter.load_worst:.1f} % worst, up to {most} voices, {meter.stolen} stolen"
    )
    sys.exit(int(meter.missed > 0 or meter.load_worst > WORST_LOAD))


if __name__ == "__main__":
    sys.exit(main())
