"""Plugins for the tests: ours, built from one C file in well under a second, and those of zam-plugins."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest

RATE = 44100
NOTE = [(0, bytes([0x90, 60, 100]))]
SOURCE = Path(__file__).parent / "plugins" / "test_instrument.c"
ZAM = Path("/usr/lib/vst3")
SOUND_FONTS = [Path("/usr/share/sounds/sf2/FluidR3_GM.sf2"), Path("/usr/share/sounds/sf2/default-GM.sf2")]
COMPILER = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")


@cache
def built_folder() -> Path:
    """Return the folder the test plugins are built into; it lives as long as the test run."""
    built_folder.keep = tempfile.TemporaryDirectory(prefix="backtune-test-plugins-")  # type: ignore[attr-defined]
    return Path(built_folder.keep.name)  # type: ignore[attr-defined]


@cache
def made_plugin(name: str = "TestInstrument", *definitions: str) -> Path:
    """Return a bundle of our C file built with preprocessor definitions; skip where it cannot be built."""
    if platform.system() == "Windows":
        pytest.skip("the test plugin stores its identifiers as Linux and macOS do")
    if COMPILER is None:
        pytest.skip("no C compiler: the test plugin cannot be built")
    bundle = built_folder() / f"{name}.vst3"
    if platform.system() == "Darwin":
        binary = bundle / "Contents" / "MacOS" / name
    else:
        binary = bundle / "Contents" / f"{platform.machine()}-linux" / f"{name}.so"
    binary.parent.mkdir(parents=True, exist_ok=True)
    flags = ["-O2", "-shared", "-fPIC", "-fvisibility=hidden", *(f"-D{text}" for text in definitions)]
    subprocess.run([COMPILER, *flags, "-o", str(binary), str(SOURCE), "-lm"], check=True)
    return bundle


def zam_plugin(name: str) -> Path:
    """Return one of Debian's zam-plugins; skip where they are not installed."""
    path = ZAM / f"{name}.vst3"
    if not path.exists():
        pytest.skip(f"{name}.vst3 is missing (apt-get install zam-plugins)")
    return path


def sound_font() -> Path:
    """Return a General MIDI SoundFont; skip where there is none."""
    for path in SOUND_FONTS:
        if path.exists():
            return path
    pytest.skip("no General MIDI SoundFont (apt-get install fluid-soundfont-gm)")
