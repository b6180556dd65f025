"""What remains of takes: levels nobody hears only bound a law."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from known_instrument import known_patch, takes_of

from backtune.analysis.listen import listen
from backtune.analysis.residual import HEARD_RANGE_DB, HIDDEN_WEIGHT, Residual
from backtune.fit import beside


def test_a_level_below_hearing_speaks_against_a_render_that_is_heard_there() -> None:
    patch = known_patch()
    heard = listen(takes_of(patch)[:1], struck=False)[0]
    soft = heard.tracks.partial_db.copy()
    top = np.nanmax(soft)
    soft[2] = top - HEARD_RANGE_DB - 20.0  # the third partial: softer than anybody hears, and clearly seen
    tracks = replace(heard.tracks, partial_db=soft, floor_db=np.full(soft.shape, -300.0))
    seen = beside(patch, Residual((replace(heard, tracks=tracks),), (), struck=False)).partials
    third = seen.at["partial"] == 3
    assert third.any()
    assert np.all(seen.hidden[third])
    np.testing.assert_allclose(seen.measured_db[third], top - HEARD_RANGE_DB, atol=3.0)  # its loudest, later than 10 ms
    sticks_out = seen.rendered_db[third].min()  # wherever it was, this much more is above what is heard
    assert np.all(seen.weight_given(top - sticks_out)[third] >= HIDDEN_WEIGHT)
    assert np.all(seen.weight_given(-300.0)[third] == 0.0)  # nothing is asked of one that is as soft
