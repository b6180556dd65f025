"""What tests share: which examples the property tests draw, and fixtures that several files ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:  # helpers are imported where they are used: their property tests take the profile chosen by then
    from report_pages import Page

    from backtune.hosting.plugin import Plugin

# The same examples in each run, so that what fails is what was changed; ci/nightly.sh draws fresh ones. No example
# has a time limit, as other work may keep the machine busy, and none is kept on disk: a failure prints its own.
settings.register_profile("same", derandomize=True, deadline=None, database=None, print_blob=True)
settings.register_profile("fresh", derandomize=False, deadline=None, database=None, print_blob=True)
settings.load_profile("same")


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a test a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def instrument() -> Iterator[Plugin]:
    """Give the plugin that the tests build, as an instrument."""
    from hosted import made_plugin

    from backtune.hosting.plugin import Plugin

    with Plugin(made_plugin(), role="instrument") as plugin:
        yield plugin


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """Return a MIDI file of two tracks with a change of tempo between their notes; it lasts 2 s."""
    from stem_songs import two_track_song

    return two_track_song(tmp_path)


@pytest.fixture
def patch(tmp_path: Path) -> Path:
    """Return the file of a small patch."""
    from some_patches import simple_patch

    from backtune.patch_file import write_patch

    path = tmp_path / "p.yaml"
    write_patch(simple_patch(), path)
    return path


@pytest.fixture(scope="session")
def page() -> Page:
    """Return the report page of a grown patch."""
    from report_pages import Page, grown

    from backtune.report.html import report_page

    return Page(report_page(grown(), keys=[60.0]))
