"""A decay in two stages is told of the keyboard as a whole, however single overtones fall."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from tolerances import SCATTERED_RATE_OCTAVES
from worlds import WORLDS, core

from backtune.analysis.residual import Residual
from backtune.analysis.tracks import TRACK_TIMES_S
from backtune.fit import beside
from backtune.library import library
from backtune.patch import Patch

SCATTER_DB = 3.0  # of single overtones at 0.3 s


def scattered(residual: Residual) -> Residual:
    """Return takes whose overtones fall each a little otherwise than the law says, by chance."""
    rng = np.random.default_rng(5)
    later = np.sqrt(np.maximum(TRACK_TIMES_S, 0.0) / 0.3)
    heard = []
    for one in residual.heard:
        own_db = SCATTER_DB * rng.normal(size=(len(one.tracks.partial_db), 1)) * later
        heard.append(replace(one, tracks=replace(one.tracks, partial_db=one.tracks.partial_db + own_db)))
    return replace(residual, heard=tuple(heard))


def test_overtones_that_fall_otherwise_do_not_bend_the_rates_from_knot_to_knot(tmp_path: Path) -> None:
    world = WORLDS["two_stage_decay"]
    assert world.layer is not None
    heard = scattered(world.residual(tmp_path))
    found = library()["two_stage_decay"].guess(beside(Patch("core", (core(True),)), heard))
    true_db_s = float(world.layer.laws["prompt_db_s"]())
    octaves = np.log2(np.asarray(found.laws["prompt_db_s"].values) / true_db_s)
    assert np.abs(octaves).max() < SCATTERED_RATE_OCTAVES
