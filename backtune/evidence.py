"""Evidence: takes the fit never hears, and what a patch is worth on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.distance import Distance
from backtune.analysis.residual import Heard
from backtune.judging import Held, judge
from backtune.kept import kept
from backtune.kept_layers import patch_data
from backtune.notes import Take
from backtune.patch import Patch
from backtune.repeats import Repeats
from backtune.workers import in_order

Floats = NDArray[np.float64]

EVERY_PITCH = 4  # one pitch in four is never fitted, with all its dynamics
ENOUGH_HELD = 36  # below this many held-out takes an interval is too wide to tell anything: divide again
FEWEST_FOLDS = 2  # half the pitches are held out once: enough of them to resample
MOST_HELD = 48  # takes compared for a candidate; more narrow the interval little and cost time
RESAMPLES = 20_000  # 95 %, corrected for some 25 candidates, ends in tails of 0.1 %: of 2,000 draws those held two
Z_95 = 1.96  # standard errors on both sides
CONFIDENCE = 0.95
MOST_PER_TAKE_DB = 1.5  # of gain or loss: one note with a gross error must not decide about a law
RESOLVED_DB = 0.02  # less than this, mean distances from held-out takes do not tell apart
UNHEARD_DB = 0.5  # who is so near is there: a smaller change of level is not heard (Jesteadt, Wier and Green 1977)
FEW_CLUSTERS = 5  # with fewer pitches, single takes are resampled instead of whole pitches


@dataclass(frozen=True)
class Gain:
    """Fall of the held-out distance in dB, with its interval; `takes` were compared.

    `repeats_db`: by how much the mean would differ had the same notes been played again (95 %); 0 where none repeats.
    """

    mean_db: float
    low_db: float
    high_db: float
    takes: int
    repeats_db: float = 0.0


@dataclass(frozen=True)
class Fold:
    """One way to divide the takes: `fitted` (indices) and `held`."""

    fitted: tuple[int, ...]
    held: tuple[Held, ...]


def folds(takes: Sequence[Take], heard: Sequence[Heard]) -> list[Fold]:
    """Return ways to divide the takes, so many that enough are held out once: small sets are divided more often."""
    one = _held_out(heard, 0)
    count = int(np.clip(round(ENOUGH_HELD / max(len(one), 1)), FEWEST_FOLDS, EVERY_PITCH))
    out = []
    for turn in range(count):
        why = one if turn == 0 else _held_out(heard, turn)
        held = [Held(takes[i], heard[i], reason) for i, reason in sorted(why.items())]
        fitted = tuple(i for i in range(len(heard)) if i not in why)
        out.append(Fold(fitted, tuple(_thinned(held, MOST_HELD // count))))
    return out


def _held_out(heard: Sequence[Heard], turn: int) -> dict[int, str]:
    """Return which takes are held out in one of the turns, and why.

    Whole cells of pitch and velocity are held out: every fourth pitch, and at every second other pitch
    one dynamic, or, where the cell has repeated takes, by turns the last of them. The lowest and highest
    pitch stay in: laws are not asked beyond what was recorded. With fewer than four pitches only dynamics are held out.
    """
    pitches = sorted({h.note.midi for h in heard})
    unheard = set(pitches[1:-1][(turn + 1) % EVERY_PITCH :: EVERY_PITCH]) if len(pitches) >= 4 else set()
    known = [p for p in pitches if p not in unheard]
    why = {i: "pitches" for i, h in enumerate(heard) if h.note.midi in unheard}
    for position, pitch in enumerate(known[turn % 2 :: 2]):
        mine = [i for i, h in enumerate(heard) if h.note.midi == pitch]
        velocities = sorted({heard[i].note.velocity for i in mine})
        inner = velocities[1:-1] or velocities
        chosen = inner[(position + turn) % len(inner)]
        cell = [i for i in mine if heard[i].note.velocity == chosen]
        if len(cell) > 1 and (position % 2 == 0 or len(velocities) == 1):
            cell = cell[-1:]  # another take of a cell that is fitted
        if len(cell) < len(mine):
            why.update(dict.fromkeys(cell, "dynamics"))
    return why


def _thinned(held: list[Held], most: int) -> list[Held]:
    """Return at most `most` takes, two thirds of them at unheard pitches, spread evenly over the keyboard."""
    out = []
    for why, share in (("pitches", 2 / 3), ("dynamics", 1 / 3)):
        mine = [h for h in held if h.why == why]
        keep = np.unique(np.linspace(0, len(mine) - 1, min(len(mine), round(most * share))).round().astype(int))
        out += [mine[i] for i in keep if mine]
    return out


class Bench:
    """Held-out takes beside which patches are measured, by several processes, always with the same result."""

    def __init__(
        self, held: Sequence[Sequence[Held]], level_matched: bool, jobs: int, repeats: Repeats | None = None
    ) -> None:
        self.held = [list(one) for one in held]
        self.everyone = [h for one in self.held for h in one]
        self.level_matched = level_matched
        self.jobs = jobs
        self.repeats = repeats or Repeats()

    def asking(self, evidence: str) -> Bench:
        """Return the bench of the takes alone that count for `evidence`, maybe none."""
        return Bench(
            [[h for h in one if h.why == evidence] for one in self.held], self.level_matched, self.jobs, self.repeats
        )

    def measure(self, patches: Sequence[Patch]) -> list[Distance]:
        """Return the distances of the patches of all folds, each on the takes it never heard, fold after fold."""
        pairs = [(patch, held) for patch, one in zip(patches, self.held, strict=True) for held in one]
        calls = [(patch, patch.struck, held, self.level_matched) for patch, held in pairs]

        def make() -> list[dict[str, float]]:
            return [asdict(one) for one in in_order(judge, calls, self.jobs, _comparing)]

        what = [[patch_data(patch) for patch in patches], [h.label for h in self.everyone], self.level_matched]
        return [Distance(**one) for one in kept(make, "measure", *what)]

    def gain(self, before: Sequence[Distance], after: Sequence[Distance], evidence: str, tried: int) -> Gain:
        """Return by how much the distance falls on the takes that count for `evidence`, paired take by take.

        The interval is a bootstrap over pitches (takes of one note err alike), 95 % corrected for `tried`
        candidates (Bonferroni); the seed is fixed, so the same data give the same interval. A take counts
        for at most 1.5 dB either way, and nothing counts below what is heard, or below the floor that repeats of
        a note set. Without takes of that evidence all of them count.
        """
        use = [i for i, h in enumerate(self.everyone) if h.why == evidence] or list(range(len(self.everyone)))
        floor_db = max(self.repeats.floor_db, UNHEARD_DB)
        falls = np.array([max(before[i].total, floor_db) - max(after[i].total, floor_db) for i in use])
        falls = np.clip(falls, -MOST_PER_TAKE_DB, MOST_PER_TAKE_DB)
        pitches = np.array([self.everyone[i].heard.note.midi for i in use])
        return replace(
            paired_gain(falls, pitches, tried), repeats_db=_between_repeats([self.everyone[i] for i in use], falls)
        )


def paired_gain(falls_db: Floats, pitches: Floats, tried: int) -> Gain:
    """Return the mean of paired falls (N,) with its interval: a bootstrap over their pitches (N,), seed fixed.

    95 %, corrected for `tried` candidates (Bonferroni). With fewer than five pitches single takes are resampled.
    """
    if not len(falls_db):
        return Gain(0.0, 0.0, 0.0, 0)
    names = np.unique(pitches)
    clusters = [falls_db[pitches == p] for p in names] if len(names) >= FEW_CLUSTERS else list(falls_db[:, None])
    sums, sizes = np.array([c.sum() for c in clusters]), np.array([len(c) for c in clusters])
    draw = np.random.default_rng(len(clusters)).integers(0, len(clusters), (RESAMPLES, len(clusters)))
    means = sums[draw].sum(axis=1) / sizes[draw].sum(axis=1)
    tail = 100 * (1 - CONFIDENCE) / 2 / max(tried, 1)
    low, high = np.percentile(means, [tail, 100 - tail])
    return Gain(float(falls_db.mean()), float(low), float(high), len(falls_db))


def _between_repeats(held: Sequence[Held], falls: Floats) -> float:
    """Return the 95 % half-interval of the mean of `falls` that comes from which takes of each note were played."""
    notes: dict[tuple[float, float], list[float]] = {}
    for one, fall in zip(held, falls.tolist(), strict=True):
        notes.setdefault((one.heard.note.midi, one.heard.note.velocity), []).append(fall)
    repeated = [np.array(group) for group in notes.values() if len(group) > 1]
    if not repeated:
        return 0.0
    squares = sum(float(np.sum((group - group.mean()) ** 2)) for group in repeated)
    variance = squares / sum(len(group) - 1 for group in repeated)
    return float(Z_95 * np.sqrt(variance / len(falls)))


def _comparing(patch: Patch, struck: bool, held: Held, level_matched: bool) -> str:
    return f"comparing with {held.take.name}"


def total(distances: Sequence[Distance]) -> float:
    """Return the mean distance over takes, dB."""
    return float(np.mean([d.total for d in distances])) if distances else 0.0
