"""SFZ exports: every key and velocity within a budget, loops without a click, nobody's files lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from exported import CONTROLLERS, PATCH, written
from hypothesis import given, settings
from hypothesis import strategies as st

from backtune.errors import InputError
from backtune.export_format import Order
from backtune.sample_set import FADE_S, RATE, looped, plans
from backtune.source import open_source


def test_an_sfz_is_read_back_with_every_key_and_velocity_within_its_budget(tmp_path: Path) -> None:
    short = replace(PATCH, struck=False, origin=replace(PATCH.origin, pitches=(55.0, 65.0)))
    order = Order(short.with_controls(level=-3.0), CONTROLLERS, budget_mb=2.0)
    path = written("sfz", tmp_path, order)
    samples = list((tmp_path / "out_samples").glob("*.flac"))
    assert samples
    assert sum(one.stat().st_size for one in samples) <= 2e6
    text = path.read_text()
    assert f"label_cc{CONTROLLERS['brightness']}=Brightness" in text
    assert f"set_hdcc{CONTROLLERS['level']}={57 / 72:.6f}" in text
    takes = open_source(path).takes
    assert {55.0, 65.0} <= {take.midi for take in takes}
    regions = text.split("<region>")[1:]
    assert len(regions) == len(samples)
    for region in regions:
        held = dict(line.split("=", 1) for line in region.split("<group>")[0].split() if "=" in line)
        info = soundfile.info(tmp_path / held["sample"])
        assert 0 < int(held["loop_start"]) < int(held["loop_end"]) < info.frames
    keys = [int(line[6:]) for line in text.splitlines() if line.startswith("lokey=")]
    ends = [int(line[6:]) for line in text.splitlines() if line.startswith("hikey=")]
    assert keys[0] == 0
    assert ends[-1] == 127
    assert [low - 1 for low in keys[1:]] == ends[:-1]
    with pytest.raises(InputError, match="allowed"):
        written("sfz", tmp_path, replace(order, budget_mb=0.01))


def test_an_sfz_replaces_its_own_samples_and_nobody_elses(tmp_path: Path) -> None:
    few = Order(replace(PATCH, origin=replace(PATCH.origin, pitches=(60.0, 61.0))), CONTROLLERS, budget_mb=2.0)
    path = written("sfz", tmp_path, few)
    samples = tmp_path / "out_samples"
    first = {one.name: one.read_bytes() for one in samples.iterdir()}
    (samples / "C4_v3.flac").write_bytes(b"of an export with other velocities")
    written("sfz", tmp_path, few)
    assert {one.name: one.read_bytes() for one in samples.iterdir()} == first
    (samples / "my recording.wav").write_bytes(b"dear")
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"out_samples: holds 'my recording\.wav', which no export wrote"):
        written("sfz", tmp_path, replace(few, budget_mb=3.0))
    assert (samples / "my recording.wav").read_bytes() == b"dear"
    assert path.read_bytes() == before
    assert first.items() <= {one.name: one.read_bytes() for one in samples.iterdir()}.items()


def test_a_larger_budget_buys_notes_between_keys_and_between_dynamics() -> None:
    every = list(plans(PATCH))
    assert every[0].count == 88 * 5 == max(plan.count for plan in every)  # two dynamics, three velocities between them
    fitting = [next(plan for plan in every if plan.count <= most) for most in (400, 200, 100, 50, 25)]
    assert all(len(plan.velocities) > 1 for plan in fitting)
    gaps = [int(max(np.diff(plan.keys))) for plan in fitting]
    assert gaps == sorted(gaps)


@settings(max_examples=30, deadline=None)
@given(midi_hz=st.floats(50, 2000), noise=st.floats(0, 0.05), seed=st.integers(0, 99))
def test_loops_run_on_without_a_click(midi_hz: float, noise: float, seed: int) -> None:
    t = np.arange(3 * RATE) / RATE
    rng = np.random.default_rng(seed)
    tone = 0.5 * np.sin(2 * np.pi * midi_hz * t) * np.exp(-0.2 * t) + 0.2 * np.sin(6 * np.pi * midi_hz * t + 1.0)
    audio = tone + noise * rng.standard_normal(len(t))
    out, (start, last) = looped(audio, midi_hz)
    round_again = np.concatenate([out[: last + 1], out[start : last + 1]])
    jump = np.abs(round_again[last + 1] - round_again[last])
    usual = np.max(np.abs(np.diff(audio[start - 2000 : start + 2000])))
    assert jump <= 1.01 * usual
    faded = round_again[last + 1 - round(FADE_S * RATE) : last + 1]
    assert np.sqrt(np.mean(faded**2)) == pytest.approx(np.sqrt(np.mean(audio[start : last + 1] ** 2)), rel=0.3)
