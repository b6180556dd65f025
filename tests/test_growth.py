"""Growth: it finds what was put in, refuses what was not, and buys nothing for noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from known_instrument import PITCHES, RATE, breath, core, known_patch, source_of, takes_of

import backtune.growth
import backtune.trial
from backtune.analysis.listen import listen
from backtune.analysis.residual import Residual
from backtune.errors import InputError
from backtune.evidence import Bench, Held
from backtune.fit import comparable
from backtune.fit_plan import Watch
from backtune.growth_record import Step
from backtune.library import library
from backtune.notes import Recording, Take
from backtune.patch import Patch
from backtune.patch_file import dump_patch, patch_bytes
from backtune.workshop import fit_source

OFFERED = ("tonal_core", "breath", "velocity_colour", "note_correction", "loudness_balance")
FEW = ("tonal_core", "breath", "note_correction")  # every further kind costs a render of all held-out takes
NEAR_DB = 2.5  # of what another render of the same instrument with another seed of its noise is apart


def grown(takes: list[Take], kinds: tuple[str, ...], jobs: int = 1) -> Patch:
    """Return a patch grown from takes, of these layer types alone."""
    source = replace(source_of(takes), left_out={"x.wav": "not readable as audio"})
    with pytest.MonkeyPatch.context() as patching:
        for module in (backtune.growth, backtune.trial):
            patching.setattr(module, "library", lambda: {kind: library()[kind] for kind in kinds})
        return fit_source(source, jobs=jobs)


def half(patch: Patch, rate: int = RATE) -> list[Take]:
    """Return the takes at every other pitch."""
    return [take for take in takes_of(patch, rate=rate) if take.midi in PITCHES[::2]]


@pytest.fixture(scope="module")
def plain() -> Patch:
    """A patch grown from an instrument that is a tone and nothing else."""
    return grown(half(known_patch(core())), OFFERED)


@pytest.fixture(scope="module", params=["few", pytest.param("all", marks=pytest.mark.nightly)])
def breathy(request: pytest.FixtureRequest) -> Patch:
    """A patch grown from a tone with breath, among few layer types; at night from twice the takes and among more."""
    known = known_patch(core(), breath())
    return grown(half(known), FEW) if request.param == "few" else grown(takes_of(known), OFFERED)


def test_growth_buys_nothing_for_hiss(plain: Patch) -> None:
    assert plain.kinds == ("tonal_core",)
    refused = {step.kind for step in plain.record if step.action in ("refuse", "decline")}
    assert refused == set(OFFERED) - {"tonal_core"}


def test_growth_finds_breath_and_no_correction(breathy: Patch) -> None:
    assert "breath" in breathy.kinds
    assert "note_correction" not in breathy.kinds
    added = next(step for step in breathy.record if step.action == "add" and step.kind == "breath")
    assert added.gain_db > 0
    assert added.low_db > 0


def test_known_instrument_is_rendered_near(breathy: Patch) -> None:
    assert breathy.quality["unheard_pitches_db"] < NEAR_DB
    assert breathy.quality["unheard_dynamics_db"] < NEAR_DB


def test_what_lies_above_the_recordings_rate_is_not_made_up() -> None:
    patch = grown(half(known_patch(core(), breath()), rate=16000)[:8], FEW[:2])
    assert "breath" in patch.kinds
    assert patch.origin.top_hz == 7200
    sound = patch.render("C4", seconds=1.0)
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    hz = np.fft.rfftfreq(len(sound), 1 / sound.rate)
    assert 10 * np.log10(power[hz > 8000].sum() / power.sum()) < -80  # it was -10 to -30
    assert power[(hz > 5000) & (hz < 7000)].sum() > 1e3 * power[hz > 8000].sum()


def test_noise_without_a_tone_is_refused_in_a_sentence() -> None:
    takes = [
        replace(
            take,
            recording=Recording(samples=0.1 * np.random.default_rng(i).standard_normal(round(2 * RATE)), rate=RATE),
        )
        for i, take in enumerate(takes_of(known_patch(core()))[::2])
    ]
    heard = tuple(
        one for one in listen(takes, struck=True) if not one.tracks.pitch.partials
    )  # noise has some by chance
    assert len(heard) > 2
    bench = Bench([[Held(takes[0], heard[0], "pitches")]], False, 1)
    with pytest.raises(InputError, match="no partial was found in any take; a patch grows from tones"):
        backtune.growth.grow(known_patch(), [Residual(heard, (), struck=True)], bench, budget_bytes=3000)


def test_takes_that_are_not_used_are_told_before_anything_is_fitted() -> None:
    good = takes_of(known_patch(core()))[::4][:3]
    silent = replace(good[0], name="silent", recording=Recording(samples=np.zeros(RATE), rate=RATE))
    said: list[str] = []
    with pytest.raises(InputError, match="only 3 recordings are left"):
        fit_source(source_of([*good, silent]), jobs=1, watch=Watch(said.append))
    assert said == ["silent: left out, silent (it peaks at -240 dBFS)"]


def test_octaves_between_all_labels_and_their_sound_are_told_before_anything_is_fitted() -> None:
    deep = [replace(one, midi=one.midi + 12) for one in takes_of(known_patch(core()))[::4][:3]]
    said: list[str] = []
    with pytest.raises(InputError, match="only 3 recordings are left"):
        fit_source(source_of(deep), jobs=1, watch=Watch(said.append))
    assert said == ["pitch: used with doubt, keys sound 1 octave below their labels, and are fitted and played so"]


def test_dynamics_that_are_labelled_the_wrong_way_round_are_told_before_anything_is_fitted() -> None:
    turned = [replace(one, velocity=160.0 - one.velocity) for one in takes_of(known_patch(core()))[:9]]

    def stop(line: str) -> None:
        raise InputError(line)  # what is told first; nothing else is wanted

    with pytest.raises(InputError, match=r"levels: used with doubt, hard takes are softer than soft .*wrong way"):
        fit_source(source_of(turned), jobs=1, watch=Watch(stop))


def test_notes_too_short_to_tell_struck_from_blown_are_told_before_anything_is_fitted() -> None:
    short = [replace(one, gate_s=(one.onset_s or 0.0) + 0.2) for one in takes_of(known_patch(core()))[::4][:3]]
    said: list[str] = []
    with pytest.raises(InputError, match="only 3 recordings are left"):
        fit_source(replace(source_of(short), family=""), jobs=1, watch=Watch(said.append))
    assert said == [
        "family: used with doubt, no take is held long enough to tell whether notes are struck or blown: "
        "they are fitted as struck"
    ]


def test_files_that_a_source_left_out_are_kept_in_the_record(plain: Patch) -> None:
    assert plain.record[0] == Step("leave out", "x.wav", "not readable as audio")
    assert [step.action for step in plain.record].count("leave out") == 1


def test_every_step_says_why(breathy: Patch) -> None:
    assert all(step.reason for step in breathy.record)
    assert [step.action for step in breathy.record][:2] == ["leave out", "core"]


@pytest.mark.nightly
def test_growth_is_the_same_for_two_workers() -> None:
    one, two = (grown(takes_of(known_patch(core(), breath())), OFFERED, jobs) for jobs in (1, 2))
    assert dump_patch(one) == dump_patch(two)


def test_what_is_measured_is_the_same_for_two_workers(breathy: Patch) -> None:
    takes = takes_of(known_patch(core(), breath()))[:4]
    heard = listen(takes, struck=False)
    held = [[Held(take, one, "pitches") for take, one in zip(takes, heard, strict=True)]]
    assert Bench(held, False, 1).measure([breathy]) == Bench(held, False, 2).measure([breathy])


def test_a_budget_is_kept(breathy: Patch, monkeypatch: pytest.MonkeyPatch) -> None:
    takes = half(known_patch(core(), breath()))
    heard = comparable(listen(takes, struck=False), True)
    bench = Bench([[Held(takes[4], heard[4], "pitches")]], False, 1)
    residual = Residual(heard, (), struck=False)
    for module in (backtune.growth, backtune.trial):
        monkeypatch.setattr(module, "library", lambda: {kind: library()[kind] for kind in OFFERED})
    small = backtune.growth.grown(backtune.growth.grow(known_patch(), [residual], bench, budget_bytes=3000))
    assert small.kinds == ("tonal_core",)
    assert patch_bytes(breathy) > 3000
    assert any("KB allowed" in step.reason for step in small.record)
