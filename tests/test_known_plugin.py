"""A patch fitted to the test instrument, whose sound is known exactly, judged on keys and velocities it never heard."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

import hosted
import numpy as np
import pytest
from tolerances import KNOWN_PLUGIN_DB, KNOWN_PLUGIN_JUDGED_DB

from backtune.comparison import compare
from backtune.hosting.players import open_player
from backtune.hosting.sampling import SamplingPlan, sample
from backtune.note_distance import render_like
from backtune.patch import Patch
from backtune.source import Source, open_source
from backtune.units import midi_to_hz
from backtune.workshop import fit_source

HEARD = SamplingPlan(tuple(range(36, 85, 4)), (32, 64, 96, 127), hold_s=2.0, release_s=0.5)
HELD_OUT = SamplingPlan((38, 46, 54, 62, 70, 78), (48, 110), hold_s=2.0, release_s=0.5)
JUDGE = os.environ.get("BACKTUNE_JUDGE", "")


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Patch, Source]:
    """Return the patch grown from the test instrument, and takes of other keys at other velocities."""
    place = tmp_path_factory.mktemp("known")
    with pytest.MonkeyPatch.context() as changed:
        changed.setenv("XDG_CACHE_HOME", str(place / "cache"))
        with open_player(str(hosted.made_plugin())) as player:
            for name, plan in (("heard", HEARD), ("held", HELD_OUT)):
                sample(player, plan, place / name)
        return fit_source(open_source(place / "heard"), jobs=1), open_source(place / "held")


@pytest.mark.nightly
def test_a_fitted_plugin_is_near_on_notes_never_heard(fitted: tuple[Patch, Source]) -> None:
    patch, held = fitted
    found = compare(patch, held)
    assert len(found.notes) == 12
    assert found.median_db["total"] <= KNOWN_PLUGIN_DB, found


@pytest.mark.nightly
@pytest.mark.skipif(not Path(JUDGE).is_file(), reason="no second judge: BACKTUNE_JUDGE names no file")
def test_a_second_judge_agrees(fitted: tuple[Patch, Source]) -> None:
    spec = importlib.util.spec_from_file_location("second_judge", JUDGE)
    assert spec is not None
    assert spec.loader is not None
    judge: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(judge)
    patch, held = fitted
    scores = []
    for take in held.takes:
        recorded, rendered, rate, onset_s = render_like(patch, take)
        assert rate == judge.SR
        scores.append(judge.judge_pair(recorded, rendered, f0=float(midi_to_hz(take.midi)), onset=onset_s)["D"])
    assert np.median(scores) <= KNOWN_PLUGIN_JUDGED_DB, np.round(scores, 2)
