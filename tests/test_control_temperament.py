"""Temperaments as a control: published tables, Scala files, and names that hold a plus."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from quantities import NOTE, PATCH, frequency
from tolerances import SCALA_CENTS

from backtune.controls.temperament import TEMPERAMENT, tuning_of
from backtune.errors import InputError
from backtune.law import Law
from backtune.notes import NoteEvent
from backtune.scala import write_kbm, write_scl
from backtune.temperaments import SCALES
from backtune.tuning import KeyMap, Scale
from backtune.units import hz_to_midi, ratio_to_cents

# cents above C, as printed: Barbour 1951 and scala's archive (pyth_12, meanquar, werck3, kirnberger3, vallotti, young2)
PUBLISHED = {
    "pythagorean": "0 113.685 203.910 294.135 407.820 498.045 611.730 701.955 815.640 905.865 996.090 1109.775",
    "meantone": "0 76.049 193.157 310.265 386.314 503.422 579.471 696.578 772.627 889.735 1006.843 1082.892",
    "werckmeister3": "0 90.225 192.180 294.135 390.225 498.045 588.270 696.090 792.180 888.270 996.090 1092.180",
    "kirnberger3": "0 90.225 193.157 294.135 386.314 498.045 590.224 696.578 792.180 889.735 996.090 1088.269",
    "vallotti": "0 94.135 196.090 298.045 392.180 501.955 592.180 698.045 796.090 894.135 1000.000 1090.225",
    "young": "0 90.225 196.090 294.135 392.180 498.045 588.270 698.045 792.180 894.135 996.090 1090.225",
    "just": "0 111.731 203.910 315.641 386.314 498.045 590.224 701.955 813.686 884.359 1017.596 1088.269",
    "equal": "0 100 200 300 400 500 600 700 800 900 1000 1100",
}


@pytest.mark.parametrize("name", sorted(SCALES))
def test_temperaments_sound_within_a_hundredth_of_a_cent_of_the_published_tables(name: str) -> None:
    flat = replace(PATCH.without("note_correction"), controls={})
    tuned = flat.with_controls(temperament=name)
    cents = np.array([ratio_to_cents(frequency(tuned, 60 + k) / frequency(flat, 60 + k)) for k in range(12)])
    printed = np.array(PUBLISHED[name].split(), float)
    np.testing.assert_allclose(cents - cents[0] + np.arange(12) * 100.0, printed, atol=SCALA_CENTS)
    assert frequency(tuned, 69) == pytest.approx(frequency(flat, 69), rel=1e-12)


def test_scala_files_tune_the_instrument_and_silent_keys_are_silent(tmp_path: Path) -> None:
    scale, keys = tmp_path / "five.scl", tmp_path / "white.kbm"
    scale.write_text("! five.scl\nslendro\n 5\n 240.\n 480.\n 720.\n 960.\n 2/1\n")
    keys.write_text("12\n0\n127\n60\n69\n440.0\n5\n0\nx\n1\nx\n2\nx\nx\n3\nx\n4\nx\nx\n")
    core = PATCH.layer("tonal_core")
    plain = {name: Law.constant(name, core.laws[name].unit, 0.0) for name in ("stretch_cents", "inharmonicity")}
    flat = PATCH.without("note_correction").with_layer(type(core)({**core.laws, **plain}))
    tuned = flat.with_controls(temperament=f"{scale}+{keys}")
    heard = [frequency(tuned, key) / frequency(tuned, 60) for key in (62, 64, 67, 69, 72)]
    expected = np.array([240.0, 480.0, 720.0, 960.0, 1200.0])
    np.testing.assert_allclose(ratio_to_cents(np.array(heard)), expected, atol=SCALA_CENTS)
    assert np.max(tuned.voice(NoteEvent(61.0), 0.5).partial_db) <= -200.0
    with pytest.raises(InputError, match=r"missing\.scl"):
        PATCH.with_controls(temperament="missing.scl").voice(NOTE, 0.2)


def test_a_scala_file_that_changed_is_read_again(tmp_path: Path) -> None:
    scale = tmp_path / "seven.scl"
    for steps in (7, 10):
        write_scl(scale, Scale("even", tuple(1200.0 * step / steps for step in range(1, steps + 1))))
        assert len(tuning_of(str(scale)).scale.cents) == steps


@pytest.mark.parametrize("name", ["a+b.scl", "a+b.kbm", "a.scl+b+c.kbm"])
def test_a_plus_joins_two_files_and_is_a_letter_elsewhere(tmp_path: Path, name: str) -> None:
    for file in TEMPERAMENT.files_in(name):
        if file.endswith(".scl"):
            write_scl(tmp_path / file, SCALES["just"])
        else:
            write_kbm(tmp_path / file, KeyMap(middle=62, reference_key=69, reference_hz=415.0))
    value = "+".join(str(tmp_path / file) for file in TEMPERAMENT.files_in(name))
    assert tuning_of(value).pitch(69) == pytest.approx(69.0 if name.endswith(".scl") else hz_to_midi(415.0))
