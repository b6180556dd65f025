"""Fuzzes every door with atheris: `python ci/fuzz.py [SECONDS] [DOOR...]`, the time shared by all of them.

Each door runs in a child process under limits of memory and of time for one input. What breaks a door is kept in
.fuzz/, with the inputs that reached new code, where the next run goes on from. A row for the table of proofs is
written when the variable BACKTUNE_PROOFS names a folder; the exit code is 1 when a door broke.
"""

from __future__ import annotations

import mmap
import os
import re
import struct
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent.parent
KEPT = HERE / ".fuzz"
SLOWEST_S = 20  # one input of at most 20 KB: true ones take milliseconds; more is a hang
MOST_MB = 1500  # memory of a process that reads one file; 400 of it are numpy, scipy, numba and the tracing itself
COUNTS = struct.Struct("<QQ")  # inputs tried, inputs refused

sys.path.insert(0, str(HERE / "tests"))


def fuzz(name: str, seconds: float) -> tuple[int, int, str]:
    """Fuzz a door in a child; return how many inputs were tried and refused, and what broke it ("" = nothing)."""
    place = KEPT / name.replace(" ", "_")
    (place / "found").mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile() as counts:
        counts.write(bytes(COUNTS.size))
        counts.flush()
        command = [sys.executable, __file__, "--child", name, counts.name, f"{seconds:.0f}"]
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, errors="replace", check=False)
        tried, refused = COUNTS.unpack(Path(counts.name).read_bytes())
    if done.returncode == 0 and tried > 0:
        return tried, refused, ""
    whole = done.stdout + done.stderr
    (place / "broken.txt").write_text(whole, encoding="utf-8")
    said = re.search(r"Uncaught Python exception: ===\n(.*)|SUMMARY: (.*)", whole)
    return (
        tried,
        refused,
        (said[1] or said[2])[:200] if said else f"exit code {done.returncode}, see {place}/broken.txt",
    )


def child(name: str, counts: str, seconds: str) -> None:
    """Run one door until the time is over; the process ends here."""
    import atheris

    with atheris.instrument_imports(include=["backtune", "mido", "sf2utils", "csv", "json"]):
        from doors import DOORS

        from backtune.errors import BacktuneError
    door = DOORS[name]
    place = KEPT / name.replace(" ", "_")
    scratch = tempfile.TemporaryDirectory()
    path = Path(scratch.name) / door.file
    seeds = Path(scratch.name) / "seeds"
    seeds.mkdir()
    for number, seed in enumerate(door.seeds):
        (seeds / f"{number}").write_bytes(seed)
        path.write_bytes(seed)
        door.enter(path)  # kernels are compiled here, outside of the time limit of one input
    words = seeds.with_suffix(".dict")
    escaped = ("".join(f"\\x{one:02x}" for one in word) for word in door.words)
    words.write_text("".join(f'"{word}"\n' for word in escaped), encoding="ascii")
    with open(counts, "r+b") as file:
        shared = mmap.mmap(file.fileno(), COUNTS.size)
    tried = refused = 0

    def one(data: bytes) -> None:
        nonlocal tried, refused
        tried += 1
        path.write_bytes(data)
        try:
            door.enter(path)
        except BacktuneError as error:
            refused += 1
            if not str(error).strip():
                raise ValueError("an empty message") from error
        COUNTS.pack_into(shared, 0, tried, refused)

    options = [f"-max_total_time={seconds}", f"-timeout={SLOWEST_S}", f"-rss_limit_mb={MOST_MB}"]
    options += [f"-max_len={door.most_bytes}", f"-artifact_prefix={place}/", "-verbosity=1"]
    options += [f"-dict={words}"] if door.words else []
    atheris.Setup([sys.argv[0], *options, str(place / "found"), str(seeds)], one)
    atheris.Fuzz()


def main(arguments: list[str]) -> int:
    """Fuzz the doors named (all of them without names); print a line for each, return the exit code."""
    from doors import DOORS
    from proofs import Proof

    seconds = float(arguments[0]) if arguments else 3600.0
    names = arguments[1:] or list(DOORS)
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    began = time.monotonic()

    def run(name: str) -> tuple[int, int, str]:
        found = fuzz(name, max(1.0, seconds / len(names)))
        print(f"{name:<24} {found[0]:>10,} tried {found[1]:>10,} refused  {found[2] or 'nothing broke'}", flush=True)
        return found

    with ThreadPoolExecutor(workers) as pool:
        found: Any = list(pool.map(run, names))
    tried, refused = (sum(one[place] for one in found) for place in (0, 1))
    broken = sum(1 for one in found if one[2])
    note = f"{len(names)} kinds of file, {seconds:.0f} s of fuzzing in {time.monotonic() - began:.0f} s"
    try:
        Proof("files fuzzed (atheris)", tried, refused + broken, refused, note).settle()
    except AssertionError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:5])
    else:
        sys.exit(main(sys.argv[1:]))
