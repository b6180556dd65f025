"""Where the residual sits: each kind of mistake is found in its place, and growth proposes from it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from backtune.analysis.bands import BAND_CENTRES_HZ
from backtune.analysis.observations import Observations
from backtune.analysis.tracks import TRACK_TIMES_S
from backtune.analysis.whereabouts import ONSET_S, PLACES, whereabouts
from backtune.errors import Declined
from backtune.library import library
from backtune.units import midi_to_hz

PITCHES, VELOCITIES = np.arange(36, 84, 3.0), (40.0, 80.0, 120.0)
MOST = 0.6  # of the share that the right place must hold


class Bands:
    """Stands for a residual of which only the ear bands are looked at."""

    def __init__(self, error_db: np.ndarray) -> None:
        notes = [(p, v) for p in PITCHES for v in VELOCITIES]
        shape = (len(notes), len(BAND_CENTRES_HZ), len(TRACK_TIMES_S))
        grid = np.meshgrid(np.arange(len(notes)), BAND_CENTRES_HZ, TRACK_TIMES_S, indexing="ij")
        take, hz, time = (one.ravel() for one in grid)
        pitch, velocity = np.array(notes).T
        error = np.broadcast_to(error_db, shape).ravel()
        at = {"pitch": pitch[take], "velocity": velocity[take], "hz": hz, "time_s": time}
        same = np.zeros(len(error))
        self.bands = Observations(at, error + same, same, np.ones(len(error)), np.zeros(len(error), bool), take)


def errors() -> dict[str, np.ndarray]:
    """Return an error in dB, (takes, bands, times), for each place."""
    rng = np.random.default_rng(1)
    notes = len(PITCHES) * len(VELOCITIES)
    by_band = rng.normal(0, 5, (1, len(BAND_CENTRES_HZ), 1))
    pitch = np.repeat(PITCHES, len(VELOCITIES))
    steps = np.rint(2 * np.log2(BAND_CENTRES_HZ[None, :] / midi_to_hz(pitch)[:, None])).astype(int)
    by_ratio = rng.normal(0, 5, 64)[steps + 20][:, :, None]
    return {
        "onset": np.where(TRACK_TIMES_S < ONSET_S, 8.0, 0.0)[None, None, :],
        "fixed frequency": by_band,
        "following pitch": by_ratio,
        "modulated": rng.normal(0, 5, (notes, len(BAND_CENTRES_HZ), len(TRACK_TIMES_S))) * (TRACK_TIMES_S >= ONSET_S),
        "sustained": rng.normal(0, 5, (notes, len(BAND_CENTRES_HZ), 1)),
    }


@pytest.mark.parametrize("place", PLACES)
def test_a_mistake_is_found_where_it_is(place: str) -> None:
    later = TRACK_TIMES_S >= ONSET_S if place != "onset" else np.ones(len(TRACK_TIMES_S), bool)
    shares = whereabouts(Bands(errors()[place] * later))  # type: ignore[arg-type]
    assert max(shares, key=lambda one: shares[one]) == place
    assert shares[place] > MOST


def test_shares_sum_to_one_and_nothing_has_none() -> None:
    shares = whereabouts(Bands(sum(errors().values())))  # type: ignore[arg-type]
    assert tuple(shares) == PLACES
    assert sum(shares.values()) == pytest.approx(1.0, abs=0.005)
    assert set(whereabouts(Bands(np.zeros((1, 1, 1)))).values()) == {0.0}  # type: ignore[arg-type]


def test_growth_tries_first_what_explains_most_and_records_why(monkeypatch: pytest.MonkeyPatch) -> None:
    from backtune.growth_state import Growth
    from backtune.trial import attempt

    class Nothing:
        everyone, held, repeats, jobs = (), [[]], "", 1

    state = Growth([], Nothing(), 1000, (None,), [])  # type: ignore[arg-type]
    state.__dict__["shares"] = dict(zip(PLACES, (0.1, 0.2, 0.05, 0.15, 0.5), strict=True))
    kinds = sorted(library(), key=state.promise, reverse=True)
    assert library()[kinds[0]].where == ("modulated", "sustained")

    class Declines:
        def grown_by(self, kind: object) -> None:
            raise Declined("nothing here")

    state.__dict__["remains"] = [Declines()]
    monkeypatch.setattr("backtune.growth_state.patch_bytes", lambda patch: 100)
    attempt(state, kinds[0])
    assert state.record[-1].proposed == "modulated holds 50% of what remains"


@pytest.mark.parametrize("kind", sorted(library()))
def test_every_layer_type_says_where_it_may_help(kind: str) -> None:
    where = library()[kind].where
    assert where
    assert set(where) <= set(PLACES)


def test_weights_count() -> None:
    one = Bands(errors()["onset"] + errors()["fixed frequency"])
    light = np.where(one.bands.at["time_s"] < ONSET_S, 0.0, 1.0)
    one.bands = replace(one.bands, weight=light)
    assert whereabouts(one)["onset"] == 0.0  # type: ignore[arg-type]
