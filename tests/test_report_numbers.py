"""Numbers of the report page: every one is the patch's or its record's, in tables and in the story."""

from __future__ import annotations

import re
from dataclasses import replace

from report_pages import Page, grown

from backtune.growth_record import Baseline, Cut
from backtune.report.answers import three_keys, title
from backtune.report.explain import story_data
from backtune.report.growth_story import growth_data
from backtune.report.html import report_page
from backtune.report.text_plot import number

NUMBER = re.compile(r"(?<![\w#])\d[\d,]*(?:\.\d+)?")  # not those in names of keys


def test_the_stack_of_layers_holds_the_numbers_of_explain(page: Page) -> None:
    rows = {row[0]: row for row in page.tables["Layers, broad ones first"][1:]}
    data = story_data(grown())
    assert list(rows) == [title(layer["kind"]) for layer in data["layers"]]
    for layer in data["layers"]:
        *_, won, numbers, size = rows[title(layer["kind"])]
        assert numbers == f"{layer['numbers']:,}"
        assert size == f"{layer['bytes']:,}"
        assert won == ("-" if layer["gain_db"] is None else f"{layer['gain_db']:.2f} dB")


def test_the_growth_tables_hold_the_record_and_mark_the_patch_as_it_is(page: Page) -> None:
    rows = page.tables["The record, step by step"][1:]
    record = growth_data(grown())
    assert [int(row[0]) for row in rows] == [2, 3, 4, 5, 6]
    for row in rows:
        step = record[int(row[0]) - 1]
        assert row[1:3] == [step["action"], title(step["kind"])]
        assert row[3] == (f"{step['size_bytes']:,}" if step["size_bytes"] else "-")
        assert row[4] == (f"{step['distance_db']:.2f} dB" if step["distance_db"] else "-")
        assert row[6] == step["reason"]
        if step["gain_db"]:
            assert row[5] == f"{step['gain_db']:+.2f} dB ({step['low_db']:+.2f}..{step['high_db']:+.2f})"
    kept = page.tables["Kept, in the order of growth; the marked step is the patch as it is"][1:]
    by_step = {row[2]: row[3:] for row in rows if row[1] in ("core", "add")}
    assert {row[0]: row[1:] for row in kept} == by_step
    assert len(page.marked) == 2
    marked = re.findall(r'class=marked><th scope="row">(.*?)</th>', page.source)
    assert marked == ["breath", "6"]
    assert page.tables["Takes that needed care"][1] == ["left out", "1", "the file holds no audio", "broken.wav"]


def test_what_was_turned_down_stands_under_its_reason(page: Page) -> None:
    chance = page.tables["Not kept: 1 could owe what they won to chance: the interval reaches 0"]
    assert chance[1] == ["velocity colour", "1", "4,000", "5.10 dB", "+0.11 dB (-0.22..+0.33)"]
    nothing = page.tables["Not kept: 1 found nothing to do in these recordings"]
    assert nothing[1] == ["two stage decay", "1", "decays are straight"]


def test_smaller_patches_and_rivals_are_told_where_the_patch_has_them() -> None:
    cuts = (Cut("leave out", "breath", size_bytes=2345, distance_db=5.4321),)
    rivals = (Baseline("sampler, FLAC", 3_000_000, 4.567, 12, 30),)
    page = Page(report_page(replace(grown(), cuts=cuts, baselines=rivals), keys=[60.0]))
    (cut,) = page.tables["Made smaller, each after all those above it"][1:]
    (rival,) = page.tables["What else scores on the same takes"][1:]
    assert cut == ["leave out breath", "2,345", "5.43 dB"]
    assert rival == ["sampler, FLAC", "30", "3,000,000", "4.57 dB"]


def numbers_of(data: object) -> set[float]:
    """Return all numbers in plain data, those in its texts as well, without their signs."""
    if isinstance(data, dict):
        return {one for value in data.values() for one in numbers_of(value)}
    if isinstance(data, list | tuple):
        return {one for value in data for one in numbers_of(value)}
    if isinstance(data, str):
        return {float(one.replace(",", "")) for one in NUMBER.findall(data)}
    return {abs(float(data))} if isinstance(data, int | float) else set()


