"""Effect chains: read with a path in every message, aligned to the frame, the same in any blocks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import hosted
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from backtune.automation import Curve, curve_of
from backtune.chain import Branch, Chain, EffectSlot, ParallelSlot, PluginSlot, PluginValue
from backtune.chain_check import check_chain, report_data, report_text
from backtune.chain_file import chain_from, open_chain, read_chain, shipped_chains
from backtune.chain_run import apply_chain, start, targets
from backtune.chain_text import chain_text
from backtune.errors import BacktuneError, InputError
from backtune.hosting.effect import read_response
from backtune.hosting.effects import EFFECTS

RATE = 48000
NOISE = (np.random.default_rng(3).standard_normal((2, RATE)) * 0.1).astype(np.float32)
DELAY = 480
HERE = Path(".")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def chain(*slots: EffectSlot | PluginSlot | ParallelSlot) -> Chain:
    return Chain("test", "for tests", tuple(slots))


def delay_plugin(name: str = "late", **changes: object) -> PluginSlot:
    """Return a slot of our plugin that is 480 frames late and says so, at unit gain."""
    path = hosted.made_plugin("TestDelay", f"EFFECT_LATENCY={DELAY}")
    values = {"Gain": PluginValue("0 dB")}
    return PluginSlot(name, path, values=values, **changes)  # type: ignore[arg-type]


def in_blocks(
    made: Chain, audio: np.ndarray, lengths: list[int], curves: dict[str, Curve], tail_s: float = 0.0
) -> np.ndarray:
    """Return `audio` through a chain, pushed in blocks of the given lengths, again and again."""
    out, at = [], 0
    with start(made, RATE, curves) as running:
        while at < audio.shape[1]:
            length = lengths[len(out) % len(lengths)]
            out.append(running.push(audio[:, at : at + length]))
            at += length
        return np.concatenate([*out, running.finish()], axis=1)


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


WRONG = [
    ({"chain": "x", "purpose": "y", "slot": []}, "chain.yaml.slot: unknown; did you mean 'slots'"),
    ({"purpose": "y"}, "chain.yaml.chain: missing"),
    ([{"effect": "reverbb"}], r"slots\[0\].effect: 'reverbb' is no built-in effect; did you mean 'reverb'"),
    ([{"effect": "gain"}, {"effect": "compressor", "treshold_db": -3}], r"slots\[1\].treshold_db: .*'threshold_db'"),
    ([{"effect": "compressor", "ratio": 0.5}], r"slots\[0\].ratio: 0.5 is below the allowed 1"),
    ([{"effect": "compressor", "ratio": "much"}], "'much' is no number"),
    ([{"effect": "compressor", "ratio": True}], "'True' is no number"),
    ([{"effect": "gain", "mix": 2}], r"slots\[0\].mix: 2; allowed: a number in 0..1"),
    ([{"effect": "gain", "bypass": "yes"}], "allowed: true or false"),
    ([{"effect": "ladder", "shape": "low_pas"}], "did you mean 'low_pass'"),
    ([{"effect": "convolution"}], r"slots\[0\].file: missing"),
    ([{"effect": "gain", "plugin": "x.vst3"}], "one of effect, plugin, parallel is needed, 2 given"),
    ([{"efect": "gain"}], "did you mean 'effect'"),
    ([{"parallel": []}], "allowed: a list of branches"),
    ([{"parallel": [{"slots": [{"effect": "peak", "q": 0}]}]}], r"slots\[0\].parallel\[0\].slots\[0\].q: 0 is below"),
    ([{"parallel": [{"gain": 0}]}], r"parallel\[0\].gain: unknown; did you mean 'gain_db'"),
    ([{"effect": "gain", "name": "a"}, {"effect": "peak", "name": "a"}], "names must differ"),
    ([{"effect": "gain", "name": "a.b"}], "holds a point"),
    ([{"plugin": "x.vst3", "parameters": {"Gain": {"text": "1"}}}], "Gain.raw: missing"),
    ([{"plugin": "x.vst3", "parameters": {"Gain": {"raw": 2}}}], "Gain.raw: 2; allowed: a number in 0..1"),
    (["gain"], "allowed: effect, plugin or parallel"),
    ("gain", "allowed: a list of slots"),
]


@pytest.mark.parametrize(("data", "says"), WRONG)
def test_wrong_chains_are_refused_with_the_place(data: object, says: str) -> None:
    whole = data if isinstance(data, dict) else {"chain": "x", "purpose": "y", "slots": data}
    with pytest.raises(InputError, match=says):
        chain_from(whole, "chain.yaml", HERE)


def test_a_missing_plugin_is_said_when_it_is_opened() -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        apply_chain(chain(PluginSlot("x", Path("nowhere.vst3"))), NOISE, RATE)
    with pytest.raises(InputError, match="is an instrument, where an effect was asked for"):
        apply_chain(chain(PluginSlot("x", hosted.made_plugin())), NOISE, RATE)


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


def test_at_least_eight_chains_are_shipped_and_can_be_heard() -> None:
    shipped = shipped_chains()
    assert {"concert_room", "dry_close", "tape", "lo_fi", "wide_chorus", "mastering", "radio", "slap_delay"} <= set(
        shipped
    )
    for name, path in shipped.items():
        made = read_chain(path)
        assert len(made.purpose) > 40, name
        report = check_chain(made, 44100)
        assert report.warnings == (), name
        assert -15 < report.level_change_db < 6, name
        assert path.read_text() == chain_text(made, path.parent), name
        assert report_text(report).startswith(made.name)
        assert report_data(report)
    assert open_chain("tape").name == "Tape"
    with pytest.raises(InputError, match="did you mean 'mastering'"):
        open_chain("masterin")


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


effect_slots = st.builds(
    EffectSlot,
    name=st.just("x"),
    kind=st.sampled_from(sorted(set(EFFECTS) - {"convolution"})),
    mix=st.floats(0, 1),
    bypass=st.booleans(),
)


@given(st.lists(effect_slots, max_size=4), st.text("abc déf-1", min_size=1, max_size=10).filter(str.strip), st.data())
@settings(max_examples=40, deadline=None)
def test_chains_round_trip(
    tmp_path_factory: pytest.TempPathFactory, slots: list[EffectSlot], name: str, data: st.DataObject
) -> None:
    made = []
    for number, slot in enumerate(slots):
        knobs = EFFECTS[slot.kind].knobs
        chosen = data.draw(st.lists(st.sampled_from(knobs), unique=True)) if knobs else []
        values = {knob.name: data.draw(st.floats(knob.low, knob.high)) for knob in chosen}
        made.append(EffectSlot(f"slot {number}", slot.kind, values, slot.mix, slot.bypass))
    plugin = PluginSlot(
        "plug", Path("/x/y.vst3"), "one", values={"A / B": PluginValue("3 dB"), "c": PluginValue(None, 0.5)}
    )
    branches = ParallelSlot("par", (Branch("empty"), Branch("full", -3.5, (*made, plugin))), 0.25)
    whole = Chain(name.strip(), 'for: "tests" #1', (branches,))
    path = tmp_path_factory.mktemp("chains") / "c.yaml"
    path.write_text(chain_text(whole, path.parent), encoding="utf-8")
    assert read_chain(path, [Path("/x")]) == whole
