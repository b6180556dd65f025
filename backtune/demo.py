"""The demo: one real instrument, fitted end to end, with everything a listener needs in one folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from backtune.comparison import Comparison, compare
from backtune.demo_source import find_demo_source
from backtune.errors import InputError
from backtune.fit_plan import FitPlan, Watch
from backtune.notes import NoteEvent, Take
from backtune.patch import Patch
from backtune.patch_file import write_patch
from backtune.phrase import major_scale, render_phrase
from backtune.report.explain import story
from backtune.report.growth_table import growth_table
from backtune.sound import write_sound
from backtune.source import open_source
from backtune.whole_file import write_beside

MOST_PITCHES, MOST_DYNAMICS = 9, 3  # 27 takes: under two minutes on two cores, with room to spare
UNHEARD_EVERY = 4  # every fourth pitch is kept from the fit, to be compared with
STEP_S = 0.4
PAIRS = 12
NAMES = ("patch.yaml", "explanation.txt", "growth.txt", "scale.wav", "comparison.txt")


@dataclass(frozen=True)
class Demo:
    """What the demo made: the patch, the comparison with pitches the fit never heard, which recordings it took."""

    patch: Patch
    comparison: Comparison
    says: str
    better: str


def run_demo(
    folder: Path,
    recordings: str | Path = "",
    preset: str = "0:0",
    jobs: int = 2,
    seed: int = 0,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
    tell: Callable[[str], None] = lambda text: None,
) -> Demo:
    """Fit the recordings `find_demo_source` finds, and write patch, explanation, audio and tables into `folder`.

    A quarter of the pitches is kept from the fit and compared with. `tell` gets one sentence about the recordings
    first. Raises InputError when no recordings are there, or the folder cannot be written.
    """
    from backtune.workshop import fit_source

    found = find_demo_source(recordings, preset)
    tell(f"recordings: {found.says}")
    try:
        (folder / "listen").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror})") from None
    for old in (folder / "listen").glob("*_[12]_*.wav"):  # of an earlier demo, perhaps of another instrument
        old.unlink()
    source = open_source(found.path, **found.options)
    source = replace(source, licence=source.licence or found.licence)
    heard, unheard = divided(thinned(source.takes))
    patch = fit_source(replace(source, takes=heard), FitPlan(seed), jobs=jobs, watch=Watch(progress=progress))
    write_patch(patch, folder / NAMES[0])
    _write_text(folder / NAMES[1], story(patch))
    _write_text(folder / NAMES[2], growth_table(patch))
    _write_scale(patch, folder / NAMES[3])
    comparison = compare(
        patch, replace(source, takes=unheard), jobs=jobs, pairs=PAIRS, folder=folder, progress=progress
    )
    _write_text(folder / NAMES[4], str(comparison))
    return Demo(patch, comparison, found.says, found.better)


def thinned(takes: list[Take]) -> list[Take]:
    """Return at most 9 pitches and 3 dynamics of the takes, evenly spread, the first take of each."""
    pitches = _spread(sorted({take.midi for take in takes}), MOST_PITCHES)
    out = []
    for pitch in pitches:
        here = sorted((take for take in takes if take.midi == pitch), key=lambda take: take.number)
        velocities = _spread(sorted({take.velocity for take in here}), MOST_DYNAMICS)
        out += [next(take for take in here if take.velocity == velocity) for velocity in velocities]
    return out


def divided(takes: list[Take]) -> tuple[list[Take], list[Take]]:
    """Return the takes to fit and those of every fourth pitch, which the fit never hears.

    Fewer than four pitches are all fitted and all compared with.
    """
    pitches = sorted({take.midi for take in takes})
    kept = set(pitches[UNHEARD_EVERY // 2 :: UNHEARD_EVERY])
    if len(pitches) < UNHEARD_EVERY:
        return takes, takes
    return [take for take in takes if take.midi not in kept], [take for take in takes if take.midi in kept]


def _spread(values: list[float], most: int) -> list[float]:
    if len(values) <= most:
        return values
    return [values[round(i * (len(values) - 1) / (most - 1))] for i in range(most)]


def _write_scale(patch: Patch, path: Path) -> None:
    low, high = patch.origin.pitches
    start = max(low, min(60.0, high - 12))
    pitches = major_scale(f"{start:g}-{min(start + 12, 127):g}")
    notes = [(i * STEP_S, NoteEvent(pitch, 60.0 + 5.0 * i, STEP_S)) for i, pitch in enumerate(pitches)]
    sound = render_phrase(patch, notes, len(pitches) * STEP_S + 1.5, 44100)
    write_sound(path, sound * min(1.0, 0.99 / max(abs(sound).max(), 1e-9)), sound.rate)


def _write_text(path: Path, text: str) -> None:
    write_beside(path, f"{text}\n".encode())
