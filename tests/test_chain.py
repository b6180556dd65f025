"""Effect chains: aligned to the frame, the same in any blocks, checked before they are used."""

from __future__ import annotations

from pathlib import Path

import hosted
import numpy as np
import pytest
import soundfile
from some_chains import NOISE, RATE, chain, delay_plugin, in_blocks

from backtune.chain import Branch, EffectSlot, ParallelSlot, PluginSlot, PluginValue
from backtune.chain_check import check_chain, report_text
from backtune.chain_run import apply_chain, start
from backtune.errors import BacktuneError, InputError
from backtune.hosting.effect import read_response
from backtune.hosting.effects import EFFECTS

pytestmark = pytest.mark.usefixtures("own_cache")


def test_an_empty_chain_changes_nothing() -> None:
    assert np.array_equal(apply_chain(chain(), NOISE, RATE), NOISE)


def test_mono_becomes_stereo() -> None:
    assert np.array_equal(apply_chain(chain(), NOISE[0], RATE), np.stack([NOISE[0], NOISE[0]]))


@pytest.mark.parametrize("kind", sorted(set(EFFECTS) - {"convolution"}))
def test_every_effect_is_the_same_in_any_blocks(kind: str) -> None:
    made = chain(EffectSlot("one", kind, mix=0.7))
    whole = apply_chain(made, NOISE, RATE)
    assert whole.shape == NOISE.shape
    assert np.array_equal(in_blocks(made, NOISE, [64, 1000, 4096, 7, 513], {}), whole)


KNOBS = [(kind, knob.name) for kind, effect in EFFECTS.items() for knob in effect.knobs]


@pytest.mark.parametrize(("kind", "name"), KNOBS)
def test_every_knob_turns_something_and_stays_finite(kind: str, name: str) -> None:
    knob = next(knob for knob in EFFECTS[kind].knobs if knob.name == name)
    usual = {"feedback": 0.5} if "feedback" in EFFECTS[kind].names else {}  # some knobs are heard only with it
    swelling = NOISE * np.linspace(0.0, 12.0, RATE, dtype=np.float32)
    ends = (knob.low, knob.high)
    made = [EffectSlot("one", kind, {"gain_db": 6.0, **usual, name: end}) for end in ends]
    if "gain_db" not in EFFECTS[kind].names:
        made = [EffectSlot("one", kind, {**usual, name: end}) for end in ends]
    low, high = (apply_chain(chain(slot), swelling, RATE) for slot in made)
    assert np.all(np.isfinite(low))
    assert np.all(np.isfinite(high))
    assert np.max(np.abs(low - high)) > 1e-3


def test_what_is_late_is_not_shifted() -> None:
    """Limiter, resampler, MP3 and a late plugin: an impulse stays on its frame."""
    click = np.zeros((2, RATE), np.float32)
    click[:, 20000] = 0.5
    slots = (
        EffectSlot("a", "limiter", {"ceiling_db": 0.0}),
        delay_plugin("b"),
        EffectSlot("c", "resample", {"rate_hz": 24000.0}),
        delay_plugin("d"),
    )
    for number in range(1, 5):
        out = apply_chain(chain(*slots[:number]), click, RATE)
        assert out.shape == click.shape
        assert int(np.argmax(np.abs(out[0]))) == 20000


def test_dry_and_wet_of_a_late_plugin_do_not_comb() -> None:
    out = apply_chain(chain(delay_plugin(mix=0.5)), NOISE, RATE)
    assert np.max(np.abs(out - NOISE)) < 1e-6


def test_parallel_branches_are_aligned_and_added() -> None:
    made = chain(
        ParallelSlot(
            "both",
            (
                Branch("dry", -6.0),
                Branch("late", -6.0, (delay_plugin("x"), EffectSlot("limit", "limiter", {"ceiling_db": 0.0}))),
                Branch("inverted", -6.0, (delay_plugin("y"), EffectSlot("invert", "invert"))),
            ),
        )
    )
    out = apply_chain(made, NOISE, RATE)
    assert np.max(np.abs(out - NOISE * 10 ** (-6 / 20))) < 1e-6


def test_a_bypassed_slot_is_not_there() -> None:
    assert np.array_equal(
        apply_chain(chain(EffectSlot("gone", "gain", {"gain_db": 20.0}, bypass=True)), NOISE, RATE), NOISE
    )


def test_mix_runs_from_dry_to_wet() -> None:
    wet = apply_chain(chain(EffectSlot("g", "gain", {"gain_db": 6.0})), NOISE, RATE)
    for mix in (0.0, 0.25, 1.0):
        out = apply_chain(chain(EffectSlot("g", "gain", {"gain_db": 6.0}, mix=mix)), NOISE, RATE)
        assert np.max(np.abs(out - (NOISE * (1 - mix) + wet * mix))) < 1e-7


