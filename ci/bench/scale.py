"""What a library costs: `python ci/bench/scale.py SOURCE...` fits each as one worker does, alone, with empty caches.

Prints takes, seconds of audio, seconds of one core, the most memory, and what 10,000 such instruments would take.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from backtune.source import open_source

INSTRUMENTS = 10_000
CORES = 64


def main(sources: list[str]) -> int:
    """Print a line for each source and one for all; return the exit code."""
    print(f"{'source':<16} {'takes':>6} {'audio s':>8} {'core s':>8} {'takes a core-hour':>18} {'memory MB':>10}")
    every: list[tuple[int, float, float]] = []
    for name in sources:
        takes = open_source(name).takes
        audio_s = sum(len(audio) / rate for audio, rate in (take.audio() for take in takes))
        with tempfile.TemporaryDirectory() as place:
            patch = str(Path(place) / "p.yaml")
            command = [sys.executable, "-m", "backtune", "fit", name, "-o", patch, "--jobs", "1", "--quiet"]
            program = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ | {"XDG_CACHE_HOME": place})
            _, status, used = os.wait4(program.pid, 0)
        if status:
            return 1
        core_s, memory_mb = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024.0
        every.append((len(takes), core_s, memory_mb))
        hourly = 3600 * len(takes) / core_s
        print(
            f"{Path(name).name:<16} {len(takes):>6} {audio_s:>8.0f} {core_s:>8.0f} {hourly:>18.0f} {memory_mb:>10.0f}",
            flush=True,
        )
    core_s = sum(one[1] for one in every) / len(every)
    hours = INSTRUMENTS * core_s / 3600
    print(
        f"{INSTRUMENTS:,} such instruments: {hours:,.0f} core-hours, {hours / CORES:.0f} h on {CORES} cores, "
        f"each with {max(one[2] for one in every):.0f} MB"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
