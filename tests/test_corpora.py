"""Corpora: the list, downloads from a local server with every check failing once, and what the demo takes."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import soundfile
from recordings import RATE, instrument_folder, struck, write_index

import backtune.demo_source as demo_source
from backtune.corpora import Corpus, corpora, corpus, download, downloaded, open_corpus
from backtune.demo_source import find_demo_source, small_soundfont, soundfont_places
from backtune.errors import BacktuneError, InputError
from backtune.reading.unpack import unpack
from backtune.source import find_kind, open_source

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SFZ = "<control> default_path=../Samples/ <region> sample=c4.flac key=60 <region> sample=e4.flac key=64"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    folder = tmp_path / "server"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", folder
        running.shutdown()


def library(path: Path, comment: str = COMMIT, leave_out: str = "", extra: str = "") -> Path:
    """A repository as GitHub packs it: one folder at the top, the commit as the archive's comment."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.comment = comment.encode()
        for name, midi in (("c4", 60), ("e4", 64)):
            if name != leave_out:
                sound = io.BytesIO()
                soundfile.write(sound, struck(midi), RATE, format="FLAC")
                archive.writestr(f"lib-{COMMIT}/Samples/{name}.flac", sound.getvalue())
        archive.writestr(f"lib-{COMMIT}/Programs/Lib.sfz", SFZ + extra)
    return path


def pinned(url: str) -> Corpus:
    return Corpus(
        name="lib",
        about="small piano, two notes",
        licence="CC0, nobody",
        url=f"{url}/lib.zip",
        entry="Programs/Lib.sfz",
        commit=COMMIT,
        options={"root": ".", "only": "*"},
    )


def test_the_list_is_complete_and_honest() -> None:
    known = corpora()
    assert {"headroom-piano", "splendid-grand-piano", "ixox-flute", "weresax", "fluidr3-gm"} <= set(known)
    for one in known.values():
        assert one.licence
        assert one.url.startswith("https://")
        assert bool(one.sha256) != bool(one.commit)  # pinned one way, and it says which
        assert len(one.sha256 or one.commit) == (64 if one.sha256 else 40)
        assert one.commit in one.url
        assert (one.sha256 or one.commit) in one.checksum
        assert one.size == "size not published" or one.size.endswith(" MB")
    with pytest.raises(InputError, match="'weresaxx' is no corpus; did you mean 'weresax'"):
        corpus("weresaxx")


