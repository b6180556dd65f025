"""Drafts: parts of a song rendered to files that stay until all stems are written, so that a stopped render goes on."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from backtune.chain import EffectSlot, PluginSlot, every_slot
from backtune.hosting.effects import EFFECTS
from backtune.kept import code_identity, identity_of, libraries
from backtune.patch import Patch
from backtune.patch_file import dump_patch
from backtune.stem_draft import FRAME_BYTES, Draft, write_draft
from backtune.stem_part import Part, Performer
from backtune.stem_patch import LayerPerformer, PatchPerformer
from backtune.whole_file import beside, write_beside

FOLDER = ".drafts"  # inside the folder of the stems; 1.4 GB an hour and part, gone when the stems are there
EFFECTS_OF = "pedalboard"  # another release of it may sound another way
Tell = Callable[[int, int], None]  # frames done, frames in all


@contextmanager
def drafting(folder: Path) -> Iterator[Path]:
    """Give a folder for drafts beside the stems; it stays only when the block is stopped by Ctrl-C or a kill."""
    drafts = folder / FOLDER
    drafts.mkdir(parents=True, exist_ok=True)
    try:
        yield drafts
    except Exception:
        shutil.rmtree(drafts, ignore_errors=True)
        raise
    shutil.rmtree(drafts, ignore_errors=True)


def finished_drafts(folder: Path) -> int:
    """Return how many parts lie finished in a folder of stems."""
    return sum(1 for _ in (folder / FOLDER).glob("*.f32"))


def drafts_of(
    parts: Sequence[Part], drafts: Path, frames: int, rate: int, progress: Callable[[str, int, int], None], warn: Any
) -> list[Draft]:
    """Return the parts as sound, `frames` long at `rate` Hz, rendered into the folder `drafts` or found there.

    A part is found again when the same notes, patch, chain, automation, files that these name, and code made it; what
    plugins play is always rendered. What the folder holds of other songs is removed. `warn` gets each part's doubts,
    found ones' too.
    """
    names = [f"{_identity(part, frames, rate) or f'part-{index}'}.f32" for index, part in enumerate(parts)]
    for old in drafts.glob("*.f32"):
        if old.name not in names or old.name.startswith("part-") or old.stat().st_size != frames * FRAME_BYTES:
            old.unlink(missing_ok=True)
    found: list[Draft] = []
    for part, name in zip(parts, names, strict=True):
        place, said = drafts / name, (drafts / name).with_suffix(".json")

        def tell(done: int, total: int, part: Part = part) -> None:
            progress(part.name, done, total)

        if place.exists():
            tell(frames, frames)
        else:
            _render(part, place, said, frames, rate, tell)
        for sentence in json.loads(said.read_text(encoding="utf-8")):
            warn(sentence)
        found.append(Draft(place, frames))
    return found


def _render(part: Part, place: Path, said: Path, frames: int, rate: int, tell: Tell) -> None:
    sentences: list[str] = []
    with beside(place) as draft:
        write_draft(part.stream(frames, rate, sentences.append), draft, frames, tell)
        write_beside(said, json.dumps(sentences).encode())


def _identity(part: Part, frames: int, rate: int) -> str:
    """Return what tells a part's sound apart from any other, "" where plugins play: they may have changed."""
    patches = _patches(part.performer)
    if not patches or any(isinstance(slot, PluginSlot) for _, slot in every_slot(part.chain.slots)):
        return ""
    curves = [
        [target, curve.times_s.tolist(), curve.values.tolist(), curve.texts, curve.ways, curve.units]
        for target, curve in sorted(part.curves.items())
    ]
    made_by = (code_identity(), libraries(), version(EFFECTS_OF))
    played = (type(part.performer).__name__, *(dump_patch(patch) for patch in patches))
    files = [(str(path), _content(path)) for path in _files(part, patches)]
    chain = repr(part.chain)
    return identity_of(made_by, played, repr(part.score), chain, files, curves, part.remarks, frames, rate)[:32]


def _patches(performer: Performer) -> list[Patch]:
    """Return the patches that play, [] where it is something else."""
    if isinstance(performer, LayerPerformer):
        each = [_patches(one) for one in (performer.whole, performer.before) if one is not None]
        return [patch for one in each for patch in one] if all(each) else []
    if isinstance(performer, PatchPerformer) and isinstance(performer.instrument, Patch):
        return [performer.instrument]
    return []


def _files(part: Part, patches: Sequence[Patch]) -> list[Path]:
    """Return the files a part names: impulse responses of its chain, and what its controls are set or moved to."""
    found = []
    for _, slot in every_slot(part.chain.slots):
        if isinstance(slot, EffectSlot) and (setting := EFFECTS[slot.kind].file):
            found.append(Path(str(slot.settings[setting])))
    for panel in (patch.panel for patch in patches):
        for name, control in panel.controls.items():
            moved = part.curves[name].texts if name in part.curves else ()
            found += [Path(file) for value in (panel.value(name), *moved) for file in control.files_in(value)]
    return found


def _content(path: Path) -> str:
    """Return the hash of a file, "" for one that cannot be read: whoever plays it tells."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
