"""The record of growth told: what was kept, what was turned down and why, which takes need care - each said once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from backtune.growth_record import TAKEN, Step
from backtune.patch import Patch
from backtune.screening import SCREENED

DID = {"remove": "without ", "kin": "kin of "}  # before the name of a layer: what a kept step did but take it in
TURNED_DOWN = ("refuse", "decline", "remove")
# Why a layer type is not in the patch, by what the record says of its last trial; told in this order.
CHANCE, WORSE, COST, DROPPED, NOTHING = "chance", "worse", "cost", "dropped", "nothing"
VERDICTS = {
    CHANCE: "could owe what they won to chance: the interval reaches 0",
    WORSE: "moved away from recordings they never heard",
    COST: "won, but not enough",
    DROPPED: "were taken, and dropped when a later layer did their work",
    NOTHING: "found nothing to do in these recordings",
}
MEASURED = (CHANCE, WORSE)  # verdicts for which the interval is the whole reason
_NUMBER = re.compile(r"[+\-]?\d+(?:\.\d+)?")


@dataclass(frozen=True)
class TurnedDown:
    """A layer type that growth tried and the patch does not have: `step` is its last trial of `times`."""

    kind: str
    times: int
    step: Step


@dataclass(frozen=True)
class Careful:
    """Takes that screening treated alike: what was done, the reason (numbers that differ as a range), their names."""

    action: str
    reason: str
    takes: tuple[str, ...]


def chosen_row(patch: Patch) -> int | None:
    """Return the index of the last step after which the patch had the layers it has; None without a record."""
    kinds: set[str] = set()
    row = None
    for index, step in enumerate(patch.record):
        if step.action == "remove":
            kinds.discard(step.kind)
        elif step.action in TAKEN:
            kinds.add(step.kind)
        else:
            continue
        row = index if kinds == set(patch.kinds) else row
    return row


def growth_data(patch: Patch) -> list[dict[str, Any]]:
    """Return the record as plain data, the chosen row marked."""
    chosen = chosen_row(patch)
    return [{**vars(step), "chosen": index == chosen} for index, step in enumerate(patch.record)]


def kept_steps(patch: Patch) -> list[tuple[int, Step]]:
    """Return (index, step) of the steps after which the patch was another one."""
    return [(index, step) for index, step in enumerate(patch.record) if step.action in TAKEN]


def verdict(step: Step) -> str:
    """Return which of `VERDICTS` a step that was turned down belongs to; the verdict itself is its action."""
    if step.action != "refuse":
        return NOTHING if step.action == "decline" else DROPPED
    if step.high_db < 0:
        return WORSE
    return CHANCE if step.low_db <= 0 else COST


def turned_down(patch: Patch) -> dict[str, list[TurnedDown]]:
    """Return the layer types that growth tried and the patch does not have, by verdict, the nearest misses first."""
    tries: dict[str, list[Step]] = {}
    for step in patch.record:
        if step.action in TURNED_DOWN and step.kind not in patch.kinds:
            tries.setdefault(step.kind, []).append(step)
    out: dict[str, list[TurnedDown]] = {name: [] for name in VERDICTS}
    for kind, steps in tries.items():
        out[verdict(steps[-1])].append(TurnedDown(kind, len(steps), steps[-1]))
    return {name: sorted(found, key=lambda one: -one.step.gain_db) for name, found in out.items() if found}


def careful(patch: Patch) -> list[Careful]:
    """Return what screening did with takes: those with the same reason together, numbers that differ as a range."""
    groups: dict[tuple[str, str], list[Step]] = {}
    for step in patch.record:
        if step.action in SCREENED:
            groups.setdefault((step.action, _NUMBER.sub("#", step.reason)), []).append(step)
    return [
        Careful(action, _merged([step.reason for step in steps]), tuple(step.kind for step in steps))
        for (action, _), steps in groups.items()
    ]


def _merged(reasons: list[str]) -> str:
    """Return sentences that differ in numbers alone as one, with the range of each number that differs."""
    columns = zip(*([*_NUMBER.findall(reason)] for reason in reasons), strict=True)
    told = iter([_range(list(column)) for column in columns])
    return _NUMBER.sub(lambda _: next(told), reasons[0])


def _range(numbers: list[str]) -> str:
    low, high = min(numbers, key=float), max(numbers, key=float)
    return low if low == high else f"{low}..{high}"
