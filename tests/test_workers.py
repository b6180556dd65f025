"""Workers: results in order whatever their number, a killed one replaced once and then named, none left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextvars import ContextVar
from pathlib import Path

import numpy as np
import pytest

from backtune.workers import WorkerLost, in_order, side_by_side

NUMBERS = [(n,) for n in range(12)]


def square(n: int) -> int:
    """Return n squared, the later ones sooner."""
    time.sleep(0.01 * (12 - n) / 12)
    return n * n


def draw(n: int) -> float:
    """Return a sum that many threads would round in another order."""
    big = np.random.default_rng(n).standard_normal((200, 200))
    return float(np.linalg.inv(big).sum())


def killed_once(n: int, folder: Path) -> int:
    """Return n; the first time that 5 is asked for, the system ends the process."""
    if n == 5 and not (folder / "killed").exists():
        (folder / "killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    (folder / f"done_{n}_{time.monotonic_ns()}").touch()
    return n


def killed_always(n: int) -> int:
    """Return n, but 5 never comes back."""
    if n == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return n


def broken(n: int) -> int:
    """Raise what an ordinary mistake raises."""
    if n == 5:
        raise ValueError("five")
    return n


def named(n: int, *_: object) -> str:
    """Return what messages call the work."""
    return f"number {n}"


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_results_come_in_order(jobs: int) -> None:
    assert list(in_order(square, NUMBERS, jobs, named)) == [n * n for n in range(12)]


def test_numbers_are_the_same_bits_for_any_number_of_workers() -> None:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        alone = list(in_order(draw, NUMBERS[:4], 1, named))
    assert list(in_order(draw, NUMBERS[:4], 2, named)) == alone


def test_what_a_killed_worker_was_at_is_done_once_more(tmp_path: Path) -> None:
    calls = [(n, tmp_path) for n in range(12)]
    assert list(in_order(killed_once, calls, 2, named)) == list(range(12))
    assert len(list(tmp_path.glob("done_5_*"))) == 1


def test_work_that_kills_its_worker_twice_is_named() -> None:
    some = in_order(killed_always, NUMBERS, 2, named)
    assert [next(some) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(WorkerLost, match=r"^number 5: the system ended the process"):
        next(some)


def test_ordinary_errors_come_through_and_the_next_work_finds_workers() -> None:
    with pytest.raises(ValueError, match="five"):
        list(in_order(broken, NUMBERS, 2, named))
    assert list(in_order(square, NUMBERS[:3], 2, named)) == [0, 1, 4]


GIVER = """
import sys, time
sys.path.insert(0, {tests!r})
from test_workers import *
def long(n):
    import os, pathlib
    pathlib.Path({folder!r}, str(os.getpid())).touch()
    time.sleep(60)
if __name__ == "__main__":
    list(in_order(long, NUMBERS, 2, named))
"""


@pytest.mark.skipif(os.name != "posix", reason="needs kill -9")
@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT])
def test_no_worker_outlives_the_process_that_gave_the_work(tmp_path: Path, by: signal.Signals) -> None:
    text = GIVER.format(tests=str(Path(__file__).parent), folder=str(tmp_path))
    script = tmp_path / "giver.py"
    script.write_text(text, encoding="utf-8")
    giver = subprocess.Popen(
        [sys.executable, script],
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # who runs the tests may be deaf to it
    )
    patience = time.monotonic() + 60
    while len(workers := [int(p.name) for p in tmp_path.iterdir() if p.name.isdigit()]) < 2:
        assert time.monotonic() < patience
        time.sleep(0.05)
    giver.send_signal(by)
    giver.wait(timeout=60)
    while any(alive(pid) for pid in workers):
        assert time.monotonic() < patience
        time.sleep(0.05)


def alive(pid: int) -> bool:
    """Return whether a process runs; one that ended and was not yet collected does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return False


def test_side_by_side_is_as_one_after_the_other_in_order_and_context() -> None:
    setting: ContextVar[int] = ContextVar("setting", default=0)
    setting.set(5)

    def work(one: int, two: int) -> int:
        return one * two + setting.get()

    for threads in (1, 2, 3):
        assert side_by_side(work, [1, 2, 3, 4], [10, 20, 30, 40], threads=threads) == (15, 45, 95, 165)
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda one: 1 // one, [1, 0, 2], threads=2)


BORN = """
import signal, sys
sys.path.insert(0, sys.argv[1])
from test_workers import deaf, in_order, named
if __name__ == "__main__":
    print(list(in_order(deaf, [(n,) for n in range(4)], 2, named)))
"""


def deaf(n: int) -> bool:
    """Return whether this process was born with Ctrl-C and SIGTERM held off."""
    return {signal.SIGINT, signal.SIGTERM} <= signal.pthread_sigmask(signal.SIG_BLOCK, [])


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="signals are held off by processes of POSIX")
def test_workers_are_born_deaf_to_what_stops_the_giver(tmp_path: Path) -> None:
    script = tmp_path / "born.py"
    script.write_text(BORN)
    told = subprocess.check_output([sys.executable, script, Path(__file__).parent], text=True)
    assert told.strip() == "[True, True, True, True]"
