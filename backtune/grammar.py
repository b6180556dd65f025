"""Grammar: which layers recur across instruments, what they won there, and where they were not wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from backtune.growth_record import Step
from backtune.layer import DEPTHS
from backtune.library import library
from backtune.patch import Patch

FAMILIES = {True: "struck", False: "sustained"}  # by how a patch's notes sound: ringing freely, or held


@dataclass(frozen=True)
class Word:
    """One layer type among instruments.

    - `kind`, `depth` (its name). `has`: instruments that have it. `families`: of those, how many in each family.
    - `gains_db`: by instrument, the fall of the held-out distance when it was taken (instruments whose record tells).
    - `refused`, `declined`: instruments where it was tried and did not pay, or found nothing to explain.
    """

    kind: str
    depth: str
    has: tuple[str, ...]
    families: dict[str, int]
    gains_db: dict[str, float]
    refused: tuple[str, ...]
    declined: tuple[str, ...]


@dataclass(frozen=True)
class Grammar:
    """Words by how many instruments have them, and how many instruments there are in each family."""

    words: tuple[Word, ...]
    families: dict[str, tuple[str, ...]]

    @property
    def count(self) -> int:
        """How many instruments were read."""
        return sum(map(len, self.families.values()))


def grammar(patches: Mapping[str, Patch]) -> Grammar:
    """Return the grammar of `patches` by name: layers that recur most first, then by their median gain."""
    words = [_word(kind, patches) for kind in library()]
    words.sort(key=lambda word: (-len(word.has), -_middle(word), word.kind))
    families = {
        family: tuple(name for name, patch in patches.items() if patch.struck == struck)
        for struck, family in FAMILIES.items()
    }
    return Grammar(tuple(words), families)


def _word(kind: str, patches: Mapping[str, Patch]) -> Word:
    has = {name: patch for name, patch in patches.items() if kind in patch.kinds}
    taken = {name: _last(patch.record, kind, "add") for name, patch in has.items()}
    last = {name: _last(patch.record, kind) for name, patch in patches.items() if name not in has}
    return Word(
        kind=kind,
        depth=DEPTHS[library()[kind].depth],
        has=tuple(has),
        families={family: sum(patch.struck == struck for patch in has.values()) for struck, family in FAMILIES.items()},
        gains_db={name: step.gain_db for name, step in taken.items() if step is not None},
        refused=tuple(name for name, step in last.items() if step and step.action in ("refuse", "remove")),
        declined=tuple(name for name, step in last.items() if step and step.action == "decline"),
    )


def _last(record: Sequence[Step], kind: str, action: str = "") -> Step | None:
    """Return the last step about a layer type, of that action if one is named."""
    return next((s for s in reversed(record) if s.kind == kind and action in ("", s.action)), None)


def _middle(word: Word) -> float:
    return median(word.gains_db.values()) if word.gains_db else 0.0


def grammar_data(found: Grammar) -> dict[str, Any]:
    """Return the grammar as plain data."""
    return {"families": found.families, "layers": [asdict(word) for word in found.words]}


def grammar_text(found: Grammar) -> str:
    """Return the grammar as a table: how many instruments of each family have a layer, and what it won, dB."""
    sizes = {family: len(names) for family, names in found.families.items() if names}
    titles = "".join(f"{f'{family} ({size})':>15}" for family, size in sizes.items())
    lines = [f"{found.count} instruments: which layers recur, and by how much they brought unheard takes nearer", ""]
    lines.append(f"{'layer':20} {'kind of layer':12}{titles}{'median':>10}  least..most    elsewhere")
    for word in found.words:
        shares = "".join(f"{word.families[family]:>15}" for family in sizes)
        lines.append(f"{word.kind:20} {word.depth:12}{shares}{_won(word)}  {_elsewhere(word)}".rstrip())
    lines += [""] + [f"{family}: {', '.join(names)}" for family, names in found.families.items() if names]
    return "\n".join(lines)


def _won(word: Word) -> str:
    gains = sorted(word.gains_db.values())
    if not gains:
        return f"{'-':>10}  {'':14}"
    span = f"{gains[0]:+.2f}..{gains[-1]:+.2f}" if len(gains) > 1 else ""
    return f"{_middle(word):+7.2f} dB  {span:14}"


def _elsewhere(word: Word) -> str:
    counts = ((word.refused, "did not pay"), (word.declined, "found nothing"))
    return ", ".join(f"{len(names)} {what}" for names, what in counts if names)
