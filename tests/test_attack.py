"""How a note begins is read from short windows, alone and beside what comes with the tone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from known_instrument import breath, core, known_patch, takes_of
from tolerances import ATTACK_STEPS

from backtune.analysis.attack import ATTACKS_S, measure_attack, refined_attack
from backtune.analysis.listen import listen
from backtune.analysis.residual import Heard, Residual
from backtune.analysis.tracks import TRACK_TIMES_S
from backtune.fit import beside
from backtune.layers.tonal_core import TonalCore
from backtune.patch import Patch

ONE_STEP = ATTACKS_S[1] / ATTACKS_S[0]


def attacking(patch: Patch, attack_s: float) -> Patch:
    """Return the patch with another attack."""
    layer = patch.layer("tonal_core")
    return patch.with_layer(type(layer)({**layer.laws, "attack_s": layer.laws["attack_s"].with_values(attack_s)}))


def heard_of(patch: Patch, tmp_path) -> Heard:  # type: ignore[no-untyped-def]
    """Return what is heard in a loud take of a patch."""
    (take,) = [take for take in takes_of(patch) if take.midi == 67 and take.velocity == 120]
    return listen([take], struck=False, cache=tmp_path)[0]


@pytest.mark.parametrize("attack_s", [0.006, 0.012, 0.04])
def test_an_attack_is_found_to_a_step(attack_s: float, tmp_path) -> None:  # type: ignore[no-untyped-def]
    found = measure_attack(heard_of(attacking(known_patch(core()), attack_s), tmp_path).tracks)
    assert found is not None
    assert abs(np.log(found[0] / attack_s)) < ATTACK_STEPS * np.log(ONE_STEP)


@pytest.mark.parametrize("started_s", [0.015, 0.03, 0.055])
def test_an_attack_is_refined_beside_the_noise_that_comes_with_it(started_s: float, tmp_path) -> None:  # type: ignore[no-untyped-def]
    true = attacking(known_patch(core(), breath()), 0.03)
    heard = heard_of(true, tmp_path)
    voice = attacking(true, started_s).voice_at(heard.note, TRACK_TIMES_S)
    found = refined_attack(heard.tracks, voice, started_s)
    assert found is not None
    assert abs(np.log(found / 0.03)) <= 1.01 * np.log(2) / 4


def test_noise_that_covers_the_tone_tells_no_attack(tmp_path) -> None:  # type: ignore[no-untyped-def]
    heard = heard_of(known_patch(core(), breath()), tmp_path)
    voice = known_patch(core(), breath()).voice_at(heard.note, TRACK_TIMES_S)
    assert refined_attack(heard.tracks, voice.with_(partial_db=voice.partial_db - 80.0), 0.03) is None
    silent = replace(heard.tracks, band_db=np.full_like(heard.tracks.band_db, np.nan))
    assert refined_attack(silent, voice, 0.03) is None
    assert measure_attack(silent) is None


def test_an_attack_that_no_take_tells_is_assumed_to_take_10_ms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    takes = [take for take in takes_of(known_patch(core())) if take.velocity == 120][:2]
    heard = tuple(listen(takes, struck=False, cache=tmp_path))
    monkeypatch.setattr("backtune.layers.tonal_core.measure_attack", lambda tracks: None)
    law = TonalCore.guess(beside(known_patch(), Residual(heard, (), struck=False))).laws["attack_s"]
    assert law.provenance == "assumed"
    assert law() == pytest.approx(0.01)
