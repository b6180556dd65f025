"""An effect chain as data: slots in a row, each a built-in effect, a plugin, or branches side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from backtune.hosting.effect import Setting

LOWEST_GAIN_DB, HIGHEST_GAIN_DB = -120.0, 40.0  # of a branch


@dataclass(frozen=True)
class PluginValue:
    """What a plugin's parameter is set to: the text it shows, its raw value in 0..1, or both (raw holds)."""

    text: str | None = None
    raw: float | None = None


@dataclass(frozen=True)
class EffectSlot:
    """A built-in effect: `settings` are those that differ from the usual ones, in the units of their names.

    - `name`: how messages and automation call the slot. `mix`: share of wet sound, 0..1. `bypass`: left out.
    """

    name: str
    kind: str
    settings: dict[str, Setting] = field(default_factory=dict)
    mix: float = 1.0
    bypass: bool = False


@dataclass(frozen=True)
class PluginSlot:
    """A plugin effect: its file, which plugin of several in it, state, preset and single values, in that order."""

    name: str
    path: Path
    plugin: str | None = None
    state: Path | None = None
    preset: Path | None = None
    values: dict[str, PluginValue] = field(default_factory=dict)
    mix: float = 1.0
    bypass: bool = False


@dataclass(frozen=True)
class Branch:
    """One of several ways side by side: `gain_db` at its end; without slots it is the dry sound."""

    name: str
    gain_db: float = 0.0
    slots: tuple[Slot, ...] = ()


@dataclass(frozen=True)
class ParallelSlot:
    """Branches that hear the same sound and are added up, aligned frame by frame."""

    name: str
    branches: tuple[Branch, ...]
    mix: float = 1.0
    bypass: bool = False


Slot = EffectSlot | PluginSlot | ParallelSlot


@dataclass(frozen=True)
class Chain:
    """Slots in a row; `purpose` says in a sentence what the chain is for. An empty one passes sound as it is."""

    name: str
    purpose: str
    slots: tuple[Slot, ...] = ()


def every_slot(slots: Sequence[Slot], where: str = "slots") -> Iterator[tuple[str, Slot]]:
    """Yield (where, slot) of every slot, those inside branches after the one that holds them."""
    for number, slot in enumerate(slots):
        here = f"{where}[{number}]"
        yield here, slot
        if isinstance(slot, ParallelSlot):
            for place, branch in enumerate(slot.branches):
                yield from every_slot(branch.slots, f"{here}.parallel[{place}].slots")


def every_branch(chain: Chain) -> Iterator[Branch]:
    """Yield every branch of every parallel slot."""
    for _, slot in every_slot(chain.slots):
        if isinstance(slot, ParallelSlot):
            yield from slot.branches
