"""Automation of effect chains: it follows its curve, and leaves what it does not touch bit by bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from some_chains import DELAY, NOISE, RATE, chain, delay_plugin, in_blocks

from backtune.automation import curve_of
from backtune.chain import Branch, EffectSlot, ParallelSlot
from backtune.chain_run import apply_chain, start, targets
from backtune.errors import InputError

pytestmark = pytest.mark.usefixtures("own_cache")


def test_automation_moves_a_setting_and_leaves_the_rest_bit_by_bit() -> None:
    made = chain(EffectSlot("g", "gain"), EffectSlot("room", "reverb", mix=0.4))
    still = apply_chain(made, NOISE, RATE)
    moving = in_blocks(made, NOISE, [1000], {"g.gain_db": curve_of([(0.5, 0.0), (0.9, -40.0)])})
    assert np.array_equal(moving[:, : RATE // 2], still[:, : RATE // 2])
    assert np.std(moving[:, -2000:]) < 0.5 * np.std(still[:, -2000:])
    for blocks in ([64], [4096], [RATE], [333, 5000]):
        again = in_blocks(made, NOISE, blocks, {"g.gain_db": curve_of([(0.5, 0.0), (0.9, -40.0)])})
        assert np.array_equal(again, moving)


def test_before_its_first_point_what_was_set_holds() -> None:
    half = RATE // 2
    slots = (EffectSlot("room", "reverb", mix=0.4), ParallelSlot("p", (Branch("dry", -3.0), Branch("more", -9.0))))
    still = apply_chain(chain(*slots), NOISE, RATE)
    for target, value in (("room.mix", 1.0), ("more.gain_db", -60.0), ("room.damping", 1.0)):
        moving = in_blocks(chain(*slots), NOISE, [5000], {target: curve_of([(0.5, value)])})
        assert np.array_equal(moving[:, :half], still[:, :half]), target
        assert not np.array_equal(moving[:, half : half + 5000], still[:, half : half + 5000]), target


def test_automation_follows_its_curve() -> None:
    ones = np.ones((2, RATE), np.float32)
    out = in_blocks(chain(EffectSlot("g", "gain")), ones, [5000], {"g.gain_db": curve_of([(0.25, 0.0), (0.75, -20.0)])})
    for at_s, db in ((0.2, 0.0), (0.5, -10.0), (0.9, -20.0)):
        assert 20 * np.log10(out[0, round(at_s * RATE)]) == pytest.approx(db, abs=0.1)
    steps = np.abs(np.diff(20 * np.log10(out[0, : round(0.74 * RATE)])))
    assert np.max(steps) < 0.5  # no step larger than the grid of 64 frames explains


def test_automation_of_mix_and_branch_gain_is_frame_by_frame() -> None:
    ones = np.ones((2, RATE), np.float32)
    made = chain(
        ParallelSlot("p", (Branch("dry"), Branch("none", -120.0, (EffectSlot("g", "gain", {"gain_db": -80.0}),))))
    )
    out = in_blocks(made, ones, [999], {"dry.gain_db": curve_of([(0.0, 0.0), (1.0, -20.0)])})
    wanted = 10 ** (-20.0 * np.arange(RATE) / RATE / 20)
    assert np.max(np.abs(out[0] - wanted)) < 1e-4
    quiet = chain(EffectSlot("g", "gain", {"gain_db": -80.0}))
    out = in_blocks(quiet, ones, [999], {"g.mix": curve_of([(0.0, 0.0), (1.0, 1.0)])})
    assert np.max(np.abs(out[0] - (1 - np.arange(RATE) / RATE))) < 2e-4


def test_a_plugin_is_automated_in_its_own_unit() -> None:
    ones = np.ones((2, RATE), np.float32)
    made = chain(delay_plugin("late"))
    curves = {"late.Gain": curve_of([(0.25, 0.0), (0.75, -20.0)])}
    out = in_blocks(made, ones, [5000], curves)
    still = apply_chain(made, ones, RATE)
    assert np.array_equal(out[:, : RATE // 4 - DELAY], still[:, : RATE // 4 - DELAY])
    # the plugin turns its output, which is late by its latency: the curve arrives that much earlier in the result
    assert 20 * np.log10(out[0, RATE // 2 - DELAY]) == pytest.approx(-10.0, abs=0.1)
    assert np.array_equal(in_blocks(made, ones, [64, 10000], curves), out)


def test_automation_of_what_is_bypassed_is_told() -> None:
    inner = EffectSlot("room", "reverb", bypass=True)
    made = chain(EffectSlot("tone", "peak"), ParallelSlot("sides", (Branch("wet", 0.0, (inner,)),), bypass=True))
    curves = {name: curve_of([(0.0, 0.5)]) for name in ("room.mix", "wet.gain_db", "sides.mix", "tone.mix")}
    with start(made, RATE, curves) as running:
        said = "slots[1] (sides): is bypassed, so the automation of {} moves nothing"
        assert running.warnings == [said.format(name) for name in ("room.mix", "wet.gain_db", "sides.mix")]
    with start(replace(made, slots=made.slots[:1]), RATE, {"tone.mix": curves["tone.mix"]}) as running:
        assert running.warnings == []


def test_automation_of_what_does_not_move_is_refused() -> None:
    made = chain(EffectSlot("room", "reverb"), EffectSlot("top", "limiter"))
    for target, says in (
        ("room.rom_size", "did you mean 'room.room_size'"),
        ("rom.mix", "did you mean 'room.mix'"),
        ("top.lookahead_ms", "is nothing that moves"),
    ):
        with pytest.raises(InputError, match=says):
            start(made, RATE, {target: curve_of([(0.0, 0.5)])})
    with pytest.raises(InputError, match=r"1.5 is above the allowed 1"):
        start(made, RATE, {"room.room_size": curve_of([(0.0, 0.5), (1.0, 1.5)])})
    with pytest.raises(InputError, match="'big' is no number"):
        start(made, RATE, {"room.room_size": curve_of([(0.0, "big")])})
    assert "room.damping" in targets(made)
    for target, unit, says in (
        ("top.ceiling_db", "%", r"^line 7: top.ceiling_db is in 'dB', '%' was given"),
        ("room.mix", "%", r"^line 7: room.mix has no unit, '%' was given"),
    ):
        with pytest.raises(InputError, match=says):
            start(made, RATE, {target: replace(curve_of([(0.0, -0.0)]), units=(unit,), places=("line 7",))})
    start(made, RATE, {"top.ceiling_db": replace(curve_of([(0.0, -1.0)]), units=("dB",))})
