"""Which recordings the demo takes: the first that is there, and how to get better ones."""

from __future__ import annotations

import importlib.util
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from backtune.corpora import corpora, corpus_options, downloaded
from backtune.errors import InputError
from backtune.reading.index_file import NAME
from backtune.source import find_kind

VARIABLE = "BACKTUNE_RECORDINGS"
FONT_NAMES = ("FluidR3_GM.sf2", "MuseScore_General.sf2", "GeneralUser-GS.sf2", "GeneralUser GS.sf2", "default-GM.sf2")
BETTER = "for better recordings: backtune corpora lists free ones, or give --recordings FOLDER"
BETTER_FONT = "for better recordings: apt-get install fluid-soundfont-gm, or backtune corpora, or --recordings FOLDER"
SMALL_FONT_KEYS = "33-93:5"  # its piano has 9 samples; 13 keys from A1 to A6 give laws something to follow
SMALL_FONT_LICENCE = "GPL-2.0, Tim Brechbill (TimGM6mb)"


@dataclass(frozen=True)
class DemoSource:
    """What the demo opens: `path` with `options`; `says` which one it is, `better` how to get a better one.

    `licence`: known from elsewhere when the files do not say it themselves, else "".
    """

    path: Path
    says: str
    better: str
    options: dict[str, str] = field(default_factory=dict)
    licence: str = ""


def find_demo_source(recordings: str | Path = "", preset: str = "0:0", folder: Path | None = None) -> DemoSource:
    """Return the recordings for the demo.

    The first that is there of: `recordings`, the environment variable BACKTUNE_RECORDINGS, a downloaded corpus
    (in `folder`), a General MIDI SoundFont in the usual places of this system, the small SoundFont of the
    package pretty_midi. `preset` is taken from SoundFonts. Raises InputError when a named place does not
    exist or holds no recordings, or when nothing at all is there.
    """
    if recordings:
        return DemoSource(_instrument(Path(os.path.expanduser(recordings))), f"the recordings in {recordings}", "")
    if named := os.environ.get(VARIABLE, ""):
        path = _instrument(Path(os.path.expanduser(named)))
        return DemoSource(path, f"the recordings in {path} (from {VARIABLE})", "")
    for one in corpora().values():
        if entry := downloaded(one, folder):
            says = f"the downloaded corpus {one.name}: {one.about}"
            options = corpus_options(one, folder) | ({"preset": preset} if entry.suffix == ".sf2" else {})
            return DemoSource(entry, says, "", options, one.licence)
    for place in soundfont_places():
        for name in FONT_NAMES:
            if (place / name).is_file():
                return DemoSource(place / name, f"the SoundFont {place / name}", BETTER, {"preset": preset})
    small = small_soundfont()
    if small is None:
        raise InputError(f"no recordings were found on this machine; {BETTER_FONT}")
    says = "the small SoundFont TimGM6mb.sf2 of the package pretty_midi (real, if modest, recordings)"
    options = {"preset": preset} | ({"keys": SMALL_FONT_KEYS} if preset == "0:0" else {})
    return DemoSource(small, says, BETTER_FONT, options, SMALL_FONT_LICENCE)


def soundfont_places() -> list[Path]:
    """Return the folders where this system keeps SoundFonts."""
    home = Path.home()
    if sys.platform == "win32":
        roots = [os.environ.get(name, "") for name in ("PROGRAMDATA", "PUBLIC", "SYSTEMDRIVE")]
        return [Path(root + os.sep) / "soundfonts" for root in roots if root] + [home / "soundfonts"]
    if sys.platform == "darwin":
        banks = Path("Library/Audio/Sounds/Banks")
        shares = [Path(root) / "share/soundfonts" for root in ("/opt/homebrew", "/usr/local")]
        return [home / banks, Path("/") / banks, *shares]
    shares = [Path("/usr/share"), Path("/usr/local/share"), home / ".local/share"]
    return [share / folder for share in shares for folder in ("sounds/sf2", "soundfonts")]


def small_soundfont() -> Path | None:
    """Return the SoundFont inside the package pretty_midi, found without importing it; None when it is missing."""
    found = importlib.util.find_spec("pretty_midi")
    if found is None or found.origin is None:
        return None
    font = Path(found.origin).parent / "TimGM6mb.sf2"
    return font if font.is_file() else None


def _instrument(path: Path) -> Path:
    """Return `path`, or the smallest instrument in it when it is a folder of folders with tables."""
    if path.is_dir() and not (path / NAME).is_file():
        inside = [one for one in sorted(path.iterdir()) if (one / NAME).is_file()]
        if inside:
            return min(inside, key=lambda one: (sum(1 for _ in one.iterdir()), one.name))
    find_kind(path)
    return path
