"""The panel of an instrument: the controls it offers, common ones, one a layer, and those its player made."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import backtune.controls as folder
from backtune.control import Control, Value
from backtune.errors import InputError, nearest
from backtune.layer import Layer
from backtune.made_control import MadeControl, made_control

ORDER = ("tuning", "dynamics", "onset", "course", "colour")


@cache
def common_controls() -> dict[str, Control]:
    """Return every control found in the folder `backtune/controls`, by name, group by group."""
    found: dict[str, Control] = {}
    for module in pkgutil.iter_modules(folder.__path__):
        for thing in vars(importlib.import_module(f"{folder.__name__}.{module.name}")).values():
            if isinstance(thing, Control):
                found[thing.name] = thing
    return dict(sorted(found.items(), key=lambda item: (ORDER.index(item[1].group), item[1].cc or 0)))


@cache
def layer_control(kind: type[Layer]) -> Control:
    """Return the control every layer type has: how much it adds in dB, or how far it bends what is there."""
    plain = kind.kind.replace("_", " ")
    if kind.adds_sound:
        return Control(
            name=f"{kind.kind}_level",
            short=kind.kind[:8].rstrip("_") + " lvl",
            group=kind.kind,
            unit="dB",
            low=-60.0,
            high=12.0,
            default=0.0,
            sentence=f"More or less of what the layer {plain} adds.",
            moves=f"all that {kind.kind} adds: + value dB",
            weighs=lambda other: other is kind,
        )
    return Control(
        name=f"{kind.kind}_amount",
        short=kind.kind[:8].rstrip("_") + " amt",
        group=kind.kind,
        unit="x",
        low=0.0,
        high=2.0,
        default=1.0,
        sentence=f"How far the layer {plain} bends the sound: 0 not at all, 2 twice as far.",
        moves=f"all that {kind.kind} changes, in dB and cents: times value",
        weighs=lambda other: other is kind,
    )


@dataclass(frozen=True)
class Panel:
    """The controls of one instrument by name, those made by its player among them, and where they stand.

    - `controls`: all of them. `made`: those of the player's own. `values`: settings that differ from the default.
    """

    controls: dict[str, Control]
    made: dict[str, MadeControl]
    values: dict[str, Value]

    def find(self, name: str, where: str) -> Control:
        """Return a control; raise InputError, beginning with `where`, with the nearest name when there is none."""
        if name not in self.controls:
            raise InputError(f"{where}: '{name[:60]}' is no control of this patch; {nearest(name[:60], self.controls)}")
        return self.controls[name]

    def value(self, name: str) -> Value:
        """Return where a control stands."""
        return self.values.get(name, self.controls[name].default)


def open_panel(layers: tuple[Layer, ...], struck: bool, settings: Mapping[str, Any]) -> Panel:
    """Return the panel of an instrument with these layers and settings.

    A setting is a number, a choice, or the table of a control of the player's own.
    Raises InputError for an unknown control, a value out of range, or a broken table.
    """
    kinds = tuple(type(layer) for layer in layers)
    controls = {name: one for name, one in common_controls().items() if one.offered(kinds, struck)}
    controls |= {one.name: one for one in (layer_control(kind) for kind in kinds)}
    made, values = {}, {}
    for name, setting in settings.items():
        where = f"controls.{name[:60]}"
        if isinstance(setting, Mapping):
            if name in controls:
                raise InputError(f"{where}: the name is taken by a control of the instrument; choose another")
            made[name] = made_control(name, setting, controls, layers, where)
    controls |= {name: one.control for name, one in made.items()}
    for name, setting in settings.items():
        if name in made:
            value: Value = made[name].value
        elif name in controls:
            value = controls[name].check(setting, f"controls.{name}")
        else:
            raise InputError(f"controls.{name[:60]}: unknown control; {nearest(name[:60], controls)}")
        if value != controls[name].default:
            values[name] = value
    return Panel(controls, made, values)


def surviving(settings: Mapping[str, Any], layers: tuple[Layer, ...], struck: bool) -> dict[str, Any]:
    """Return what is left of settings when only these layers are heard: what moves others is left out."""
    if not settings:
        return {}
    known = open_panel(layers, struck, {}).controls
    laws = {f"{layer.kind}.{name}" for layer in layers for name in layer.laws}
    out: dict[str, Any] = {}
    for name, setting in settings.items():
        if not isinstance(setting, Mapping):
            out |= {name: setting} if name in known else {}
        elif moves := {target: ends for target, ends in setting["moves"].items() if target in known or target in laws}:
            out[name] = {**setting, "moves": moves}
    return out
