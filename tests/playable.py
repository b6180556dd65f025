"""An instrument by hand with a tone, breath, a burst, a moving spectrum and notes of their own, for control tests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from some_patches import simple_patch

from backtune.law import Law
from backtune.library import library
from backtune.patch import Patch


def playable_patch() -> Patch:
    """Return a struck instrument on which every control that the library offers has something to do."""
    types = library()
    constant = Law.constant
    where = (np.array([60.0]), np.array([500.0]), np.array([-0.02, 4.0]))
    noise = Law("noise_db", "dB", np.full((1, 1, 2), -75.0), ("pitch", "hz", "time_s"), where)
    breath = types["breath"]({"noise_db": noise, "velocity_db": constant("velocity_db", "dB", 0.0)})
    knots = (np.array([1.0, 4.0, 16.0]), np.array([0.0, 0.15, 2.0]))
    moving = np.array([[0.0, 0.0, 3.0], [0.0, 0.0, -6.0], [0.0, 0.0, -12.0]])
    drifting = types["evolving_spectrum"](
        {"evolution_db": Law("evolution_db", "dB", moving, ("partial", "time_s"), knots)}
    )
    own = types["note_correction"](
        {
            "tuning_cents": Law("tuning_cents", "cents", np.array([4.0]), ("pitch",), (np.array([60.0]),), "notes"),
            "field_db": Law(
                "field_db",
                "dB",
                np.array([[[0.0], [5.0], [-5.0]]]),
                ("pitch", "partial", "time_s"),
                (np.array([60.0]), np.array([1.0, 3.0, 5.0]), np.array([0.0])),
                "notes",
            ),
        }
    )
    patch = simple_patch()
    for layer in (breath, drifting, own):
        patch = patch.with_layer(layer)
    core = patch.layer("tonal_core")
    laws = {**core.laws, "attack_s": Law.constant("attack_s", "s", 0.03), "release_s": constant("release_s", "s", 0.4)}
    return replace(patch.with_layer(type(core)(laws)), name="playable")
