"""What every layer type promises: a function from a voice to a voice, with laws, a cost and a first guess."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from backtune.analysis.residual import Residual
from backtune.analysis.surface import Surface
from backtune.law import Law, LawSpec, laws_by_name
from backtune.voice import Voice

DEPTHS = ("tonal core", "excitation", "resonance", "residual")


class Layer(ABC):
    """One idea about how the instrument sounds.

    A layer type states `kind` (its name in patch files), `explains` (one sentence for the reader),
    `references` (where its law was published, or that none is), `depth`
    (index into `DEPTHS`: broad below, compensating above), `evidence` ("pitches" when its laws must hold
    on pitches never heard, "dynamics" when it describes single notes and must hold on another dynamic or
    take of the same note, "character" when a distance between single notes is deaf to it, or no two takes
    share its course: then `trait` names what of it they share), `mimics` (0 = a law; else a table of levels that mimics
    any law of the overtones, the higher the freer: growth asks more of it, and what is less free is fitted as if it
    were not there), `adds_sound` (it sounds on its own; else it
    shapes what the layers before it add), `closes` (it reconciles what all other layers make; they are fitted
    as if it were not there), `bends` (it is fitted with the core's level and fall free beside it, and the core again
    after it), `replaces` (laws of the core in whose place its own stand, which nobody hears then, with the names of its
    own), `where` (which places of the residual it can explain, of `PLACES`; growth tries it the earlier the more sits
    there)
    and `specs` (its laws). Instances are immutable.
    """

    kind: ClassVar[str]
    explains: ClassVar[str]
    references: ClassVar[str]
    depth: ClassVar[int]
    evidence: ClassVar[str] = "pitches"
    trait: ClassVar[str] = ""
    mimics: ClassVar[int] = 0
    adds_sound: ClassVar[bool] = False
    closes: ClassVar[bool] = False
    bends: ClassVar[bool] = False
    replaces: ClassVar[Mapping[str, str]] = {}
    where: ClassVar[tuple[str, ...]] = ()
    specs: ClassVar[tuple[LawSpec, ...]]

    def __init__(self, laws: Mapping[str, Law]) -> None:
        self.laws = laws_by_name(laws, self.specs, f"{self.kind}.laws")

    @abstractmethod
    def shape(self, voice: Voice) -> Voice:
        """Return `voice` with what this layer adds to it."""

    @classmethod
    @abstractmethod
    def guess(cls, residual: Residual) -> Self:
        """Return the layer that explains most of `residual`, loud enough to be heard.

        `residual` holds measured takes and what all other layers already render of them.
        Raises Declined with the reason when there is nothing here for this layer type.
        """

    def fit(self, residual: Residual) -> Self:
        """Return this layer refitted to `residual`; by default the closed form of `guess` again."""
        return type(self).guess(residual)

    @classmethod
    def law(
        cls, name: str, values: Any, surface: Surface | None = None, step: float = 0.1, assumed: bool = False
    ) -> Law:
        """Return the law `name` of this layer type with fitted `values`, kept inside the range its spec allows.

        `surface` gives axes and knots (None = one number for everything). A value where no data told
        anything may run away; the range is where the instrument still makes sense.
        """
        spec = next(spec for spec in cls.specs if spec.name == name)
        inside = np.clip(np.asarray(values, float), spec.low, spec.high)
        provenance = "assumed" if assumed else "fitted"
        if surface is None:
            return Law(name, spec.unit, inside, step=step, provenance=provenance)
        form = "notes" if surface.by_notes else "grid"
        return Law(name, spec.unit, inside, surface.axes, surface.knots, form, step, provenance)

    def with_laws(self, *laws: Law) -> Self:
        """Return this layer with `laws` in the place of those of the same names, or beside the others."""
        return type(self)({**self.laws, **{law.name: law for law in laws}})

    @property
    def transposed_semitones(self) -> float:
        """How far above where its key is written a note sounds by this layer."""
        return 0.0

    @property
    def numbers(self) -> int:
        """How many free numbers the layer holds."""
        return sum(law.numbers for law in self.laws.values())
