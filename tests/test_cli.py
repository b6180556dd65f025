"""The command line: help, exit codes, one sentence for every mistake, nothing half-written, and being stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fakes import folder
from program import run

from backtune.cli import build

HEAVY = ("numpy", "scipy", "numba", "soundfile", "pedalboard", "joblib", "mido", "yaml", "pooch")
COMMANDS = [command.name or command.callback.__name__ for command in build().registered_commands]  # type: ignore[union-attr]


@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in COMMANDS)], ids=" ".join)
def test_help_imports_nothing_heavy_and_shows_examples(arguments: list[str]) -> None:
    code = (
        "import sys; from backtune.cli import main; "
        f"code = main({arguments!r}); "
        f"print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules]); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)
    assert "HEAVY []" in done.stdout
    assert arguments == ["--help"] or "Examples" in done.stdout
    assert done.stderr == ""


def test_a_patch_is_read_and_explained_without_what_only_listening_needs(patch: Path) -> None:
    code = f"import sys; from backtune.cli import main; main(['explain', {str(patch)!r}]); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)
    loaded = done.stdout.splitlines()[-1].split()
    assert "backtune.library" in loaded
    assert "scipy.signal" not in loaded  # it takes longer to load than all the rest


def test_the_commands_of_the_spine_are_there() -> None:
    spine = ["fit", "explain", "render", "compare", "demo", "corpora"]
    assert [name for name in COMMANDS if name in spine] == spine
    assert {"corpora", "demo", "schema", "layers", "sources"} <= set(COMMANDS)


def test_python_m_backtune_is_the_program(patch: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "backtune", "explain", str(patch.parent / "none.yaml")], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "none.yaml: cannot be read" in done.stderr


LOUD = " ".join(["A3"] * 40)
MISTAKES: list[tuple[list[str], str]] = [
    (["explian"], "did you mean 'explain'"),
    (["explain", "none.yaml"], "none.yaml: cannot be read"),
    (["explain", "P", "--layer", "tonal_cor"], "did you mean 'tonal_core'?"),
    (["explain", "P", "--layer", "tonal_core", "--growth"], "one of them may be given"),
    (["explain", "P", "--bogus"], "no such option"),
    (["render", "P", "-o", "x.wav"], "nothing to play given; one of"),
    (["render", "P", "--note", "C4", "--scale", "C4-C5", "-o", "x.wav"], "--note and --scale given; one of"),
    (["render", "P", "--note", "H4", "-o", "x.wav"], "'H4' is not a note name"),
    (["render", "P", "--note", "C4", "--velocity", "200", "-o", "x.wav"], "less than or equal to 127"),
    (["render", "P", "--note", "C4", "--seconds", "-1", "-o", "x.wav"], "--seconds: -1 s; 0..3600 s is allowed"),
    (["render", "P", "--note", "C4", "--gate", "inf", "-o", "x.wav"], "--gate: inf s; 0..3600 s is allowed"),
    (["render", "P", "--note", "C4", "--gate", "1e5", "-o", "x.wav"], "--gate: 100000 s; 0..3600"),
    (["render", "P", "s.mid", "--velocity", "3", "-o", "x.wav"], "--velocity: song.mid leaves nothing for it"),
    (["render", "P", "--index", "i.csv", "--rate", "96000", "-o", "x"], "--rate: --index leaves nothing for it"),
    (["render", "P", "--note", "C4", "--split", "test", "-o", "x.wav"], "--split: --note leaves nothing for it"),
    (["render", "P", "--chord", LOUD, "-o", "x.wav"], "dB above full scale; --set level=-"),
    (["render", "P", "--note", "C4", "--rate", "10", "-o", "x.wav"], "rate: 10 Hz"),
    (["render", "P", "--note", "C4", "-o", "x.mp4"], "no sound format"),
    (["render", "P", "--note", "C4", "-o", "none/x.wav"], "the folder 'none' does not exist"),
    (["render", "P", "--note", "C4", "--mute", "bodi", "-o", "x.wav"], "this patch has no 'bodi'"),
    (["render", "P", "--note", "C4", "--mute", "a", "--solo", "b", "-o", "x.wav"], "one of them may be given"),
    (["render", "P", "--scale", "C5-C4", "-o", "x.wav"], "falls"),
    (["render", "P", "--scale", "C5", "-o", "x.wav"], "a range such as C4-C5 is needed"),
    (["render", "P", "P", "-o", "x.wav"], "not a readable Standard MIDI file"),
    (["render", "P", "--note", "C4"], "missing option"),
    (["fit", "nowhere", "-o", "x.yaml"], "nowhere: no such file or folder"),
    (["fit", ".", "-o", "none/x.yaml"], "the folder 'none' does not exist"),
    (["fit", ".", "-o", "."], "is a folder"),
    (["fit", "E", "-o", "x.yaml"], "no audio files in this folder"),
    (["fit", "T", "--with", "octave", "-o", "x.yaml"], "NAME=VALUE is needed"),
    (["fit", "T", "--with", "octve=3", "-o", "x.yaml"], "has no option 'octve'"),
    (["fit", "T", "--with", "channel=left", "-o", "x.yaml"], "a number is needed"),
    (["fit", "T", "--split", "tran", "-o", "x.yaml"], "did you mean 'train'?"),
    (["compare", "P", "nowhere"], "nowhere: no such file or folder"),
    (["corpora", "ixox-flut"], "did you mean 'ixox-flute'?"),
]


@pytest.mark.parametrize(("arguments", "told"), MISTAKES, ids=[" ".join(one) for one, _ in MISTAKES])
def test_a_mistake_gets_one_sentence_and_leaves_nothing(
    arguments: list[str], told: str, patch: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = patch.parent
    (place / "E").mkdir()
    folder(place / "T", [60.0], [40.0, 100.0])
    monkeypatch.chdir(place)
    before = sorted(place.rglob("*"))
    assert run(*["p.yaml" if one == "P" else one for one in arguments]) == 2
    said = capsys.readouterr()
    assert told.lower() in said.err.lower()
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert sorted(place.rglob("*")) == before


def test_ctrl_c_says_what_was_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("backtune.workshop.fit_source", stopped)
    takes = folder(tmp_path / "t", [60.0, 62.0], [40.0, 100.0])
    assert run("fit", takes, "-o", tmp_path / "p.yaml") == 130
    assert "p.yaml was not written; the takes heard so far are kept" in capsys.readouterr().err
    assert not (tmp_path / "p.yaml").exists()


def test_a_stopped_program_ends_at_once_though_threads_are_at_work() -> None:
    text = "import threading, time, backtune.cli as cli; cli.main = lambda arguments: cli.STOPPED\n"
    text += "threading.Thread(target=time.sleep, args=(60,)).start(); print('said', end=''); cli.run()"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"said", b"")


def test_a_reader_that_has_seen_enough_is_no_error(patch: Path) -> None:
    command = [sys.executable, "-m", "backtune", "explain", str(patch), "--json"]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert program.stdout is not None
    program.stdout.close()
    assert program.wait() == 0
    assert program.stderr is not None
    assert program.stderr.read() == b""


def test_no_color_gives_plain_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("FORCE_COLOR", "")
    done = subprocess.run([sys.executable, "-m", "backtune", "--help"], capture_output=True, check=True)
    assert b"\x1b[3" not in done.stdout


PRESSED = """
import os, signal, sys, time
import backtune.cli as cli

