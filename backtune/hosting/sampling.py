"""Sampling an instrument: every key and velocity of a plan becomes a take in a folder with an index.csv."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from backtune.errors import BacktuneError, InputError
from backtune.hosting.players import Player, tried
from backtune.hosting.take_folder import (
    check_folder,
    check_peak,
    create_folder,
    read_record,
    remove_if_bare,
    take_file,
    take_label,
    write_index,
    write_record,
    write_take,
)

SILENT = 1e-6  # -120 dB: nothing an instrument plays on purpose is below it

Progress = Callable[[int, int], None]  # takes done, takes in all


@dataclass(frozen=True)
class SamplingPlan:
    """Which notes to sample: MIDI keys, velocities 1..127, s until release, s after it, and a gain for all takes."""

    keys: tuple[int, ...]
    velocities: tuple[int, ...]
    hold_s: float
    release_s: float
    gain_db: float = 0.0

    def __post_init__(self) -> None:
        """Raise InputError for a plan without notes or with lengths that are not positive."""
        if not self.keys or not self.velocities:
            raise InputError("plan: at least one key and one velocity are needed")
        for velocity in self.velocities:
            if not 1 <= velocity <= 127:
                raise InputError(f"velocities: {velocity} is outside 1..127")
        if not 0 < self.hold_s <= 600 or not 0 <= self.release_s <= 600:
            raise InputError(
                f"plan: {self.hold_s:g} s + {self.release_s:g} s; allowed: up to 600 s each, held longer than 0 s"
            )


@dataclass
class SamplingReport:
    """What sampling did: takes written now, takes found from before, silent notes, and warnings in sentences."""

    folder: Path
    written: int = 0
    kept: int = 0
    silent: list[str] = field(default_factory=list)
    deterministic: bool = True
    warnings: list[str] = field(default_factory=list)


def sample(player: Player, plan: SamplingPlan, folder: Path, progress: Progress | None = None) -> SamplingReport:
    """Write the takes of a plan as 24-bit FLAC with an index.csv; takes that are there already are kept.

    The first render is thrown away; three notes are rendered twice to see whether the instrument repeats itself.
    Raises InputError when the folder holds takes of another instrument or another plan, BacktuneError when
    no note sounds, when a take exceeds full scale, and whatever the instrument raises; takes written
    before stay and are not rendered again, and a folder without takes is left as it was found.
    """
    record = {"instrument": player.about, "rate": player.rate, **asdict(plan)}
    record = json.loads(json.dumps(record))  # as it is read back
    check_folder(folder, record)
    before = read_record(folder)
    report = SamplingReport(folder)
    silent = set(before.get("silent", []))
    wanted = [(key, velocity) for key in plan.keys for velocity in plan.velocities]
    missing = {(k, v) for k, v in wanted if not (folder / take_file(k, v)).exists() and take_label(k, v) not in silent}
    report.kept = sum((folder / take_file(*note)).exists() for note in wanted)
    report.deterministic = bool(before.get("deterministic", True))
    if missing:
        trial = tried(player, plan.keys, max(plan.velocities), plan.hold_s, plan.release_s)
        check_peak("the loudest of three notes", trial.peak, plan.gain_db)
        report.deterministic &= trial.repeats
    create_folder(folder, record, report.deterministic, silent)
    done = len(wanted) - len(missing)
    for key in plan.keys:
        if not any((key, velocity) in missing for velocity in plan.velocities):
            continue
        # all velocities of a key, even those that are there: a player's sound may depend on the notes before
        played = player.play(key, list(plan.velocities), plan.hold_s, plan.release_s)
        for velocity, audio in zip(plan.velocities, played, strict=True):
            if (key, velocity) not in missing:
                continue
            if np.max(np.abs(audio), initial=0.0) < SILENT:
                silent.add(take_label(key, velocity))
            else:
                write_take(folder / take_file(key, velocity), audio, player.rate, plan.gain_db)
                report.written += 1
            done += 1
            if progress is not None:
                progress(done, len(wanted))
        write_index(folder, plan.hold_s, plan.release_s)
        write_record(folder, record, report.deterministic, silent)
    report.silent = [label for label in (take_label(*note) for note in wanted) if label in silent]
    if len(report.silent) == len(wanted):
        remove_if_bare(folder)
    return _judged(report, len(wanted))


def report_text(report: SamplingReport) -> str:
    """Return what sampling did as a sentence."""
    kept = f", {report.kept} were there already" if report.kept else ""
    repeats = "repeats itself" if report.deterministic else "does not repeat itself"
    return f"{report.folder}: {report.written} takes written{kept}; the instrument {repeats}"


def report_data(report: SamplingReport) -> dict[str, Any]:
    """Return what sampling did as plain data."""
    facts = asdict(report)
    return {"takes": {name: facts.pop(name) for name in ("written", "kept")}, **facts}


def _judged(report: SamplingReport, wanted: int) -> SamplingReport:
    """Return the report with its warnings; raise BacktuneError when nothing sounded."""
    if len(report.silent) == wanted:
        raise BacktuneError(
            f"{report.folder}: none of {wanted} notes sounds; a plugin that loads its samples in the background "
            "needs a warm-up time, others a preset"
        )
    if report.silent:
        report.warnings.append(f"{len(report.silent)} of {wanted} notes are silent: {', '.join(report.silent[:8])}")
    if not report.deterministic:
        report.warnings.append("the instrument does not repeat itself: the same note differs between two renders")
    return report
