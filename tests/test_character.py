"""Character: layers that move or invent are believed where their trait is in takes never fitted, and only there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from worlds import WORLDS, World, core

from backtune.analysis.listen import listen
from backtune.analysis.motion import PARTIALS
from backtune.analysis.movement import CENT_DB, FAST, RATE_HZ, SLOW, movement
from backtune.analysis.residual import Heard, Residual
from backtune.character import TRAITS, as_fitted, character_gain, silenced
from backtune.evidence import Bench, Fold, Gain, folds
from backtune.fit import add_guess
from backtune.library import library
from backtune.notes import NoteEvent, Take
from backtune.patch import Origin, Patch
from backtune.patch_file import read_patch
from backtune.shipped import shipped

RATE = 22050
TRIED = 22  # as in a growth that tries the whole library
KINDS = [kind for kind, layer in library().items() if layer.evidence == "character"]


@dataclass(frozen=True)
class Heardworld:
    """A world's takes, heard and divided."""

    heard: tuple[Heard, ...]
    fold: Fold
    struck: bool

    @property
    def fitted(self) -> Residual:
        """The takes that may be fitted."""
        return Residual(tuple(self.heard[i] for i in self.fold.fitted), (), self.struck)

    @property
    def plain(self) -> Patch:
        """The true tone and nothing else, whose random choices are not those of the world."""
        return Patch("plain", (core(self.struck),), lead_s=0.05, struck=self.struck, origin=Origin(seed=7))

    def gain(self, kind: str, larger: Patch) -> tuple[Gain, str]:
        """What a layer brings nearer of the trait it stands for."""
        bench = Bench([self.fold.held], False, 1)
        return character_gain(library()[kind], [self.plain], [larger], [self.fitted], bench, TRIED)


@cache
def heard_world(kind: str) -> Heardworld:
    """Return the world with a layer of that kind ("struck", "sustained": with none)."""
    world = WORLDS[kind] if kind in WORLDS else World(kind == "struck")
    takes: list[Take] = world.takes()
    heard = tuple(listen(takes, world.struck))
    return Heardworld(heard, folds(takes, heard)[0], world.struck)


def with_layer(kind: str, like: str) -> Patch:
    """Return the tone with the layer found in the world `like`."""
    world = heard_world(like)
    return add_guess(world.plain, library()[kind], world.fitted)


