"""Patch files: what is written is what is read, and every mistake is told in one sentence."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from some_patches import layers, patches, relaxed, simple_patch

from backtune.errors import InputError
from backtune.law import Law
from backtune.library import library
from backtune.notes import NoteEvent
from backtune.patch import Patch
from backtune.patch_file import dump_patch, parse_patch, patch_bytes, patch_schema, read_patch, write_patch

SCHEMA = patch_schema()
TEXT = dump_patch(simple_patch())


@relaxed
@given(patches())
def test_writing_what_was_read_gives_the_same_bytes(patch: Patch) -> None:
    text = dump_patch(patch)
    assert dump_patch(parse_patch(text)) == text
    assert patch_bytes(patch) == len(text.encode())


@pytest.mark.parametrize("kind", sorted(library()))
@relaxed
@given(data=st.data())
def test_every_law_of_every_layer_type_is_kept_exactly(kind: str, data: st.DataObject) -> None:
    layer = data.draw(layers(library()[kind]))
    (again,) = parse_patch(dump_patch(Patch("x", (layer,)))).layers
    assert list(again.laws) == list(layer.laws)
    for name, law in layer.laws.items():
        other = again.laws[name]
        np.testing.assert_array_equal(other.values, law.values)
        assert [k.tolist() for k in other.knots] == [k.tolist() for k in law.knots]
        same = ("name", "unit", "axes", "form", "step", "provenance")
        assert [getattr(other, one) for one in same] == [getattr(law, one) for one in same]


@pytest.mark.parametrize("kind", sorted(library()))
@pytest.mark.parametrize("step", ["0.5", "0.1", "0.01"])
def test_the_ends_of_every_range_are_inside_it_at_every_resolution(kind: str, step: str) -> None:
    for spec in library()[kind].specs:
        for end in (spec.low, spec.high):
            if Decimal(str(end)) % Decimal(step) == 0:
                spec.check(Law.constant(spec.name, spec.unit, end, step=float(step)), kind)


def test_a_patch_read_back_makes_the_same_voice() -> None:
    patch = simple_patch()
    note = NoteEvent(61.0, 77.0)
    one, other = patch.voice(note, 1.0), parse_patch(dump_patch(patch)).voice(note, 1.0)
    np.testing.assert_array_equal(one.partial_db, other.partial_db)
    np.testing.assert_array_equal(one.partial_hz, other.partial_hz)


@relaxed
@given(patches())
def test_the_schema_accepts_what_is_written_and_other_readers_agree(patch: Patch) -> None:
    text = dump_patch(patch)
    data = yaml.safe_load(text)
    jsonschema.Draft202012Validator(SCHEMA).validate(data)
    assert data["name"] == patch.name


def test_the_schema_itself_is_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_file_reads_from_the_top() -> None:
    keys = [line.split(":")[0] for line in TEXT.splitlines() if line and line[0] not in " #-"]
    assert keys == ["backtune", "name", "origin", "quality", "layers", "record"]
    assert "# tonal core: " + library()["tonal_core"].explains in TEXT
    for default in ("lead_s", "struck"):
        assert default not in TEXT


# What a hand may do to a file -> what it is told. Each edit replaces the first text by the second.
MISTAKES = [
    ("attack_s: {value: 0.004", "attack_s: {value: 0", "layers[0].laws.attack_s: 0 is below the allowed 0.0005 s"),
    ("attack_s: {value: 0.004", "attack_s: {value: soon", "layers[0].laws.attack_s.value: 'soon'; a number is needed"),
    ("attack_s: {value", "attack_s: {valu", "layers[0].laws.attack_s.valu: unknown key; did you mean 'value'?"),
    ("attack_s:", "atack_s:", "layers[0].laws.atack_s: unknown law; did you mean 'attack_s'?"),
    (
        "kind: tonal_core\n",
        "kind: tonal_cor\n",
        "layers[0].kind: 'tonal_cor' is no layer type; did you mean 'tonal_core'?",
    ),
    ("release_s: 0.2", "release_s: 500", "layers[0].laws.release_s: 500 is above the allowed 120 s"),
    ("release_s: 0.2", "release_s: .nan", "layers[0].laws.release_s: nan; a finite number is needed"),
    ("release_s: 0.2", "release_s: [1]", "layers[0].laws.release_s: a list; a number is needed"),
    ("pitch: [30, 60, 90]", "pitch: [30, 90, 60]", "layers[0].laws.stretch_cents.pitch: knots must rise"),
    (
        "values: [-3, 0, 14]",
        "values: [-3, 0]",
        "layers[0].laws.stretch_cents.values: shape (2,) does not fit its knots (3,)",
    ),
    ("values: [-3, 0, 14]", "values: [-3, 0, x]", "layers[0].laws.stretch_cents.values[2]: 'x'; a number is needed"),
    (
        "pitch: [30, 60, 90]",
        "pich: [30, 60, 90]",
        "layers[0].laws.stretch_cents.over.pich: unknown key; did you mean 'pitch'?",
    ),
    ("name: old upright", "nam: old upright", "nam: unknown key; did you mean 'name'?"),
    ("name: old upright", "name: 3", "name: 3; a text is needed"),
    ("name: old upright", "struck: maybe\nname: x", "struck: 'maybe'; true or false is needed"),
    ("release_s: 0.2", "release_s: true", "layers[0].laws.release_s: True; a number is needed"),
    ("release_s: 0.2", "release_s: {form: notes, over: {pitch: [60]}, values: [1]}", "release_s may not be 0"),
    ("step: 0.1", "step: -1", "layers[0].laws.stretch_cents.step: -1 is below the allowed 1e-10"),
    ("release_s: 0.2", "release_s: {value: 5, step: 1.0e-310}", "release_s.step: 1e-310 is below the allowed 1e-10"),
    ("release_s: 0.2", "release_s: {value: 1.0e+308, step: 1.0e-10}", "release_s.values: not all are finite numbers"),
    ("name: old upright", "name: &a old", "anchors and aliases"),
    ("name: old upright", "lead_s: 5000\nname: x", "my.yaml: lead_s: 5000 is above the allowed 2 s"),
    ("name: old upright", "lead_s: -0.1\nname: x", "my.yaml: lead_s: -0.1 is below the allowed 0 s"),
    ("licence: CC0", "pitches: [108, 21]", "my.yaml: origin.pitches: 108 to 21; the lower one is needed first"),
    ("licence: CC0", "pitches: [21, 1e9]", "my.yaml: origin.pitches[1]: 1e+09 is above the allowed 127"),
    ("licence: CC0", "pitches: [-1, 60]", "my.yaml: origin.pitches[0]: -1 is below the allowed 0"),
    ("licence: CC0", "pitches: [60]", "my.yaml: origin.pitches: 1 entries; 2..2 are allowed"),
    ("backtune: 1", "backtune: 99", "written in format 99; this backtune reads up to 1"),
    ("backtune: 1", "other: 1", "not a patch"),
    ("backtune: 1", "backtune: 1\nbacktune: 1", "line 3: the key 'backtune' is there twice"),
    ("name: old upright", "name: &a old\nquality: *a", "anchors and aliases"),
    ("name: old upright", "name: !!python/object:os.system x", "is not allowed"),
    ("name: old upright", "name: [", "not readable as YAML"),
    ("- kind: tonal_core\n", "- kind: tonal_core\n  kind2: 3\n", "layers[0].kind2: unknown key; did you mean 'kind'?"),
    ("takes: 12, tried", "takes: 12.5, tried", "record[1].takes: 12.5; a whole number is needed"),
    ("attack_s: {value: 0.004", "attack_s: {values: [1], value: 0.004", "value and values given; one of"),
]


@pytest.mark.parametrize(("old", "new", "told"), MISTAKES, ids=[told[:50] for *_, told in MISTAKES])
def test_a_mistake_is_told_with_its_place(old: str, new: str, told: str) -> None:
    assert old in TEXT
    with pytest.raises(InputError) as error:
        parse_patch(TEXT.replace(old, new, 1), "my.yaml")
    message = str(error.value)
    assert message.startswith("my.yaml: ")
    assert told in message
    assert "\n" not in message


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(0, exclude_min=True, allow_infinity=False))
def test_a_law_holds_finite_numbers_whatever_its_step(value: float, step: float) -> None:
    try:
        law = Law.constant("x", "", value, step=step)
    except InputError:
        return
    assert np.isfinite(law.values)


def test_a_layer_may_not_be_there_twice() -> None:
    first, rest = TEXT.split("- kind: tonal_core\n")
    layer, record = rest.split("\nrecord:")
    with pytest.raises(InputError, match=r"layers\[1\].kind: 'tonal_core' is there twice"):
        parse_patch(f"{first}- kind: tonal_core\n{layer}\n- kind: tonal_core\n{layer}\nrecord:{record}")


FORMULA = "{form: two_bridges, coefficients: {bass_slope: -0.09, bass: -6, treble_slope: 0.093, treble: -13.6}}"
FORMULA_MISTAKES = [
    ("treble: -13.6", "treble: 2000", "laws.inharmonicity: is not finite on every key"),
    ("treble: -13.6", "treble: -3", "laws.inharmonicity: 1145.96 is above the allowed 0.2"),
    ("treble: -13.6", "trebel: -13.6", "coefficients.trebel: unknown key; did you mean 'treble'?"),
    (", treble: -13.6", "", "laws.inharmonicity.coefficients.treble: missing"),
    ("treble: -13.6", "treble: -13.6, slope: 1", "coefficients.slope: not in exp("),
    ("two_bridges", "two_bridge", "laws.inharmonicity.form: 'two_bridge'; did you mean 'two_bridges'?"),
    ("two_bridges", "grid", "laws.inharmonicity.coefficients: does not belong to the form 'grid'"),
]


def with_law(name: str, law: str) -> str:
    """Return the text with another law in place of the one of that name."""
    start = TEXT.index(f"    {name}:")
    stop = TEXT.index("\n    ", start + 5)
    while TEXT[stop + 5] == " ":
        stop = TEXT.index("\n    ", stop + 5)
    return f"{TEXT[:start]}    {name}: {law}{TEXT[stop:]}"


def test_a_formula_is_kept() -> None:
    text = dump_patch(parse_patch(with_law("inharmonicity", FORMULA)))
    assert "form: two_bridges" in text
    assert dump_patch(parse_patch(text)) == text
    law = parse_patch(text).layers[0].laws["inharmonicity"]
    assert law(pitch=60.0) == pytest.approx(np.exp(-0.09 * 60 - 6) + np.exp(0.093 * 60 - 13.6))


@pytest.mark.parametrize(("old", "new", "told"), FORMULA_MISTAKES, ids=[told[:50] for *_, told in FORMULA_MISTAKES])
def test_a_mistake_in_a_formula_is_told(old: str, new: str, told: str) -> None:
    assert old in FORMULA
    with pytest.raises(InputError) as error:
        parse_patch(with_law("inharmonicity", FORMULA.replace(old, new, 1)))
    assert told in str(error.value)


LOSSES = "{form: losses, coefficients: {ends: -2, ends_slope: 0, inside: -30, power: 2}}"
STROKE = "{form: stroke, coefficients: {level: 0, louder: 0, tilt: 0, corner: 4, shortening: 1}}"
BEYOND = [
    ("fall_db_s", LOSSES.replace("power: 2", "power: 4.5"), "fall_db_s.coefficients.power: 4.5 is above the allowed 4"),
    ("fall_db_s", LOSSES.replace("power: 2", "power: -1"), "fall_db_s.coefficients.power: -1 is below the allowed 0"),
    ("colour_db", STROKE.replace("ing: 1", "ing: 7"), "colour_db.coefficients.shortening: 7 is above the allowed 3"),
]


@pytest.mark.parametrize(("name", "law", "told"), BEYOND, ids=[told for *_, told in BEYOND])
def test_an_exponent_beyond_its_bounds_is_refused(name: str, law: str, told: str) -> None:
    parse_patch(with_law("fall_db_s", LOSSES))
    parse_patch(with_law("colour_db", STROKE))
    with pytest.raises(InputError) as error:
        parse_patch(with_law(name, law))
    assert f"layers[0].laws.{told}" in str(error.value)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate(yaml.safe_load(with_law(name, law)))


def test_an_exponent_beyond_its_bounds_by_its_step_is_refused() -> None:
    with pytest.raises(InputError, match=r"fall_db_s.coefficients.power: 6 is above the allowed 4"):
        parse_patch(with_law("fall_db_s", "{step: 6, " + LOSSES.replace("power: 2", "power: 3.5")[1:]))


TWO_THOUSAND = str(list(range(2000)))
BOMBS: dict[str, tuple[str | bytes, str]] = {
    "deep": ("a: " + "[" * 100_000, "nested deeper|nesting depth"),
    "aliases": ("a: &a [1]\nb: [" + "*a," * 1000 + "*a]", "anchors and aliases"),
    "large": (TEXT + "# " + "x" * 2_000_001, "at most 2000000 are allowed"),
    "digits": ("name: x\nlayers: []\nbacktune: " + "9" * 100_000, "a whole number is needed"),
    "exponent": ("name: x\nlayers: []\nbacktune: 1e99999", "a whole number is needed"),
    "nulls": ("a: \0", "not readable as YAML"),
    "binary": (b"\xff\xfe\x00", "byte 0 is not UTF-8"),
    "documents": ("a: 1\n---\nb: 2", "a second document"),
    "empty": ("", "the file is empty"),
    "flat": ("just words", "not a patch"),
    "keys": ("? [1]\n: 2", "a key must be a plain text"),
    "zeros": (
        with_law(
            "level_db",
            f"{{over: {{pitch: {TWO_THOUSAND}, velocity: {TWO_THOUSAND}}}, rows: \"" + "0\\n" * 2000 + '"}',
        ),
        "4000000 numbers; at most 1000000",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("bomb", "told"), list(BOMBS.values()), ids=list(BOMBS))
def test_hostile_texts_are_refused(bomb: str | bytes, told: str) -> None:
    with pytest.raises(InputError, match=told):
        parse_patch(bomb)


@pytest.mark.parametrize(
    "name", ["no", "On", "y", "null", "~", "1.5", "0x1F", "2024-01-01", "12:30", "a: b", "- a", ""]
)
def test_names_that_look_like_something_else_stay_names(name: str) -> None:
    text = dump_patch(Patch(name, ()))
    assert yaml.safe_load(text)["name"] == parse_patch(text).name == name


def test_numbers_as_people_write_them() -> None:
    for written, value in (("2e-1", 0.2), (".5", 0.5), ("+1", 1.0), ("1.", 1.0), ("1E0", 1.0)):
        law = parse_patch(TEXT.replace("release_s: 0.2", f"release_s: {written}")).layers[0].laws["release_s"]
        assert law() == value


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(TEXT) - 1), st.text(max_size=3), st.integers(0, 6))
def test_no_edit_ends_in_anything_but_a_patch_or_one_sentence(at: int, text: str, gone: int) -> None:
    edited = (TEXT[:at] + text + TEXT[at + gone :]).encode("utf-8", "surrogatepass")
    try:
        patch = parse_patch(edited)
    except InputError:
        return
    assert dump_patch(parse_patch(dump_patch(patch))) == dump_patch(patch)


def no_space(*_: object) -> None:
    """Fail as a full disk does."""
    raise OSError(28, "No space left on device")


def test_writing_leaves_whole_files_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "p.yaml"
    write_patch(simple_patch(), path)
    assert dump_patch(read_patch(path)) == TEXT == path.read_text(encoding="utf-8")
    with pytest.raises(InputError):
        write_patch(Patch("half a character: \ud800", ()), path)
    with monkeypatch.context() as broken:
        broken.setattr("os.replace", no_space)
        with pytest.raises(InputError, match="cannot be written"):
            write_patch(Patch("another", ()), path)
    assert path.read_text(encoding="utf-8") == TEXT
    assert [one.name for one in tmp_path.iterdir()] == ["p.yaml"]


def test_a_patch_larger_than_any_that_is_read_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    write_patch(simple_patch(), path)
    with pytest.raises(InputError, match="at most 2000000 are allowed"):
        write_patch(Patch("x" * 2_000_000, ()), path)
    assert path.read_text(encoding="utf-8") == TEXT


def test_missing_and_unwritable_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.yaml: cannot be read"):
        read_patch(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="cannot be written"):
        write_patch(simple_patch(), tmp_path / "no folder" / "p.yaml")
