"""Plots: any law is drawn, files are whole and the same each time, and curves differ without colour."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from some_patches import laws, relaxed, simple_patch

from backtune.cli import main
from backtune.errors import InputError
from backtune.growth_record import Step
from backtune.law import Law, LawSpec
from backtune.patch_file import write_patch
from backtune.report.html_parts import svg
from backtune.report.plot_axes import axis_points, label_of, ticks, warp
from backtune.report.plot_growth import growth_figure, growth_steps
from backtune.report.plot_voice import balance_figure, overtone_levels
from backtune.report.plots import MOST_LINES, figure, heat_map, law_figure, save_figure, style

ANY = LawSpec("x", "dB", -50, 50, "a test", ("pitch", "velocity", "partial", "hz", "time_s"))
PITCHES = (36.0, 96.0)


@settings(relaxed, max_examples=10)
@given(st.data())
def test_any_law_with_axes_is_drawn(data: st.DataObject) -> None:
    law = data.draw(laws(ANY).filter(lambda law: law.axes))
    drawn = law_figure(law, ANY, PITCHES)
    assert drawn.axes
    ElementTree.fromstring(svg(drawn, "one", "words"))


def test_a_law_that_is_one_number_is_told_as_a_number() -> None:
    with pytest.raises(InputError, match=r"attack_s: is one number, 0\.004 s"):
        law_figure(simple_patch().layer("tonal_core").laws["attack_s"], ANY, PITCHES)


def test_the_line_is_the_law_and_the_dots_are_the_notes() -> None:
    patch = simple_patch()
    law, spec = patch.layers[0].laws["stretch_cents"], patch.layers[0].specs[0]
    dots = (np.array([40.0, 70.0]), np.array([1.0, -2.0]))
    (axes,) = law_figure(law, spec, PITCHES, dots).axes
    lines = {str(line.get_label()): line for line in axes.get_lines()}
    x, y = lines["law"].get_data()
    np.testing.assert_array_equal(y, law(pitch=x))
    np.testing.assert_array_equal(lines["recorded notes"].get_ydata(), dots[1])


def test_notes_stand_beside_the_fundamental_of_a_law_over_overtones() -> None:
    patch = simple_patch()
    law, spec = patch.layers[0].laws["spectrum_db"], patch.layers[0].specs[3]
    above, below = law_figure(law, spec, PITCHES, (np.array([40.0]), np.array([3.0]))).axes
    x, y = above.get_lines()[0].get_data()
    np.testing.assert_array_equal(y, law(pitch=x, partial=1.0))
    assert [str(line.get_label()) for line in below.get_lines()][::2] == ["overtone 1", "overtone 4", "overtone 16"]


def test_names_in_the_growth_plot_cover_neither_marks_nor_each_other() -> None:
    kinds = ("breath", "onset_noise", "body_modes", "vibrato", "drift", "strike_comb")
    steps = [
        Step("refuse", kind, "", distance_db=5.0 + i / 400, size_bytes=9000 + 30 * i) for i, kind in enumerate(kinds)
    ]
    core = Step("core", "tonal_core", "", distance_db=6.0, size_bytes=1000)
    drawn = growth_figure(replace(simple_patch(), record=(core, *steps)))
    drawn.draw_without_rendering()
    (axes,) = drawn.axes
    boxes = [text.get_window_extent() for text in axes.texts]
    assert 1 < len(boxes) < 7  # not all six have room
    for index, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:index])
        for line in axes.get_lines():
            assert not any(box.contains(*at) for at in axes.transData.transform(line.get_xydata()))


def test_few_curves_differ_in_dash_and_marker() -> None:
    patch = simple_patch()
    knots = np.linspace(20, 120, MOST_LINES)
    law = Law("level_db", "dB", np.zeros((1, MOST_LINES)), ("pitch", "velocity"), (np.array([60.0]), knots))
    (axes,) = law_figure(law, patch.layers[0].specs[2], PITCHES).axes
    told = [line for line in axes.get_lines() if not str(line.get_label()).startswith("_")]
    marks = [line for line in axes.get_lines() if line.get_marker() not in ("None", "")]
    assert len({line.get_linestyle() for line in told}) == MOST_LINES
    assert len({line.get_marker() for line in marks}) == MOST_LINES


def test_shades_rise_in_lightness_so_that_grey_tells_them_apart() -> None:
    with style():
        axes = figure().subplots()
        heat_map(axes, np.arange(2.0), np.arange(2.0), np.array([[0.0, 1.0], [2.0, 3.0]]), "dB")
        colours = axes.collections[0].get_cmap()(np.linspace(0, 1, 32))[:, :3]
    assert np.all(np.diff(colours @ [0.2126, 0.7152, 0.0722]) > 0)


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
def test_files_are_written_whole(tmp_path: Path, suffix: str) -> None:
    patch = simple_patch()
    drawn = law_figure(patch.layers[0].laws["level_db"], patch.layers[0].specs[2], PITCHES)
    path = tmp_path / f"level{suffix}"
    save_figure(drawn, path)
    start = {".svg": b"<?xml", ".png": b"\x89PNG", ".pdf": b"%PDF"}[suffix]
    assert path.read_bytes().startswith(start)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_the_same_plot_gives_the_same_svg(tmp_path: Path) -> None:
    patch = simple_patch()
    for name in ("one.svg", "two.svg"):
        save_figure(law_figure(patch.layers[0].laws["level_db"], patch.layers[0].specs[2], PITCHES), tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_another_suffix_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"did you mean '\.svg'"):
        save_figure(figure(), tmp_path / "plot.svgz")


def test_growth_is_drawn_as_the_record_says() -> None:
    record = (
        Step("core", "tonal_core", "first", distance_db=6.0, size_bytes=1000),
        Step("decline", "breath", "nothing here"),
        Step("add", "breath", "won", 0.5, 0.4, 0.6, 5.5, 2000),
        Step("refuse", "onset_noise", "chance", 0.1, -0.1, 0.3, 5.4, 4000),
    )
    patch = replace(simple_patch(), record=record)
    assert [number for number, _ in growth_steps(patch)] == [1, 3, 4]
    (axes,) = growth_figure(patch).axes
    lines = {str(line.get_label()): np.asarray(line.get_xydata()).tolist() for line in axes.get_lines()}
    assert lines["kept"] == [[1.0, 6.0], [2.0, 5.5]]
    assert lines["refused (had it been taken)"] == [[4.0, 5.4]]
    assert lines["the patch as it is"] == [[1.0, 6.0]]  # it has the core alone
    assert {text.get_text() for text in axes.texts} == {"tonal core", "breath", "onset noise"}


def test_overtone_levels_are_those_of_the_voice() -> None:
    patch = simple_patch()
    core = patch.layers[0].laws
    level = overtone_levels(patch, np.array([60.0]), 90.0)
    at = {"pitch": 60.0, "velocity": 90.0}
    difference = level[3, 0] - level[0, 0]
    spectrum = core["spectrum_db"](partial=4.0, **at) - core["spectrum_db"](partial=1.0, **at)
    assert difference == pytest.approx(spectrum, abs=0.01)  # both fall alike: no law of fall over overtones


@pytest.mark.parametrize("pitches", [(60.5, 60.5), (60.3, 60.7), (60.5, 61.5)])
def test_overtones_of_notes_between_two_keys_are_drawn_where_they_lie(pitches: tuple[float, float]) -> None:
    patch = simple_patch()
    soft, *_ = balance_figure(replace(patch, origin=replace(patch.origin, pitches=pitches))).axes
    low, high = soft.get_xlim()
    assert low <= sum(pitches) / 2 <= high


@pytest.mark.parametrize("axis", ["pitch", "velocity", "partial", "hz", "time_s"])
def test_points_are_even_for_the_ear_and_ticks_lie_inside(axis: str) -> None:
    knots = {"pitch": (30, 90), "velocity": (20, 120), "partial": (1, 60), "hz": (60, 9000), "time_s": (-0.02, 6)}[axis]
    law = Law("x", "", np.zeros(2), (axis,), (np.array(knots, float),))
    at = axis_points(law, axis, (30.0, 90.0), 50)
    steps = np.diff(warp(axis, at))
    assert (at[0], at[-1]) == knots
    np.testing.assert_allclose(steps, steps.mean(), rtol=0.02)
    assert all(knots[0] <= x <= knots[1] for x, _ in ticks(axis, *map(float, knots)))


def test_labels_name_the_unit_once() -> None:
    assert label_of(Law.constant("fall_db_s", "dB/s", 1.0)) == "fall, dB/s"
    assert label_of(Law.constant("stretch_cents", "cents", 1.0)) == "stretch, cents"
    assert label_of(Law.constant("inharmonicity", "", 1.0)) == "inharmonicity"


def test_the_command_draws_a_law_and_growth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "upright.yaml"
    write_patch(simple_patch(), path)
    assert main(["plot", str(path), "--law", "inharmonicity", "-o", str(tmp_path / "b.png")]) == 0
    assert (tmp_path / "b.png").read_bytes().startswith(b"\x89PNG")
    assert main(["plot", str(path), "--growth", "-o", str(tmp_path / "growth.svg")]) == 0
    capsys.readouterr()
    assert main(["plot", str(path), "--law", "inharmony", "-o", str(tmp_path / "c.png")]) == 2
    assert "did you mean 'inharmonicity'" in capsys.readouterr().err
    assert main(["plot", str(path)]) == 2
    assert "one of --law, --growth is needed" in capsys.readouterr().err
    assert sorted(one.name for one in tmp_path.iterdir()) == ["b.png", "growth.svg", "upright.yaml"]
