"""Settings of controls on the command line, and what they share: NAME=VALUE, and the choice of a controller map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from backtune.errors import InputError

if TYPE_CHECKING:
    from backtune.patch import Patch

Map = Annotated[
    str, typer.Option("--map", help="Controller map: own, general_midi, mpe, eight_knobs, daw_remote, or a file.")
]


def with_settings(patch: Patch, texts: list[str] | None) -> Patch:
    """Return the patch with settings such as "brightness=3" made; InputError for anything that is not allowed."""
    from backtune.desk import with_values

    return with_values(patch, settings(patch, texts or []))


def settings(patch: Patch, texts: list[str]) -> dict[str, float | str]:
    """Return settings such as "brightness=3" by name; InputError for a text that is none or an unknown control."""
    found: dict[str, float | str] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign:
            raise InputError(f"'{text[:60]}'; NAME=VALUE is needed, such as brightness=3")
        control = patch.panel.find(name.strip(), "control")
        found[control.name] = value.strip() if control.choices else _number(value, control.name)
    return found


def _number(text: str, name: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{name}: '{text[:60]}' is no number") from None
