"""In which order growth asks the layer types, and how much it asks of each."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from backtune.analysis.distance import PARTS, Distance
from backtune.evidence import Gain
from backtune.growth import CORE, LEAST_CLOSING_SHARE, LEAST_SHARE, _refusal
from backtune.library import library
from backtune.swapping import stands_for, turn

MISSING_DB = 4.0
KINDS = sorted(kind for kind in library() if kind != CORE)


def refusal(kind: str, gain_db: float) -> str:
    """Return why growth refuses a layer that surely wins `gain_db` of 4 dB and costs next to nothing."""
    state = SimpleNamespace(budget_bytes=1000, measured=[Distance(**dict.fromkeys(PARTS, MISSING_DB))])
    gain = Gain(gain_db, 0.9 * gain_db, 1.1 * gain_db, 40)
    return _refusal(state, kind, gain, 100, 0.001, gain)  # type: ignore[arg-type]


def test_strings_are_asked_among_the_laws_and_stand_for_none() -> None:
    tables = {kind for kind in KINDS if library()[kind].mimics}
    assert tables
    assert turn("sympathetic_strings") == turn("velocity_colour") < turn("vibrato") < min(map(turn, tables))
    assert turn("individuality") == max(map(turn, KINDS))
    for kind in KINDS:
        assert stands_for(kind, "sympathetic_strings") == (kind == "sympathetic_strings")
        assert stands_for("sympathetic_strings", kind) == (kind == "sympathetic_strings")


@pytest.mark.parametrize("kind", KINDS)
def test_what_says_no_law_has_to_win_a_share_of_what_is_missing(kind: str) -> None:
    layer = library()[kind]
    share = LEAST_SHARE if layer.mimics else LEAST_CLOSING_SHARE if layer.closes else 0.0
    assert refusal(kind, 1.01 * max(share, 0.02) * MISSING_DB) == ""
    if share:
        assert f"less than {share:.0%} of what is missing" in refusal(kind, 0.99 * share * MISSING_DB)
