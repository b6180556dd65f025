"""How long the help of every command takes to appear, median of five: `python ci/bench/start.py`; 0.5 s is allowed."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from backtune.cli import build

MOST_S = 0.5
RUNS = 5


def seconds(command: list[str]) -> float:
    """Return the median time of a command, s."""
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def main() -> int:
    """Print a line for each command and return 1 when one is too slow."""
    app = build()
    names = [[one.name or one.callback.__name__] for one in app.registered_commands if one.callback]
    names += [[str(one.name)] for one in app.registered_groups]
    bare = seconds([sys.executable, "-c", "pass"])
    print(f"{'python -c pass':<24} {bare:.3f} s")
    slowest = 0.0
    for name in [[], *names]:
        taken = seconds([sys.executable, "-m", "backtune", *name, "--help"])
        slowest = max(slowest, taken)
        print(f"{' '.join(['backtune', *name, '--help']):<24} {taken:.3f} s", flush=True)
    print(f"slowest {slowest:.3f} s; allowed {MOST_S} s")
    return 0 if slowest < MOST_S else 1


if __name__ == "__main__":
    sys.exit(main())
