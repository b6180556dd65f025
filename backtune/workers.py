"""Work shared by several processes: results in order, a process that is killed replaced once, none left behind."""

from __future__ import annotations

import atexit
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextvars import Context, copy_context
from pathlib import Path
from typing import Any, TypeVar, cast

from backtune.errors import BacktuneError
from backtune.whole_file import record, recording

T = TypeVar("T")
AHEAD = 2  # calls handed out a worker: one at work, one waiting, so that none stands still
IDLE_S = 300.0  # a worker that has had nothing to do for so long leaves
ORPHAN_S = 0.5  # how often a worker looks whether the process that gave the work is still there
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
STOPS = (signal.SIGINT, signal.SIGTERM)  # sent to all processes at once by a terminal, by the end of a session
QUIET_TRACKER = "ignore:resource_tracker"  # what clears up after workers tells of it, where Ctrl-C ends all
ONE_THREAD = dict.fromkeys(THREADS, "1")  # threads inside of workers only get in each other's way

_pools: dict[int, Any] = {}  # by number of workers; kept warm, since starting one takes a second


class WorkerLost(BacktuneError):
    """A worker process was ended by the system, twice on the same piece of work."""


def in_order(
    function: Callable[..., T], calls: Sequence[tuple[Any, ...]], jobs: int, named: Callable[..., str]
) -> Iterator[T]:
    """Yield `function(*call)` for each of `calls`, in their order, computed by `jobs` processes.

    When the system ends a worker (mostly because memory is short), what it may have been at is done once more,
    alone, so that it has the machine to itself. Raises WorkerLost when that worker is ended too: `named(*call)`
    is what the message calls the work. Whatever `function` raises is raised here. No worker outlives an
    exception, Ctrl-C among them, nor this process.
    """
    if jobs == 1 or len(calls) < 2:
        for call in calls:
            yield function(*call)
        return
    lost = _lost()
    waiting: deque[tuple[tuple[Any, ...], Any]] = deque()
    left = deque(calls)
    try:
        while left or waiting:
            while left and len(waiting) < AHEAD * jobs:
                waiting.append((left[0], _submit(_pool(jobs), function, left[0])))
                left.popleft()
            call, future = waiting.popleft()
            try:
                result, written = future.result()
            except lost:
                _end(jobs)
                result, written = _alone(function, call, named)
            record(*written)
            yield result
    except lost:  # the pool broke while work was handed to it
        _end(jobs)
        yield from in_order(function, [call for call, _ in waiting] + list(left), jobs, named)
    except BaseException:
        _end(jobs)
        raise


def side_by_side(function: Callable[..., T], *of: Sequence[Any], threads: int) -> tuple[T, ...]:
    """Return `function` of each of the items that `of` holds side by side, in their order, by several threads.

    For work on arrays too large to be sent to a process: numpy and SuperLU let other threads on, which takes two
    folds of 90 takes from 3.5 to 2.2 s. What is kept is kept as without threads. Whatever is raised is raised here.
    """
    calls = list(zip(*of, strict=True))
    if threads == 1 or len(calls) < 2:
        return tuple(function(*items) for items in calls)
    done: list[Future[T]] = [Future() for _ in calls]

    def work(future: Future[T], context: Context, items: tuple[Any, ...]) -> None:
        try:
            future.set_result(context.run(function, *items))
        except BaseException as error:
            future.set_exception(error)

    for first in range(0, len(calls), threads):  # daemons: Ctrl-C does not wait for what they are at
        for future, items in list(zip(done, calls, strict=True))[first : first + threads]:
            threading.Thread(target=work, args=(future, copy_context(), items), daemon=True).start()
        for future in done[first : first + threads]:
            future.exception()
    return tuple(future.result() for future in done)


def end_workers() -> None:
    """End the workers of all pools at once, whatever they are at; the next work starts new ones."""
    for jobs in list(_pools):
        _end(jobs)


atexit.register(end_workers)  # else they are taken down while Python is, and complain


def _submit(pool: Any, function: Callable[..., T], call: tuple[Any, ...]) -> Any:
    """Hand out work; a worker this starts is born deaf to what stops its giver, or Ctrl-C ends it with a traceback."""
    if not hasattr(signal, "pthread_sigmask"):
        return pool.submit(_recorded, function, call)
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # else the first worker starts it, which lets Ctrl-C through to the others
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        return pool.submit(_recorded, function, call)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _recorded(function: Callable[..., T], call: tuple[Any, ...]) -> tuple[T, list[Path]]:
    """Return what `function(*call)` returns and the files that it wrote: the worker's own record ends with it."""
    with recording() as written:
        return function(*call), written


def _alone(function: Callable[..., T], call: tuple[Any, ...], named: Callable[..., str]) -> tuple[T, list[Path]]:
    """Return what work gives from a process of its own; raise WorkerLost when the system ends that too."""
    pool = _new_pool(1)
    try:
        return cast(tuple[T, list[Path]], _submit(pool, function, call).result())
    except _lost():
        raise WorkerLost(
            f"{named(*call)}: the system ended the process that worked on it, and the one that tried again; "
            "perhaps it needs more memory than there is"
        ) from None
    finally:
        pool.shutdown(wait=False, kill_workers=True)


def _lost() -> tuple[type[Exception], ...]:
    """Return what work says whose worker is gone: killed itself, or ended with the pool as another one was."""
    from joblib.externals.loky.process_executor import BrokenProcessPool, ShutdownExecutorError

    return BrokenProcessPool, ShutdownExecutorError


def _pool(jobs: int) -> Any:
    if jobs not in _pools:
        _pools[jobs] = _new_pool(jobs)
    return _pools[jobs]


def _new_pool(jobs: int) -> Any:
    from joblib.externals.loky import ProcessPoolExecutor

    silenced = os.environ.get("PYTHONWARNINGS", "")
    if QUIET_TRACKER not in silenced:
        os.environ["PYTHONWARNINGS"] = f"{silenced},{QUIET_TRACKER}".lstrip(",")
    return ProcessPoolExecutor(jobs, timeout=IDLE_S, initializer=_begin, initargs=(os.getpid(),), env=ONE_THREAD)


def _end(jobs: int) -> None:
    """End the workers of a pool at once."""
    if jobs in _pools:
        _pools.pop(jobs).shutdown(wait=False, kill_workers=True)


def _begin(giver: int) -> None:
    """Prepare a worker: Ctrl-C and SIGTERM are for the process that gave the work, which ends its workers."""
    for stop in STOPS:
        signal.signal(stop, signal.SIG_IGN)
    if os.name == "posix":
        threading.Thread(target=_leave_with, args=(giver,), daemon=True).start()


def _leave_with(giver: int) -> None:
    """End this process when the one that gave the work is gone, killed so that it could not say goodbye."""
    while os.getppid() == giver:
        time.sleep(ORPHAN_S)
    os._exit(1)
