"""Patches for tests: any allowed laws in layers of any type of the library."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from backtune.growth_record import Step
from backtune.law import Law, LawSpec
from backtune.layer import Layer
from backtune.library import library
from backtune.panel import common_controls
from backtune.patch import Origin, Patch

KNOT_RANGE = {"pitch": (21, 108), "velocity": (1, 127), "partial": (1, 60), "hz": (40, 16000), "time_s": (-0.02, 8)}
relaxed = settings(  # explaining a failure takes minutes with patches this large
    max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), phases=set(Phase) - {Phase.explain}
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
finite = st.floats(-1e6, 1e6, allow_nan=False)


@st.composite
def laws(draw: st.DrawFn, spec: LawSpec) -> Law:
    """Draw a law that `spec` allows: of any number of its axes, with any step and any form of knots."""
    axes = tuple(draw(st.permutations(spec.axes))[: draw(st.integers(0, min(3, len(spec.axes))))])
    knots = []
    for axis in axes:
        low, high = KNOT_RANGE[axis]
        found = draw(st.lists(st.floats(low, high), min_size=1, max_size=9))
        knots.append(np.array(sorted({float(f"{x:.6g}") for x in found})))
    step = draw(st.sampled_from([0.0, 0.5, 0.1, 0.01]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = tuple(len(k) for k in knots)
    low, high = max(spec.low, -200.0), min(spec.high, 200.0)
    values = rng.uniform(low, high, shape)
    values = values * rng.integers(0, 2, shape) if low <= 0 <= high else values
    if step and np.ceil(low / step) > np.floor(high / step):  # no multiple of the step lies inside the range
        step = 0.0
    if step:  # keep the rounded values inside the range, where it holds any
        first, last = np.ceil(low / step) * step, np.floor(high / step) * step
        values, step = (np.clip(values, first, last), step) if first <= last else (values, 0.0)
    form = draw(st.sampled_from(["grid", "notes"])) if axes[:1] == ("pitch",) and spec.low <= 0 <= spec.high else "grid"
    provenance = draw(st.sampled_from(["fitted", "assumed", "edited"]))
    return Law(spec.name, spec.unit, values, axes, tuple(knots), form, step, provenance)


@st.composite
def layers(draw: st.DrawFn, kind: type[Layer]) -> Layer:
    """Draw a layer of that kind, some optional laws left out."""
    chosen = [spec for spec in kind.specs if not spec.optional or draw(st.booleans())]
    return kind({spec.name: draw(laws(spec)) for spec in chosen})


steps = st.builds(
    Step,
    action=st.sampled_from(["core", "add", "remove", "refuse", "decline"]),
    kind=st.sampled_from(sorted(library())),
    reason=texts,
    gain_db=st.floats(-40, 40),
    distance_db=st.floats(0, 60),
    size_bytes=st.integers(0, 2 * 10**6),
)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | finite | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
origins = st.builds(
    Origin,
    name=texts,
    licence=texts,
    seed=st.integers(0, 10**9),
    options=st.dictionaries(texts, plain, max_size=3),
    dynamics=st.dictionaries(texts, finite, max_size=3),
    pitches=st.tuples(st.floats(0, 127), st.floats(0, 127)).map(lambda ends: (min(ends), max(ends))),
)


@st.composite
def settings_of(draw: st.DrawFn, kinds: tuple[type[Layer], ...]) -> dict[str, Any]:
    """Draw settings of a few controls that every patch has, and one of the player's own."""
    drawn: dict[str, Any] = {}
    for one in draw(
        st.lists(st.sampled_from(list(common_controls().values())), unique_by=lambda c: c.name, max_size=3)
    ):
        if one.offered(kinds, False):
            drawn[one.name] = draw(st.sampled_from(one.choices) if one.choices else st.floats(one.low, one.high))
    if draw(st.booleans()):
        if drawn.get("level", 0.0) < -57.0:  # with 3 dB less it would leave its range, which is refused
            drawn["level"] = -57.0
        drawn["own"] = {"sentence": draw(texts), "value": draw(st.floats(0, 1)), "moves": {"level": [0.0, -3.0]}}
    return drawn


@st.composite
def patches(draw: st.DrawFn) -> Patch:
    """Draw a patch of a few layer types of the library."""
    kinds = draw(st.lists(st.sampled_from(list(library().values())), unique=True, max_size=3))
    return Patch(
        name=draw(texts),
        layers=tuple(draw(layers(kind)) for kind in kinds),
        lead_s=draw(st.floats(0, 2)),
        struck=draw(st.booleans()),
        origin=draw(origins),
        record=tuple(draw(st.lists(steps, max_size=3))),
        quality=draw(st.dictionaries(texts, finite, max_size=3)),
        controls=draw(settings_of(tuple(kinds))),
    )


def simple_patch() -> Patch:
    """Return a patch with one tonal core and one evolving spectrum, all numbers chosen by hand."""
    types = library()
    pitch = np.array([30.0, 60.0, 90.0])

    def over_pitch(name: str, unit: str, *values: float, step: float = 0.0) -> Law:
        return Law(name, unit, np.array(values), ("pitch",), (pitch,), step=step)

    partial = np.array([1.0, 4.0, 16.0])
    core = types["tonal_core"](
        {
            "stretch_cents": over_pitch("stretch_cents", "cents", -3, 0, 14, step=0.1),
            "inharmonicity": over_pitch("inharmonicity", "", 1e-4, 4e-4, 5e-3),
            "level_db": Law(
                "level_db",
                "dB",
                np.array([[-40, -20], [-42, -22], [-46, -26.5]]),
                ("pitch", "velocity"),
                (pitch, np.array([30.0, 110.0])),
                step=0.1,
            ),
            "spectrum_db": Law(
                "spectrum_db",
                "dB",
                np.array([[0, -10, -30], [0, -16, -46], [0, -30, -70]]),
                ("pitch", "partial"),
                (pitch, partial),
                step=0.5,
            ),
            "colour_db": Law.constant("colour_db", "dB", 0.0),
            "fall_db_s": over_pitch("fall_db_s", "dB/s", 4, 8, 30),
            "attack_s": Law.constant("attack_s", "s", 0.004, provenance="assumed"),
            "release_s": Law.constant("release_s", "s", 0.2),
        }
    )
    record = (
        Step("core", "tonal_core", "the core comes first", distance_db=6.0, size_bytes=900, takes=12),
        Step("refuse", "evolving_spectrum", "its gain is not certain", 0.1, -0.2, 0.3, 5.9, 3000, 12, 2),
    )
    origin = Origin('Upright, "the old one": 1912', "CC0", 12, "ab12", 3, dynamics={"pp": 30.0, "ff": 110.0})
    return Patch("old upright", (core,), origin=origin, record=record, quality={"all": 6.0})


def evolving_patch() -> Patch:
    """Return the simple patch with overtones that come in over 0.1 s and fade by 6 dB."""
    knots = (np.array([60.0]), np.array([0.0, 0.1, 2.0]))
    evolution = Law("evolution_db", "dB", np.array([[-30.0, 0.0, -6.0]]), ("pitch", "time_s"), knots)
    return simple_patch().with_layer(library()["evolving_spectrum"]({"evolution_db": evolution}))
