"""Plugins in a child process: whatever the plugin does, one sentence comes back and the parent is unharmed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import hosted
import numpy as np
import pytest
from hosted import NOTE, RATE
from proofs import Proof

from backtune.errors import BacktuneError, InputError
from backtune.hosting.plugin import Plugin
from backtune.hosting.process import Limits, PluginProcess

pytestmark = pytest.mark.usefixtures("own_cache")


SLACK_S = 1.0  # a fault is reported within its limit and this


def gone(pid: int) -> bool:
    """Return whether the process of that number has ended; one that nobody has buried yet counts as ended."""
    for _ in range(50):
        state = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout
        if not state.strip() or state.startswith("Z"):
            return True
        time.sleep(0.02)
    return False


def seconds_until_stopped(error: BacktuneError) -> float:
    """Return the seconds a message says a plugin was given before it was stopped."""
    match = re.search(r"stopped after ([\d.]+) s", str(error))
    assert match is not None
    return float(match.group(1))


def test_a_note_is_what_the_source_says(instrument: Plugin) -> None:
    instrument.set("Decay", 20)
    instrument.set("Brightness", 0)
    audio = instrument.play([(100, bytes([0x90, 69, 127]))], RATE, RATE, fresh=True)
    assert audio.shape == (2, RATE)
    assert not np.any(audio[:, :100])
    spectrum = np.abs(np.fft.rfft(audio[0, 4096 : 4096 + 32768] * np.hanning(32768)))
    assert abs(np.argmax(spectrum) * RATE / 32768 - 440.0) < 2.0


def test_chunks_continue_one_call_bit_by_bit(instrument: Plugin) -> None:
    events = [(0, bytes([0x90, 60, 100])), (5000, bytes([0x90, 64, 80])), (20001, bytes([0x80, 60, 0]))]
    whole = instrument.play(events, 30000, RATE, fresh=True)
    pieces, at = [], 0
    for length in (64, 7000, 12936, 1, 9999):
        inside = [(frame - at, data) for frame, data in events if at <= frame < at + length]
        pieces.append(instrument.play(inside, length, RATE, fresh=at == 0))
        at += length
    assert np.array_equal(np.concatenate(pieces, axis=1), whole)


@pytest.mark.parametrize("rate", [44100, 48000, 96000])
@pytest.mark.parametrize("at", [0, 1, 3, 7, 63, 64, 1001, 99_999, 300 * 44100 + 12345])
def test_events_fall_on_their_frame(instrument: Plugin, at: int, rate: int) -> None:
    audio = instrument.play([(at, bytes([0x90, 60, 127]))], at + 64, rate, fresh=True)
    assert audio.shape == (2, at + 64)
    assert np.flatnonzero(audio[0])[0] == at


@pytest.mark.parametrize(("fault", "says"), [(1, "crashed while rendering .*SIGSEGV"), (3, "not finite")])
def test_faults_while_rendering(instrument: Plugin, fault: int, says: str) -> None:
    instrument.set("Fault", fault)
    with pytest.raises(BacktuneError, match=says) as caught:
        instrument.play(NOTE, RATE, RATE, fresh=True)
    assert caught.value.exit_code == 1
    assert "\n" not in str(caught.value)


def test_a_hang_while_rendering_ends_at_its_limit() -> None:
    with Plugin(hosted.made_plugin(), limits=Limits(render_s=0.5)) as plugin:
        plugin.set("Fault", 2)
        with pytest.raises(BacktuneError, match=r"no answer while rendering within 0.5 s") as caught:
            plugin.play(NOTE, RATE, RATE, fresh=True)
        assert seconds_until_stopped(caught.value) < 0.5 + SLACK_S
        assert gone(plugin.pid)
        with pytest.raises(BacktuneError, match="was stopped or closed before"):
            plugin.values()


def test_a_crash_while_loading() -> None:
    with pytest.raises(BacktuneError, match="crashed while loading"):
        Plugin(hosted.made_plugin("CrashesAtLoad", "LOAD_FAULT=1"))


def test_a_hang_while_loading_ends_at_its_limit() -> None:
    path = hosted.made_plugin("HangsAtLoad", "LOAD_FAULT=2")
    with pytest.raises(BacktuneError, match=r"no answer while loading within 0.5 s") as caught:
        Plugin(path, limits=Limits(load_s=0.5))
    assert seconds_until_stopped(caught.value) < 0.5 + SLACK_S


def test_no_process_outlives_its_plugin(instrument: Plugin) -> None:
    pid = instrument.pid
    os.kill(pid, 0)  # it is there
    instrument.close()
    instrument.close()
    assert gone(pid)


def test_no_process_outlives_a_parent_that_was_killed() -> None:
    code = (
        "from pathlib import Path; from backtune.hosting.plugin import Plugin; import sys, time;"
        "p = Plugin(Path(sys.argv[1])); print(p.pid, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(hosted.made_plugin())]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    assert gone(child)


def test_a_process_that_has_ended_by_itself_leaves_nothing_on_a_mac_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """There, a group of which nothing but what nobody has waited for is left may not be signalled."""

    def not_permitted(group: int, number: int) -> None:
        child.kill()
        raise PermissionError(1, "Operation not permitted")

    process = PluginProcess("x")
    child, scratch = process._child, Path(process._scratch.name)
    monkeypatch.setattr("backtune.hosting.process.os.killpg", not_permitted, raising=False)
    process.close()
    assert child.returncode is not None
    assert not scratch.exists()


def test_a_plugin_sees_a_scratch_home() -> None:
    with Plugin(hosted.made_plugin()) as plugin:
        environment = Path(f"/proc/{plugin.pid}/environ")
        if not environment.exists():
            pytest.skip("this system does not show the environment of a process")
        home = dict(line.split("=", 1) for line in environment.read_text().split("\0") if "=" in line)["HOME"]
        assert home != os.environ.get("HOME")
        assert Path(home).is_dir()
    assert not Path(home).exists()


def test_an_effect_is_no_instrument() -> None:
    with pytest.raises(InputError, match="is an effect, where an instrument was asked for"):
        Plugin(hosted.made_plugin("TestDelay", "EFFECT_LATENCY=480"), role="instrument")
    with pytest.raises(InputError, match="is an instrument, where an effect was asked for"):
        Plugin(hosted.made_plugin(), role="effect")


def test_real_effects_load_and_tell_their_parameters() -> None:
    for name in ("ZaMaximX2", "ZamVerb", "ZamEQ2"):
        with Plugin(hosted.zam_plugin(name), role="effect") as plugin:
            assert plugin.facts.name == name
            assert len(plugin.parameters.rows) >= 6
            assert plugin.facts.channels == (1 if name == "ZamEQ2" else 2)


def open_files() -> int:
    """Return how many files and pipes this process holds open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files as Linux shows them")
def test_plugins_opened_and_closed_leave_nothing_behind() -> None:
    path, pids = hosted.made_plugin(), []
    with Plugin(path):
        pass  # what is loaded once has been
    before = (open_files(), threading.active_count())
    for _ in range(6):
        with Plugin(path) as plugin:
            pids.append(plugin.pid)
            plugin.play(NOTE, 4800, RATE, fresh=True)
    for _ in range(50):  # a thread takes a moment to see that its plugin is gone
        if threading.active_count() <= before[1]:
            break
        time.sleep(0.02)
    assert open_files() <= before[0]
    assert threading.active_count() <= before[1]
    assert all(gone(pid) for pid in pids)


@pytest.mark.nightly
def test_five_hundred_instances_leave_nothing_behind() -> None:
    """Load, render, close, 500 times: memory grows by less than 5 %, no process and no open file is left."""
    bench = Path(__file__).parents[1] / "ci" / "bench" / "hosting.py"
    hosted.made_plugin()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, str(bench)], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    Proof("plugins loaded, played and closed", 500, 0, 0, done.stdout.splitlines()[-1]).settle()