def test_there_are_layers_of_character() -> None:
    assert {"vibrato", "drift", "individuality"} <= set(KINDS)
    assert all(library()[kind].trait in TRAITS for kind in KINDS)
    assert set(KINDS) <= set(WORLDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_trait_is_believed_where_it_is(kind: str) -> None:
    gain, said = heard_world(kind).gain(kind, with_layer(kind, kind))
    assert gain.low_db > 0.3
    assert f"{gain.takes} takes never fitted" in said


@pytest.mark.parametrize("kind", KINDS)
def test_a_trait_is_not_believed_where_it_is_not(kind: str) -> None:
    plain = heard_world("struck" if WORLDS[kind].struck else "sustained")
    gain, _ = plain.gain(kind, with_layer(kind, kind))
    assert gain.high_db < 0


@pytest.mark.parametrize("kind", ["vibrato", "drift"])
def test_too_much_of_a_trait_is_not_believed_either(kind: str) -> None:
    world = heard_world(kind)
    found = with_layer(kind, kind)
    law = {"vibrato": "pitch_cents", "drift": "spread_db"}[kind]
    layer = found.layer(kind)
    wide = type(layer)({**layer.laws, law: layer.laws[law].with_values(4 * layer.laws[law].values)})
    assert world.gain(kind, found.with_layer(wide))[0].high_db < 0


def test_a_layer_that_stands_silent_is_judged_aloud() -> None:
    world, found = heard_world("individuality"), with_layer("individuality", "individuality")
    assert world.gain("individuality", silenced(found, "individuality")) == world.gain("individuality", found)


@pytest.mark.parametrize("name", sorted(shipped("patches")))
def test_a_patch_as_fitted_has_its_controls_where_the_fit_left_them(name: str) -> None:
    patch = read_patch(name)
    loud = {f"{layer.kind}_amount": 1.0 for layer in patch.layers if f"{layer.kind}_amount" in patch.controls}
    moved = patch.with_controls(brightness=3.0, own={"moves": {"level": [0.0, -3.0]}}, **loud)
    assert set(moved.controls) == {"brightness", "own"}
    assert as_fitted(moved).controls == patch.controls


def test_a_layer_that_adds_sound_is_silenced_too() -> None:
    found = with_layer("sympathetic_strings", "sympathetic_strings")
    note, times = NoteEvent(60, 80), np.linspace(0, 1, 50)
    assert silenced(found, "sympathetic_strings").voice_at(note, times).mode_db.max() < -110.0
    assert found.voice_at(note, times).mode_db.max() > -70.0


def test_strings_that_ring_where_none_did_are_not_believed() -> None:
    world = heard_world("sympathetic_strings")
    found = with_layer("sympathetic_strings", "sympathetic_strings")
    layer = found.layer("sympathetic_strings")
    law = layer.laws["string_db"]
    moved = type(layer)({**layer.laws, "string_db": replace(law, knots=(law.knots[0] * 2 ** (0.3 / 12),))})
    assert world.gain("sympathetic_strings", found.with_layer(moved))[0].high_db < 0


def test_silent_character_is_heard_when_the_player_turns_it_up() -> None:
    found = with_layer("individuality", "individuality")
    unheard = NoteEvent(float(next(h.heard.note.midi for h in heard_world("individuality").fold.held)), 80)
    times = np.linspace(0, 1, 50)
    plain, silent = (
        p.voice_at(unheard, times).partial_db
        for p in (heard_world("individuality").plain, silenced(found, "individuality"))
    )
    np.testing.assert_allclose(plain, silent)
    loud = silenced(found, "individuality").with_controls(individuality_amount=1.0).voice_at(unheard, times).partial_db
    assert np.abs(loud - plain)[:12].mean() > 1.0  # audible: two overtones in three off by more than a dB
    np.testing.assert_array_equal(loud, found.voice_at(unheard, times).partial_db)  # and the same every time
    other = replace(found, origin=Origin(seed=8)).voice_at(unheard, times).partial_db
    assert np.abs(other - loud)[:12].mean() > 1.0  # another seed is another instrument of the same kind


@pytest.mark.parametrize("kind", ["drift", "individuality"])
def test_what_is_invented_says_so(kind: str) -> None:
    assert library()[kind].explains.startswith("Invented:")


@pytest.mark.parametrize(("hz", "place"), [(1.5, 2), (5.0, 5), (7.0, 7)])
def test_a_swing_is_found_at_its_rate(hz: float, place: int) -> None:
    times = np.arange(3 * RATE) / RATE
    swing = np.sin(2 * np.pi * hz * times)
    cents, level_db = 6.0, 1.0
    phase = 2 * np.pi * np.cumsum(440 * 2 ** (cents * swing / 1200)) / RATE
    tone = sum(np.sin(n * phase) / n for n in range(1, 5)) * 10 ** (level_db * swing / 20) * 0.1
    tone += 1e-5 * np.random.default_rng(1).standard_normal(len(tone))
    found = movement(np.asarray(tone), RATE, 0.0, 440.0 * np.arange(1.0, PARTIALS + 1), struck=False)
    assert RATE_HZ[place] <= hz < RATE_HZ[place + 1]
    near = slice(max(place - 1, 0), place + 2)  # the window of two seconds spreads a rate a little
    assert np.sqrt(np.sum(found[0, near] ** 2)) == pytest.approx(level_db / np.sqrt(2), rel=0.15)
    assert np.sqrt(np.sum(found[1, near] ** 2)) == pytest.approx(CENT_DB * cents / np.sqrt(2), rel=0.15)
    elsewhere = np.delete(found, np.arange(near.start, near.stop), axis=1)
    assert elsewhere.max() < 0.1


def test_rates_are_divided_once() -> None:
    assert (SLOW.stop, FAST.start, FAST.stop) == (FAST.start, SLOW.stop, len(RATE_HZ) - 1)


def test_a_short_note_tells_of_no_movement() -> None:
    tone = np.sin(np.arange(RATE // 2) * 0.1)
    assert np.isnan(movement(tone, RATE, 0.0, 350.0 * np.arange(1.0, PARTIALS + 1), struck=False)).all()
