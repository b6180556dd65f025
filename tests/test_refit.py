"""Refitting: the same bytes from the same recordings, and a sentence for everything that is not as it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from known_instrument import PITCHES, breath, core, known_patch, takes_of
from written_takes import write_takes

import backtune.growth
import backtune.trial
from backtune.cli import main
from backtune.errors import InputError
from backtune.kept import code_identity, libraries
from backtune.known_sources import remember, remembered
from backtune.layer import Layer
from backtune.library import library
from backtune.patch_file import dump_patch, read_patch, write_patch
from backtune.provenance import made_from
from backtune.refit import circumstances, source_of
from backtune.source import open_source


def offer(monkeypatch: pytest.MonkeyPatch, *kinds: str) -> None:
    """Let growth choose from these few layer types alone."""

    def offered() -> dict[str, type[Layer]]:
        return {kind: library()[kind] for kind in kinds}

    for module in (backtune.growth, backtune.trial):
        monkeypatch.setattr(module, "library", offered)


@pytest.fixture
def recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of eight takes; caches are the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    some = [t for t in takes_of(known_patch(core(), breath())) if t.midi in PITCHES[::2] and t.velocity != 80]
    write_takes([replace(take, split="train") for take in some], tmp_path / "takes")
    return tmp_path / "takes"


@pytest.mark.parametrize(
    "kinds", [("tonal_core",), pytest.param(("tonal_core", "breath"), marks=pytest.mark.nightly)], ids=" ".join
)
def test_a_patch_fitted_again_is_the_same_bytes_or_tells_what_differs(
    kinds: tuple[str, ...],
    recordings: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    offer(monkeypatch, *kinds)
    patch = tmp_path / "p.yaml"
    assert main(["fit", str(recordings), "--split", "train", "-o", str(patch), "--jobs", "1", "-q"]) == 0
    origin = read_patch(patch).origin
    assert (origin.code, origin.libraries) == (code_identity(), libraries())
    assert origin.options["source"] == {"split": "train"}
    capsys.readouterr()
    assert main(["refit", str(patch), "--check", "--jobs", "1", "-q"]) == 0
    assert "fitted again, the same" in capsys.readouterr().out

    (recordings / "index.csv").write_text(
        "\n".join((recordings / "index.csv").read_text(encoding="utf-8").splitlines()[:-1]) + "\n", encoding="utf-8"
    )
    old = read_patch(patch)
    write_patch(replace(old, origin=replace(old.origin, code="0123456789ab")), patch)
    assert main(["refit", str(patch), str(recordings), "--check", "--jobs", "1", "-q"]) == 1
    told = capsys.readouterr().out
    assert "the recordings are others: hash" in told
    assert f"code was 0123456789ab, is {code_identity()}" in told
    assert "tonal_core" in told
    assert main(["refit", str(patch), str(recordings), "-o", str(tmp_path / "new.yaml"), "--jobs", "1", "-q"]) == 0
    assert read_patch(tmp_path / "new.yaml").origin.takes == 7


def test_everything_that_is_not_as_it_was_is_told(recordings: Path) -> None:
    source = open_source(recordings)
    now = {"version": "0.1.0", "code": code_identity(), "libraries": libraries()}
    origin = replace(known_patch(core()).origin, source_hash=source.identity[:16], **now)
    assert circumstances(origin, source) == []
    moved = replace(origin, version="0.0.9", libraries={**libraries(), "numpy": "1.0"})
    assert [sentence.split(" ")[0] for sentence in circumstances(moved, source)] == ["backtune", "numpy"]


def test_recordings_are_found_where_they_lay(recordings: Path, tmp_path: Path) -> None:
    source = open_source(recordings)
    remember(source, tmp_path / "c")
    assert remembered(source.identity[:16], tmp_path / "c") == recordings
    assert remembered("0" * 16, tmp_path / "c") is None
    assert remembered("../../etc/passwd", tmp_path / "c") is None
    recordings.rename(tmp_path / "elsewhere")
    assert remembered(source.identity[:16], tmp_path / "c") is None


def test_what_cannot_be_fitted_again_is_refused(recordings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    patch = known_patch(core())
    with pytest.raises(InputError, match="were not fitted here; give their SOURCE"):
        source_of(patch, None)
    with pytest.raises(InputError, match="was made from another patch"):
        source_of(replace(patch, origin=made_from(patch, "edit")), recordings)
    place = recordings.parent / "k.yaml"
    place.write_text(dump_patch(patch), encoding="utf-8")
    assert main(["refit", str(place), str(recordings)]) == 2
    assert "one of --check and -o" in capsys.readouterr().err