def main(arguments):
    try:
        os.kill(os.getpid(), int(sys.argv[2]))
        time.sleep(5.0)
    except KeyboardInterrupt:
        time.sleep(0.05)
        os.kill(os.getpid(), int(sys.argv[2]))
        time.sleep(0.1)
        print("ended well", flush=True)
    return cli.STOPPED

cli.main, cli.STOPS_WITHIN_S = main, float(sys.argv[1])
cli.run()
"""


def not_deaf() -> None:
    """Let a process hear what stops it: who runs the tests may be deaf to it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


posix = pytest.mark.skipif(sys.platform == "win32", reason="a process cannot press Ctrl-C for itself there")


@posix
@pytest.mark.parametrize(("by", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize(("within_s", "words"), [(60.0, "ended well"), (0.01, "")])
def test_stopped_twice_the_program_ends_well_unless_that_takes_too_long(
    within_s: float, words: str, by: signal.Signals, code: int
) -> None:
    found = subprocess.run(
        [sys.executable, "-c", PRESSED, str(within_s), str(int(by))],
        capture_output=True,
        text=True,
        preexec_fn=not_deaf,
    )
    assert (found.returncode, found.stdout.strip(), found.stderr) == (code, words, "")


@posix
def test_sigterm_says_what_was_kept(tmp_path: Path) -> None:
    text = "import os, signal, backtune.workshop, backtune.cli as cli\n"
    text += "backtune.workshop.fit_source = lambda *_, **__: os.kill(os.getpid(), signal.SIGTERM)\ncli.run()"
    takes = folder(tmp_path / "t", [60.0, 62.0], [40.0, 100.0])
    command = [sys.executable, "-c", text, "fit", takes, "-o", tmp_path / "p.yaml"]
    found = subprocess.run(command, capture_output=True, text=True, preexec_fn=not_deaf)
    assert found.returncode == 143
    assert "p.yaml was not written; the takes heard so far are kept" in found.stderr