def test_the_tail_is_what_the_effect_still_says() -> None:
    made = chain(EffectSlot("echo", "delay", {"delay_s": 0.5}))
    out = apply_chain(made, NOISE, RATE, tail_s=1.0)
    assert out.shape == (2, 2 * RATE)
    assert np.max(np.abs(out[:, RATE + RATE // 4 : RATE + RATE // 2])) > 0.05
    assert np.max(np.abs(out[:, -RATE // 4 :])) < 1e-6


def test_convolution_keeps_the_level_of_noise_and_the_place_of_the_response(tmp_path: Path) -> None:
    response = np.zeros((1000, 1))
    response[100] = 0.25  # whatever its level
    soundfile.write(tmp_path / "ir.wav", response, RATE, subtype="FLOAT")
    made = chain(EffectSlot("c", "convolution", {"file": str(tmp_path / "ir.wav")}))
    out = apply_chain(made, NOISE, RATE)
    assert np.max(np.abs(out[:, 100:] - NOISE[:, :-100])) < 1e-5
    assert np.array_equal(in_blocks(made, NOISE, [777], {}), out)


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_the_shortest_impulse_responses_are_what_they_are(tmp_path: Path, frames: int) -> None:
    soundfile.write(tmp_path / "ir.wav", [0.5, 0.0, 0.0][:frames], RATE, subtype="FLOAT")
    made = chain(EffectSlot("c", "convolution", {"file": str(tmp_path / "ir.wav")}))
    assert np.max(np.abs(apply_chain(made, NOISE, RATE) - NOISE)) < 1e-5


def test_an_impulse_response_that_is_too_much_is_not_even_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write(tmp_path / "long.wav", np.ones(31 * 8000), 8000)
    soundfile.write(tmp_path / "wide.wav", np.ones((8000, 4)), 8000)
    monkeypatch.setattr(soundfile, "read", lambda *args, **more: pytest.fail("was decoded"))
    for name, says in (("long", "31.0 s, 1 channels; allowed: 30 s"), ("wide", "1.0 s, 4 channels; allowed: 30 s")):
        with pytest.raises(InputError, match=says):
            read_response(tmp_path / f"{name}.wav")


def test_a_mono_plugin_hears_each_channel_by_itself() -> None:
    made = chain(PluginSlot("echo", hosted.zam_plugin("ZamEQ2")))
    left_only = NOISE * np.array([[1.0], [0.0]], np.float32)
    both, left = apply_chain(made, NOISE, RATE), apply_chain(made, left_only, RATE)
    assert np.array_equal(both[0], left[0])
    assert np.max(np.abs(left[1])) < 1e-6


def test_a_real_limiter_is_late_and_aligned() -> None:
    made = chain(PluginSlot("max", hosted.zam_plugin("ZaMaximX2"), values={"Threshold": PluginValue("0 dB")}))
    out = apply_chain(made, NOISE, RATE)
    lags = [np.dot(out[0, 5000:20000], np.roll(NOISE[0], lag)[5000:20000]) for lag in range(-600, 601)]
    assert int(np.argmax(lags)) - 600 == 0


@pytest.mark.parametrize(("fault", "says"), [("1", "crashed while rendering"), ("3", "not finite")])
def test_a_plugin_that_fails_in_a_chain_is_named(fault: str, says: str) -> None:
    slot = delay_plugin("late")
    slot.values["Fault"] = PluginValue(fault)
    with pytest.raises(BacktuneError, match=says), start(chain(slot), RATE) as running:
        running.push(NOISE)


def test_raw_values_hold_and_a_text_that_differs_is_told() -> None:
    slot = delay_plugin("late")
    slot.values["Gain"] = PluginValue("-3 dB", 0.5)
    with start(chain(slot), RATE) as running:
        assert running.plugins["late"].values()["Gain"].raw == pytest.approx(0.5)
        assert "raw 0.5 shows '-27.0000', the chain says '-3 dB'" in running.warnings[0]
    slot.values["Gain"] = PluginValue("-27 dB", 0.5)
    with start(chain(slot), RATE) as running:
        assert running.warnings == []


def test_a_missing_plugin_is_said_when_it_is_opened() -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        apply_chain(chain(PluginSlot("x", Path("nowhere.vst3"))), NOISE, RATE)
    with pytest.raises(InputError, match="is an instrument, where an effect was asked for"):
        apply_chain(chain(PluginSlot("x", hosted.made_plugin())), NOISE, RATE)


def test_a_chain_that_is_silent_or_too_loud_is_told() -> None:
    assert "nothing comes out of it" in check_chain(chain(EffectSlot("g", "gain", {"gain_db": -80.0}))).warnings
    assert "too loud" in check_chain(chain(EffectSlot("g", "gain", {"gain_db": 40.0}))).warnings[0]


def test_a_check_tells_whether_sounds_touch_each_other() -> None:
    for slots, apart in (
        ((EffectSlot("r", "reverb", mix=0.5), EffectSlot("c", "chorus")), False),
        ((delay_plugin(),), False),
        ((EffectSlot("c", "compressor", {"threshold_db": -40.0}),), True),
    ):
        report = check_chain(chain(*slots), RATE)
        assert (report.superposition_db > -60.0) == apart, report
        assert ("miss the whole" in report_text(report)) == apart


def test_a_check_tells_plugins_with_raw_values() -> None:
    text = " ".join(report_text(check_chain(chain(delay_plugin("late")))).split())  # wherever its lines end
    assert "TestDelay 1.0.0" in text
    assert "Gain 0 dB (raw 0.9091)" in text
    assert "kept for 480 frames" in text or "kept for 512 frames" in text
