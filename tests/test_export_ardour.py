"""MIDNAM files as Ardour itself reads them."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from playable import playable_patch

from backtune.export.midnam import CONTROLS, MODE
from backtune.export_format import Order, export_formats

pytestmark = pytest.mark.nightly
PATCH = replace(playable_patch(), name='Old <"upright"> & co é')
CONTROLLERS = {name: one.cc for name, one in PATCH.panel.controls.items() if one.cc is not None}
SOURCE = Path(__file__).parent / "readers" / "ardour_midnam.cpp"


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the command that runs Ardour's reader."""
    libraries = sorted(Path("/usr/lib").glob("ardour7/libmidipp.so"))
    compiler = shutil.which("c++") or shutil.which("g++")
    if not libraries or compiler is None:
        pytest.skip("Ardour 7 or a C++ compiler is missing (apt-get install ardour g++)")
    program = tmp_path_factory.mktemp("ardour") / "midnam"
    place = ["-L", str(libraries[0].parent), "-lmidipp", "-Wl,--unresolved-symbols=ignore-in-shared-libs"]
    subprocess.run([compiler, str(SOURCE), "-o", str(program), *place], check=True)
    return ["env", f"LD_LIBRARY_PATH={libraries[0].parent}", str(program)]


def read(reader: list[str], path: Path, model: str = PATCH.name) -> subprocess.CompletedProcess[str]:
    words = [*reader, str(path), model, MODE, CONTROLS]
    return subprocess.run(words, capture_output=True, encoding="utf-8", check=False, env=os.environ)


def test_ardour_names_every_controller_as_the_patch_does(reader: list[str], tmp_path: Path) -> None:
    path = tmp_path / "out.midnam"
    export_formats()["midnam"].write(Order(PATCH, CONTROLLERS), path)
    seen = read(reader, path)
    assert (seen.returncode, seen.stderr) == (0, "")
    rows = {name: (int(number), named) for number, name, named in (x.split("\t") for x in seen.stdout.splitlines())}
    assert rows == {
        name.replace("_", " ").capitalize(): (number, "named" if PATCH.panel.controls[name].choices else "")
        for name, number in CONTROLLERS.items()
    }


def test_ardour_refuses_what_is_no_midnam_file_so_its_consent_means_something(
    reader: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "out.midnam"
    export_formats()["midnam"].write(Order(PATCH, CONTROLLERS), path)
    assert read(reader, path, "another model").returncode == 2
    path.write_text(path.read_text()[:-40])
    assert read(reader, path).returncode == 2
