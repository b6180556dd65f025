"""Kept work: a fit that was stopped goes on where it was, repeats nothing, and ends in the same bytes."""

from __future__ import annotations

import os
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from known_instrument import breath, core, known_patch, source_of, takes_of
from some_patches import patches, relaxed

import backtune.evidence
import backtune.growth
import backtune.trial
from backtune.analysis.listen import hear, listen
from backtune.errors import Declined
from backtune.kept import KEPT_DAYS, code_identity, desk_for, keeping, kept
from backtune.kept_layers import fitted_once, layers_data, layers_of
from backtune.layer import Layer
from backtune.library import library
from backtune.notes import Take
from backtune.patch import Patch
from backtune.patch_file import dump_patch
from backtune.source import Source
from backtune.workshop import fit_source

FEW, MORE = ("tonal_core", "breath"), ("tonal_core", "breath", "velocity_colour")
PITCHES, VELOCITIES = (55, 63, 71, 79), (40, 120)


@pytest.fixture(scope="module")
def source() -> Source:
    """Return eight takes of a tone with breath."""
    takes = takes_of(known_patch(core(), breath()))
    return source_of([take for take in takes if take.midi in PITCHES and take.velocity in VELOCITIES])


class Counted:
    """Judgements of single takes, counted; the one numbered `stop_at` is where the player presses Ctrl-C."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.judge = backtune.evidence.judge
        self.stop_at = stop_at
        self.count = 0

    def __call__(self, *call: Any) -> Any:
        if self.count == self.stop_at:
            raise KeyboardInterrupt
        self.count += 1
        return self.judge(*call)


@pytest.fixture(params=[(6, FEW), pytest.param((8, MORE), marks=pytest.mark.nightly)], ids=["few", "more"])
def fit(
    source: Source, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest
) -> Callable[..., tuple[Patch, int]]:
    """Return a function that fits some takes and returns the patch with the number of judgements it took.

    Growth chooses from few layer types; at night from more, with all takes.
    """
    count, kinds = request.param

    def offered() -> dict[str, type[Layer]]:
        return {kind: library()[kind] for kind in kinds}

    for module in (backtune.growth, backtune.trial):
        monkeypatch.setattr(module, "library", offered)

    def fitted(stop_at: int | None = None) -> tuple[Patch, int]:
        counted = Counted(stop_at)
        with pytest.MonkeyPatch.context() as patching:
            patching.setattr(backtune.evidence, "judge", counted)
            some = replace(source, takes=source.takes[:count])
            return fit_source(some, jobs=1, cache=tmp_path / "cache"), counted.count

    return fitted


def test_a_stopped_fit_goes_on_and_ends_in_the_same_bytes(
    fit: Callable[..., tuple[Patch, int]], tmp_path: Path
) -> None:
    work = tmp_path / "cache" / "unfinished"
    whole, judgements = fit()
    assert "breath" in whole.kinds
    assert list(work.iterdir()) == []
    one_measure = next(step.takes for step in whole.record if step.action == "core")
    for stop_at in (judgements // 2, judgements - 1):
        with pytest.raises(KeyboardInterrupt) as stop:
            fit(stop_at)
        assert any("finished steps are kept" in note for note in stop.value.__notes__)
        assert list(work.iterdir()) != []
        again, more = fit()
        assert dump_patch(again) == dump_patch(whole)
        assert more <= judgements - stop_at + one_measure
        assert list(work.iterdir()) == []


def test_other_code_and_other_settings_have_another_desk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    desk = desk_for(tmp_path, "source", 0)
    assert desk_for(tmp_path, "source", 0) == desk
    assert desk_for(tmp_path, "source", 1) != desk
    monkeypatch.setattr("backtune.kept.code_identity", lambda: "other")
    assert desk_for(tmp_path, "source", 0) != desk


def test_code_is_told_apart_by_every_file() -> None:
    assert code_identity() != code_identity("backtune")
    assert code_identity("backtune/law.py") != code_identity("backtune/fit.py")
    assert code_identity("backtune/law.py", "backtune/fit.py") != code_identity("backtune/law.py")


def test_what_is_damaged_is_made_again(tmp_path: Path) -> None:
    made: list[float] = []
    desk = tmp_path / "desk"

    def make() -> float:
        made.append(0.1 + 0.2)
        return made[-1]

    def killed() -> None:
        with keeping(desk):
            assert kept(make, "sum") == kept(make, "sum") == 0.1 + 0.2
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        killed()
    assert len(made) == 1
    next(desk.glob("*.json")).write_text('{"half', encoding="utf-8")
    with keeping(desk) as before:
        assert before == 1
        assert kept(make, "sum") == 0.1 + 0.2
    assert len(made) == 2
    assert not desk.exists()


def test_a_layer_is_fitted_and_declined_once(tmp_path: Path) -> None:
    asked: list[int] = []

    @fitted_once
    def fit_some(patch: Patch, number: int) -> Patch:
        asked.append(number)
        if number == 2:
            raise Declined("two is nothing for me")
        return patch.with_layer(breath())

    with keeping(tmp_path / "desk"):
        for _ in range(2):
            assert fit_some(known_patch(core()), 1).kinds == ("tonal_core", "breath")
            with pytest.raises(Declined, match="two is nothing"):
                fit_some(known_patch(core()), 2)
        assert fit_some(known_patch(), 1).kinds == ("breath",)
    assert asked == [1, 2, 1]


@pytest.mark.skipif(os.name != "posix", reason="needs a path that cannot be a folder")
def test_a_disk_that_takes_nothing_costs_time_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with keeping(tmp_path / "file" / "desk") as before:
        assert before == 0
        assert kept(lambda: [1.5], "number") == [1.5]


@pytest.mark.skipif(os.name != "posix", reason="needs a path that cannot be a folder")
@pytest.mark.parametrize("folder", ["file/heard", "file"])
def test_a_cache_that_cannot_be_costs_time_alone(source: Source, heard: list[str], tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    for _ in range(2):
        assert len(listen(source.takes[:1], False, cache=tmp_path / folder)) == 1
    assert len(heard) == 2


@pytest.fixture
def heard(source: Source, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of takes that are heard from now on; all sound like the first, which saves time."""
    arrays = hear(source.takes[0], False)
    names: list[str] = []

    def hearing(take: Take, struck: bool) -> dict[str, np.ndarray]:
        names.append(take.name)
        return arrays

    monkeypatch.setattr("backtune.analysis.listen.hear", hearing)
    return names


