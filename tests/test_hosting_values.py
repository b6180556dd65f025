"""Values and states of plugins: set by what is shown, in the unit that is written, given out and taken in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import hosted
import numpy as np
import pytest
from hosted import NOTE, RATE
from hypothesis import given
from hypothesis import strategies as st

from backtune.automation import curve_of
from backtune.errors import InputError
from backtune.hosting.plugin import Plugin
from backtune.hosting.preset import Preset, unpack_preset
from backtune.hosting.steering import in_raw_values
from backtune.hosting.texts import number_in, raw_for

pytestmark = pytest.mark.usefixtures("own_cache")


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
