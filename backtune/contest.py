"""A contest: a patch and its rivals play the same notes, and each is judged against the recordings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.distance import distance
from backtune.errors import BacktuneError, InputError
from backtune.note_distance import (
    DECIMALS,
    TOTAL,
    NoteDistance,
    level_ratio,
    listening_places,
    ready_to_compare,
    rounded,
)
from backtune.notes import Take
from backtune.patch import Patch
from backtune.sounding_apart import semitones_apart, told_apart
from backtune.stem import file_name
from backtune.units import amplitude_to_db, note_name
from backtune.workers import in_order

if TYPE_CHECKING:
    from backtune.rival import Rival
    from backtune.source import Source

Floats = NDArray[np.float64]
Progress = Callable[[str, int, int], None]
MATCHED, NATURAL = "matched", "natural"
LEVELS = (MATCHED, NATURAL)
EVERYWHERE = "all"
RECORDED, PATCH = "recorded", "backtune"  # how listening files are called
CHUNK = 8  # takes a worker: their audio is in memory at once


@dataclass(frozen=True)
class Verdict:
    """One note of one player: its distances in dB, at equal level and as it is, and its level above the recording's."""

    player: str
    level_db: float
    matched: NoteDistance
    natural: NoteDistance

    def at(self, levels: str) -> NoteDistance:
        """Return the distances at "matched" or "natural" levels."""
        return self.matched if levels == MATCHED else self.natural


@dataclass(frozen=True)
class Contest:
    """Players (the patch first) against a source; `verdicts` holds each note of each player.

    `remarks`: sentences about players that were silent or did not repeat themselves, and recordings that sound
    elsewhere than the patch plays their keys.
    """

    source: str
    players: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    remarks: tuple[str, ...] = ()

    @property
    def components(self) -> tuple[str, ...]:
        """Names of the distances, the total first."""
        names = list(self.verdicts[0].matched.distance_db)
        return (TOTAL, *(name for name in names if name != TOTAL))

    @property
    def regions(self) -> tuple[str, ...]:
        """The octaves with notes from low to high, and "all"."""
        rising = sorted((verdict.matched for verdict in self.verdicts), key=lambda note: note.midi)
        return (*dict.fromkeys(note.region for note in rising), EVERYWHERE)

    def of(self, player: str, region: str = EVERYWHERE) -> list[Verdict]:
        """Return the verdicts of a player in a region, in the order of the takes."""
        mine = [one for one in self.verdicts if one.player == player]
        return mine if region == EVERYWHERE else [one for one in mine if one.matched.region == region]

    def median_db(self, player: str, levels: str, component: str = TOTAL, region: str = EVERYWHERE) -> float:
        """Return a player's median distance, dB; NaN where no note tells."""
        found = np.array([one.at(levels).distance_db[component] for one in self.of(player, region)])
        known = found[np.isfinite(found)]
        return float(np.median(known)) if len(known) else float("nan")

    def ranking(self, levels: str, component: str = TOTAL, region: str = EVERYWHERE) -> list[str]:
        """Return the players, the nearest to the recordings first, those of which nothing is known last."""
        medians = {player: self.median_db(player, levels, component, region) for player in self.players}
        return sorted(self.players, key=lambda player: (np.isnan(medians[player]), medians[player]))

    def nearer(self, levels: str, rival: str) -> int:
        """Return on how many notes the patch is nearer to the recording than `rival`."""
        pairs = zip(self.of(self.players[0]), self.of(rival), strict=True)
        return sum(one.at(levels).distance_db[TOTAL] < other.at(levels).distance_db[TOTAL] for one, other in pairs)

    def level_db(self, player: str) -> float:
        """Return by how much a player is louder than the recordings in the median, dB."""
        return float(np.nanmedian([one.level_db for one in self.of(player)]))


