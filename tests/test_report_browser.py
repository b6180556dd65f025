"""The report in a real browser: no error, no scrolling sideways on a phone, players that play, both themes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from some_patches import simple_patch

from backtune.report.html import report_page

BROWSER = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), "")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--virtual-time-budget=5000",
    "--dump-dom",
]
PHONE, DESK = "500,800", "1280,900"  # a headless window is at least 500 wide
DARK, LIGHT = 0, 1
TRIES = 5  # virtual time does not wait for a sound to be read: on a busy machine it ran out once in some fifty runs
PROBE = """<script>addEventListener("load", async () => {
  const found = {}, audio = document.querySelector("audio"), root = document.documentElement;
  found.sideways = root.scrollWidth - innerWidth;
  found.paper = getComputedStyle(document.body).backgroundColor;
  found.ink = getComputedStyle(document.querySelector("svg text")).fill;
  found.narrow = [...document.querySelectorAll("p, h1, h2")].filter((one) => one.getBoundingClientRect().right > innerWidth).length;
  audio.load();
  await new Promise((done) => { audio.onloadedmetadata = audio.onerror = done; });
  found.seconds = audio.duration;
  found.focus = [...document.querySelectorAll("a, audio, summary")].every((one) => one.tabIndex >= 0);
  document.title = JSON.stringify(found);
});</script></body>"""  # noqa: E501


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not BROWSER:
        pytest.skip("no Chromium is installed (apt-get install chromium)")
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(report_page(simple_patch(), keys=[60.0]).replace("</body>", PROBE), "utf-8")
    return path


def opened(page: Path, size: str, scheme: int, profile: Path) -> tuple[dict[str, object], str]:
    """Return what the probe found, and what the browser wrote to its console."""
    theme = f"--blink-settings=preferredColorScheme={scheme}"
    command = [BROWSER, *FLAGS, f"--window-size={size}", theme, f"--user-data-dir={profile}", page.as_uri()]
    for _ in range(TRIES):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        title = re.search(r"<title>({.*?})</title>", done.stdout)
        if title is not None:
            console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
            return json.loads(title.group(1).replace("&amp;", "&")), "\n".join(console)
    pytest.fail(f"the page did not answer in {TRIES} tries: {done.stderr}")


def test_a_phone_in_the_dark_and_a_desk_in_the_light(page: Path, tmp_path: Path) -> None:
    dark, said = opened(page, PHONE, DARK, tmp_path / "dark")
    light, also = opened(page, DESK, LIGHT, tmp_path / "light")
    assert (said, also) == ("", "")
    for found in (dark, light):
        assert int(str(found["sideways"])) <= 0  # less by the width of a scroll bar
        assert found["narrow"] == 0
        assert found["seconds"] == pytest.approx(2.5, abs=0.1)
        assert found["focus"] is True
    assert dark["paper"] == "rgb(21, 23, 26)"
    assert light["paper"] == "rgb(251, 250, 247)"
    assert dark["ink"] != light["ink"]
