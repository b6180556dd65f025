"""A library on Dask: every instrument becomes a patch, what is there stays, a worker that dies loses nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from known_instrument import PITCHES, breath, core, known_patch, takes_of
from proofs import Proof
from written_takes import write_takes

import backtune.growth
import backtune.library_fit
import backtune.trial
from backtune.errors import InputError
from backtune.layer import Layer
from backtune.library import library
from backtune.library_fit import (
    FAILED,
    FITTED,
    THERE,
    LibraryReport,
    Plan,
    cluster,
    fit_library,
    instruments_in,
)
from backtune.patch_file import dump_patch, read_patch
from backtune.report.library_table import library_data, library_table
from backtune.source import open_source
from backtune.workshop import fit_source

NAMES = ("bright", "dark", "high", "low")


def offered() -> dict[str, type[Layer]]:
    """Return the one layer type that growth has here: which it would choose is not what these tests ask."""
    return {"tonal_core": library()["tonal_core"]}


def instruments(folder: Path, names: tuple[str, ...], takes: int = 8) -> Path:
    """Write small instruments that differ by their hiss into `folder`; return it."""
    for seed, name in enumerate(names):
        some = [t for t in takes_of(known_patch(core(), breath()), seed) if t.midi in PITCHES[::2] and t.velocity != 80]
        write_takes(some[:takes], folder / name)
    return folder


@pytest.fixture
def client() -> Iterator[Any]:
    """Give a Dask client whose one worker is a thread of this process."""
    distributed = pytest.importorskip("distributed")
    with distributed.Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address=None) as one:
        yield one


def test_instruments_become_patches_and_what_is_there_stays(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (backtune.growth, backtune.trial):
        monkeypatch.setattr(module, "library", offered)
    folder, output = instruments(tmp_path / "instruments", NAMES[:2]), tmp_path / "patches"
    output.mkdir()
    instruments(folder, ("short",), takes=1)
    found, _ = instruments_in(folder)
    plan = Plan(0, 150_000, tmp_path / "work")
    done = fit_library(client, found, output, plan)
    assert [(one.name, one.state) for one in done] == [("bright", FITTED), ("dark", FITTED), ("short", FAILED)]
    assert "a patch needs at least" in done[2].reason
    for name in NAMES[:2]:
        alone = fit_source(open_source(folder / name), jobs=1, cache=tmp_path / "alone")
        assert (output / f"{name}.yaml").read_text(encoding="utf-8") == dump_patch(alone)
    bright, dark = (read_patch(output / f"{name}.yaml").layer("tonal_core").laws for name in NAMES[:2])
    assert any(bright[name].values.tolist() != dark[name].values.tolist() for name in bright)
    again = fit_library(client, found, output, plan)
    assert [one.state for one in again] == [THERE, THERE, FAILED]
    other = fit_library(client, {"bright": found["bright"]}, output, Plan(1, 150_000, tmp_path / "work"))
    assert [one.state for one in other] == [FITTED]
    report = LibraryReport(done, ["notes.txt"], 3.0)
    table = library_table(report)
    assert "bright" in table
    assert "notes.txt: no instrument" in table
    assert done[2].reason in table
    assert library_data(report)["instruments"][0]["takes"] == 8


def test_a_patch_that_cannot_be_written_ends_no_other_instrument(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = {"patch": dump_patch(known_patch(core())), "heard_s": 0.0, "core_s": 0.0}
    monkeypatch.setattr(backtune.library_fit, "heard_share", lambda *_: {"core_s": 0.0})
    monkeypatch.setattr(backtune.library_fit, "fitted", lambda *_: done)
    found, _ = instruments_in(instruments(tmp_path / "instruments", NAMES[:2]))
    output = tmp_path / "patches"
    (output / "bright.yaml").mkdir(parents=True)
    bright, dark = fit_library(client, found, output, Plan(0, 150_000, tmp_path / "work"))
    assert (bright.state, bright.patch, dark.state) == (FAILED, None, FITTED)
    assert bright.reason.startswith(f"{output / 'bright.yaml'}: cannot be written (")
    assert bright.reason in " ".join(library_table(LibraryReport([bright, dark])).split())
    assert read_patch(output / "dark.yaml").kinds == ("tonal_core",)


def test_what_is_no_instrument_is_told(tmp_path: Path) -> None:
    instruments(tmp_path, NAMES[:1])
    (tmp_path / "notes.txt").write_text("not a sound", encoding="utf-8")
    found, ignored = instruments_in(tmp_path)
    assert list(found) == ["bright"]
    assert ignored == ["notes.txt"]
    (tmp_path / "bright.sfz").write_text("<region> sample=a.wav key=60", encoding="utf-8")
    with pytest.raises(InputError, match=r"would both become bright\.yaml"):
        instruments_in(tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="holds no instrument"):
        instruments_in(empty)


def test_a_scheduler_that_is_none_is_refused() -> None:
    pytest.importorskip("distributed")
    with pytest.raises(InputError, match="scheduler 'nonsense://x'"), cluster("nonsense://x", 1):
        pass


def test_without_dask_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install 'backtune\[cluster\]'"), cluster("local", 1):
        pass


@pytest.mark.nightly
@pytest.mark.skipif(os.name != "posix", reason="needs kill -9")
def test_a_worker_killed_midway_loses_nothing(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    folder, output = instruments(tmp_path / "instruments", NAMES), tmp_path / "patches"
    address, dask = "tcp://127.0.0.1:18786", [sys.executable, "-m", "dask"]
    processes = [subprocess.Popen([*dask, "scheduler", "--host", "127.0.0.1", "--port", "18786", "--no-dashboard"])]
    try:
        for _ in range(2):
            processes.append(subprocess.Popen([*dask, "worker", address, "--nthreads", "1", "--no-nanny"]))
        program = subprocess.Popen(
            [sys.executable, "-m", "backtune", "fit-library", folder, "-o", output, "--scheduler", address, "--json"],
            stdout=subprocess.PIPE,
        )
        unfinished = output / ".backtune" / "unfinished"
        patience = time.monotonic() + 300
        while not any(unfinished.glob("*/*.json")):
            assert time.monotonic() < patience
            time.sleep(0.1)
        processes[1].send_signal(signal.SIGKILL)
        program.communicate(timeout=600)
        assert program.returncode == 0
    finally:
        for process in processes:
            process.kill()
            process.wait()
    same = 0
    for name in NAMES:
        alone = fit_source(open_source(folder / name), jobs=1, cache=tmp_path / "alone")
        same += (output / f"{name}.yaml").read_text(encoding="utf-8") == dump_patch(alone)
    assert same == len(NAMES)
    assert not (output / ".backtune").exists()
    Proof("worker of a cluster killed", len(NAMES), 1, 1, "4 instruments, 2 workers, one killed: same bytes").settle()
