"""The report page: it stands alone, tells the story, and every number on it is the patch's or the record's."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from recordings import instrument_folder
from some_patches import simple_patch

from backtune.cli import main
from backtune.errors import InputError
from backtune.growth_record import Baseline, Cut, Step
from backtune.law import Law
from backtune.library import library
from backtune.notes import NoteEvent
from backtune.patch import Patch
from backtune.patch_file import write_patch
from backtune.report import html as html_report
from backtune.report.answers import three_keys, title
from backtune.report.beside import hear_beside, spread
from backtune.report.explain import story_data
from backtune.report.growth_story import growth_data
from backtune.report.html import report_page, write_report
from backtune.report.html_sound import RATE, compressed, note_sounds
from backtune.report.plot_beside import bands_map, notes_map, spectrogram
from backtune.report.text_plot import number
from backtune.source import open_source
from backtune.units import note_name

NUMBER = re.compile(r"(?<![\w#])\d[\d,]*(?:\.\d+)?")  # not those in names of keys
VOID = {"meta", "link", "br", "img", "use", "path", "image", "input", "hr"}


class Page(HTMLParser):
    """Collects what a reader or a screen reader finds: headings, tables, links, ids, players, pictures, texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings: list[tuple[int, str]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.marked: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.audio: list[dict[str, str | None]] = []
        self.pictures: list[str | None] = []
        self.addresses: list[str] = []
        self.text = ""
        self.open: list[str] = []
        self._said = ""
        self._rows: list[list[str]] = []
        self._caption = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if found.get("id"):
            self.ids.append(str(found["id"]))
        self.addresses += [str(found[name]) for name in ("src", "href") if name in found]
        if tag == "a":
            self.links.append(str(found["href"]))
        if tag == "audio":
            self.audio.append(found)
        if tag == "svg":
            self.pictures.append(found.get("aria-label"))
        if tag == "table":
            self._rows = []
        if tag == "tr":
            self._rows.append([])
            if found.get("class") == "marked":
                self.marked.append("")
        if re.fullmatch("h[1-6]|th|td|caption", tag):
            self._said = ""

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag
        self.text += " " if tag in ("td", "th", "p", "li", "dt", "dd", "caption", "h2", "h3") else ""
        if re.fullmatch("h[1-6]", tag):
            self.headings.append((int(tag[1]), self._said))
        if tag in ("th", "td"):
            self._rows[-1].append(self._said)
        if tag == "caption":
            self._caption = self._said
        if tag == "table":
            self.tables[self._caption] = self._rows

    def handle_data(self, data: str) -> None:
        self._said += data
        if self.open and self.open[-1] not in ("style", "script"):
            self.text += data


def grown() -> Patch:
    """Return a patch of three layers with a record in which something was refused."""
    evolution = Law(
        "evolution_db",
        "dB",
        np.array([[-30.0, 0.0, -6.0]]),
        ("pitch", "time_s"),
        (np.array([60.0]), np.array([0.0, 0.1, 2.0])),
    )
    knots = (np.array([60.0]), np.array([200.0, 5000.0]), np.array([0.0]))
    breath = {
        "noise_db": Law("noise_db", "dB", np.array([[[-60.0], [-75.0]]]), ("pitch", "hz", "time_s"), knots),
        "velocity_db": Law.constant("velocity_db", "dB", 0.0),
    }
    types = library()
    patch = simple_patch().with_layer(types["evolving_spectrum"]({"evolution_db": evolution}))
    record = (
        Step("leave out", "broken.wav", "the file holds no audio"),
        Step("core", "tonal_core", "the core comes first", distance_db=6.04, size_bytes=900, takes=12),
        Step("decline", "two_stage_decay", "decays are straight"),
        Step("add", "evolving_spectrum", "it earned its place", 0.83, 0.51, 1.12, 5.21, 3000, 12, 3),
        Step("refuse", "velocity_colour", "cannot be told from chance", 0.11, -0.22, 0.33, 5.1, 4000, 12, 3),
        Step("add", "breath", "wins", 0.37, 0.14, 0.52, 4.84, 5000, 12, 2),
    )
    quality = {"unheard_pitches_db": 4.84, "onset_db": 7.53, "body_db": 3.12}
    return replace(patch.with_layer(types["breath"](breath)), record=record, quality=quality)


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(report_page(grown(), keys=[60.0]))


def test_the_page_needs_nothing_else(page: Page) -> None:
    text = report_page(simple_patch(), keys=[60.0])
    for address in page.addresses + Page(text).addresses:
        assert address.startswith(("#", "data:"))
    assert not re.search(r"@import|url\((?!#)|fetch\(|XMLHttp|srcset", text)
    assert "default-src 'none'" in text


def test_the_page_is_whole_and_its_links_lead_somewhere(page: Page) -> None:
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert all(link.removeprefix("#") in page.ids for link in page.links)
    assert len(page.links) > 5


def test_headings_begin_with_one_title_and_skip_no_level(page: Page) -> None:
    levels = [level for level, _ in page.headings]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    titles = [title for _, title in page.headings]
    order = ["The story", "The stack of layers", "How it grew", "Where it fails", "Each layer opened", "Controls"]
    assert [title for title in titles if title in order] == order


def test_every_picture_has_words_and_every_player_a_label(page: Page) -> None:
    assert page.pictures
    assert page.audio
    assert all(words and len(words) > 20 for words in page.pictures)
    assert all(one.get("aria-label") and "controls" in one for one in page.audio)
    assert len({one["aria-label"] for one in page.audio}) == len(page.audio)


def test_every_table_has_headers(page: Page) -> None:
    text = report_page(grown(), keys=[60.0])
    assert text.count("<table>") == text.count("<caption>") > 4
    for row in re.findall(r"<tr[^>]*>(.*?)</tr>", text):
        assert "<th scope=" in row


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
    marked = re.findall(r'class=marked><th scope="row">(.*?)</th>', report_page(grown(), keys=[60.0]))
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


def test_controls_are_shown_with_range_unit_controller_and_where_they_stand() -> None:
    patch = grown().with_controls(brightness=3.0)
    page = Page(report_page(patch, keys=[60.0]))
    rows = {row[0]: row for row in page.tables["Controls, with range, unit and controller"][1:]}
    assert list(rows) == list(patch.panel.controls)
    for name, one in patch.panel.controls.items():
        if not one.choices:
            assert rows[name][1:3] == [f"{one.low:g}..{one.high:g}", one.unit]
        assert rows[name][3] == ("-" if one.cc is None else f"CC {one.cc}")
        assert rows[name][5] == one.sentence
    assert rows["brightness"][4] == "3 dB/octave"


def test_a_name_cannot_bring_markup_onto_the_page() -> None:
    evil = '<script>alert("x")</script>&amp;'
    patch = replace(simple_patch(), name=evil, record=(Step("refuse", "breath", evil, 0.1, 0, 0.2, 5, 900),))
    text = report_page(patch, keys=[60.0])
    assert "<script>alert" not in text
    assert Page(text).headings[0] == (1, evil)


def test_solo_and_the_rest_make_the_whole() -> None:
    sounds = note_sounds(grown(), NoteEvent(60.0, 80.0), 0.5)
    np.testing.assert_allclose(sounds.alone["breath"] + sounds.without["breath"], sounds.whole, atol=1e-4)
    changed = sounds.alone["evolving_spectrum"] + sounds.without["evolving_spectrum"]
    np.testing.assert_allclose(changed, sounds.whole, atol=1e-9)
    assert not sounds.adds_sound["evolving_spectrum"]
    assert np.max(np.abs(sounds.alone["evolving_spectrum"])) > 1e-3


def test_players_hold_the_sound_of_the_patch(page: Page) -> None:
    mine = next(one for one in page.audio if str(one["aria-label"]).endswith(": the patch"))
    data = base64.b64decode(str(mine["src"]).partition("base64,")[2])
    audio, rate = soundfile.read(io.BytesIO(data))
    whole = note_sounds(grown(), NoteEvent(60.0, 80.0)).whole
    assert rate == RATE
    assert abs(len(audio) - len(whole)) < 0.1 * RATE
    first, second = (np.abs(np.fft.rfft(one[:RATE])) for one in (audio, whole))
    assert np.argmax(first) == np.argmax(second)


@pytest.mark.parametrize("rate", [11025, 43983, 96000])
def test_sound_of_any_rate_is_compressed_at_its_pitch(rate: int) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(rate) / rate)
    audio, its_rate = soundfile.read(io.BytesIO(compressed(tone, rate)))
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
    assert np.argmax(spectrum) * its_rate / len(audio) == pytest.approx(1000, abs=2)
    assert len(audio) / its_rate == pytest.approx(1.0, abs=0.06)  # whole frames of MP3