def test_a_damaged_analysis_is_made_again(source: Source, heard: list[str], tmp_path: Path) -> None:
    (one,) = listen(source.takes[:1], False, cache=tmp_path)
    (path,) = tmp_path.iterdir()
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    with zipfile.ZipFile(path) as archive:
        heads = [member.header_offset for member in archive.infolist()] + [len(whole) - 200]  # and the list of members
    for _ in range(600):
        data = np.frombuffer(whole, np.uint8).copy()
        places = (rng.choice(heads) + rng.integers(0, 200, rng.integers(1, 5))) % len(data)
        data[places] = rng.choice([0, 1, 8, 9, 12, 14, 255], len(places))
        path.write_bytes(data.tobytes())
        (again,) = listen(source.takes[:1], False, cache=tmp_path)
        assert again.tracks.partial_db.tobytes() == one.tracks.partial_db.tobytes()
    assert len(heard) > 400


def test_an_analysis_nobody_asked_for_in_a_month_is_removed(source: Source, heard: list[str], tmp_path: Path) -> None:
    takes = source.takes[:2]
    listen(takes, False, cache=tmp_path)
    (tmp_path / "notes.npz").write_text("the user's own", encoding="utf-8")
    long_ago = time.time() - (KEPT_DAYS - 1) * 86400
    for path in tmp_path.iterdir():
        os.utime(path, (long_ago, long_ago))
    listen(takes[:1], False, cache=tmp_path)
    for path in tmp_path.iterdir():
        os.utime(path, (path.stat().st_mtime - 2 * 86400,) * 2)
    listen(takes[:1], False, cache=tmp_path)
    assert len(heard) == 2
    assert len(list(tmp_path.iterdir())) == 2
    listen(takes, False, cache=tmp_path)
    assert len(heard) == 3


@relaxed
@given(patch=patches())
def test_layers_come_back_bit_for_bit(patch: Patch) -> None:
    again = layers_of(layers_data(patch))
    for mine, theirs in zip(patch.layers, again, strict=True):
        assert type(mine) is type(theirs)
        for name, law in mine.laws.items():
            assert law.values.tobytes() == theirs.laws[name].values.tobytes()
            assert [k.tobytes() for k in law.knots] == [k.tobytes() for k in theirs.laws[name].knots]
