"""How long the help of every command takes to appear, median of five: `python ci/bench/start.py`; 0.5 s is allowed.

What is judged is the processor's time, which a busy machine stretches little; on a quiet one it is the clock's.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

from backtune.cli import build

MOST_S = 0.5
RUNS = 5


def seconds(command: list[str]) -> tuple[float, float]:
    """Return the median time of a command by the processor and by the clock, s."""
    busy, clock = [], []
    for _ in range(RUNS):
        began = time.perf_counter()
        before = os.times()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        after = os.times()
        clock.append(time.perf_counter() - began)
        busy.append(after.children_user - before.children_user + after.children_system - before.children_system)
    return statistics.median(busy), statistics.median(clock)


def main() -> int:
    """Print a line for each command and return 1 when one is too slow."""
    app = build()
    names = [[one.name or one.callback.__name__] for one in app.registered_commands if one.callback]
    names += [[str(one.name)] for one in app.registered_groups]
    bare = seconds([sys.executable, "-c", "pass"])
    print(f"{'':<30} {'processor':>9} {'clock':>9}\n{'python -c pass':<30} {bare[0]:>7.3f} s {bare[1]:>7.3f} s")
    slowest = (0.0, 0.0)
    for name in [[], *names]:
        taken = seconds([sys.executable, "-m", "backtune", *name, "--help"])
        slowest = max(slowest, taken)
        print(f"{' '.join(['backtune', *name, '--help']):<30} {taken[0]:>7.3f} s {taken[1]:>7.3f} s", flush=True)
    print(f"slowest {slowest[0]:.3f} s of the processor, {slowest[1]:.3f} s by the clock; allowed {MOST_S} s")
    return 0 if slowest[0] < MOST_S else 1


if __name__ == "__main__":
    sys.exit(main())
