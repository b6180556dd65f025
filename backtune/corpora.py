"""Freely licensed recordings that can be downloaded: where they are, under which licence, and what is checked."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from backtune.errors import BacktuneError, InputError, nearest
from backtune.reading.unpack import unpack
from backtune.source import Source, open_source
from backtune.whole_file import write_beside

GITHUB = "https://github.com/sfzinstruments"
DEBIAN = "https://deb.debian.org/debian/pool/main/f/fluid-soundfont"
NOTES = "corpus.lock.json"  # in the folder of downloads: what was seen at the first download


@dataclass(frozen=True)
class Corpus:
    """One downloadable set of recordings.

    - `url`: the archive; `commit`: the git commit it is pinned to ("" when `sha256` pins it).
    - `sha256`: published checksum of the archive; "" when nobody publishes one (GitHub packs archives anew).
    - `size_bytes`: published size; None when unknown. `entry`: what to open inside, with `options`.
    """

    name: str
    about: str
    licence: str
    url: str
    entry: str
    commit: str = ""
    sha256: str = ""
    size_bytes: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def archive(self) -> str:
        """File name of the archive among the downloads."""
        return f"{self.name}-{self.commit[:12]}.zip" if self.commit else self.url.rsplit("/", 1)[1]

    @property
    def checksum(self) -> str:
        """What pins the contents, in words."""
        return f"sha256 {self.sha256}" if self.sha256 else f"git commit {self.commit} (no archive checksum published)"

    @property
    def size(self) -> str:
        """Size of the download in words."""
        return "size not published" if self.size_bytes is None else f"{self.size_bytes / 1e6:.0f} MB"


def _github(name: str, repository: str, commit: str, **facts: object) -> Corpus:
    return Corpus(name=name, url=f"{GITHUB}/{repository}/archive/{commit}.zip", commit=commit, **facts)  # type: ignore[arg-type]


_ALL = (
    _github(
        "headroom-piano",
        "BengtNilsson.HeadroomPiano",
        "2a7df3f7252227a3484202c1d61bc1bfe352a971",
        about="Yamaha C3 grand, 30 pitches, 5 dynamics, natural levels, close microphone",
        licence="CC BY 4.0, Bengt Nilsson (Headroom Piano), SFZ by kinwie",
        entry="Headroom Piano (NoFX).sfz",
        options={"only": "*CLOSE*"},
    ),
    _github(
        "splendid-grand-piano",
        "SplendidGrandPiano",
        "1c595d827b7fd7f0be3134aaed0f90b3662a09cf",
        about="Steinway grand, 62 pitches, 4 dynamics; files normalised one by one",
        licence="public domain according to its repository (a secondary claim; no primary Akai statement found)",
        entry="Splendid Grand Piano.sfz",
    ),
    _github(
        "ixox-flute",
        "Ixox.Flute",
        "0cc54468bb0d2d9b32921958585caad65ba8df21",
        about="flute, 12 pitches, 3 dynamics; files normalised one by one",
        licence="CC BY 4.0, Xavier Hosxe",
        entry="Ixox Flute.sfz",
    ),
    _github(
        "weresax",
        "karoryfer.weresax",
        "595d1fc1044edf6260d44b8215b723a3fbdd1802",
        about="alto saxophone, 32 pitches, 2 dynamics, 2 takes, condenser microphone",
        licence="CC0, Karoryfer Lecolds",
        entry="Programs/Sax.sfz",
        options={"only": "*_cnd*", "root": "."},
    ),
    Corpus(
        name="fluidr3-gm",
        about="General MIDI SoundFont of real recorded notes: pianos, winds, strings, 189 presets",
        licence="MIT, Frank Wen and Toby Smithe",
        url=f"{DEBIAN}/fluid-soundfont-gm_3.1-5.3_all.deb",
        sha256="6f531493ac4e4d9772fd96b2488ea1790af81c196135fbdd25997da0781fc60e",
        size_bytes=119610208,
        entry="usr/share/sounds/sf2/FluidR3_GM.sf2",
    ),
)


def corpora() -> dict[str, Corpus]:
    """Return the corpora that can be downloaded, by name."""
    return {one.name: one for one in _ALL}


def corpus(name: str) -> Corpus:
    """Return the corpus of that name; raise InputError with the nearest name when there is none."""
    known = corpora()
    if name not in known:
        raise InputError(f"'{name}' is no corpus; {nearest(name, known)}")
    return known[name]


def downloads_folder() -> Path:
    """Return where downloaded corpora are kept: the user's data folder of this system."""
    import platformdirs

    return Path(platformdirs.user_data_dir("backtune", appauthor=False)) / "corpora"


