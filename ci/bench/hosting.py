"""How fast and how clean the host is: plugins opened and closed by the hundred, sampling, chains, automation.

    python ci/bench/hosting.py [--instances 500] [--plugin X.vst3]

Prints one line a figure and exits with 1 when memory grows by 5 % or a process is left behind. Without --plugin the
instrument of the tests is built with the system's C compiler.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from backtune.automation import curve_of
from backtune.chain import Chain, EffectSlot, PluginSlot
from backtune.chain_file import open_chain, shipped_chains
from backtune.chain_run import apply_chain, start
from backtune.hosting.players import PluginPlayer
from backtune.hosting.plugin import Plugin
from backtune.hosting.sampling import SamplingPlan, sample

SOURCE = Path(__file__).parents[2] / "tests" / "plugins" / "test_instrument.c"
RATE = 48000
MOST_GROWTH = 0.05
SETTLED = 20  # instances after which everything that is loaded once has been


def build(folder: Path, name: str, *definitions: str) -> Path:
    """Return our test plugin, built into `folder`."""
    binary = folder / f"{name}.vst3" / "Contents" / "x86_64-linux" / f"{name}.so"
    binary.parent.mkdir(parents=True)
    flags = ["-O2", "-shared", "-fPIC", "-fvisibility=hidden", *definitions]
    subprocess.run(["cc", *flags, "-o", str(binary), str(SOURCE), "-lm"], check=True)
    return binary.parents[2]


def memory_kb() -> int:
    """Return the resident memory of this process in kB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def alive(pids: list[int]) -> list[int]:
    """Return the processes among `pids` that still run, whoever their parent is by now; the dead are not counted."""
    asked = ["ps", "-o", "pid=,stat=", "-p", ",".join(map(str, pids))]
    listed = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split()
    return [int(pid) for pid, state in zip(listed[::2], listed[1::2], strict=True) if not state.startswith("Z")]


def open_files() -> int:
    """Return how many files and pipes this process holds open (Linux; 0 elsewhere)."""
    place = Path("/proc/self/fd")
    return len(list(place.iterdir())) if place.exists() else 0


@dataclass(frozen=True)
class Soak:
    """What loading, rendering and closing many times did: s an instance, growth of memory, what was left behind."""

    seconds: float
    growth: float
    files: int
    left: list[int]

    @property
    def clean(self) -> bool:
        """Whether nothing leaked."""
        return self.growth < MOST_GROWTH and self.files <= 0 and not self.left


def soak(path: Path, instances: int) -> Soak:
    """Load, render and close a plugin `instances` times."""
    note = [(0, bytes([0x90, 60, 100]))]
    begun, before, files, pids = time.perf_counter(), 0, 0, []
    for number in range(instances):
        if number == min(SETTLED, instances - 1):
            before, files = memory_kb(), open_files()
        with Plugin(path, role="instrument") as plugin:
            pids.append(plugin.pid)
            plugin.play(note, RATE // 10, RATE, fresh=True)
    seconds = (time.perf_counter() - begun) / instances
    time.sleep(0.2)  # the last one's thread notices its end
    return Soak(seconds, memory_kb() / before - 1.0, open_files() - files, alive(pids))


def main() -> int:
    """Print the figures; return 1 when something leaks."""
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--instances", type=int, default=500)
    words.add_argument("--plugin", type=Path)
    given = words.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        begun = time.perf_counter()
        path = given.plugin or build(folder, "TestInstrument")
        print(f"build: {time.perf_counter() - begun:.2f} s")
        begun = time.perf_counter()
        with Plugin(path, role="instrument") as plugin:
            print(f"open: {time.perf_counter() - begun:.2f} s")
            begun = time.perf_counter()
            plan = SamplingPlan(tuple(range(48, 61)), (20, 45, 70, 95, 120), 1.5, 0.5)
            sample(PluginPlayer(plugin, 44100), plan, folder / "takes")
            print(f"sample 13 keys x 5 velocities x 2 s: {time.perf_counter() - begun:.2f} s")
        noise = (np.random.default_rng(0).standard_normal((2, 20 * RATE)) * 0.05).astype(np.float32)
        for name in shipped_chains():
            begun = time.perf_counter()
            apply_chain(open_chain(name), noise, RATE)
            print(f"chain {name}: {20 / (time.perf_counter() - begun):.0f} x real time")
        late = PluginSlot("late", build(folder, "TestDelay", "-DEFFECT_LATENCY=480"))
        for what, curves in (("still", {}), ("automated", {"late.Gain": curve_of([(0.0, -6.0), (20.0, 0.0)])})):
            with start(Chain("c", "p", (late, EffectSlot("g", "gain"))), RATE, curves) as running:
                begun = time.perf_counter()
                for at in range(0, noise.shape[1], 8192):
                    running.push(noise[:, at : at + 8192])
                print(f"plugin in its process, {what}: {20 / (time.perf_counter() - begun):.0f} x real time")
        found = soak(path, given.instances)
        grown, left = f"memory {100 * found.growth:+.1f} %", f"processes left behind {len(found.left)}"
        print(f"{given.instances} instances: {found.seconds:.3f} s each, {grown}, open files {found.files:+d}, {left}")
    return int(not found.clean)


if __name__ == "__main__":
    sys.exit(main())
