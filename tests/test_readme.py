"""The README: its commands run as written, and what it says of the program is so."""

from __future__ import annotations

import importlib.util
import re
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import soundfile

from backtune.cli import build
from backtune.formulas import FORMULAS
from backtune.library import library
from backtune.notes import NoteEvent
from backtune.patch_file import read_patch

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


@cache
def tool() -> ModuleType:
    """Return ci/readme.py as a module."""
    spec = importlib.util.spec_from_file_location("readme_tool", ROOT / "ci/readme.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_every_command_around_the_demo_runs_as_written(tmp_path: Path) -> None:
    blocks = around_the_demo()
    assert len(blocks) >= 5
    run(blocks, tmp_path)
    assert (tmp_path / "backtune-demo/patch.yaml").is_file()
    assert (tmp_path / "backtune-demo/comparison.csv").is_file()
    assert list((tmp_path / "backtune-demo/listen").glob("*_2_backtune.wav"))


def test_every_other_command_runs_as_written(tmp_path: Path) -> None:
    readme = tool()
    told, _, _ = tour().partition("What else one does")
    elsewhere = [*around_the_demo(), *readme.blocks(told), *readme.blocks(stems())]
    alone = [block for block in readme.blocks(TEXT) if block not in elsewhere]
    assert len(alone) + len(elsewhere) == len(readme.blocks(TEXT))
    assert alone
    for block in alone:  # each needs nothing of what others made
        run([block], tmp_path)


def run(blocks: list[Any], folder: Path) -> None:
    """Run blocks in a folder; each prints something where the README shows what it prints."""
    for block in blocks:
        printed = tool().run(block, folder)
        assert printed.strip() or block.output is None


def around_the_demo() -> list[Any]:
    """Return the blocks that make the demo or use what it made, which need nothing of the others."""
    outside = TEXT.replace(tour(), "").replace(stems(), "")
    return [block for block in tool().blocks(outside) if "backtune demo" in block.code or "backtune-demo" in block.code]


def tour() -> str:
    """Return the section that goes from a patch to a session, which needs nothing of the others."""
    return section("From a patch to a DAW session")


def stems() -> str:
    """Return the section on plugins, chains and stems, which goes on with what the tour made."""
    return section("Plugins, effect chains and stems")


def section(title: str) -> str:
    found = re.search(rf"## {title}.*?(?=\n## )", TEXT, re.DOTALL)
    assert found is not None
    return found[0]


def test_the_tour_from_a_patch_to_a_session_runs_as_written(tmp_path: Path) -> None:
    readme = tool()
    told, _, beyond = tour().partition("What else one does")
    assert len(readme.blocks(told)) == len(re.findall(r"```(?:sh|python)\n", told)) >= 7
    assert beyond
    assert len(readme.blocks(stems())) >= 2
    run(readme.blocks(told) + readme.blocks(stems()), tmp_path)
    made = {path.name for path in tmp_path.iterdir()}
    assert made >= {"song.dawproject", "moves.mid", "mine.csv", "mine.midnam", "mine.rpp", "mine.scl", "mine.sfz"}
    assert len(list((tmp_path / "many").iterdir())) == 3
    again, once_more = (soundfile.read(tmp_path / name)[0] for name in ("again.wav", "once_more.wav"))
    step = 0.01  # of the loudest: NRPNs hold where the session runs on in lines
    assert np.max(np.abs(again - once_more)) < step * np.max(np.abs(again))


def test_every_command_and_no_other_is_in_the_readme() -> None:
    names = {command.name or command.callback.__name__ for command in build().registered_commands}  # type: ignore[union-attr]
    groups = {group.name for group in build().registered_groups}
    shell = "".join(re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL))
    said = set(re.findall(r"^(?:pip install \. && )?backtune ([a-z]+)", shell, re.MULTILINE))
    assert said <= names | groups
    assert {"fit", "explain", "render", "compare", "demo", "corpora"} <= said


def test_the_test_command_is_the_one_ci_runs() -> None:
    assert 'pip install ".[test]" && pytest -n auto' in TEXT
    pinned = 'pip install --quiet --disable-pip-version-check --constraint constraints.txt ".[test,live]"'
    assert pinned in (ROOT / ".ci/run").read_text()
    assert "check pytest -n auto\n" in (ROOT / "ci/check.sh").read_text()


def test_outputs_are_replaced_beneath_their_commands_alone() -> None:
    readme = tool()
    shown = "a\n<!-- run -->\n```sh\necho 1\n```\n\n```text\nold\n```\n\n```text\nkept\n```\n"
    text = shown + "<!-- run -->\n```sh\ntrue\n```\n"
    outputs = [readme.run(block, ROOT) for block in readme.blocks(text)]
    assert outputs == ["1\n", ""]
    assert readme.with_outputs(text, outputs) == text.replace("old", "1")


def test_beyond_the_recorded_velocities_laws_keep_their_values_but_for_formulas() -> None:
    (softest,) = map(float, re.findall(r"velocity 1 of `piano` sounds as (\d+) does", TEXT))
    patch = read_patch("piano")
    recorded, softer, harder = (patch.voice(NoteEvent(60, v), 0.3) for v in (softest, 1, softest + 5))
    for field in ("partial_db", "noise_db", "mode_db"):
        np.testing.assert_array_equal(getattr(softer, field), getattr(recorded, field))
    assert not np.array_equal(harder.partial_db, recorded.partial_db)
    (told,) = re.findall(r"formulas over velocity \(([^)]*)\), which go on", TEXT)
    hammer = library()["hammer_spectrum"].kind
    assert re.findall(r"`(\w+)`", told) == [*(name for name, one in FORMULAS.items() if "velocity" in one.axes), hammer]
