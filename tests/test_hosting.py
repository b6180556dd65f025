"""Plugins in a child process: whatever the plugin does, one sentence comes back and the parent is unharmed."""

from __future__ import annotations

import os
import re
import signal
import struct
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import hosted
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from proofs import Proof

from backtune.automation import curve_of
from backtune.errors import BacktuneError, InputError
from backtune.hosting.diagnose import diagnose
from backtune.hosting.plugin import Plugin
from backtune.hosting.preset import Preset, unpack_preset
from backtune.hosting.process import Limits
from backtune.hosting.steering import in_raw_values
from backtune.hosting.texts import number_in, raw_for

RATE = 44100
NOTE = [(0, bytes([0x90, 60, 100]))]
SLACK_S = 1.0  # a fault is reported within its limit and this


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def instrument():
    with Plugin(hosted.made_plugin(), role="instrument") as plugin:
        yield plugin


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


def test_parameters_are_read_once_by_version(instrument: Plugin, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = instrument.parameters.rows
    assert [row.name for row in rows][:3] == ["Gain", "Attack", "Brightness"]
    assert rows[0].range_text == "-60..6 dB"
    assert [text for text, _ in rows[-1].choices] == ["0", "1", "2", "3", "4", "5"]
    monkeypatch.setattr(Plugin, "_read_table", lambda self: pytest.fail("was read again"))
    with Plugin(hosted.made_plugin()) as again:
        assert again.parameters.rows == rows


def test_a_damaged_cache_is_read_anew(instrument: Plugin, tmp_path: Path) -> None:
    rows = instrument.parameters.rows
    (table,) = (tmp_path / "cache").rglob("*.json")
    table.write_text("{")
    with Plugin(hosted.made_plugin()) as again:
        assert again.parameters.rows == rows


def test_values_are_set_by_what_is_shown(instrument: Plugin) -> None:
    instrument.set("attack", "20 ms")
    assert float(instrument.values()["Attack"].text) == pytest.approx(20.0, abs=1e-3)
    instrument.set("Fault", 4)
    assert instrument.values()["Fault"].raw == pytest.approx(0.8, abs=1e-6)
    instrument.set_raw("Gain", 0.25)
    assert instrument.values()["Gain"].raw == pytest.approx(0.25, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "written", "same"),
    [("Attack", "0.2 s", "200 ms"), ("Attack", "0.2 sec", "200"), ("Decay", "1500 ms", "1.5 s"), ("Gain", "-3dB", -3)],
)
def test_the_unit_that_is_written_counts(instrument: Plugin, name: str, written: str, same: str | float) -> None:
    raw = instrument.set(name, written)
    instrument.set_raw(name, 0.5)
    assert raw == pytest.approx(instrument.set(name, same), abs=1e-6)
    curve = curve_of([(0.0, float(written.split()[0].removesuffix("dB")))])
    in_unit = replace(curve, units=(written.lstrip("-0123456789. "),))
    assert in_raw_values(instrument, name, in_unit, "x")[2] == pytest.approx(raw, abs=1e-6)
    spelt = curve_of([(0.0, "-20 dB"), (1.0, "-6 dB")])
    assert in_raw_values(instrument, "Gain", spelt, "x")[0](0.5) == -13.0  # on the way, not held as a choice is
    with pytest.raises(InputError, match="points are in 'ms', 's'; one unit"):
        in_raw_values(instrument, name, replace(curve_of([(0.0, 1.0), (1.0, 1.0)]), units=("s", "ms")), "x")


class Shows:
    """A parameter that shows texts of ours, and reads none."""

    def __init__(self, *texts: str) -> None:
        self.texts = texts

    def get_text_for_raw_value(self, raw: float) -> str:
        return self.texts[min(len(self.texts) - 1, int(raw * len(self.texts)))]

    def get_raw_value_for_text(self, text: str) -> float:
        return 0.0


