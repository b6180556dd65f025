"""What a report page holds, read as a browser and a screen reader do, and a patch for one."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
from some_patches import evolving_patch

from backtune.growth_record import Step
from backtune.law import Law
from backtune.library import library
from backtune.patch import Patch

VOID = {"meta", "link", "br", "img", "use", "path", "image", "input", "hr"}


class Page(HTMLParser):
    """Collects what a reader or a screen reader finds: headings, tables, links, ids, players, pictures, texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.source = text
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
    knots = (np.array([60.0]), np.array([200.0, 5000.0]), np.array([0.0]))
    breath = {
        "noise_db": Law("noise_db", "dB", np.array([[[-60.0], [-75.0]]]), ("pitch", "hz", "time_s"), knots),
        "velocity_db": Law.constant("velocity_db", "dB", 0.0),
    }
    types = library()
    patch = evolving_patch()
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
