"""Everyday use: examples that are true, completion, quiet and JSON, colours, and names of any system's files."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from typing import Any

import pytest
import soundfile
import typer
from hypothesis import given
from hypothesis import strategies as st
from some_patches import simple_patch

from backtune.cli import build, main
from backtune.patch_file import write_patch
from backtune.stem import file_name
from backtune.stem_song import parse_assignment


def leaves(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield every command that does something, by its words."""
    for name, one in group.commands.items():
        if hasattr(one, "commands"):
            yield from leaves(one, (*path, name))
        else:
            yield " ".join((*path, name)), one


COMMANDS = dict(leaves(typer.main.get_command(build())))


def examples_of(command: Any) -> list[str]:
    """Return the example lines of a command's help."""
    lines = (command.epilog or "").replace("[bold]", "").replace("[/bold]", "").splitlines()
    return [line for line in lines if line.startswith("backtune ")]


def test_there_are_commands_below_commands() -> None:
    assert len(COMMANDS) > 25
    assert {"fit", "chain show", "plugin scan"} <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_examples_that_it_takes(name: str) -> None:
    shown = examples_of(COMMANDS[name])
    assert shown, "no example"
    own = [line for line in shown if line.startswith(f"backtune {name}")]
    assert own, "no example is of this command"
    for line in own:
        words = shlex.split(line.partition(" > ")[0].partition(" | ")[0], comments=True)
        given = words[1 + len(name.split()) :]
        options = {option for one in COMMANDS[name].params for option in (*one.opts, *one.secondary_opts)}
        for word in given:
            if word.startswith("-") and not word.lstrip("-")[:1].isdigit():
                assert word.partition("=")[0] in options, f"{line}: no option {word}"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_can_be_quiet_and_speak_json(name: str) -> None:
    options = {option for one in COMMANDS[name].params for option in one.opts}
    assert {"--quiet", "-q", "--json"} <= options


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands_and_options(shell: str) -> None:
    asked = {
        "bash": {"COMP_WORDS": "backtune expl", "COMP_CWORD": "1"},
        "zsh": {"_TYPER_COMPLETE_ARGS": "backtune expl"},
        "fish": {"_TYPER_COMPLETE_ARGS": "backtune expl", "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    around = os.environ | asked | {"_BACKTUNE_COMPLETE": f"complete_{shell}"}
    done = subprocess.run(
        [sys.executable, "-m", "backtune"], env=around, capture_output=True, encoding="utf-8", check=False
    )
    assert "explain" in done.stdout
    assert "render" not in done.stdout


COLOUR = re.compile(rb"\x1b\[[0-9;]*[349][0-7]m")
ALL_HELP = """
from backtune.cli import main
for words in [[], *{names!r}]:
    print("=" * 9, *words, flush=True)
    main([*words, "--help"])
main(["explain", "none.yaml"])
"""


@pytest.mark.parametrize("no_color", [False, True])
def test_no_color_means_no_colour_even_where_colours_are_asked_for(no_color: bool) -> None:
    around = os.environ | {"FORCE_COLOR": "1"} | ({"NO_COLOR": "1"} if no_color else {})
    script = ALL_HELP.format(names=[name.split() for name in COMMANDS])
    done = subprocess.run([sys.executable, "-c", script], env=around, capture_output=True, check=True)
    shown = done.stdout.split(b"=" * 9)[1:]
    assert len(shown) == len(COMMANDS) + 1
    assert {bool(COLOUR.search(one)) for one in shown} == {not no_color}
    assert not COLOUR.search(done.stderr)


def test_control_characters_of_a_patch_do_not_reach_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from dataclasses import replace

    hidden = replace(simple_patch(), name="a\x1b[2Jb\u202ec")
    write_patch(hidden, tmp_path / "p.yaml")
    assert main(["explain", str(tmp_path / "p.yaml")]) == 0
    said = capsys.readouterr().out
    assert "a\\x1b[2Jb" in said
    assert "\x1b" not in said
    assert "\u202e" not in said


PLACES = ["with spaces", "Größe & Höhe", "音楽 ♯♭", "it's $HOME; `x`", "-dash", "a%20b#c", "e\u0301 decomposed"]


@pytest.mark.parametrize("place", PLACES)
def test_names_of_any_kind_are_read_and_written(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / place
    folder.mkdir()
    patch = folder / f"{place}.yaml"
    write_patch(simple_patch(), patch)
    assert main(["explain", str(patch)]) == 0
    assert main(["render", str(patch), "--note", "C4", "--seconds", "0.2", "-q", "-o", str(folder / "ä b.wav")]) == 0
    assert soundfile.info(folder / "ä b.wav").frames == 8820
    assert main(["export", str(patch), "-q", "-o", str(folder / "ä b.csv")]) == 0
    assert main(["chain", "run", "tape", str(folder / "ä b.wav"), "-q", "-o", str(folder / "wet ä.flac")]) == 0
    assert sorted(one.name for one in folder.iterdir()) == sorted([patch.name, "ä b.wav", "ä b.csv", "wet ä.flac"])


WINDOWS_PARTS = {
    r"1=C:\My Songs\piano.yaml": ("1", r"C:\My Songs\piano.yaml", ""),
    r"1=C:\My Songs\piano.yaml:concert_room": ("1", r"C:\My Songs\piano.yaml", "concert_room"),
    r"flute=D:\p\flute.yaml:E:\chains\tape.yaml": ("flute", r"D:\p\flute.yaml", r"E:\chains\tape.yaml"),
    r"2=C:\VST3\Synth.vst3:lo_fi": ("2", r"C:\VST3\Synth.vst3", "lo_fi"),
    "strings=/Users/me/My Patches/é.yaml:room": ("strings", "/Users/me/My Patches/é.yaml", "room"),
}


@pytest.mark.parametrize("text", WINDOWS_PARTS)
def test_parts_name_files_by_drives_and_with_spaces(text: str) -> None:
    found = parse_assignment(text)
    assert (found.part, found.played, found.chain) == WINDOWS_PARTS[text]


RESERVED = {"con", "prn", "aux", "nul", *(f"{name}{number}" for name in ("com", "lpt") for number in range(1, 10))}


@given(st.text(max_size=400))
def test_names_of_stems_are_files_on_every_system(text: str) -> None:
    name = f"01_{file_name(text)}.wav"
    assert not set(name) & set('<>:"/\\|?*')
    assert all(one.isprintable() for one in name)
    assert PureWindowsPath(name).name == name
    assert name.split(".")[0].lower() not in RESERVED
    assert len(name.encode("utf-8", "surrogatepass")) <= 255
