"""An instrument plugin as a source: sampled once into the cache, its takes read like any recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hosted
import numpy as np
import pytest

from backtune.cli import main
from backtune.errors import BacktuneError, InputError
from backtune.source import Source, find_kind, open_source, source_kinds
from backtune.sources.plugin import PluginInstrument

SHORT = {"keys": "C4,C5", "velocities": "40,110", "seconds": 0.3, "release": 0.1}

pytestmark = pytest.mark.usefixtures("own_cache")


def opened(**options: Any) -> Source:
    """Return the test instrument as a source."""
    return open_source(hosted.made_plugin(), **SHORT | options)


def test_one_kind_recognises_a_plugin(tmp_path: Path) -> None:
    (tmp_path / "x.lv2").mkdir()
    for path in (hosted.made_plugin(), tmp_path / "x.lv2"):
        assert [kind for kind in source_kinds().values() if kind.recognises(path)] == [PluginInstrument]
    (tmp_path / "x.so").write_bytes(b"no plugin")
    with pytest.raises(InputError, match="not a source of recordings"):
        find_kind(tmp_path / "x.so")


def test_takes_are_those_of_the_plan_and_kept(tmp_path: Path) -> None:
    first = opened()
    assert (first.kind, first.name, first.levels_natural) == ("plugin", "TestInstrument", True)
    assert [(take.midi, take.velocity) for take in first.takes] == [(60, 40), (60, 110), (72, 40), (72, 110)]
    assert "4 takes sampled, 0 from" in first.remarks[0]
    again = opened(keys="C4:G4:7")  # one key is new, one is not asked for
    assert [take.midi for take in again.takes] == [60, 60, 67, 67]
    assert "2 takes sampled, 2 from" in again.remarks[0]
    assert opened().identity == first.identity
    assert {path.parent for path in (tmp_path / "cache").rglob("*.flac")} == {first.takes[0].recording.path.parent}


def test_sampling_tells_how_far_it_is() -> None:
    told: list[tuple[str, int, int]] = []
    open_source(hosted.made_plugin(), lambda *said: told.append(said), **SHORT)
    assert told == [("sampling TestInstrument", done, 4) for done in range(1, 5)]


def test_other_settings_are_another_instrument(tmp_path: Path) -> None:
    plain, soft, short = opened(), opened(settings="Gain=-26; Attack=raw 0"), opened(seconds=0.2)
    peaks = [np.max(np.abs(one.takes[1].audio()[0])) for one in (plain, soft)]
    assert 20 * np.log10(peaks[1] / peaks[0]) == pytest.approx(-20, abs=0.5)
    assert len({one.takes[0].recording.path.parent for one in (plain, soft, short)}) == 3
    assert short.takes[0].gate_s == pytest.approx(0.3)  # 0.1 s of silence and 0.2 s of the held key


def test_both_channels_of_one_are_the_same() -> None:
    assert opened(channel=1).identity == opened().identity


def test_what_goes_wrong_is_told() -> None:
    with pytest.raises(InputError, match=r"channel: 2 .* 0 \(left\) or 1"):
        opened(channel=2)
    with pytest.raises(InputError, match="did you mean 'Attack'"):
        opened(settings="Atack=3")
    with pytest.raises(BacktuneError, match="none of 4 notes sounds"):
        opened(settings="Fault=5")
    with pytest.raises(InputError, match="is an effect"):
        open_source(hosted.made_plugin("TestDelay", "EFFECT_LATENCY=8"))


def test_fit_takes_a_plugin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from some_patches import simple_patch

    heard: list[Source] = []
    monkeypatch.setattr("backtune.workshop.fit_source", lambda source, *_, **__: heard.append(source) or simple_patch())
    options = [word for name, value in SHORT.items() for word in ("--with", f"{name}={value}")]
    wanted = [
        "fit",
        str(hosted.made_plugin()),
        "-o",
        str(tmp_path / "p.yaml"),
        *options,
        "--with",
        "settings=Decay=2 s",
    ]
    assert main(wanted) == 0
    assert len(heard[0].takes) == 4
    assert "4 takes sampled" in capsys.readouterr().err
    assert main([*wanted, "--with", "seconds=long"]) == 2
    assert "a number is needed" in capsys.readouterr().err
