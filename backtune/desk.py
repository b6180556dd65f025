"""A patch under a player's hands: its controls bound to MIDI controllers, and where they were moved to."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from backtune.control import Value
from backtune.errors import InputError
from backtune.patch import Patch

HIGHEST_CONTROLLER = 119  # those above are messages about the channel (MIDI 1.0)
REMEMBERED = 256  # patches as they once stood: a knob is turned to and fro

Place = tuple[tuple[str, Value], ...]


class Desk:
    """The controls of `patch`, moved by the controllers that `controllers` names for them.

    - `patch`: the instrument as its controls stand now. `place`: where they stand, as long as that differs from where
      they stood at first.

    Raises InputError for a name that is no control, a controller outside 0..119, and two controls on one controller.
    """

    def __init__(self, patch: Patch, controllers: Mapping[str, int]) -> None:
        self.patch = patch
        self.place: Place = ()
        self._first = patch
        self._moved: dict[str, Value] = {}
        self._patches: OrderedDict[Place, Patch] = OrderedDict()
        self._bound: dict[int, str] = {}
        for name, number in controllers.items():
            patch.panel.find(name, "bind")
            if not 0 <= number <= HIGHEST_CONTROLLER:
                raise InputError(f"bind: {name}: controller {number} is outside 0..{HIGHEST_CONTROLLER}")
            if number in self._bound:
                raise InputError(f"bind: {name}: controller {number} moves {self._bound[number]} already")
            self._bound[number] = name

    def obeys(self, controller: int) -> bool:
        """Return whether a control is bound to a controller."""
        return controller in self._bound

    def turn(self, controller: int, step: int) -> None:
        """Move the control bound to `controller` to `step` (0..127)."""
        name = self._bound[controller]
        self.move({name: self._first.panel.controls[name].from_controller(step)})

    def move(self, values: Mapping[str, Value]) -> None:
        """Move controls to values; raise InputError, and move none, for a name or a value that is not allowed."""
        checked = {name: self._first.panel.find(name, "control").check(value, name) for name, value in values.items()}
        merged = {**self._moved, **checked}
        moved = {name: value for name, value in merged.items() if value != self._first.panel.value(name)}
        place = tuple(sorted(moved.items()))
        if place not in self._patches:
            self._patches[place] = with_values(self._first, moved) if moved else self._first
            if len(self._patches) > REMEMBERED:
                self._patches.popitem(last=False)
        self._moved, self.place, self.patch = moved, place, self._patches[place]


def with_values(patch: Patch, settings: Mapping[str, Value]) -> Patch:
    """Return the patch with controls set; those that its player made keep their moves.

    Raises InputError for what is not allowed, files among it that cannot be opened.
    """
    made = patch.panel.made
    tables = {name: {**patch.controls[name], "value": value} for name, value in settings.items() if name in made}
    changed = patch.with_controls(**{**settings, **tables})
    for name, value in settings.items():
        control = changed.panel.controls[name]
        if control.opens is not None:
            control.opens(value)
    return changed


def bound(controllers: Mapping[str, int], texts: list[str]) -> dict[str, int]:
    """Return `controllers` with bindings such as "21=brightness" made, which take a controller from whatever had it.

    Raises InputError for a text that is no binding.
    """
    out = dict(controllers)
    for text in texts:
        number, sign, name = (part.strip() for part in text.partition("="))
        if not sign or not number.isdecimal() or not name:
            raise InputError(f"bind: '{text[:60]}'; CONTROLLER=CONTROL is needed, such as 21=brightness")
        out = {other: taken for other, taken in out.items() if taken != int(number)}
        out[name] = int(number)
    return out
