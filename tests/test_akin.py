"""Kin: which kinship unheard pitches ask for, and what it does to a note that was never recorded."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from backtune.akin import AROUND, MIDDLE, choose_kin, kin_as_chosen
from backtune.analysis.distance import PARTS, Distance
from backtune.evidence import Gain, total
from backtune.growth_state import Growth
from backtune.kinship import AT_SAME_HZ, SPECS, laws_of, shared_field
from backtune.law import Law
from backtune.layers.dynamic_correction import DynamicCorrection
from backtune.layers.noise_correction import NoiseCorrection
from backtune.patch import Patch
from backtune.units import midi_to_hz

KIND = "dynamic_correction"
LOW, BETWEEN, HIGH = 48.0, 54.0, 60.0
NUMBER = 7  # of the overtone at the formant
FORMANT_HZ = NUMBER * float(midi_to_hz(BETWEEN))
OTHER_NUMBER = 9
PARTIALS = np.arange(1.0, 25.0)
NOISE_KNOTS = (np.array([LOW, HIGH]), np.array([500.0]), np.array([0.0, 1.0]))


def formant_db(hz: np.ndarray) -> np.ndarray:
    return np.asarray(12.0 * np.exp(-((np.log2(hz / FORMANT_HZ) / 0.4) ** 2)))


def field_of(by_number: bool) -> Law:
    """Return a field of two notes an octave apart: both with a formant at one frequency, or at one overtone."""
    rows = [
        formant_db(PARTIALS * (FORMANT_HZ / OTHER_NUMBER if by_number else float(midi_to_hz(midi))))
        for midi in (LOW, HIGH)
    ]
    values = np.repeat(np.array(rows)[:, None, :, None], 2, axis=3)
    knots = (np.array([LOW, HIGH]), np.array([64.0]), PARTIALS, np.array([0.0, 1.0]))
    return Law("field_db", "dB", values, ("pitch", "velocity", "partial", "time_s"), knots, "notes")


@pytest.mark.parametrize("at_same_hz", [0.0, 1.0])
def test_kin_hand_on_what_is_alike_at_an_overtone_or_at_a_frequency(at_same_hz: float) -> None:
    at = {"velocity": 64.0, "partial": PARTIALS, "time_s": np.array([0.5])}
    given = shared_field(field_of(by_number=not at_same_hz), laws_of(0.9, 12.0, at_same_hz), BETWEEN, "partial", **at)
    peak = 1 + int(np.argmax(given[:, 0]))
    assert peak == (NUMBER if at_same_hz else OTHER_NUMBER)
    own = shared_field(field_of(by_number=True), laws_of(0.9, 12.0, at_same_hz), LOW, "partial", **at)
    assert np.allclose(own[:, 0], formant_db(PARTIALS * FORMANT_HZ / OTHER_NUMBER), atol=1e-4)  # a note is itself


@dataclass
class Bench:
    """Takes at unheard pitches that are 4 dB away, and by so much less at each kinship."""

    wins_db: dict[tuple[float, ...], float]
    everyone: tuple[SimpleNamespace, ...] = (SimpleNamespace(why="pitches"),)
    held: tuple[tuple[str, ...], ...] = ()
    asked: list[tuple[float, ...]] = field(default_factory=list)
    gains: list[tuple[str, int]] = field(default_factory=list)  # evidence, and among how many candidates

    def asking(self, evidence: str) -> Bench:
        assert evidence == "pitches"
        return self

    def measure(self, patches: tuple[Patch, ...]) -> list[Distance]:
        numbers = kin_of(patches[0])
        self.asked.append(numbers)
        return [Distance(**dict.fromkeys(PARTS, 4.0 - self.wins_db.get(numbers, 0.0)))]

    def gain(self, before: list[Distance], after: list[Distance], evidence: str, tried: int) -> Gain:
        self.gains.append((evidence, tried))
        won = total(before) - total(after)
        return Gain(won, won - 0.1, won + 0.1, 20)


def kin_of(patch: Patch) -> tuple[float, ...]:
    laws = patch.layers[0].laws
    return tuple(float(laws[spec.name]()) if spec.name in laws else 0.0 for spec in (*SPECS, AT_SAME_HZ))


def patch_with(*numbers: float) -> Patch:
    return Patch("two notes", (DynamicCorrection({"field_db": field_of(True), **laws_of(*numbers)}),), 0.05, False)


def grown_with(wins_db: dict[tuple[float, ...], float]) -> Growth:
    return grown_from(patch_with(0.2, 9.0), wins_db)


def grown_from(patch: Patch, wins_db: dict[tuple[float, ...], float]) -> Growth:
    bench: Any = Bench(wins_db)
    start = (patch,)
    state = Growth([], bench, 10_000, start, bench.measure(start))
    choose_kin(state)
    return state


def test_the_kinship_that_brings_unheard_pitches_nearest_is_taken_and_recorded() -> None:
    state = grown_with({(*MIDDLE, 0.0): 0.04, (*MIDDLE, 1.0): 0.1, (0.9, 12.0, 1.0): 0.12, (0.9, 12.0, 0.0): 0.5})
    assert kin_of(state.patches[0]) == (0.9, 12.0, 1.0)  # the other way to be alike was less near in the middle
    bench: Any = state.bench
    assert bench.gains == [("pitches", 2 + len(AROUND))]
    (step,) = state.record
    assert (step.action, step.kind, step.tried) == ("kin", KIND, 2 + len(AROUND))
    assert "0.9 of their kin, at the same Hz, within 12 semitones: nearer by 0.12 dB" in step.reason


def test_kin_stay_as_measured_where_nothing_is_audibly_nearer() -> None:
    state = grown_with({(*MIDDLE, 0.0): 0.01, (0.3, 3.0, 0.0): 0.015})
    assert kin_of(state.patches[0]) == (0.2, 9.0, 0.0)
    assert not state.record
    worse = grown_with(dict.fromkeys([(*MIDDLE, 0.0), (*MIDDLE, 1.0)], -0.1))
    asked: Any = worse.bench
    assert kin_of(worse.patches[0]) == (0.2, 9.0, 0.0)
    assert not {(*numbers, alike) for numbers in AROUND for alike in (0.0, 1.0)} & set(asked.asked)


def test_a_fit_of_all_takes_keeps_the_kinship_that_was_chosen() -> None:
    state = grown_with({(*MIDDLE, 1.0): 0.1})
    grown = Patch(**{**vars(state.patches[0]), "record": tuple(state.record)})
    again = patch_with(0.25, 6.0)
    assert kin_of(kin_as_chosen(again, grown)) == (*MIDDLE, 1.0)
    assert kin_of(kin_as_chosen(again, state.patches[0])) == (0.25, 6.0, 0.0)  # its record says nothing of it


def test_noise_is_alike_band_by_band() -> None:
    laws = {
        "noise_field_db": Law(
            "noise_field_db", "dB", np.zeros((2, 1, 2)), ("pitch", "hz", "time_s"), NOISE_KNOTS, "notes"
        )
    }
    patch = Patch("two notes", (NoiseCorrection({**laws, **laws_of(0.2, 9.0)}),), 0.05, False)
    state = grown_from(patch, {(*MIDDLE, 0.0): 0.1})
    assert kin_of(state.patches[0]) == (*MIDDLE, 0.0)
    assert "of their kin, band by band" in state.record[0].reason