def downloaded(one: Corpus, folder: Path | None = None) -> Path | None:
    """Return what to open of a corpus that was downloaded, None when it was not."""
    entry = (folder or downloads_folder()) / one.name / one.entry
    return entry if entry.is_file() else None


def open_corpus(one: Corpus, folder: Path | None = None) -> Source:
    """Return the takes of a downloaded corpus, with its name and licence; raise InputError when it is not there."""
    entry = downloaded(one, folder)
    if entry is None:
        raise InputError(f"{one.name}: not downloaded yet; run: backtune corpora {one.name}")
    source = open_source(entry, **corpus_options(one, folder))
    return replace(source, name=one.about.split(",")[0], licence=one.licence)


def corpus_options(one: Corpus, folder: Path | None = None) -> dict[str, str]:
    """Return the options with which a downloaded corpus is opened; a root is meant from its own folder."""
    top = (folder or downloads_folder()) / one.name
    return {name: str(top / value) if name == "root" else value for name, value in one.options.items()}


def download(one: Corpus, folder: Path | None = None, url: str = "") -> tuple[Path, list[str]]:
    """Download and unpack a corpus; return (what to open, what was checked, one sentence each).

    `url` is a mirror of the archive to use instead. Checked: the published sha256 where there is one, else the
    commit that git wrote into the archive, and that the archive equals the one seen at the first download;
    always: every sample that the instrument names is there. Raises BacktuneError when a download or a check
    fails; then nothing of it is left.
    """
    home = folder or downloads_folder()
    archive = _fetch(one, home, url or one.url)
    checks = [f"sha256 of the archive is the published one ({one.sha256[:12]}...)"] if one.sha256 else []
    try:
        comment = unpack(archive, home / one.name)
        if one.commit:
            checks += _check_commit(one, archive, comment, home)
        takes = open_corpus(one, home).takes
    except BacktuneError as error:
        shutil.rmtree(home / one.name, ignore_errors=True)
        archive.unlink(missing_ok=True)
        raise BacktuneError(f"{one.name}: the download is not what it should be ({error})") from None
    archive.unlink()
    return home / one.name / one.entry, [*checks, f"{len(takes)} takes found, no sample is missing"]


def _fetch(one: Corpus, home: Path, url: str) -> Path:
    import pooch

    pooch.get_logger().setLevel("WARNING")
    home.mkdir(parents=True, exist_ok=True)
    archive = home / one.archive
    try:
        pooch.retrieve(url, known_hash=f"sha256:{one.sha256}" if one.sha256 else None, path=home, fname=archive.name)
    except ValueError as error:  # pooch's word for a checksum that differs
        archive.unlink(missing_ok=True)
        raise BacktuneError(f"{one.name}: {' '.join(str(error).split())[:200]}") from None
    except OSError as error:  # requests' errors are OSErrors too
        raise BacktuneError(f"{one.name}: could not be downloaded from {url} ({_reason(error)})") from None
    return archive


def _check_commit(one: Corpus, archive: Path, comment: str, home: Path) -> list[str]:
    if comment != one.commit:
        raise BacktuneError(f"it is of git commit '{comment[:40]}', not {one.commit}")
    with archive.open("rb") as file:
        seen = hashlib.file_digest(file, "sha256").hexdigest()
    notes = home / NOTES
    try:
        before = json.loads(notes.read_text("utf-8")) if notes.is_file() else {}
    except ValueError:
        raise BacktuneError(f"{notes}: not readable as JSON; delete it to start anew") from None
    key = f"{one.name}@{one.commit}"
    if before.get(key, seen) != seen:
        raise BacktuneError(f"its sha256 {seen[:12]}... differs from the first download's, see {notes}")
    write_beside(notes, (json.dumps({**before, key: seen}, indent=1, sort_keys=True) + "\n").encode())
    return [
        f"the archive says it is git commit {one.commit[:12]}...",
        f"its sha256 {seen[:12]}... is noted in {notes.name}; nobody publishes one to compare with",
    ]


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
