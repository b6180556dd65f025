"""Observations: measured levels of many takes, flat, beside what a patch renders there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Observations:
    """Single measured levels, flat; N of them.

    - `at`: coordinates by axis: pitch, velocity, partial (or band), hz, time_s, each (N,).
    - `measured_db`, `rendered_db` (N,). `weight` (N,): 0..1, how much of it is heard.
    - `hidden` (N,): the recording's floor (or, for noise, the partials) hides it: it is only known not to be louder
      than `measured_db`.
    - `take` (N,): index of the take.
    """

    at: dict[str, Floats]
    measured_db: Floats
    rendered_db: Floats
    weight: Floats
    hidden: NDArray[np.bool_]
    take: NDArray[np.int64]

    @property
    def missing_db(self) -> Floats:
        """Measured less rendered: what a layer would have to add."""
        return self.measured_db - self.rendered_db

    def weight_given(self, added_db: Floats | float = 0.0) -> Floats:
        """Return the weights when `added_db` is added to the render: hidden levels count only where it sticks out."""
        below = self.rendered_db + added_db < self.measured_db
        return np.where(self.hidden & below, 0.0, self.weight)

    def since(self, start_s: float) -> Observations:
        """Return the observations from `start_s` after the onset on."""
        return self.where(self.at["time_s"] >= start_s)

    def where(self, keep: NDArray[np.bool_]) -> Observations:
        """Return the observations for which `keep` (N,) is true."""
        return Observations(
            {axis: x[keep] for axis, x in self.at.items()},
            self.measured_db[keep],
            self.rendered_db[keep],
            self.weight[keep],
            self.hidden[keep],
            self.take[keep],
        )


def joined(parts: list[Observations]) -> Observations:
    """Return the observations of several takes as one, in their order."""
    return Observations(
        {axis: np.concatenate([p.at[axis] for p in parts]) for axis in parts[0].at},
        *(
            np.concatenate([getattr(p, name) for p in parts])
            for name in ("measured_db", "rendered_db", "weight", "hidden", "take")
        ),
    )
