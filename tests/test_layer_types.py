"""Every layer type of the library keeps its promise: any laws that its specs allow make a sound voice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from some_patches import layers, relaxed, simple_patch

import backtune.report
from backtune.axes import AXES
from backtune.layer import DEPTHS, Layer
from backtune.layout import Layout
from backtune.library import CORE, layer_type, library
from backtune.notes import NoteEvent
from backtune.patch import Patch
from backtune.voice import Voice

KINDS = sorted(library())


def test_the_library_is_not_empty() -> None:
    assert len(KINDS) >= 7


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_type_says_what_it_is(kind: str) -> None:
    found = layer_type(kind)
    assert found.explains.endswith(".")
    assert "\n" not in found.explains
    assert 0 <= found.depth < len(DEPTHS)
    assert found.evidence in ("pitches", "dynamics", "character")
    assert found.references
    assert found.specs
    for spec in found.specs:
        assert spec.low < spec.high
        assert set(spec.axes) <= set(AXES)
        assert spec.sentence
        assert "\n" not in spec.sentence
    assert set(found.replaces) <= {spec.name for spec in layer_type(CORE).specs}
    assert set(found.replaces.values()) <= {spec.name for spec in found.specs}


def test_no_layer_type_is_named_in_the_report() -> None:
    for path in Path(backtune.report.__file__).parent.glob("*.py"):
        named = {kind for kind in KINDS if f'"{kind}"' in path.read_text("utf-8")}
        assert not named, (path.name, named)


@pytest.mark.parametrize("kind", KINDS)
@relaxed
@given(data=st.data())
def test_any_allowed_laws_make_a_voice_that_can_be_played(kind: str, data: st.DataObject) -> None:
    layer: Layer = data.draw(layers(layer_type(kind)))
    note = NoteEvent(data.draw(st.floats(0, 127)), data.draw(st.floats(1, 127)))
    for patch in (Patch("alone", (layer,)), simple_patch().with_layer(layer)):
        voice = patch.voice(note, 0.3)
        playable(voice)
        again = patch.voice(note, 0.3)
        np.testing.assert_array_equal(voice.partial_db, again.partial_db)
        np.testing.assert_array_equal(voice.noise_db, again.noise_db)


def playable(voice: Voice) -> None:
    """Raise when the arrays of a voice do not belong together, are not finite, or have no frequency."""
    Layout(voice, 44100, hearing=False)
    assert np.all(voice.partial_hz > 0)
    assert np.all(voice.mode_decay_s > 0)
    assert np.all(voice.partial_release_db_s >= 0)