def test_a_corpus_is_downloaded_checked_and_opened(server: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = server
    library(folder / "lib.zip")
    home = tmp_path / "home"
    one = pinned(url)
    assert downloaded(one, home) is None
    with pytest.raises(InputError, match="lib: not downloaded yet"):
        open_corpus(one, home)
    entry, checks = download(one, home)
    assert entry == downloaded(one, home) == home / "lib" / "Programs" / "Lib.sfz"
    assert [take.midi for take in open_corpus(one, home).takes] == [60, 64]
    assert (open_corpus(one, home).name, open_corpus(one, home).licence) == ("small piano", "CC0, nobody")
    assert "git commit 0123456789ab" in checks[0]
    assert "nobody publishes one" in checks[1]
    assert checks[2] == "2 takes found, no sample is missing"
    assert sorted(path.name for path in home.iterdir()) == ["corpus.lock.json", "lib"]
    noted = json.loads((home / "corpus.lock.json").read_text())
    assert noted == {f"lib@{COMMIT}": hashlib.sha256((folder / "lib.zip").read_bytes()).hexdigest()}


def test_a_second_download_must_equal_the_first(server: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = server
    library(folder / "lib.zip")
    home = tmp_path / "home"
    download(pinned(url), home)
    download(pinned(url), home)
    library(folder / "lib.zip", extra=" // changed")
    with pytest.raises(BacktuneError, match=r"differs from the first download's"):
        download(pinned(url), home)


def test_a_published_checksum_is_held_against_the_archive(server: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = server
    good = hashlib.sha256(library(folder / "lib.zip").read_bytes()).hexdigest()
    one = replace(pinned(url), commit="", sha256=good)
    _, checks = download(one, tmp_path / "good")
    assert checks[0].startswith("sha256 of the archive is the published one")
    with pytest.raises(BacktuneError, match="lib: SHA256 hash of downloaded file"):
        download(replace(one, sha256="0" * 64), tmp_path / "bad")
    assert list((tmp_path / "bad").iterdir()) == []


@pytest.mark.parametrize(
    ("faults", "says"),
    [
        ({"comment": "f" * 40}, "it is of git commit 'ffff"),
        ({"comment": ""}, "it is of git commit ''"),
        ({"leave_out": "e4"}, r"1 of 2 samples are missing: '../Samples/e4.flac'"),
        ({"extra": " <region> key=70 sample=../../../x.flac"}, "lies outside the folder"),
    ],
)
def test_a_download_that_is_not_what_it_should_be_leaves_nothing(
    server: tuple[str, Path], tmp_path: Path, faults: dict[str, str], says: str
) -> None:
    url, folder = server
    library(folder / "lib.zip", **faults)
    home = tmp_path / "home"
    with pytest.raises(BacktuneError, match=says) as told:
        download(pinned(url), home)
    assert told.value.exit_code == 1
    assert "\n" not in str(told.value)
    assert [path.name for path in home.iterdir() if path.suffix != ".json"] == []


def test_a_server_that_fails_is_told(server: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = server
    with pytest.raises(BacktuneError, match=r"lib: could not be downloaded from .*404"):
        download(pinned(url), tmp_path / "home")
    with pytest.raises(BacktuneError, match="lib: could not be downloaded from http://127"):
        download(pinned(url), tmp_path / "home", url="http://127.0.0.1:1/lib.zip")
    (folder / "lib.zip").write_bytes(b"no archive")
    with pytest.raises(BacktuneError, match=r"cannot be unpacked \(File is not a zip file\)"):
        download(pinned(url), tmp_path / "home")


def deb(path: Path, *names: str) -> Path:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:xz") as archive:
        for name in names or ("./usr/share/x.txt",):
            member = tarfile.TarInfo(name)
            member.size = 5
            archive.addfile(member, io.BytesIO(b"hello"))
        link = tarfile.TarInfo("./usr/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    body = b"!<arch>\n"
    for part, content in ((b"debian-binary", b"2.0\n"), (b"control.tar.xz", b"odd"), (b"data.tar.xz", data.getvalue())):
        body += part.ljust(16) + b"0".ljust(12) + b"0".ljust(6) + b"0".ljust(6) + b"100644".ljust(8)
        body += str(len(content)).encode().ljust(10) + b"`\n" + content + b"\n" * (len(content) % 2)
    path.write_bytes(body)
    return path


def test_debian_packages_unpack_without_links(tmp_path: Path) -> None:
    unpack(deb(tmp_path / "x.deb"), tmp_path / "out")
    assert [
        path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()
    ] == ["usr/share/x.txt"]
    assert not (tmp_path / "out" / "usr" / "link").is_symlink()


@pytest.mark.parametrize(("limit", "most"), [("MOST_BYTES", 14), ("MOST_FILES", 2)])
def test_archives_are_measured_in_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, most: int) -> None:
    names = ("a", "b", "c")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name in names:
            archive.writestr(name, "hello")
    deb(tmp_path / "x.deb", *names)
    for path in (tmp_path / "x.deb", tmp_path / "x.zip"):
        monkeypatch.setattr(f"backtune.reading.unpack.{limit}", most)
        with pytest.raises(BacktuneError, match="unpacks to more than"):
            unpack(path, tmp_path / "out")
        assert not (tmp_path / "out").exists()
        monkeypatch.setattr(f"backtune.reading.unpack.{limit}", most + 1)
        unpack(path, tmp_path / "out")
        shutil.rmtree(tmp_path / "out")


def test_archives_cannot_write_outside(tmp_path: Path) -> None:
    for name in ("../x", "/x", "a/../../x", "C:\\x", "..\\x"):
        with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
            archive.writestr(name, "x")
        with pytest.raises(BacktuneError, match="outside its folder"):
            unpack(tmp_path / "x.zip", tmp_path / "out")
    with pytest.raises(BacktuneError, match="outside its folder"):
        unpack(deb(tmp_path / "x.deb", "../x"), tmp_path / "out")
    for data in (b"", b"!<arch>\n", b"!<arch>\n" + b"x" * 60):
        (tmp_path / "x.deb").write_bytes(data)
        with pytest.raises(BacktuneError):
            unpack(tmp_path / "x.deb", tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.deb", "x.zip"]


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without recordings, corpora or system SoundFonts."""
    monkeypatch.delenv("BACKTUNE_RECORDINGS", raising=False)
    monkeypatch.setattr(demo_source, "soundfont_places", lambda: [tmp_path / "fonts"])
    return tmp_path


def test_the_demo_takes_the_first_that_is_there(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = bare / "home"
    last = find_demo_source(folder=home)
    assert last.path == small_soundfont()
    assert "pretty_midi" in last.says
    assert "fluid-soundfont-gm" in last.better
    assert last.licence.startswith("GPL-2.0")
    assert last.options == {"preset": "0:0", "keys": "33-93:5"}
    assert find_demo_source(folder=home, preset="0:73").options == {"preset": "0:73"}
    (bare / "fonts").mkdir()
    (bare / "fonts" / "FluidR3_GM.sf2").write_bytes(b"RIFF")
    assert find_demo_source(folder=home, preset="0:73").path == bare / "fonts" / "FluidR3_GM.sf2"
    one = corpora()["weresax"]
    (home / one.name / "Programs").mkdir(parents=True)
    (home / one.name / one.entry).write_text("<region>")
    found = find_demo_source(folder=home)
    assert found.path == home / one.name / one.entry
    assert found.options == {"only": "*_cnd*", "root": str(home / "weresax")}
    assert (found.licence, found.better) == (one.licence, "")
    for name in ("b", "a"):
        instrument_folder(bare / "named" / name, {"x.wav": (60, 90.0)})
        write_index(bare / "named" / name, [{"file": "x.wav", "midi": 60, "velocity": 90}])
    (bare / "named" / "a" / "more.txt").write_text("larger than b")
    monkeypatch.setenv("BACKTUNE_RECORDINGS", str(bare / "named"))
    assert find_demo_source(folder=home).path == bare / "named" / "b"
    assert find_demo_source(bare / "named" / "a", folder=home).path == bare / "named" / "a"
    with pytest.raises(InputError, match="no such file or folder"):
        find_demo_source(bare / "nowhere")


def test_a_machine_with_nothing_is_told(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_source, "small_soundfont", lambda: None)
    with pytest.raises(InputError, match=r"no recordings were found on this machine; .*fluid-soundfont-gm"):
        find_demo_source(folder=bare / "home")


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_every_system_has_places_for_soundfonts(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_source.sys, "platform", system)
    monkeypatch.setenv("PROGRAMDATA", "C:\\ProgramData")
    places = soundfont_places()
    assert len(places) >= 2
    assert all("sf2" in str(one) or "oundfonts" in str(one) or "Banks" in str(one) for one in places)


def test_the_small_soundfont_is_found_without_importing_its_package() -> None:
    import subprocess
    import sys

    code = "import sys; from backtune.demo_source import small_soundfont as s; s(); print('pretty_midi' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    path = small_soundfont()
    if path is None:
        pytest.skip("the package pretty_midi is not installed")
    assert find_kind(path).kind == "soundfont"
    assert open_source(path, keys="60", velocities="90", hold_s=0.2).takes
