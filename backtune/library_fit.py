"""A library of instruments fitted on Dask: instruments and takes spread over workers, nothing lost when one dies."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backtune.analysis.listen import hear_cached
from backtune.errors import BacktuneError, InputError
from backtune.fit_plan import FitPlan
from backtune.kept import code_identity, libraries
from backtune.patch import Patch
from backtune.patch_file import dump_patch, parse_patch, read_patch
from backtune.reading.family import guess_family
from backtune.source import HASH_DIGITS, STRUCK, find_kind, open_source
from backtune.whole_file import write_beside
from backtune.workshop import fit_source

TAKES_A_TASK = 16  # heard together: about 10 s of work, so that a worker lost costs little
RETRIES = 2  # of work that failed for reasons of the machine: a disk or a connection that was gone for a moment
WORK = ".backtune"  # folder of unfinished work inside the output folder, seen by all workers
LOCAL = "local"
FITTED, THERE, FAILED = "fitted", "was there", "failed"


@dataclass(frozen=True)
class Plan:
    """What is done with every instrument: the `seed` of its fit, the size its patch may have, where work is kept."""

    seed: int
    budget_bytes: int
    work: Path


@dataclass
class Outcome:
    """What became of one instrument: `state`, seconds of one core it took, its patch or the reason there is none."""

    name: str
    state: str = FAILED
    core_s: float = 0.0
    takes: int = 0
    patch: Patch | None = None
    reason: str = ""


@dataclass
class LibraryReport:
    """What became of all instruments, in the order of their names, and what is no instrument."""

    outcomes: list[Outcome] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def count(self, state: str) -> int:
        """Return how many instruments are in a state."""
        return sum(one.state == state for one in self.outcomes)


def instruments_in(folder: Path) -> tuple[dict[str, Path], list[str]]:
    """Return the instruments in a folder by name (subfolders, .sfz, .sf2...), and what else lies there.

    Raises InputError when there is none, or two would write the same patch.
    """
    found: dict[str, Path] = {}
    ignored = []
    try:
        entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise InputError(f"{folder}: cannot be read as a folder ({error.strerror})") from None
    for path in entries:
        try:
            find_kind(path)
        except InputError:
            ignored.append(path.name)
            continue
        name = path.name if path.is_dir() else path.stem
        if name in found:
            raise InputError(f"{folder}: '{found[name].name}' and '{path.name}' would both become {name}.yaml")
        found[name] = path.absolute()
    if not found:
        raise InputError(f"{folder}: holds no instrument; allowed: one folder, .sfz or .sf2 for each")
    return found, ignored


@contextmanager
def cluster(scheduler: str, workers: int) -> Iterator[Any]:
    """Give a Dask client: of a scheduler by address ("tcp://..."), or of `workers` processes started here ("local").

    Raises InputError when Dask is not installed or nothing answers at the address.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise InputError("fit-library needs Dask: pip install 'backtune[cluster]'") from None
    if scheduler != LOCAL:
        try:
            client = Client(scheduler, timeout=10)
        except (OSError, ValueError) as error:
            raise InputError(f"scheduler '{scheduler}': {error}; allowed: local, or the address of one") from None
        with client:
            yield client
        return
    local = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(**local, silence_logs=50) as started, Client(started) as client:
        yield client


