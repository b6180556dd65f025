"""Finding and describing plugins: every one is listed, the broken ones with their reason."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import hosted
import pytest

from backtune.errors import InputError
from backtune.hosting.diagnose import diagnose
from backtune.hosting.process import Limits
from backtune.hosting.scan import info, plain_data, scan
from backtune.hosting.scan_text import info_text, scan_text

pytestmark = pytest.mark.usefixtures("own_cache")


def test_a_scan_lists_good_and_bad(tmp_path: Path) -> None:
    folder = tmp_path / "plugins"
    for bundle in (
        hosted.made_plugin(),
        hosted.made_plugin("CrashesAtLoad", "LOAD_FAULT=1"),
        hosted.made_plugin("HangsAtLoad", "LOAD_FAULT=2"),
    ):
        shutil.copytree(bundle, folder / "deeper" / bundle.name)
    (folder / "Text.vst3").write_text("no plugin")
    found = scan([folder], Limits(load_s=0.5))
    assert [one.path.stem for one in found] == ["Text", "CrashesAtLoad", "HangsAtLoad", "TestInstrument"]
    text = " ".join(scan_text(found).split())
    assert "crashed while loading" in text
    assert "no answer while loading" in text
    assert "1 of 4 plugins can be used" in text
    data = plain_data(found)
    assert data[3]["facts"]["instrument"] is True
    assert data[0]["facts"] is None


def test_a_folder_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        scan([tmp_path / "nowhere"])
    assert scan_text(scan([tmp_path])) == "no plugin was found"


def test_one_damaged_plugin_does_not_end_a_scan(tmp_path: Path) -> None:
    data = bytearray(diagnose(hosted.made_plugin()).read_bytes())
    data[32:40] = b"\xff" * 8  # where an ELF file says its headers are
    (tmp_path / "Damaged.vst3").write_bytes(data)
    (tmp_path / "Text.vst3").write_text("no plugin")
    damaged, text = scan([tmp_path])
    assert "cut short or damaged" in damaged.problem
    assert "no machine code" in text.problem


def test_folders_that_cannot_be_read_do_not_end_a_scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a/shut", "a/open", "Shut.vst3/Contents"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "a/open/Text.vst3").write_text("no plugin")
    listed = Path.iterdir

    def refuse(folder: Path) -> Iterator[Path]:
        if folder.name in ("shut", "Contents"):
            raise PermissionError(13, "Permission denied")
        return listed(folder)

    monkeypatch.setattr(Path, "iterdir", refuse)
    found = scan([tmp_path])
    assert scan_text(found).splitlines()[-1] == "0 of 2 plugins can be used, 1 folder could not be searched"
    assert scan_text(scan([tmp_path / "a/shut"])).endswith("no plugin was found, 1 folder could not be searched")
    told = {one.path.name: one.problem for one in found}
    assert set(told) == {"shut", "Shut.vst3", "Text.vst3"}
    assert told["shut"] == f"{tmp_path / 'a/shut'}: cannot be read (Permission denied)"
    assert "cannot be read (Permission denied)" in told["Shut.vst3"]


def test_info_tells_ranges_units_steps_texts_raw_values_and_identifiers() -> None:
    told = info(hosted.made_plugin())
    assert told.parameters["Attack"].unit == "ms"
    assert told.values["Attack"].text == "5.0000"
    assert told.parameter_ids["Fault"] == 1006
    assert told.class_id == "6261636B74756E6574657374696E7374"
    text = info_text(told)
    assert "Gain        -6 dB        0.8182  -60..6 dB\n" in text
    assert "Fault       0            0.0000  0, 1, 2, 3, 4, 5, 6 steps" in text
    assert max(map(len, text.splitlines())) <= 80
    data = plain_data(told)
    assert data["parameters"]["Decay"]["high"] == 20.0


def test_info_of_real_effects() -> None:
    told = info(hosted.zam_plugin("ZaMaximX2"))
    assert told.facts.latency_frames == 480
    assert told.parameters["Threshold"].range_text == "-30..0 dB"
    assert not told.parameters["Gain Reduction"].automatable
    assert len(told.class_id) == 32
    assert told.parameter_ids


@pytest.mark.nightly
def test_all_installed_effects_can_be_used() -> None:
    hosted.zam_plugin("ZamVerb")
    found = scan([hosted.ZAM])
    assert len([one for one in found if one.path.stem.startswith("Za")]) == 17
    assert all(one.facts is not None for one in found), scan_text(found)
