"""Files of effect chains: read with a path in every message, written back the same, some shipped."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtune.chain import Branch, Chain, EffectSlot, ParallelSlot, PluginSlot, PluginValue
from backtune.chain_check import check_chain, report_data, report_text
from backtune.chain_file import chain_from, open_chain, read_chain, shipped_chains
from backtune.chain_text import chain_text
from backtune.errors import InputError
from backtune.hosting.effects import EFFECTS

HERE = Path(".")
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
