"""Fits the patches that come with backtune: what is in presets/patches was made by this, and can be made again.

    BACKTUNE_RECORDINGS=recordings python ci/fit_presets.py [piano sax gm_marimba ...] [-o presets/patches] [--jobs 2]

Four instruments come from folders of recordings (BACKTUNE_RECORDINGS), the others from the General MIDI SoundFont
FluidR3 (apt install fluid-soundfont-gm, or `backtune corpora fluidr3-gm`). What is not there is said and left out.
Source and licence stand inside each patch, as its `origin`.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from backtune.corpora import corpus, downloaded
from backtune.fit_plan import FitPlan, Watch
from backtune.patch_file import patch_bytes, write_patch
from backtune.source import Source, open_source
from backtune.terminal import progress
from backtune.workshop import fit_source

SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
VELOCITIES = (32, 76, 124)  # most presets of the font are one layer of samples, which velocity makes darker or brighter


@dataclass(frozen=True)
class Preset:
    """One patch to fit: the `folder` of its recordings, or the SoundFont's `preset` with the keys that are sampled."""

    folder: str = ""
    preset: str = ""
    keys: str = ""
    velocities: tuple[int, ...] = VELOCITIES
    budget_bytes: int = 150_000
    options: dict[str, float] = field(default_factory=dict)


def _gm(preset: str, keys: str, budget_bytes: int = 60_000, **options: float) -> Preset:
    return Preset(preset=preset, keys=keys, budget_bytes=budget_bytes, options=options)


PRESETS = {
    "piano_c3": Preset(folder="piano_c3"),
    "piano": Preset(folder="piano"),
    "sax": Preset(folder="sax"),
    "flute": Preset(folder="flute"),
    "gm_piano": _gm("0:0", "24-104:5", budget_bytes=70_000, hold_s=3.0),
    "gm_flute": _gm("0:73", "60-92:3", hold_s=1.5),
    "gm_clarinet": _gm("0:71", "50-86:3", hold_s=1.5),
    "gm_trumpet": _gm("0:56", "54-84:3", hold_s=1.5),
    "gm_guitar": _gm("0:24", "40-80:4", hold_s=2.5),
    "gm_marimba": _gm("0:12", "48-92:4", hold_s=1.5),
    "gm_tubular_bells": _gm("0:14", "58-80:2", hold_s=3.0),
    "gm_violin": _gm("0:40", "55-94:3", hold_s=1.5),
}


def main() -> None:
    """Fit what was asked for, or all of it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", default=[], help=f"of {', '.join(PRESETS)}; none: all")
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parents[1] / "presets" / "patches")
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args()
    if unknown := [name for name in chosen.names if name not in PRESETS]:
        parser.error(f"{', '.join(unknown)}: not among {', '.join(PRESETS)}")
    chosen.output.mkdir(parents=True, exist_ok=True)
    for name in chosen.names or PRESETS:
        source = _source(PRESETS[name])
        if isinstance(source, str):
            print(f"{name}: left out; {source}", flush=True)
            continue
        start = time.perf_counter()
        with progress() as report:
            plan = FitPlan(budget_bytes=PRESETS[name].budget_bytes)
            patch = fit_source(source, plan, jobs=chosen.jobs, watch=Watch(progress=report))
        write_patch(patch, chosen.output / f"{name}.yaml")
        quality = ", ".join(
            f"{what} {value:.2f}" for what, value in patch.quality.items() if what.startswith("unheard")
        )
        print(
            f"{name}: {len(source.takes)} takes, {time.perf_counter() - start:.0f} s, {patch_bytes(patch):,} bytes, "
            f"{quality}; {' '.join(patch.kinds)}",
            flush=True,
        )


def _source(preset: Preset) -> Source | str:
    """Return the recordings of a preset, or what is missing."""
    if preset.folder:
        place = os.environ.get("BACKTUNE_RECORDINGS")
        folder = Path(place or ".") / preset.folder
        if place is None or not folder.is_dir():
            return f"BACKTUNE_RECORDINGS names no folder that holds '{preset.folder}'"
        return open_source(folder)
    font = SOUNDFONT if SOUNDFONT.is_file() else downloaded(corpus("fluidr3-gm"))
    if font is None:
        return f"{SOUNDFONT} is not installed (apt install fluid-soundfont-gm), nor downloaded"
    return open_source(font, preset=preset.preset, keys=preset.keys, velocities=preset.velocities, **preset.options)


if __name__ == "__main__":
    main()