def fit_library(
    client: Any,
    instruments: dict[str, Path],
    output: Path,
    plan: Plan,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> list[Outcome]:
    """Fit instruments on the workers of a Dask `client` and write their patches into `output` as they come.

    Takes are heard in tasks of their own, so that a large instrument is shared too. Patches that are there from the
    same recordings, options, code and libraries are left as they are. When a worker dies, what it was at goes on
    on another one from what it had finished. An instrument that cannot be fitted, or whose patch
    cannot be written, is told with its reason.
    """
    from distributed import as_completed

    found = {name: Outcome(name) for name in instruments}
    token = f"{os.getpid()}-{time.time_ns()}"
    where: dict[str, tuple[str, str]] = {}  # key of a task: which stage, which instrument
    waiting = as_completed()

    def give(stage: str, name: str, task: Callable[..., Any], *call: Any, share: int = 0) -> Any:
        key = f"{stage}-{name}-{share}-{token}"
        where[key] = (stage, name)
        return client.submit(task, *call, key=key, retries=RETRIES, pure=False)

    for name, path in instruments.items():
        waiting.add(give("open", name, opened, path, _recorded(output / f"{name}.yaml"), plan))
    done = 0
    for future in waiting:
        stage, name = where[future.key]
        outcome = found[name]
        try:
            result = future.result()
        except Exception as error:  # what a task raised thrice, or the worker that died of it too often
            result = {"failed": f"{type(error).__name__}: {error}"}
        outcome.core_s += result.get("core_s", 0.0)
        if "failed" in result:
            outcome.reason = result["failed"]
        elif stage == "open" and not result["current"]:
            outcome.takes = result["takes"]
            shares = math.ceil(outcome.takes / TAKES_A_TASK)
            heard = [
                give("hear", name, heard_share, instruments[name], i, shares, plan, share=i) for i in range(shares)
            ]
            waiting.add(give("fit", name, fitted, instruments[name], plan, heard))
            continue
        else:
            outcome.takes = result.get("takes", outcome.takes)
            outcome.core_s += result.get("heard_s", 0.0)
            _settle(outcome, output / f"{name}.yaml", result.get("patch"))
        done += 1
        progress("instruments", done, len(instruments))
    return [found[name] for name in sorted(found)]


def _settle(outcome: Outcome, path: Path, text: str | None) -> None:
    """Write the patch that was fitted, or read the one that is there (None); what is wrong ends no other's fit."""
    try:
        if text is None:
            outcome.patch, outcome.state = read_patch(path), THERE
            return
        patch = parse_patch(text, outcome.name)
        write_beside(path, text.encode())
        outcome.patch, outcome.state = patch, FITTED
    except InputError as error:
        outcome.reason = str(error)


def opened(path: Path, recorded: dict[str, Any] | None, plan: Plan) -> dict[str, Any]:
    """Return how many takes an instrument has, and whether the patch that `recorded` tells of is its own."""

    def work() -> dict[str, Any]:
        source = open_source(path)
        now = _made_by(plan) | {"source_hash": source.identity[:HASH_DIGITS]}
        return {"takes": len(source.takes), "current": recorded == now}

    return _told(work)


def heard_share(path: Path, share: int, shares: int, plan: Plan) -> dict[str, Any]:
    """Hear every `shares`-th take of an instrument, from number `share` on; the fit finds what was heard on disk."""

    def work() -> dict[str, Any]:
        source = open_source(path)
        takes = source.takes
        struck = (source.family or guess_family(takes) or STRUCK) == STRUCK
        folder = plan.work / "heard"
        folder.mkdir(parents=True, exist_ok=True)
        for take in takes[share::shares]:
            try:
                hear_cached(take, struck, folder)
            except InputError:
                continue  # screening leaves it out, with the reason
        return {}

    return _told(work)


def fitted(path: Path, plan: Plan, heard: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the text of the patch of an instrument whose takes were `heard`."""

    def work() -> dict[str, Any]:
        asked = FitPlan(plan.seed, plan.budget_bytes)
        patch = fit_source(open_source(path), asked, jobs=1, cache=plan.work)
        return {"patch": dump_patch(patch), "heard_s": sum(one["core_s"] for one in heard)}

    return _told(work)


def _told(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what `work` returns with the s it took, or a sentence about what is wrong with the instrument."""
    started = time.thread_time()
    try:
        result = work()
    except BacktuneError as error:
        result = {"failed": str(error)}
    return result | {"core_s": time.thread_time() - started}


def _made_by(plan: Plan) -> dict[str, Any]:
    return {"seed": plan.seed, "budget_bytes": plan.budget_bytes, "code": code_identity(), "libraries": libraries()}


def _recorded(path: Path) -> dict[str, Any] | None:
    """Return what a patch file tells of its fit, None where there is none that can be read."""
    try:
        origin = read_patch(path).origin
    except InputError:
        return None
    facts = {name: getattr(origin, name) for name in ("seed", "code", "libraries", "source_hash")}
    return facts | {"budget_bytes": origin.options.get("budget_bytes")}
