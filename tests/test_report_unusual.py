"""What is unusual is told with its place and number, and what is usual is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from some_patches import patches, relaxed, simple_patch

from backtune.analysis.pitch import string_inharmonicity
from backtune.law import Law
from backtune.library import library
from backtune.patch import Origin, Patch
from backtune.report.explain import story, story_data
from backtune.report.unusual import compensating, unusual
from backtune.units import midi_to_hz

PITCH = (np.array([30.0, 60.0, 90.0]),)


def usual() -> Patch:
    """Return a patch in which nothing strays."""
    patch = replace(simple_patch(), origin=Origin(pitches=(30.0, 90.0)))
    stiff = Law("inharmonicity", "", np.array([1.2e-4, 3.4e-4, 5.6e-3]), ("pitch",), PITCH)
    return with_laws(patch, inharmonicity=stiff)


def with_laws(patch: Patch, **changed: Law) -> Patch:
    core = type(patch.layers[0])({**patch.layers[0].laws, **changed})
    return replace(patch, layers=(core, *patch.layers[1:]))


def over_pitch(name: str, unit: str, *values: float) -> Law:
    return Law(name, unit, np.array(values), ("pitch",), PITCH)


def level(*rows: tuple[float, float]) -> Law:
    return Law("level_db", "dB", np.array(rows), ("pitch", "velocity"), (*PITCH, np.array([30.0, 110.0])))


def test_a_usual_instrument_is_not_remarked() -> None:
    assert unusual(usual()) == []
    assert "Unusual" not in story(usual())


@pytest.mark.parametrize(
    ("law", "said"),
    [
        (over_pitch("stretch_cents", "cents", 30, 0, 14), "The keys around F#1 are sharper"),
        (over_pitch("stretch_cents", "cents", 30, 0, 14), "falls by 30 cents from there up to C4"),
        (over_pitch("inharmonicity", "", 1.2e-4, 3.4e-3, 5.6e-3), "times stiffer than those of pianos"),
        (over_pitch("inharmonicity", "", 1.2e-4, 3.4e-4, 5.6e-4), "times less stiff than those of pianos"),
        (level((-40, -20), (-42, -50), (-46, -26)), "At C4 velocity 110 is 8.0 dB softer than velocity 30"),
        (level((-40, -38), (-42, -22), (-46, -26)), "At F#1 there are 2 dB between velocity 30 and 110"),
        (over_pitch("fall_db_s", "dB/s", 4, 8, -3), "The fundamental of F#6 grows while it is held"),
        (over_pitch("fall_db_s", "dB/s", 20, 8, 3), "The treble rings longer than the bass"),
        (over_pitch("attack_s", "s", 0.004, 0.12, 0.004), "C4 takes 120 ms to its full tone"),
    ],
)
def test_a_law_that_strays_is_told_with_place_and_number(law: Law, said: str) -> None:
    patch = with_laws(usual(), **{law.name: law})
    assert any(said in one for one in unusual(patch)), unusual(patch)
    assert all(one in " ".join(story(patch).split()) for one in unusual(patch))
    if law.name != "level_db":  # of sustained notes most of this is nothing to remark
        assert unusual(replace(patch, struck=False)) == []


@pytest.mark.parametrize(
    ("semitones", "says"),
    [
        (-12, "1 octave below where they are written, as stops of organs do"),
        (24, "2 octaves above where they are written, as stops of organs do"),
        (-2, "2 semitones below where they are written, as transposing instruments do"),
        (1, "1 semitone above where they are written, as transposing instruments do"),
    ],
)
def test_an_instrument_that_transposes_is_told(semitones: int, says: str) -> None:
    law = Law.constant("transposed_semitones", "semitones", semitones)
    scale = over_pitch("inharmonicity", "", *string_inharmonicity(midi_to_hz(PITCH[0] + semitones)))
    for struck in (True, False):  # strings are as stiff as those of pianos where they sound, not where written
        (told,) = unusual(replace(with_laws(usual(), transposed_semitones=law, inharmonicity=scale), struck=struck))
        assert told == f"Keys sound {says}."
    assert unusual(with_laws(usual(), transposed_semitones=law.with_values(np.array(0.0)))) == []


@pytest.mark.parametrize(("times", "told"), [(0.35, 0), (2.9, 0), (0.32, 1), (3.1, 1)])
def test_strings_stray_from_the_stiffness_that_is_looked_for_when_pitch_is_measured(times: float, told: int) -> None:
    keys = np.arange(30.0, 91.0)
    stiff = Law("inharmonicity", "", times * string_inharmonicity(midi_to_hz(keys)), ("pitch",), (keys,))
    assert len(unusual(with_laws(usual(), inharmonicity=stiff))) == told


def corrected(field: np.ndarray, cents: np.ndarray) -> Patch:
    pitches = np.arange(40.0, 40.0 + len(field))
    laws = {
        "field_db": Law("field_db", "dB", field[:, :, None], ("pitch", "partial", "time_s"),
                        (pitches, np.arange(1.0, field.shape[1] + 1), np.array([0.1])), "notes"),
        "tuning_cents": Law("tuning_cents", "cents", cents, ("pitch",), (pitches,), "notes"),
    }  # fmt: skip
    return usual().with_layer(library()["note_correction"](laws))


def test_notes_that_stray_together_are_told_and_single_ones_are_not() -> None:
    field, rng = np.zeros((8, 4)), np.random.default_rng(1)
    together = corrected(field, np.array([30.0, 28, 32, 1, -1, 0, 12, 0]))
    assert unusual(together) == ["From E2 to F#2 the notes are 30 cents sharper than the law of stretch."]
    assert unusual(corrected(field, 4 * rng.uniform(-1, 1, 8))) == []


def test_a_field_that_all_notes_share_is_compensating() -> None:
    rng = np.random.default_rng(2)
    own, shared = 3.0 * rng.standard_normal((12, 30)), 4.0 * rng.standard_normal((1, 30))
    (single,) = compensating(corrected(own, np.zeros(12)))
    (common,) = compensating(corrected(own + shared, np.zeros(12)))
    assert "note_correction holds what is single" in single
    assert float(single.split(": ")[1].split("%")[0]) > 90
    assert "note_correction is compensating" in common
    assert float(common.split(": ")[1].split("%")[0]) == pytest.approx(100 * 16 / 25, abs=8)


def test_a_layer_that_closes_is_told_to_compensate() -> None:
    balance = library()["loudness_balance"]({"balance_db": Law.constant("balance_db", "dB", -2.5)})
    patch = usual().with_layer(balance)
    (said,) = compensating(patch)
    assert said == "loudness_balance only compensates: it moves whole bands by 2.5 dB that no law explains."
    assert said in " ".join(story(patch).split())
    assert story_data(patch)["compensating"] == [said]


@relaxed
@given(patches())
def test_any_patch_can_be_judged(patch: Patch) -> None:
    even = with_laws(simple_patch(), level_db=Law.constant("level_db", "dB", -20.0)).layer("tonal_core")
    balance = library()["loudness_balance"]({"balance_db": Law.constant("balance_db", "dB", -2.5)})
    origin = replace(patch.origin, pitches=usual().origin.pitches)
    odd = replace(patch, origin=origin, controls={}).with_layer(even).with_layer(balance)
    assert "It does not get louder when played harder: level_db does not depend on velocity." in unusual(odd)
    assert any(text.startswith("loudness_balance only compensates") for text in compensating(odd))
    for judged in (patch, odd):
        for text in (*unusual(judged), *compensating(judged)):
            assert text.endswith(".")
            assert "nan" not in text
