"""The null control, repeats and baselines: what they measure is what was put in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from known_instrument import HISS_DB, ONSET_S, RATE, SECONDS, breath, core, known_patch, takes_of
from tolerances import NOISE_FLOOR_DB
from worlds import World

from backtune.analysis.listen import listen
from backtune.analysis.residual import Heard, Residual
from backtune.analysis.tracks import TRACK_TIMES_S
from backtune.audit import missing_db, null_control, null_take
from backtune.baselines import measure_baselines
from backtune.encoded import codecs, decode, encode
from backtune.evidence import Bench, Fold, Gain, folds, total
from backtune.growth_record import Audit
from backtune.growth_state import Growth
from backtune.judging import Held
from backtune.notes import NoteEvent, Recording, Take
from backtune.patch import Patch
from backtune.render import render_take
from backtune.repeats import Repeats, measure_repeats
from backtune.tracked import Tracked

MOST_FALSE = 0.05  # of all layers offered; the interval of each is 95 %

Known = tuple[Patch, list[Take], list[Heard]]


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    """A plain tone, three pitches of it at two velocities, and what was heard in them."""
    patch = known_patch(core())
    takes = [take for take in takes_of(patch) if take.midi in (59, 63, 67) and take.velocity != 80]
    return patch, takes, listen(takes, struck=False, cache=tmp_path_factory.mktemp("heard"))


def brighter(patch: Patch, db: float) -> Patch:
    """Return the patch with all overtones above the fourth louder."""
    layer = patch.layer("tonal_core")
    law = layer.laws["spectrum_db"]
    values = law.values + np.where(np.array(law.knots[1]) > 4, db, 0.0)
    return patch.with_layer(type(layer)({**layer.laws, "spectrum_db": law.with_values(values)}))


def test_a_null_has_the_residual_back_with_a_sign_of_chance(known: Known, tmp_path: Path) -> None:
    patch, takes, heard = known
    wrong = brighter(patch, -6.0)
    missed = missing_db(wrong.voice_at(heard[0].note, TRACK_TIMES_S), heard[0])[0][8:14, 18:26]
    assert np.median(missed) == pytest.approx(6.0, abs=1.0)
    signs = set()
    for seed in range(6):
        made = null_take(wrong, takes[0], heard[0], np.random.default_rng(seed))
        (again,) = listen([made], struck=False, cache=tmp_path / str(seed))
        put = missing_db(wrong.voice_at(again.note, TRACK_TIMES_S), again)[0][8:14, 18:26]
        assert abs(np.median(put)) == pytest.approx(6.0, abs=1.5)
        signs.add(np.sign(np.median(put)))
    assert signs == {-1.0, 1.0}


def test_a_null_has_the_noise_of_the_room(known: Known) -> None:
    patch, takes, heard = known
    audio, rate = null_take(patch, takes[0], heard[0], np.random.default_rng(0)).audio()
    before = audio[: round((ONSET_S - patch.lead_s) * rate)]
    heard_db = 10 * np.log10(np.mean(before**2))
    assert heard_db == pytest.approx(HISS_DB, abs=2 * NOISE_FLOOR_DB)  # its 100 ms hold the begin of the tone as well


def test_a_null_has_the_noise_that_was_missing_back_with_the_sign_of_its_tones(tmp_path: Path) -> None:
    note = NoteEvent(63, 120, SECONDS - ONSET_S - 0.02)
    audio = render_take(known_patch(core(), breath(-60.0)), note, ONSET_S, SECONDS, RATE)
    take = Take("breathy", 63, 120, Recording(samples=audio, rate=RATE), "", 1, ONSET_S, SECONDS - 0.02)
    (heard,) = listen([take], struck=False, cache=tmp_path)
    wrong = brighter(known_patch(core(), breath(-68.0)), -6.0)
    for seed in (0, 1):
        made = null_take(wrong, take, heard, np.random.default_rng(seed))
        (again,) = listen([made], struck=False, cache=tmp_path / str(seed))
        tones, noise = missing_db(wrong.voice_at(again.note, TRACK_TIMES_S), again)
        sign = np.sign(np.median(tones[6:11, 18:26]))
        assert sign == (1.0, -1.0)[seed]
        assert sign * np.median(noise[8:16, 18:26]) == pytest.approx(8.0, abs=1.5)


def test_the_rate_counts_all_that_was_offered() -> None:
    audit = Audit(3, 30, 2, 20, {"breath": 2})
    assert audit.rate == 0.04
    assert "2 of 50" in str(audit)
    assert "breath 2 x" in str(audit)
    assert Audit(0, 0, 0).rate == 0.0


def test_repeats_are_as_far_apart_as_they_are_played(known: Known, tmp_path: Path) -> None:
    patch, takes, heard = known
    assert measure_repeats(takes, heard, False, False, 1) == Repeats()
    assert "not known" in str(Repeats())
    again = [replace(one, number=2) for one in takes_of(brighter(patch, 3.0), seed=5)]
    again = [one for one in again if one.midi in (59, 63, 67) and one.velocity != 80]
    late = [_later(one) for one in again]
    both = [*heard, *listen(late, struck=False, cache=tmp_path)]
    found = measure_repeats([*takes, *late], both, False, False, 1)
    same = measure_repeats([*takes, *takes], [*heard, *heard], False, False, 1)
    assert found.pairs == same.pairs == len(takes)
    assert same.distance_db < 0.01
    assert 0.3 < found.distance_db < 4.0
    assert found.floor_db == pytest.approx(found.distance_db / np.sqrt(2))


def _later(take: Take) -> Take:
    """Return a take with 50 ms of silence before it: the same sound, begun later."""
    audio = np.concatenate([np.zeros(RATE // 20), take.recording.samples])  # type: ignore[list-item]
    shift = {name: getattr(take, name) + 0.05 for name in ("onset_s", "gate_s")}
    return replace(take, recording=Recording(samples=audio, rate=RATE), **shift)


def test_nothing_counts_below_the_floor_of_repeats(known: Known) -> None:
    patch, takes, heard = known
    held = [[Held(take, one, "pitches") for take, one in zip(takes, heard, strict=True)]]
    free, floored = Bench(held, False, 1), Bench(held, False, 1, Repeats(9, 30.0))
    before, after = free.measure([brighter(patch, -9.0)]), free.measure([patch])
    assert free.gain(before, after, "pitches", 1).mean_db > 0.3
    assert floored.gain(before, after, "pitches", 1).mean_db == 0.0


def test_a_gain_that_repeats_do_not_share_is_told_by_their_spread(known: Known) -> None:
    patch, takes, heard = known
    twice = [Held(takes[i], heard[i], "pitches") for i in (0, 0, 1, 1)]
    bench = Bench([twice], False, 1)
    (own, *_) = bench.measure([patch])
    part = replace(own, body=own.body + 4.0)  # nothing counts of what is too near to be heard
    far = [replace(part, body=part.body + fall) for fall in (0.0, 4.0, 0.0, 4.0)]
    gain = bench.gain(far, [part] * 4, "pitches", 1)
    assert gain.mean_db == pytest.approx(0.5)
    assert gain.repeats_db > gain.mean_db
    assert Gain(1.0, 0.5, 1.5, 3).repeats_db == 0.0


@pytest.mark.parametrize("codec", codecs())
def test_codecs_give_back_what_they_were_given(codec: str) -> None:
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    data = encode(tone, RATE, codec)
    again = decode(data, RATE, len(tone))
    middle = slice(RATE // 4, 3 * RATE // 4)
    error = np.sqrt(np.mean((again - tone)[middle] ** 2)) / np.sqrt(np.mean(tone[middle] ** 2))
    assert error < (1e-3 if codec == "FLAC" else 0.1)
    assert len(data) < 2 * len(tone)


def test_tracks_alone_come_near_the_note_they_were_measured_on(known: Known) -> None:
    _, takes, heard = known
    held = Held(takes[2], heard[2], "pitches")
    from backtune.judging import judge

    own = judge(Tracked(heard[2].tracks, 0.05), False, held, False).total
    other = judge(Tracked(heard[0].tracks, 0.05), False, held, False).total
    assert own < 3.0 < other


def test_baselines_hold_to_their_bytes_and_more_bytes_come_nearer(known: Known) -> None:
    _, takes, heard = known
    order = [i for i, take in enumerate(takes) if take.midi != 63]
    held = tuple(Held(take, one, "pitches") for take, one in zip(takes, heard, strict=True) if take.midi == 63)
    bench = Bench([list(held)], False, 1)
    found = measure_baselines(takes, heard, [Fold(tuple(order), held)], bench, False, 8000)
    by_name = {name: [b for b in found if b.name == name] for name in dict.fromkeys(b.name for b in found)}
    assert set(by_name) == {*(f"sampler, {c}" for c in codecs()), "harmonic interpolation", "resynthesis"}
    for codec in codecs():
        points = by_name[f"sampler, {codec}"]
        assert points[0].size_bytes <= 8000
        assert points[-1].notes == len(order)
    assert by_name["resynthesis"][0].distance_db < by_name["sampler, FLAC"][0].distance_db
    assert all(b.takes == len(held) for b in found)
    assert total([]) == 0.0


@pytest.mark.nightly
@pytest.mark.parametrize("struck", [True, False])
def test_growth_accepts_next_to_nothing_where_nothing_repeats(struck: bool, tmp_path: Path) -> None:
    world = World(struck)
    takes = world.takes()
    heard = listen(takes, struck, cache=tmp_path)
    divided = folds(takes, heard)
    everything = Residual(tuple(scattered(heard)), (), struck)
    residuals = [replace(everything, heard=tuple(everything.heard[i] for i in fold.fitted)) for fold in divided]
    bench = Bench([fold.held for fold in divided], False, 2)
    state = Growth(residuals, bench, 150_000, (world.patch,) * len(divided), [])
    found = null_control(state, takes, everything.heard, divided)
    print(found)
    assert found.tried + found.declined >= 30
    assert found.rate <= MOST_FALSE


def scattered(heard: list[Heard]) -> list[Heard]:
    """Return takes whose partials stray from any law by 3 dB, each in its own way: the residual of real notes."""
    rng = np.random.default_rng(8)
    out = []
    for one in heard:
        stray = rng.normal(0, 3.0, (one.tracks.partials, 1))
        out.append(replace(one, tracks=replace(one.tracks, partial_db=one.tracks.partial_db + stray)))
    return out
