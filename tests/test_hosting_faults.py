"""Every fault of a plugin in every command that runs one: one sentence, exit code 1, what was there before intact."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import hosted
import mido
import numpy as np
import pytest
import soundfile
from proofs import Proof
from some_patches import simple_patch

from backtune.cli import main
from backtune.patch_file import write_patch

CRASH, HANG, NOT_A_NUMBER, VARY, SILENT = range(1, 6)
AT_LOAD = {
    "crash when the module is entered": (("LOAD_FAULT=1",), "crashed while loading"),
    "hang when the module is entered": (("LOAD_FAULT=2",), "no answer while loading within 0.5 s"),
    "crash at the first block": (("INITIAL_FAULT=1",), "crashed while loading"),
    "hang at the first block": (("INITIAL_FAULT=2",), "no answer while loading within 0.5 s"),
}
AT_RENDER = {
    CRASH: "crashed while rendering (signal SIGSEGV)",
    HANG: "no answer while rendering within 0.5 s",
    NOT_A_NUMBER: "gave samples that are not finite numbers",
}
PATIENT, HURRIED = "20", "0.5"  # s; a hang is waited for to its limit, everything else may be slow on a busy computer
LIMITS = ("--load-limit", PATIENT, "--render-limit", PATIENT)
ALLOWED = ("--allow", str(hosted.built_folder()), *LIMITS)  # chains name no plugin outside without
SLACK_S = 1.0
KEYS = ("--keys", "60,62,64,66", "--velocities", "90", "--seconds", "0.3", "--release", "0.1")
INSTRUMENT_COMMANDS = {
    "info": ("plugin", "info", "X", "--load-limit", PATIENT),
    "save": ("plugin", "save", "X", "-o", "out/y.vstpreset", "--load-limit", PATIENT),
    "sample": ("sample", "X", "-o", "out", *KEYS, *LIMITS),
    "fit": ("fit", "X", "-o", "out/p.yaml", "--with", f"load_limit={PATIENT}", "--with", f"render_limit={PATIENT}"),
    "compare": (
        "compare",
        "p.yaml",
        "--against",
        "X",
        "--jobs",
        "1",
        "--keys",
        "60,64",
        "--velocities",
        "90",
        "-o",
        "out",
        *LIMITS,
    ),
    "stem": ("stem", "song.mid", "--part", "1=X", "-o", "out", "--tail", "0", *LIMITS),
}
EFFECT_COMMANDS = {
    "check": ("chain", "check", "c.yaml", *ALLOWED),
    "run": ("chain", "run", "c.yaml", "dry.wav", "-o", "out/wet.wav", *ALLOWED),
    "stem": ("stem", "song.mid", "--part", "1=p.yaml:c.yaml", "-o", "out", "--tail", "0", *ALLOWED),
}


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go where a song, a patch, a sound and earlier output are."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    write_patch(simple_patch(), tmp_path / "p.yaml")
    soundfile.write("dry.wav", 0.1 * np.ones((4410, 2)), 44100)
    track = mido.MidiTrack([mido.Message("note_on", note=key, velocity=90, time=100) for key in (60, 62, 64)])
    mido.MidiFile(tracks=[track]).save("song.mid")
    Path("out").mkdir()
    Path("out/earlier.wav").write_bytes(b"earlier output")


def plugin(effect: bool, *definitions: str) -> Path:
    """Return our plugin built with faults, as an instrument or an effect."""
    kind = ("EFFECT_LATENCY=64",) if effect else ()
    name = "".join(sign for sign in "_".join((*kind, *definitions)) if sign.isalnum() or sign == "_")
    return hosted.made_plugin(f"Faulty_{name}", *kind, *definitions)


def hurried(command: tuple[str, ...], told: str) -> tuple[str, ...]:
    """Return the command with short limits when it is a hang that it should tell."""
    if "no answer" not in told:
        return command
    which = "load" if "loading" in told else "render"
    out, before = [], ""
    for one in command:
        short = one.replace(f"{which}_limit={PATIENT}", f"{which}_limit={HURRIED}")
        out.append(HURRIED if before == f"--{which}-limit" else short)
        before = one
    return tuple(out)


def run(command: tuple[str, ...], made: Path) -> int:
    """Run a command with the plugin in place of X, or in the chain c.yaml; return its exit code."""
    Path("c.yaml").write_text(f"chain: C\npurpose: Tests.\nslots:\n  - plugin: {made}\n    name: bad\n")
    return main([*(str(made) if one == "X" else one.replace("=X", f"={made}") for one in command)])


def check(said: Any, told: str, kept: set[str]) -> None:
    """Assert one sentence that tells the fault, earlier output as it was, and nothing half-written beside it."""
    lines = [line for line in said.err.splitlines() if line.startswith("backtune: ")]
    assert len(lines) == 1, said.err
    assert told in lines[0]
    assert "Traceback" not in said.err
    assert Path("out/earlier.wav").read_bytes() == b"earlier output"
    assert {path.name for path in Path("out").iterdir()} == {"earlier.wav", *kept}


@pytest.mark.parametrize("command", INSTRUMENT_COMMANDS)
@pytest.mark.parametrize("fault", AT_LOAD)
def test_instruments_that_fail_at_load(fault: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    definitions, told = AT_LOAD[fault]
    assert run(hurried(INSTRUMENT_COMMANDS[command], told), plugin(False, *definitions)) == 1
    check(capsys.readouterr(), told, set())


@pytest.mark.parametrize("command", EFFECT_COMMANDS)
@pytest.mark.parametrize("fault", AT_LOAD)
def test_effects_that_fail_at_load(fault: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    definitions, told = AT_LOAD[fault]
    assert run(hurried(EFFECT_COMMANDS[command], told), plugin(True, *definitions)) == 1
    check(capsys.readouterr(), told, set())


@pytest.mark.parametrize("command", ["sample", "fit", "compare", "stem"])
@pytest.mark.parametrize("fault", AT_RENDER)
def test_instruments_that_fail_in_mid_render(fault: int, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The third key is the bad one: takes of those before it stay, and of a stem nothing is seen."""
    bad = {"sample": 66, "fit": 66, "compare": 64, "stem": 64}[command]
    words = INSTRUMENT_COMMANDS[command]
    words += ("--with", "keys=60,62,66,67", "--with", "seconds=0.3") if command == "fit" else ()
    keys = "60,62,66,67" if command == "sample" else ""
    words = tuple(keys if one == KEYS[1] and keys else one for one in words)
    words = hurried(words, AT_RENDER[fault])
    assert run(words, plugin(False, f"INITIAL_FAULT={fault}", f"FAULT_KEY={bad}")) == 1
    # sampling first plays the lowest, middle and highest key; the bad one is the middle, so no take is written yet
    check(capsys.readouterr(), AT_RENDER[fault], set())


