"""The report page: it stands alone, is whole, has words for everything, and is written whole or not at all."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from report_pages import Page, grown
from some_patches import simple_patch

from backtune.cli import main
from backtune.errors import InputError
from backtune.growth_record import Step
from backtune.patch_file import write_patch
from backtune.report import html as html_report
from backtune.report.html import report_page, write_report


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
    text = page.source
    assert text.count("<table>") == text.count("<caption>") > 4
    for row in re.findall(r"<tr[^>]*>(.*?)</tr>", text):
        assert "<th scope=" in row


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


def test_what_nobody_knows_of_the_origin_is_left_out(page: Page) -> None:
    rows = dict(page.tables["Where it comes from: enough to fit it again"][1:])
    assert rows["takes"]
    assert "None" not in rows.values()


def test_a_name_cannot_bring_markup_onto_the_page() -> None:
    evil = '<script>alert("x")</script>&amp;'
    patch = replace(simple_patch(), name=evil, record=(Step("refuse", "breath", evil, 0.1, 0, 0.2, 5, 900),))
    text = report_page(patch, keys=[60.0])
    assert "<script>alert" not in text
    assert Page(text).headings[0] == (1, evil)


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
