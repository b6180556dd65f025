"""The folder of a patch: files that its settings name are found from there, and written as seen from there."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from backtune.patch import Patch
from backtune.reading.audio_files import lies_in


def found_from(patch: Patch, folder: Path) -> Patch:
    """Return a patch that was read in `folder`, its files named as this program finds them."""
    return _renamed(patch, lambda file: str(folder / file))  # an absolute name stays as it is


def seen_from(patch: Patch, folder: Path) -> Patch:
    """Return a patch to be written in `folder`: files in there or below named from there, all others absolutely."""

    def name(file: str) -> str:
        path = Path(os.path.abspath(file))
        return path.relative_to(os.path.abspath(folder)).as_posix() if lies_in(folder, path) else str(path)

    return _renamed(patch, name)


def _renamed(patch: Patch, name: Callable[[str], str]) -> Patch:
    files = {key: patch.panel.controls[key].files_in(value) for key, value in patch.controls.items()}
    renamed = {key: "+".join(name(file) for file in found) for key, found in files.items() if found}
    return replace(patch, controls={**patch.controls, **renamed}) if renamed else patch
