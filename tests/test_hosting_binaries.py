"""Files that are no plugins, or not for this computer: what is wrong with them is said in a sentence."""

from __future__ import annotations

import struct
import sys
from functools import cache
from pathlib import Path

import hosted
import numpy as np
import pytest

from backtune.errors import BacktuneError, InputError
from backtune.hosting import diagnose as diagnosing
from backtune.hosting.binaries import Binary
from backtune.hosting.diagnose import diagnose, missing_libraries
from backtune.hosting.plugin import Plugin

pytestmark = pytest.mark.usefixtures("own_cache")


def test_what_pedalboard_cannot_say(tmp_path: Path) -> None:
    good = hosted.made_plugin()
    binary = diagnose(good)

    def bundle(name: str, content: bytes, inner: str = binary.parent.name, suffix: str = binary.suffix) -> Path:
        path = tmp_path / f"{name}.vst3" / "Contents" / inner / f"{name}{suffix}"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        return tmp_path / f"{name}.vst3"

    def says(path: Path, words: str) -> None:
        with pytest.raises(InputError, match=words):
            diagnose(path)

    says(good.with_name("TestInstument.vst3"), "no such file or folder; did you mean 'TestInstrument.vst3'")
    (tmp_path / "text.vst3").write_text("not a plugin")
    says(tmp_path / "text.vst3", "no machine code")
    (tmp_path / "Empty.vst3").mkdir()
    says(tmp_path / "Empty.vst3", "an empty bundle")
    (tmp_path / "Hollow.vst3" / "Contents" / binary.parent.name).mkdir(parents=True)
    says(tmp_path / "Hollow.vst3", "no binary named Hollow")
    says(bundle("Windowed", b"MZ", "x86_64-win", ".vst3"), "built for x86_64-win")
    says(tmp_path / "old.component", "no such file")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads ELF binaries")
def test_what_an_elf_binary_says(tmp_path: Path) -> None:
    good = diagnose(hosted.made_plugin())
    data = bytearray(good.read_bytes())

    def says(name: str, content: bytes, words: str) -> None:
        path = tmp_path / f"{name}.vst3"
        path.write_bytes(content)
        with pytest.raises(InputError, match=words):
            diagnose(path)

    other = bytearray(data)
    other[18:20] = struct.pack("<H", 0x15)
    says("Other", bytes(other), "built for ppc64, this computer is")
    says("NoEntry", bytes(data).replace(b"GetPluginFactory", b"GetPluginFactorz"), "does not export GetPluginFactory")
    says("Vst2", bytes(data).replace(b"GetPluginFactory", b"VSTPluginMain\0\0\0"), "a VST2 plugin")
    says("Missing", bytes(data).replace(b"libm.so.6", b"libq.so.9"), "not installed: libq.so.9")
    for cut in (80, 8000, len(data) // 2):
        says(f"Short{cut}", bytes(data[:cut]), "cut short or damaged")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads ELF binaries")
def test_damaged_elf_binaries_are_told_or_tried(tmp_path: Path) -> None:
    whole = diagnose(hosted.made_plugin()).read_bytes()
    (sections,) = struct.unpack_from("<Q", whole, 40)
    tables = np.array([*range(64 + 56 * 12), *range(sections, len(whole))])  # headers of segments and of sections
    rng = np.random.default_rng(1)
    refused = 0
    for _ in range(2000):
        data = np.frombuffer(whole, np.uint8).copy()
        places = rng.choice(tables, rng.integers(1, 5))
        data[places] = rng.choice([0, 127, 255], len(places))
        path = tmp_path / "Damaged.vst3"
        path.write_bytes(data.tobytes())
        try:
            diagnose(path)
        except InputError as error:
            refused += "\n" not in str(error)
    assert refused > 30


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other linkers refuse to build it")
def test_the_loader_is_asked_why_a_library_is_refused() -> None:
    with pytest.raises(BacktuneError, match=r"refused while loading .*undefined symbol: a_function_nobody_has"):
        Plugin(hosted.made_plugin("MissingSymbol", "MISSING_SYMBOL"))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks the loader of Linux")
@pytest.mark.parametrize(
    ("script", "mode", "told"),
    [("exec sleep 60", 0o755, "no answer within 0.2 s"), ("", 0o644, "cannot be run (Permission denied)")],
)
def test_a_loader_that_does_not_tell_its_libraries_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, mode: int, told: str
) -> None:
    tool = tmp_path / "ldconfig"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(mode)
    monkeypatch.setattr(diagnosing, "LOADER_TOOLS", (str(tool),))
    monkeypatch.setattr(diagnosing, "LONGEST_S", 0.2)
    monkeypatch.setattr(diagnosing, "_loader_cache", cache(diagnosing._loader_cache.__wrapped__))
    for _ in range(2):
        with pytest.raises(BacktuneError) as error:
            missing_libraries(Binary("Linux", ("x86_64",), needed=("libnowhere.so.1",)), tmp_path / "Synth.so")
        assert str(error.value).endswith(f"whether libnowhere.so.1 can be found is not known; {tool}: {told}")


def test_a_vst2_by_the_name_of_a_vst3_is_told(tmp_path: Path) -> None:
    data = diagnose(hosted.made_plugin()).read_bytes()
    (tmp_path / "Old.vst3").write_bytes(data.replace(b"GetPluginFactory", b"VSTPluginMain\0\0\0"))
    with pytest.raises(InputError, match="a VST2 plugin"):
        Plugin(tmp_path / "Old.vst3")


def test_another_name_than_the_file_holds_is_refused() -> None:
    with pytest.raises(InputError, match="holds the plugin 'TestInstrument', not 'Lead'"):
        Plugin(hosted.made_plugin(), "Lead")