@pytest.mark.parametrize("fault", AT_RENDER)
def test_takes_before_the_fault_stay_and_sampling_goes_on(fault: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Keys 60, 62, 64, 66 of which 62 is bad: the keys tried first are 60, 64 and 66."""
    words = INSTRUMENT_COMMANDS["sample"]
    assert run(hurried(words, AT_RENDER[fault]), plugin(False, f"INITIAL_FAULT={fault}", "FAULT_KEY=62")) == 1
    kept = {"060_C4_v090_1.flac", "corpus.json", "index.csv"}
    check(capsys.readouterr(), AT_RENDER[fault], kept)
    first = Path("out/060_C4_v090_1.flac").read_bytes()
    assert run(words, plugin(False, f"INITIAL_FAULT={fault}", "FAULT_KEY=1")) == 0
    assert "3 takes written, 1 were there already" in capsys.readouterr().out
    assert Path("out/060_C4_v090_1.flac").read_bytes() == first


@pytest.mark.parametrize("command", EFFECT_COMMANDS)
@pytest.mark.parametrize("fault", AT_RENDER)
def test_effects_that_fail_while_rendering(fault: int, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    made = plugin(True)
    Path("bad.vstpreset").write_bytes(b"")
    assert main(["plugin", "save", str(made), "--set", f"Fault={fault}", "-o", "bad.vstpreset", "-q"]) == 0
    Path("c.yaml").write_text(
        f"chain: C\npurpose: Tests.\nslots:\n  - plugin: {made}\n    name: bad\n    preset: bad.vstpreset\n"
    )
    assert main([*hurried(EFFECT_COMMANDS[command], AT_RENDER[fault])]) == 1
    check(capsys.readouterr(), AT_RENDER[fault], set())


@pytest.mark.parametrize(
    ("command", "fault", "code", "told"),
    [
        ("sample", VARY, 0, "the instrument does not repeat itself"),
        ("compare", VARY, 0, "does not repeat itself: its distances differ from one run to the next"),
        ("stem", VARY, 0, "does not repeat itself, another run gives another sound"),
        ("check", VARY, 0, "does not repeat itself: two runs differ by"),
        ("sample", SILENT, 1, "none of 4 notes sounds"),
        ("compare", SILENT, 1, "none of 2 notes sounds"),
        ("fit", SILENT, 1, "notes sounds"),
        ("stem", SILENT, 0, "is silent"),
        ("check", SILENT, 0, "nothing comes out of it"),
        ("run", SILENT, 0, "nothing comes out of it"),
    ],
)
def test_silence_and_variation_are_told(
    command: str, fault: int, code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    effect = command in ("check", "run")
    words = (EFFECT_COMMANDS if effect else INSTRUMENT_COMMANDS)[command]
    words += ("--with", "keys=60,62", "--with", "seconds=0.2") if command == "fit" else ()
    made = plugin(effect, f"INITIAL_FAULT={fault}")
    assert run(words, made) == code
    said = capsys.readouterr()
    assert told in said.err + said.out
    assert Path("out/earlier.wav").read_bytes() == b"earlier output"
    if code == 1:
        assert {path.name for path in Path("out").iterdir()} == {"earlier.wav"}


def test_silence_leaves_a_folder_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    """Another attempt, at another key or with another preset, is not refused for what the silent one left."""
    silent = plugin(False, "INITIAL_FAULT=5")
    assert main(["sample", str(silent), "-o", "new", *KEYS, "-q"]) == 1
    assert not Path("new").exists()
    assert main(["sample", str(silent), "-o", "new", *KEYS, "--set", "Fault=0", "-q"]) == 0


@pytest.mark.nightly
def test_every_fault_is_reported_in_time() -> None:
    """Each fault at load and at render, timed by the clock on the wall: the limit and one second."""
    from backtune.errors import BacktuneError
    from backtune.hosting.plugin import Plugin
    from backtune.hosting.process import Limits

    limits = Limits(load_s=1.0, render_s=1.0)
    recovered, slowest = 0, 0.0
    builds = [(effect, *definitions) for definitions, _ in AT_LOAD.values() for effect in (False, True)]
    builds += [(False, f"INITIAL_FAULT={fault}", "FAULT_KEY=60") for fault in AT_RENDER]
    for effect, *definitions in builds:
        made = plugin(effect, *definitions)
        began = None
        try:
            with Plugin(made, limits=limits) as opened:
                began = time.monotonic()
                opened.play([(0, bytes([0x90, 60, 100]))], 44100, 44100, fresh=True)
        except BacktuneError as error:
            late_s = _stopped_after(str(error)) if began is None else time.monotonic() - began
            slowest = max(slowest, late_s)
            recovered += late_s < 1.0 + SLACK_S and error.exit_code == 1
    note = f"slowest {slowest:.2f} s at a limit of 1 s"
    Proof("plugins that crash, hang or give no numbers", len(builds), len(builds), recovered, note).settle()


def _stopped_after(message: str) -> float:
    """Return the seconds a message says a plugin was given; 0 for one that ended by itself."""
    return float(message.partition("stopped after ")[2].partition(" s")[0] or 0.0)