def test_compressed_sound_ends_without_a_click() -> None:
    audio, _ = soundfile.read(io.BytesIO(compressed(np.full(RATE, 0.5))))
    assert np.max(np.abs(np.diff(audio[RATE // 2 :]))) < 0.05


def test_takes_are_spread_evenly_with_both_ends(tmp_path: Path) -> None:
    names: dict[str, tuple[int, float]] = {f"{note_name(midi)}_v80.wav": (midi, 80.0) for midi in range(48, 60)}
    takes = open_source(instrument_folder(tmp_path / "many", names)).takes
    assert [take.midi for take in spread(takes, 4)] == [48, 52, 55, 59]
    softer = [replace(take, velocity=30.0) for take in takes]
    assert [(take.midi, take.velocity) for take in spread([*takes, *softer], 5)] == [
        (48, 30),
        (48, 80),
        (59, 30),
        (59, 80),
    ]
    assert len(spread([*takes, *softer], 24)) == 24


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    names: dict[str, tuple[int, float]] = {
        f"{note}_v{velocity}.wav": (midi, velocity) for note, midi in (("C3", 48), ("C4", 60)) for velocity in (40, 90)
    }
    return instrument_folder(tmp_path_factory.mktemp("takes"), names)


def test_with_recordings_the_page_shows_where_it_fails_and_notes_beside_them(recordings: Path) -> None:
    source = open_source(recordings)
    patch = grown()
    page = Page(report_page(patch, source, keys=[48.0, 60.0], jobs=1))
    found = hear_beside(patch, source, 1, lambda stage, done, total: None)
    rows = page.tables["Median distances by region, dB"]
    assert rows[-1][1] == f"{found.comparison.median_db['total']:.2f}"
    worst = max(found.comparison.notes, key=lambda note: note.distance_db["total"])
    assert page.tables["The notes farthest from their recordings, dB"][1][0] == worst.name
    labels = [str(one["aria-label"]) for one in page.audio]
    assert sum(label.endswith(": recording") for label in labels) == 2
    assert sum(label.endswith(": render") for label in labels) == 2
    assert sum("Spectrograms of" in str(words) for words in page.pictures) == 2


def test_measured_notes_stand_beside_their_laws(recordings: Path) -> None:
    found = hear_beside(grown(), open_source(recordings), 1, lambda stage, done, total: None)
    assert set(found.dots) == {"stretch_cents", "inharmonicity", "fall_db_s"}
    pitch, stiffness = found.dots["inharmonicity"]
    true = 0.7 * np.exp(0.0926 * pitch - 13.6) + 0.7 * np.exp(-0.0926 * pitch - 5.8)
    np.testing.assert_allclose(stiffness, true, rtol=0.2)
    pitch, fall = found.dots["fall_db_s"]
    np.testing.assert_allclose(fall, 8.686 * (1 + 440 * 2 ** ((pitch - 69) / 12) / 800), rtol=0.1)


def test_maps_hold_what_was_measured(recordings: Path) -> None:
    found = hear_beside(grown(), open_source(recordings), 1, lambda stage, done, total: None)
    pitches, velocities, values = notes_map(found.comparison)
    for note in found.comparison.notes:
        cell = values[velocities.tolist().index(note.velocity), pitches.tolist().index(note.midi)]
        assert cell == pytest.approx(note.distance_db["total"])
    hz, _, missing = bands_map(found.bands)
    louder = replace(found.bands, rendered_db=found.bands.rendered_db - 3.0)
    _, _, more = bands_map(louder)
    assert missing.shape[0] == len(hz)
    np.testing.assert_allclose((more - missing)[np.isfinite(missing)], 3.0)


def test_a_spectrogram_shows_a_sine_at_its_frequency_and_level() -> None:
    times, hz, levels = spectrogram(0.5 * np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE), RATE)
    middle = levels[:, len(times) // 2]
    assert hz[np.argmax(middle)] == pytest.approx(1000, rel=0.06)
    assert middle.max() == pytest.approx(-6.0, abs=1.5)  # scalloping of a Hann window: 1.4 dB


def test_the_page_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "page.html"
    assert write_report(simple_patch(), path, keys=[60.0]) == path.stat().st_size
    path.unlink()
    monkeypatch.setattr(html_report, "MOST_BYTES", 1000)
    with pytest.raises(InputError, match=r"page\.html: the page would take .* at most 1,000"):
        write_report(simple_patch(), path, keys=[60.0])
    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_patch(simple_patch(), tmp_path / "upright.yaml")
    assert main(["report", str(tmp_path / "upright.yaml"), "-o", str(tmp_path / "page.html"), "--note", "C4"]) == 0
    assert Page((tmp_path / "page.html").read_text("utf-8")).headings[0] == (1, "old upright")
    assert "page.html:" in capsys.readouterr().err
    assert main(["report", str(tmp_path / "upright.yaml"), "-o", str(tmp_path / "x.html"), "--note", "H4"]) == 2
    assert "'H4' is not a note name" in capsys.readouterr().err
