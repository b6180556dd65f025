"""Faults that fuzzing or a hostile file once found, each by its name: refused now, in one sentence."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest
from doors import DOORS, take

from backtune.cli import main
from backtune.errors import BacktuneError


def _nameless_member() -> bytes:
    block = io.BytesIO()
    with ZipFile(block, "w") as written:
        written.writestr("NAME", "one")
    return block.getvalue().replace(b"NAME", b"\0AME")  # a name ends at its null byte


def _damaged_member() -> bytes:
    block = io.BytesIO()
    with ZipFile(block, "w", compresslevel=9, compression=8) as written:
        written.writestr("a.txt", b"some text that is packed " * 40)
    data = bytearray(block.getvalue())
    data[40:60] = bytes(20)
    return bytes(data)


def _rate(hz: int) -> bytes:
    return take()[:24] + hz.to_bytes(4, "little") + take()[28:]


def _chain(plugin: bytes) -> bytes:
    return b"chain: c\npurpose: p\nslots:\n- {plugin: " + plugin + b"}\n"


FOUND: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "a sound of 117 million samples a second": ("sound file", lambda: _rate(117_448_512), "samples a second"),
    "an archive with a member without a name": ("zip archive", _nameless_member, "outside its folder"),
    "an archive whose packed bytes are damaged": ("zip archive", _damaged_member, "cannot be unpacked"),
    "a ratio that is zero in floating point": ("scl", lambda: b"x\n1\n1/1" + b"0" * 150 + b"\n", "nor a ratio"),
    "a ratio whose exponent takes for ever": ("scl", lambda: b"x\n1\n81e-400888888888888883\n", "nor a ratio"),
    "a step of more cents than there are numbers": ("scl", lambda: b"x\n1\n1.0e999\n", "neither cents"),
    "a sample whose name no disk can hold": (
        "sfz",
        lambda: b"<region> sample=" + b"a" * 300 + b".wav key=60",
        "too long",
    ),
    "a take whose name no disk can hold": (
        "index.csv",
        lambda: b"file,midi,velocity\n" + "ä".encode() * 130 + b".wav,60,80\n",
        "too long",
    ),
    "a plugin whose name no disk can hold": ("chain", lambda: _chain(b"p" * 300 + b".vst3"), "too long"),
    "a song of tempo 0": ("midi", lambda: DOORS["midi"].seeds[0].replace(b"\x06\x1a\x80", b"\0\0\0"), "tempo 0"),
}


@pytest.mark.parametrize("name", FOUND)
def test_a_fault_once_found_is_refused(name: str, tmp_path: Path) -> None:
    door, contents, told = FOUND[name]
    path = tmp_path / DOORS[door].file
    path.write_bytes(contents())
    with pytest.raises(BacktuneError, match=told):
        DOORS[door].enter(path)


def test_a_tempo_of_0_is_refused_in_the_tempo_map_too(tmp_path: Path) -> None:
    from backtune.tempo_map import song_tempo_map

    path = tmp_path / "s.mid"
    path.write_bytes(DOORS["midi"].seeds[0].replace(b"\x06\x1a\x80", b"\0\0\0"))
    with pytest.raises(BacktuneError, match="tempo 0"):
        song_tempo_map(path)


def test_the_home_of_nobody_is_a_folder_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["fit", "~nobody_of_that_name/takes", "-o", "p.yaml"]) == 2
    assert "no such file or folder" in capsys.readouterr().err
    assert main(["demo", "--recordings", "~nobody_of_that_name/takes"]) == 2
    (tmp_path / "c.yaml").write_bytes(_chain(b"~nobody_of_that_name/p.vst3"))
    assert main(["chain", "check", "c.yaml"]) == 2
    assert "Traceback" not in capsys.readouterr().err