def contest(
    patch: Patch,
    source: Source,
    rivals: Sequence[Rival] = (),
    *,
    jobs: int = 1,
    pairs: int = 0,
    folder: Path | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> Contest:
    """Return how far the patch and its rivals are from each take of `source`, at equal levels and at their own.

    Each player plays the take's pitch and velocity with the take's onset and gate. With `folder`, the sound of
    `pairs` takes, spread over all, is written there at equal level: the recording and each player. The result does
    not depend on `jobs`. Raises InputError for a source without takes or two players of one name, BacktuneError
    for a rival that plays none of the notes.
    """
    from backtune.rival import KIND, check_names

    if not source.takes:
        raise InputError(f"{source.path}: no take to compare with")
    players = (player_name(patch), *(rival.name for rival in rivals))
    check_names(players)
    first = file_name(source.name) if source.kind == KIND else RECORDED
    places = {} if folder is None else listening_places(folder, source.takes, pairs)
    verdicts: list[Verdict] = []
    apart: list[int] = []
    silent: dict[str, list[str]] = {rival.name: [] for rival in rivals}
    for at in range(0, len(source.takes), CHUNK * jobs):
        some = list(enumerate(source.takes))[at : at + CHUNK * jobs]
        calls = []
        for i, take in some:
            played = _played(take, rivals)
            for name, audio in played.items():
                silent[name] += [] if np.any(audio) else [f"{note_name(take.midi)} v{take.velocity:.0f}"]
            calls.append((patch, take, played, (places[i], first) if i in places else None))
        for judged, semitones in in_order(_judged, calls, jobs, lambda patch, take, *_: f"comparing with {take.name}"):
            verdicts += judged
            apart.append(semitones)
        progress("comparing", at + len(some), len(source.takes))
    remarks = (*_silences(silent, len(source.takes)), *told_apart([take.name for take in source.takes], apart))
    return Contest(source.name, players, tuple(verdicts), remarks)


def player_name(patch: Patch) -> str:
    """Return how a contest calls the patch: it may have the name of the plugin it was fitted to."""
    return f"{patch.name} (patch)"


def _silences(silent: dict[str, list[str]], of: int) -> tuple[str, ...]:
    """Return a sentence for each rival that was silent on some of its notes."""
    for name, notes in silent.items():
        if len(notes) == of:
            raise BacktuneError(f"{name}: none of {of} notes sounds")
    told = ((name, len(notes), ", ".join(notes[:8])) for name, notes in silent.items() if notes)
    return tuple(f"{name} is silent on {count} of {of} notes: {some}" for name, count, some in told)


def _played(take: Take, rivals: Sequence[Rival]) -> dict[str, Floats]:
    """Return each rival's rendering of a take; rivals cannot be sent to worker processes, their sound can."""
    if not rivals:
        return {}
    audio, rate = take.audio()
    return {rival.name: rival.note(take, audio, rate) for rival in rivals}


def _judged(
    patch: Patch, take: Take, played: dict[str, Floats], listening: tuple[Path, str] | None
) -> tuple[list[Verdict], int]:
    natural, recorded, own = ready_to_compare(patch, take)
    references = {MATCHED: replace(natural, level_matched=True), NATURAL: natural}
    verdicts = []
    everyone = {player_name(patch): own, **played}
    for player, audio in everyone.items():
        notes = {levels: NoteDistance.of(take, distance(reference, audio)) for levels, reference in references.items()}
        louder_db = round(-float(amplitude_to_db(level_ratio(recorded, audio))), DECIMALS) if np.any(audio) else np.nan
        verdicts.append(Verdict(player, louder_db, notes[MATCHED], notes[NATURAL]))
    if listening is not None:
        place, first = listening
        others = [(file_name(name), audio) for name, audio in played.items()]
        sounds = [(first, recorded), (PATCH, own), *others]  # a rival may be called as the source is
        _write_listening(place, sounds, natural.rate)
    return verdicts, semitones_apart(patch, take, recorded, natural.rate)


def _write_listening(place: Path, sounds: Sequence[tuple[str, Floats]], rate: int) -> None:
    """Write each sound at the level of the first, numbered in their order, all softer alike when one would clip."""
    from backtune.sound import write_sound

    place.parent.mkdir(parents=True, exist_ok=True)
    _, first = sounds[0]
    equal = [(name, audio * level_ratio(first, audio)) for name, audio in sounds]
    peak = max(1.0, *(float(np.max(np.abs(audio))) for _, audio in equal))
    for number, (name, audio) in enumerate(equal, start=1):
        write_sound(place.with_name(f"{place.name}_{number}_{name}.wav"), audio / peak, rate)


def rows(found: Contest) -> list[dict[str, Any]]:
    """Return a row for each note of each player at both levels, as plain data."""
    table = []
    for verdict in found.verdicts:
        for levels in LEVELS:
            note = verdict.at(levels)
            distances = {f"{name}_db": rounded(note.distance_db[name]) for name in found.components}
            who = {"player": verdict.player, "levels": levels}
            table.append({**who, **note.facts, "level_db": rounded(verdict.level_db), **distances})
    return table
