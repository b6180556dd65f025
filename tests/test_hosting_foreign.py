"""VST2 and LV2 instruments through DawDreamer, where it is installed: the same sampling, the same messages."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from backtune.errors import BacktuneError, InputError
from backtune.hosting import foreign
from backtune.hosting.foreign import foreign_address, is_foreign, lv2_plugins
from backtune.hosting.players import PluginPlayer
from backtune.hosting.plugin import Plugin
from backtune.hosting.sampling import SamplingPlan, sample
from backtune.units import midi_to_hz

MDA, ZYN = Path("/usr/lib/lv2/mda.lv2"), Path("/usr/lib/vst/ZynAddSubFX.so")

pytestmark = pytest.mark.usefixtures("own_cache")


def needed(path: Path, package: str) -> Path:
    """Return a plugin of Debian's; skip where it or DawDreamer is missing."""
    if importlib.util.find_spec("dawdreamer") is None:
        pytest.skip("DawDreamer is not installed (pip install dawdreamer)")
    if not path.exists():
        pytest.skip(f"{path} is missing (apt-get install {package})")
    return path


def bundle(folder: Path, manifest: str) -> Path:
    path = folder / "x.lv2"
    path.mkdir()
    (path / "manifest.ttl").write_text(manifest)
    return path


def test_a_manifest_names_its_plugins(tmp_path: Path) -> None:
    text = "@prefix lv2: <http://lv2plug.in/ns/lv2core#> .\n@prefix m: <http://m/> .\n"
    text += "m:One\n\ta lv2:Plugin ;\n\tlv2:binary <One.so> .\n<http://x/y#Two> a lv2:InstrumentPlugin, lv2:Plugin .\n"
    text += "m:preset a <http://lv2plug.in/ns/ext/presets#Preset> .\n"
    path = bundle(tmp_path, text)
    assert lv2_plugins(path) == {"One": "http://m/One", "Two": "http://x/y#Two"}
    assert is_foreign(path)


def test_what_is_no_bundle_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign.importlib.util, "find_spec", lambda name: object())
    with pytest.raises(InputError, match="names no plugin"):
        foreign_address(bundle(tmp_path, "nothing"), None)
    (tmp_path / "y.lv2").mkdir()
    with pytest.raises(InputError, match="not an LV2 bundle"):
        foreign_address(tmp_path / "y.lv2", None)
    with pytest.raises(InputError, match=r"give .*x.lv2 and the plugin's name 'One'"):
        foreign_address(tmp_path / "x.lv2" / "One.so", None)


def test_without_dawdreamer_the_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install dawdreamer"):
        Plugin(bundle(tmp_path, ""))


@pytest.mark.nightly
def test_an_lv2_piano_is_sampled(tmp_path: Path) -> None:
    with Plugin(needed(MDA, "mda-lv2"), "EPiano", "instrument") as plugin:
        plugin.set("Envelope Decay", 0.8)
        assert plugin.values()["Envelope Decay"].raw == pytest.approx(0.8, abs=1e-3)
        state = plugin.state()
        plugin.set("Envelope Decay", 0.1)
        plugin.set_state(state)
        assert plugin.state() == state
        for wrong, says in ((b"VC2!", "not a state"), (b'{"raw": [0.5]}', "a state of 1 values, the plugin has")):
            with pytest.raises(InputError, match=says):
                plugin.set_state(wrong)
        with pytest.raises(InputError, match="belongs to a VST3"):
            plugin.set_preset(b"VST3")
        player = PluginPlayer(plugin, 44100)
        report = sample(player, SamplingPlan((57, 69), (60, 110), 0.5, 0.3), tmp_path)
        assert (report.written, report.deterministic) == (4, True)
        audio = player.play(69, [100], 0.5, 0.0)[0][0]
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), 1 << 17))
    assert 1200 * abs(np.log2(np.argmax(spectrum) * 44100 / (1 << 17) / midi_to_hz(69))) < 20


@pytest.mark.nightly
def test_a_vst2_synthesiser_plays(tmp_path: Path) -> None:
    with Plugin(needed(ZYN, "zynaddsubfx-vst"), None, "instrument") as plugin:
        report = sample(PluginPlayer(plugin, 48000), SamplingPlan((60,), (100,), 0.5, 0.2), tmp_path)
        assert report.written == 1
        with pytest.raises(BacktuneError, match="whole notes, not blocks"):
            plugin.play([], 64, 48000, fresh=False)
        with pytest.raises(BacktuneError, match="belongs to a VST3"):
            plugin.preset()


@pytest.mark.nightly
def test_one_of_several_must_be_named() -> None:
    with pytest.raises(InputError, match="one must be named; did you mean 'EPiano'"):
        Plugin(needed(MDA, "mda-lv2"), "EPino")