@pytest.mark.parametrize(
    ("shown", "written", "place"),
    [
        (("500 ms", "900 ms", "1.0 s", "2.0 s"), "1 s", 2),
        (("500 ms", "900 ms", "1.0 s", "2.0 s"), "0.9 s", 1),
        (("20 L", "10 L", "0", "10 R", "20 R"), "10 R", 3),
        (("100 Hz", "1.0 kHz", "10.0 kHz"), "1000 Hz", 1),
    ],
)
def test_a_parameter_may_show_several_units(shown: tuple[str, ...], written: str, place: int) -> None:
    row = {"choices": [], "low": 0.0, "high": 900.0, "unit": "", "low_text": shown[0], "high_text": shown[-1]}
    assert int(raw_for(Shows(*shown), written, row) * len(shown) + 1e-9) == place


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("Attack", "2 s", "2 is outside its range 0.001 to 1 s"),
        ("Attack", "5 Hz", "'5 Hz' is in Hz, its values are 1 to 1000 ms"),
        ("Brightness", "0.5 s", "'0.5 s' is in s, its values are 0 to 1 without a unit"),
        ("Fault", "2 dB", "'2 dB' is in dB, its values are 0 to 5 without a unit"),
        ("Atack", 1, "did you mean 'Attack'"),
        ("Attack", 5000, "outside its range 1 to 1000 ms"),
        ("Attack", "soft", "not among its values"),
        ("Fault", "broken", "not among its values: 0, 1, 2"),
    ],
)
def test_wrong_values_are_refused(instrument: Plugin, name: str, value: float | str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        instrument.set(name, value)


def test_state_goes_out_and_in(instrument: Plugin) -> None:
    instrument.set("Gain", -20)
    state, preset = instrument.state(), instrument.preset()
    wanted = instrument.play(NOTE, RATE, RATE, fresh=True)
    for give_back in (lambda p: p.set_state(state), lambda p: p.set_preset(preset)):
        with Plugin(hosted.made_plugin()) as other:
            assert not np.array_equal(other.play(NOTE, RATE, RATE, fresh=True), wanted)
            give_back(other)
            assert np.array_equal(other.play(NOTE, RATE, RATE, fresh=True), wanted)


def test_garbage_is_no_state(instrument: Plugin) -> None:
    state = instrument.state()
    for garbage, says in (
        (b"", "not a saved plugin state"),
        (b"VST3" + state[4:], "not a saved plugin state"),
        (b"VC2!", "cut short"),
        (state[:-20], "cut short"),
        (state[:8] + b"\xff" * (len(state) - 8), "damaged"),
        (state.replace(b"VST3PluginState", b"AUVSPluginState"), "of another kind of plugin"),
    ):
        with pytest.raises(InputError, match=says):
            instrument.set_state(garbage)
    assert instrument.state() == state


def test_a_preset_of_another_plugin_is_refused(instrument: Plugin) -> None:
    own = unpack_preset(instrument.preset(), "own")
    with pytest.raises(InputError, match="made for the plugin with class 0000"):
        instrument.set_preset(Preset("0" * 32, own.chunks).pack())
    with pytest.raises(InputError, match="cut short"):
        instrument.set_preset(instrument.preset()[:-4])


@given(
    st.text("0123456789ABCDEF", min_size=32, max_size=32),
    st.dictionaries(st.sampled_from(["Comp", "Cont", "Info"]), st.binary(max_size=200)),
)
def test_presets_round_trip(class_id: str, chunks: dict[str, bytes]) -> None:
    preset = Preset(class_id, chunks)
    assert unpack_preset(preset.pack(), "x") == preset


@given(st.binary(max_size=300))
def test_no_bytes_break_the_preset_reader(data: bytes) -> None:
    for content in (data, b"VST3" + data):
        with pytest.raises(InputError):
            unpack_preset(content, "x")


@given(st.floats(-9999, 9999), st.sampled_from(["", " dB", "Hz", " ms", " %"]))
def test_numbers_are_found_in_texts(number: float, unit: str) -> None:
    found = number_in(f"{number:.3f}{unit}")
    assert found == (float(f"{number:.3f}"), unit.strip())


def test_kilohertz_and_infinity_are_numbers() -> None:
    assert number_in("1.5 kHz") == (1500.0, "Hz")
    assert number_in("-inf dB") == (float("-inf"), "dB")
    assert number_in("Saw") is None


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


def test_what_pedalboard_cannot_say(tmp_path: Path) -> None:
    good = hosted.made_plugin()
    binary = diagnose(good)

    def bundle(name: str, content: bytes, inner: str = binary.parent.name, suffix: str = binary.suffix) -> Path:
        path = tmp_path / f"{name}.vst3" / "Contents" / inner / f"{name}{suffix}"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        return tmp_path / f"{name}.vst3"

    def says(path: Path, words: str) -> None:
        with pytest.raises(InputError, match=words):
            diagnose(path)

    says(good.with_name("TestInstument.vst3"), "no such file or folder; did you mean 'TestInstrument.vst3'")
    (tmp_path / "text.vst3").write_text("not a plugin")
    says(tmp_path / "text.vst3", "no machine code")
    (tmp_path / "Empty.vst3").mkdir()
    says(tmp_path / "Empty.vst3", "an empty bundle")
    (tmp_path / "Hollow.vst3" / "Contents" / binary.parent.name).mkdir(parents=True)
    says(tmp_path / "Hollow.vst3", "no binary named Hollow")
    says(bundle("Windowed", b"MZ", "x86_64-win", ".vst3"), "built for x86_64-win")
    says(tmp_path / "old.component", "no such file")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads ELF binaries")
def test_what_an_elf_binary_says(tmp_path: Path) -> None:
    good = diagnose(hosted.made_plugin())
    data = bytearray(good.read_bytes())

    def says(name: str, content: bytes, words: str) -> None:
        path = tmp_path / f"{name}.vst3"
        path.write_bytes(content)
        with pytest.raises(InputError, match=words):
            diagnose(path)

    other = bytearray(data)
    other[18:20] = struct.pack("<H", 0x15)
    says("Other", bytes(other), "built for ppc64, this computer is")
    says("NoEntry", bytes(data).replace(b"GetPluginFactory", b"GetPluginFactorz"), "does not export GetPluginFactory")
    says("Vst2", bytes(data).replace(b"GetPluginFactory", b"VSTPluginMain\0\0\0"), "a VST2 plugin")
    says("Missing", bytes(data).replace(b"libm.so.6", b"libq.so.9"), "not installed: libq.so.9")
    for cut in (80, 8000, len(data) // 2):
        says(f"Short{cut}", bytes(data[:cut]), "cut short or damaged")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads ELF binaries")
def test_damaged_elf_binaries_are_told_or_tried(tmp_path: Path) -> None:
    whole = diagnose(hosted.made_plugin()).read_bytes()
    (sections,) = struct.unpack_from("<Q", whole, 40)
    tables = np.array([*range(64 + 56 * 12), *range(sections, len(whole))])  # headers of segments and of sections
    rng = np.random.default_rng(1)
    refused = 0
    for _ in range(2000):
        data = np.frombuffer(whole, np.uint8).copy()
        places = rng.choice(tables, rng.integers(1, 5))
        data[places] = rng.choice([0, 127, 255], len(places))
        path = tmp_path / "Damaged.vst3"
        path.write_bytes(data.tobytes())
        try:
            diagnose(path)
        except InputError as error:
            refused += "\n" not in str(error)
    assert refused > 30


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other linkers refuse to build it")
def test_the_loader_is_asked_why_a_library_is_refused() -> None:
    with pytest.raises(BacktuneError, match=r"refused while loading .*undefined symbol: a_function_nobody_has"):
        Plugin(hosted.made_plugin("MissingSymbol", "MISSING_SYMBOL"))


def test_a_vst2_by_the_name_of_a_vst3_is_told(tmp_path: Path) -> None:
    data = diagnose(hosted.made_plugin()).read_bytes()
    (tmp_path / "Old.vst3").write_bytes(data.replace(b"GetPluginFactory", b"VSTPluginMain\0\0\0"))
    with pytest.raises(InputError, match="a VST2 plugin"):
        Plugin(tmp_path / "Old.vst3")


def test_another_name_than_the_file_holds_is_refused() -> None:
    with pytest.raises(InputError, match="holds the plugin 'TestInstrument', not 'Lead'"):
        Plugin(hosted.made_plugin(), "Lead")


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