def strangers(text: str, known: set[float]) -> list[str]:
    """Return the numbers in `text` that are none of the known ones as it would round them."""
    out = []
    for said in NUMBER.findall(text):
        digits = len(said.partition(".")[2])
        if not any(f"{one:.{digits}f}" == said.replace(",", "") for one in known):
            out.append(said)
    return out


def test_every_number_of_the_story_the_stack_and_the_record_is_the_patchs_own() -> None:
    patch = grown()
    page = Page(re.sub(r"<svg.*?</svg>", "", report_page(patch, keys=[60.0]), flags=re.DOTALL))  # ticks are no claims
    data = story_data(patch)
    core = patch.layer("tonal_core").laws
    known = numbers_of(data) | set(map(float, range(len(patch.record) + 1)))  # steps, and how many there are
    at = [float(core["fall_db_s"](pitch=key, partial=1.0)) for key in three_keys(patch)]
    known |= {float(number(one)) for one in (*at, *(60 / one for one in at), at[-1] / at[0], at[0] / at[-1])}
    known |= {float(sum(layer["numbers"] for layer in data["layers"])), 80.0, 60.0}  # 80 ms of an onset, -60 dB
    begin, end = page.text.index("The story"), page.text.index("The whole sound", page.text.index("The story"))
    assert len(NUMBER.findall(page.text[begin:end])) > 60
    assert strangers(page.text[begin:end], known) == []
    assert strangers("it won 0.84 dB and weighs 3,001 bytes", known) == ["0.84", "3,001"]


def test_a_number_changed_in_the_patch_is_changed_on_the_page() -> None:
    patch = grown()
    before = report_page(patch, keys=[60.0])
    step = replace(patch.record[3], gain_db=0.77, reason="another reason")
    after = report_page(
        replace(patch, record=(*patch.record[:3], step, *patch.record[4:]), quality=patch.quality | {"onset_db": 9.87}),
        keys=[60.0],
    )
    assert ("0.83 dB" in before, "0.83 dB" in after) == (True, False)
    assert ("7.53 dB" in before, "7.53 dB" in after) == (True, False)
    for said in ("0.77 dB", "9.87 dB", "another reason"):
        assert said in after


def test_the_quality_is_the_patchs_farthest_first(page: Page) -> None:
    (caption,) = [caption for caption in page.tables if caption.startswith("Distance to recordings")]
    rows = [row[:2] for row in page.tables[caption][1:]]
    assert rows == [["onset", "7.53 dB"], ["unheard pitches", "4.84 dB"], ["body", "3.12 dB"]]


def test_laws_small_enough_are_given_as_their_own_numbers(page: Page) -> None:
    patch = grown()
    law = patch.layer("tonal_core").laws["level_db"]
    rows = page.tables["level_db in dB"][1:]
    assert [[float(cell) for cell in row[1:]] for row in rows] == law.values.tolist()
    assert [row[1] for row in page.tables["stretch_cents in cents"][1:]] == ["-3", "0", "14"]


def test_the_story_answers_what_carries_how_it_decays_what_was_refused_where_it_is_weak(page: Page) -> None:
    story = page.text[page.text.index("The story") : page.text.index("The stack of layers")]
    assert "Three layers carry the sound" in story
    assert "Three layers carry the sound: tonal core, evolving spectrum and breath." in story
    assert "nearer by 0.83 dB" in story
    fall = grown().layer("tonal_core").laws["fall_db_s"]
    assert f"{number(float(fall(pitch=30.0)))} dB a second at F#1" in story
    assert f"That is 60 dB in {number(60 / float(fall(pitch=30.0)))} s" in story
    assert "1 found nothing to do in these recordings" in story
    assert "Decays are straight." in story
    assert "1 could owe what they won to chance" in story
    assert "Velocity colour. It would have won +0.11 dB, between -0.22 and +0.33." in story
    assert "In the onset, the first 80 ms: 7.53 dB from recordings it never heard." in story
    for question in ("What carries the sound?", "How do notes fade, from bass to treble?", "Where is it weakest?"):
        assert (3, question) in page.headings


def test_the_story_of_something_blown_tells_how_notes_begin_and_end() -> None:
    page = Page(report_page(replace(grown(), struck=False), keys=[60.0]))
    core = grown().layer("tonal_core").laws
    assert f"{number(1000 * float(core['attack_s'](pitch=30.0)))} ms at F#1" in page.text
    assert "does not fade by itself" in page.text
