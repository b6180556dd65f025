"""The story of a patch: it says what is measured, in 80 columns, and points at what is doubtful."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from some_patches import evolving_patch, laws, patches, relaxed, simple_patch

from backtune.errors import InputError
from backtune.growth_record import Step
from backtune.law import Law, LawSpec
from backtune.library import library
from backtune.notes import NoteEvent
from backtune.patch import Patch
from backtune.patch_file import patch_bytes, read_patch
from backtune.report.explain import doubts, layer_bytes, layer_story, story, story_data
from backtune.report.growth_story import careful, chosen_row, turned_down, verdict
from backtune.report.growth_table import MARK, REACH, growth_table, interval_picture
from backtune.report.shares import power, shares
from backtune.report.text_plot import law_plot


def grown() -> Patch:
    """Return a patch of two layers with a record of five steps."""
    record = (
        Step("core", "tonal_core", "the core comes first", distance_db=6.0, size_bytes=900, takes=12),
        Step("decline", "breath", "no noise between the overtones"),
        Step("add", "evolving_spectrum", "it earned its place", 0.8, 0.5, 1.1, 5.2, 3000, 12, 3),
        Step("refuse", "velocity_colour", "its gain is not certain", 0.1, -0.2, 0.3, 5.1, 4000, 12, 3),
        Step("add", "breath", "first kept", 0.3, 0.1, 0.5, 4.9, 5000, 12, 2),
        Step("remove", "breath", "no longer earned its place", 0.0, -0.1, 0.1, 5.2, 3000, 12, 1),
    )
    patch = evolving_patch()
    return replace(patch, record=record, quality={"all": 5.2, "onset": 7.5, "body": 3.1})


def test_the_story_names_what_carries_wins_and_costs() -> None:
    patch = grown()
    text = story(patch)
    assert "Two layers carry the sound: tonal core and evolving spectrum." in text
    row = next(line for line in text.splitlines() if line.startswith("  evolving_spectrum"))
    assert "0.80 dB" in row
    assert f"{layer_bytes(patch, 'evolving_spectrum'):,}" in row
    assert text.index("onset ") < text.index("all ") < text.index("body ")  # farthest first
    assert "tonal_core.attack_s is assumed, not fitted" in text


def test_what_rings_far_below_the_sound_does_not_carry_it() -> None:
    patch = read_patch("piano")
    text = " ".join(story(patch).split())
    (carry,) = re.findall(r"[^.]* carry the sound: [^.]*\.", text)
    assert "sympathetic_strings" in patch.kinds  # won 5 dB of its own trait, 46 dB below the whole
    assert "sympathetic strings" not in carry


def test_bytes_of_layers_and_the_rest_make_up_the_file() -> None:
    patch = grown()
    rest = patch_bytes(replace(patch, layers=())) - len(" []")
    assert rest + sum(layer_bytes(patch, kind) for kind in patch.kinds) == pytest.approx(patch_bytes(patch), abs=5)


@relaxed
@given(patches())
def test_no_story_is_wider_than_80_columns(patch: Patch) -> None:
    patch = replace(patch, name="x" * 20, quality={}, origin=replace(patch.origin, name="", licence=""))
    for text in (story(patch), growth_table(patch), *(layer_story(patch, kind) for kind in patch.kinds)):
        assert max(map(len, text.splitlines())) <= 80


@relaxed
@given(patches())
def test_the_story_as_data_is_json(patch: Patch) -> None:
    data = json.loads(json.dumps(story_data(patch), allow_nan=False))
    assert [layer["kind"] for layer in data["layers"]] == list(patch.kinds)


def test_a_value_at_the_end_of_its_range_is_told() -> None:
    patch = simple_patch()
    laws_ = dict(patch.layers[0].laws)
    laws_["release_s"] = Law.constant("release_s", "s", 120.0)
    told = story(replace(patch, layers=(type(patch.layers[0])(laws_),)))
    assert "tonal_core.release_s: 1 of 1 values lie at the end of the allowed range" in told
    assert "range" not in story(patch)


def test_none_or_all_of_something_is_no_end_of_a_range() -> None:
    known = {"pitch": (60.0, 62.0)}
    laws = {
        "spread_db": Law.constant("spread_db", "dB", 3.0),
        "wander_db": Law.constant("wander_db", "dB", 2.0),
        "kinship": Law.constant("kinship", "", 0.2),
        "recorded": Law("recorded", "", np.ones(2), tuple(known), tuple(map(np.array, known.values())), "notes"),
    }
    assert "individuality.recorded" not in story(simple_patch().with_layer(library()["individuality"](laws)))


def test_a_misspelt_layer_is_told_with_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'tonal_core'"):
        layer_story(simple_patch(), "tonal_cor")


def test_shares_measure_what_is_gone() -> None:
    found = shares(grown())
    assert found["tonal_core"].carries
    assert found["evolving_spectrum"].moves_db > 0.5
    assert "moves overtones by" in str(found["evolving_spectrum"])


def test_power_is_that_of_the_partials() -> None:
    voice = simple_patch().voice(NoteEvent(60, 90), 1.0)
    loud = voice.with_(partial_db=np.full_like(voice.partial_db[:2], -6.0), partial_hz=voice.partial_hz[:2])
    assert 10 * np.log10(power(loud)) == pytest.approx(-6.0, abs=0.05)  # two sines of -6 dB peak: -9 dB each


def test_the_growth_table_marks_the_patch_as_it_is() -> None:
    patch = grown()
    assert chosen_row(patch) == 5
    lines = [line for line in growth_table(patch).splitlines() if line.startswith(MARK)]
    assert len(lines) == 1
    assert "without breath" in lines[0]
    smaller = patch.without("evolving_spectrum")
    assert chosen_row(smaller) == 0
    assert chosen_row(replace(smaller, record=())) is None


def test_the_growth_table_gives_what_was_kept_and_each_layer_turned_down_once_with_its_last_trial() -> None:
    patch = grown()
    again = Step("refuse", "velocity_colour", "its gain is less certain", -0.2, -0.5, -0.1, 5.3, 4100, 12, 3)
    patch = replace(patch, record=(*patch.record, again, Step("refuse", "breath", "dear", 0.1, 0.05, 0.2, 5, 9000)))
    text = growth_table(patch)
    for step in patch.record:
        if step.action in ("core", "add", "remove"):
            assert f"{step.size_bytes:,}" in text
            assert f"{step.distance_db:.2f}" in text
    assert text.count("velocity_colour") == 1
    assert "-0.20 [-0.50, -0.10]" in text
    assert "+0.10 [-0.20, +0.30]" not in text
    assert "1 layer type moved away from recordings they never heard" in text
    assert "1 layer type won, but not enough" in text
    assert "dear" in text


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (Step("refuse", "breath", "", 0.1, -0.1, 0.3), "chance"),
        (Step("refuse", "breath", "", -0.2, -0.3, -0.1), "worse"),
        (Step("refuse", "breath", "", 0.2, 0.1, 0.3), "cost"),
        (Step("decline", "breath", ""), "nothing"),
        (Step("remove", "breath", "", 0.2, 0.1, 0.3), "dropped"),
    ],
)
def test_a_verdict_follows_from_action_and_interval(step: Step, said: str) -> None:
    assert verdict(step) == said
    assert list(turned_down(replace(simple_patch(), record=(step,)))) == [said]


def test_an_interval_is_drawn_on_the_side_of_0_it_lies_on() -> None:
    middle = REACH // 2
    better = interval_picture(Step("add", "breath", "", 0.5, 0.3, 0.7), 1.0)
    worse = interval_picture(Step("refuse", "breath", "", -0.5, -0.7, -0.3), 1.0)
    both = interval_picture(Step("refuse", "breath", "", 0.3, -0.5, 1.0), 1.0)
    assert better[:middle].strip() == ""
    assert worse[middle + 1 :].strip() == ""
    assert (better[middle], worse[middle], both[middle]) == ("│", "│", "┼")
    assert better.index("●") == REACH - 1 - worse.index("●")
    assert len({len(better), len(worse), len(both), REACH}) == 1


def test_takes_with_the_same_doubt_are_told_together_with_the_range_of_their_numbers() -> None:
    record = (
        Step("doubt", "a.wav", "ends only 20 dB below its loudest moment"),
        Step("doubt", "b.wav", "ends only 25 dB below its loudest moment"),
        Step("mend", "c.wav", "it was retuned by -42"),
        Step("leave out", "d.wav", "the file holds no audio"),
    )
    found = careful(replace(simple_patch(), record=record))
    assert [(one.action, one.takes) for one in found] == [
        ("doubt", ("a.wav", "b.wav")),
        ("mend", ("c.wav",)),
        ("leave out", ("d.wav",)),
    ]
    assert [one.reason for one in found] == [
        "ends only 20..25 dB below its loudest moment",
        "it was retuned by -42",
        "the file holds no audio",
    ]


def test_a_plot_rises_where_the_law_rises() -> None:
    law = Law("x", "dB", np.array([-10.0, 30.0]), ("pitch",), (np.array([21.0, 108.0]),))
    lines = law_plot(law, (21.0, 108.0))
    columns = [next(i for i, line in enumerate(lines[:-1]) if line[15 + c : 16 + c] == "•") for c in range(60)]
    assert columns == sorted(columns, reverse=True)
    assert columns[0] == 6
    assert columns[-1] == 0
    assert lines[0].split()[0] == "30"
    assert "C4" in lines[-1]


@relaxed
@given(st.data())
def test_any_law_can_be_plotted(data: st.DataObject) -> None:
    spec = LawSpec("x", "dB", -50, 50, "a test", ("pitch", "velocity", "partial", "hz", "time_s"))
    lines = law_plot(data.draw(laws(spec)), (36.0, 96.0))
    assert lines
    assert max(map(len, lines)) <= 80


def test_how_long_notes_ring_after_the_key_is_told_by_the_layer_that_measured_it() -> None:
    patch = replace(evolving_patch(), struck=False)
    knots = (np.array([40.0, 90.0]), np.array([1.0, 8.0]))
    told = Law("release_db_s", "dB/s", np.array([[150.0, 400.0]] * 2), ("pitch", "partial"), knots)
    released = patch.with_layer(library()["release"]({"release_db_s": told}))
    assert "Let go, it is 60 dB down after 0.4 s." not in " ".join(story(patch).split())
    assert "Let go, it is 60 dB down after 0.4 s." in " ".join(story(released).split())


def test_a_release_that_nobody_hears_is_no_reason_for_care() -> None:
    patch = evolving_patch()
    constant = Law.constant("release_s", "s", 120.0)  # the end of its range
    core = patch.layers[0].with_laws(replace(constant, provenance="assumed"))
    patch = replace(patch, layers=(core, *patch.layers[1:]))
    said = [one for one in doubts(patch) if "release_s" in one]
    assert len(said) == 2
    released = patch.with_layer(library()["release"]({"release_db_s": Law.constant("release_db_s", "dB/s", 150.0)}))
    assert set(doubts(patch)) - set(doubts(released)) == set(said)


def test_what_bends_the_fall_is_told_in_the_words_of_its_layer() -> None:
    laws = [("after_db", "dB"), ("prompt_db_s", "dB/s"), ("after_db_s", "dB/s")]
    bent = library()["two_stage_decay"](
        {name: Law.constant(name, unit, -20.0 if unit == "dB" else 20.0) for name, unit in laws}
    )
    assert "the aftersound sings on: see two stage decay." in " ".join(story(evolving_patch().with_layer(bent)).split())
