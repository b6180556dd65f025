"""Screening: each kind of wrong note is found by name, and good recordings are left alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from recordings import RATE, blown, struck, write

from backtune.errors import InputError
from backtune.notes import Recording, Take
from backtune.screening import Screening, require_enough, screen
from backtune.source import Source, open_source
from backtune.units import cents_to_ratio, midi_to_hz, note_name
from backtune.workshop import _findings

Floats = NDArray[np.float64]
CORPORA = os.environ.get("BACKTUNE_RECORDINGS", "")


def take(midi: int, audio: Floats | None = None, name: str = "", velocity: float = 90.0, **facts: object) -> Take:
    sound = struck(midi, velocity, seconds=4.0) if audio is None else audio
    return Take(name or note_name(midi), midi, velocity, Recording(samples=sound, rate=RATE), **facts)  # type: ignore[arg-type]


def scale(*extra: Take) -> list[Take]:
    return [*(take(midi) for midi in (48, 52, 55, 60, 64, 67, 72)), *extra]


def findings(result: Screening) -> dict[str, list[tuple[str, str]]]:
    return {
        what: [(one.take, one.reason) for one in getattr(result, what)] for what in ("left_out", "mended", "doubtful")
    }


def test_good_notes_are_left_alone() -> None:
    takes = scale()
    result = screen(takes)
    assert result.kept == takes
    assert findings(result) == {"left_out": [], "mended": [], "doubtful": []}


def clipped(audio: Floats) -> Floats:
    return np.clip(audio, -0.2 * np.max(audio), 0.2 * np.max(audio))


WRONG: dict[str, tuple[Callable[[], Floats], str]] = {
    "a semitone off": (lambda: struck(58, seconds=4.0), "sounds as A#3, -1 semitones from its label B3"),
    "an octave off": (lambda: struck(71, seconds=4.0), r"sounds as B4, \+12 semitones"),
    "clipped": (lambda: clipped(struck(59, seconds=4.0)), r"clipped \(\d+ flat tops\)"),
    "silent": (lambda: np.full(RATE, 1e-5), r"silent \(it peaks at -100 dBFS\)"),
    "zeros": (lambda: np.zeros(RATE), r"silent \(it peaks at -240 dBFS\)"),
    "constant": (lambda: np.full(RATE, 0.25), "silent"),
    "short": (lambda: struck(59)[:441], r"only \d+ ms long after its onset at 0\.\d+ s; at least 100 are needed"),
    "nan": (lambda: np.where(np.arange(RATE) == 99, np.nan, struck(59)[:RATE]), "holds NaN or infinite samples"),
    "empty": (lambda: np.zeros(0), r"holds no audio \(0 samples\)"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_note_is_left_out_by_name_with_the_reason(what: str) -> None:
    import re

    make, reason = WRONG[what]
    result = screen(scale(take(59, make(), name=what)))
    assert len(result.kept) == 7
    ((name, says),) = findings(result)["left_out"]
    assert name == what
    assert re.search(reason, says)


def test_a_note_released_at_once_or_above_its_recording_s_rate_is_left_out() -> None:
    early = take(59, name="early", onset_s=0.5, gate_s=0.4)
    high = Take("high", 118, 90.0, Recording(samples=struck(60, seconds=4.0), rate=16000))
    slow = Take("slow", 40, 90.0, Recording(samples=struck(60, seconds=4.0), rate=6000))
    assert findings(screen(scale(early, high, slow)))["left_out"] == [
        ("early", "only 0 ms long after its onset at 0.500 s; at least 100 are needed"),
        ("high", "A#8 is 7459 Hz, more than a recording at 16000 Hz holds"),
        ("slow", "recorded at 6000 Hz; patches are rendered at 8000..384000 Hz"),
    ]


def test_duplicates_are_left_out() -> None:
    result = screen(scale(take(60, name="copy")))
    assert findings(result)["left_out"] == [("copy", "the same audio as 'C4'")]


def test_unreadable_files_are_left_out_in_one_sentence(tmp_path: Path) -> None:
    good = write(tmp_path / "C4.wav", struck(60, seconds=4.0))
    bad = tmp_path / "D4.wav"
    bad.write_text("text")
    cut = tmp_path / "E4.flac"
    soundfile.write(cut, struck(64), RATE)
    cut.write_bytes(cut.read_bytes()[:60])
    takes = [Take(path.name, 60 + 2 * index, 90.0, Recording(path=path)) for index, path in enumerate((good, bad, cut))]
    result = screen(takes)
    assert [one.name for one in result.kept] == ["C4.wav"]
    assert [one.take for one in result.left_out] == ["D4.wav", "E4.flac"]
    assert all("\n" not in one.reason and str(tmp_path) not in one.reason for one in result.left_out)


def test_a_constant_offset_is_subtracted() -> None:
    result = screen(scale(take(59, struck(59, seconds=4.0) + 0.02, name="offset")))
    assert findings(result)["mended"] == [("offset", "a constant offset of +0.0200 was subtracted")]
    mended = result.kept[-1].audio()[0]
    assert abs(float(np.mean(mended))) < 1e-6
    assert np.max(np.abs(mended - struck(59, seconds=4.0))) < 1e-3


def test_a_constant_offset_is_no_decay_that_was_cut() -> None:
    result = screen(scale(take(59, struck(59, 30.0, seconds=4.0) + 0.15, name="offset")))
    assert findings(result)["doubtful"] == []


def test_an_offset_below_a_hundredth_of_the_peak_is_left_alone() -> None:
    leaning = take(59, struck(59, seconds=4.0) + 0.002, name="leaning")  # of a peak of 0.35
    result = screen([leaning])
    assert findings(result) == {"left_out": [], "mended": [], "doubtful": []}
    assert result.kept == [leaning]


def test_an_offset_under_a_gain_is_subtracted_once() -> None:
    quiet = Take("quiet", 59, 90.0, Recording(samples=(struck(59, seconds=4.0) + 0.02) / 4, rate=RATE, gain_db=12.0412))
    assert abs(float(np.mean(screen(scale(quiet)).kept[-1].audio()[0]))) < 1e-5


@pytest.mark.parametrize("cents", [-52.0, 52.0])
def test_a_mistuned_note_is_retuned_to_its_neighbours(cents: float) -> None:
    high = [take(midi, struck(midi, seconds=4.0)) for midi in (86, 88, 90, 91, 93)]
    rate = round(RATE * float(cents_to_ratio(cents)))
    odd = Take("odd", 92, 90.0, Recording(samples=struck(92, seconds=4.0), rate=rate), onset_s=0.5, gate_s=3.0)
    result = screen([*high, odd])
    ((name, reason),) = findings(result)["mended"]
    assert name == "odd"
    assert "from its neighbours' tuning; it was retuned by" in reason
    mended = result.kept[-1]
    assert mended.audio()[1] == pytest.approx(RATE, abs=RATE * 0.012)  # within 20 cents
    onset, gate = (round(one * mended.audio()[1]) for one in (mended.onset_s or 0, mended.gate_s or 0))
    assert onset == pytest.approx(0.5 * rate, abs=1)  # the same samples of the recording as before
    assert gate == pytest.approx(3.0 * rate, abs=2)


def test_stretched_tuning_is_no_mistake() -> None:
    stretched = [
        Take(note_name(midi), midi, 90.0, Recording(samples=struck(midi, seconds=4.0), rate=round(RATE * ratio)))
        for midi in range(60, 109, 4)
        if (ratio := float(cents_to_ratio(40.0 * ((midi - 60) / 48) ** 2)))
    ]
    assert findings(screen(stretched)) == {"left_out": [], "mended": [], "doubtful": []}


@pytest.mark.parametrize(("below_cents", "told"), [(5.0, "doubtful"), (-15.0, "mended")])
def test_the_highest_note_may_leave_its_neighbours_as_a_grand_does(below_cents: float, told: str) -> None:
    tuned = {88: 0.0, 91: 0.0, 94: below_cents, 95: below_cents, 100: 55.0}
    takes = [
        Take(str(midi), midi, 90.0, Recording(samples=struck(midi, seconds=4.0), rate=round(RATE * ratio)))
        for midi, cents in tuned.items()
        if (ratio := float(cents_to_ratio(cents)))
    ]
    found = findings(screen(takes))
    assert [name for name, _ in found[told]] == ["100"]
    assert sum(len(one) for one in found.values()) == 1


def test_a_cut_decay_and_a_few_flat_tops_are_mentioned_only() -> None:
    result = screen(scale(take(59, struck(59, seconds=4.0)[:20000], name="cut"), take(50, blown(50), gate_s=1.4)))
    ((name, reason),) = findings(result)["doubtful"]
    assert name == "cut"
    assert "the decay was cut" in reason
    flat = struck(59, seconds=4.0)
    top = int(np.argmax(flat))
    for start in (top + 1000, top + 2000):
        flat[start : start + 5] = flat[top]
    assert "2 flat tops" in findings(screen(scale(take(59, flat, name="flat"))))["doubtful"][0][1]


def bent(midi: int, cents: Floats) -> Floats:
    """Return a tone of 8 overtones whose pitch goes so far from its key, cents over its samples."""
    phase = 2 * np.pi * np.cumsum(midi_to_hz(midi) * cents_to_ratio(cents)) / RATE
    return np.asarray(sum(0.1 / number * np.sin(number * phase) for number in range(1, 9)))


def test_a_slide_into_a_note_and_a_singer_s_vibrato_are_neither_wrong_nor_mistuned() -> None:
    times = np.arange(2 * RATE) / RATE
    slide = -200.0 * np.clip(1 - times / 0.4, 0, 1)
    swings = [80.0 * np.sin(2 * np.pi * (4.0 + 0.2 * turn) * times + turn) for turn in range(8)]
    sung = [take(55 + 2 * turn, bent(55 + 2 * turn, cents), gate_s=2.0) for turn, cents in enumerate(swings)]
    slid = take(62, bent(62, slide), name="slid", gate_s=2.0)
    wrong = take(64, bent(63, swings[0] / 4), name="wrong", gate_s=2.0)
    result = screen([*sung, slid, wrong])
    assert result.mended == []
    assert [one.take for one in result.left_out] == ["wrong"]
    assert all("its pitch moves" in one.reason for one in result.doubtful)
    assert result.doubtful


@pytest.mark.parametrize(("bits", "loud"), [(8, 1.0), (16, 0.01)])
def test_tops_that_coarse_steps_make_flat_are_not_clipped(bits: int, loud: float) -> None:
    def stepped(audio: Floats) -> Floats:
        return np.round(loud * audio * 2 ** (bits - 1)) / 2 ** (bits - 1)

    low = [take(midi, stepped(blown(midi)), gate_s=1.4) for midi in (28, 33, 40, 45, 52)]
    spoilt = take(48, stepped(clipped(blown(48))), name="clipped", gate_s=1.4)
    assert [(name, says[:7]) for name, says in findings(screen([*low, spoilt]))["left_out"]] == [("clipped", "clipped")]


def test_takes_can_be_kept_by_name() -> None:
    odd = take(59, struck(58, seconds=4.0), name="odd")
    assert screen(scale(odd), keep={"odd"}).kept[-1] is odd
    unreadable = take(59, np.zeros(0), name="odd")
    assert len(screen(scale(unreadable), keep={"odd"}).kept) == 7


def test_what_could_be_mended_is_kept_as_it_is_by_name() -> None:
    leaning = take(59, struck(59, seconds=4.0) + 0.02, name="leaning")
    result = screen([leaning], keep={"leaning"})
    assert result.kept[0] is leaning
    assert result.mended == []


def test_levels_that_do_not_follow_the_dynamics_are_noticed() -> None:
    natural = [take(midi, velocity=speed, name=f"{midi} {speed}") for midi in (48, 55, 60) for speed in (30.0, 110.0)]
    assert screen(natural).levels_natural is True
    alike = [
        take(midi, struck(midi, 90.0) * (1 + 1e-3 * speed / 127), velocity=speed, name=f"{midi} {speed}")
        for midi in (48, 55, 60)
        for speed in (30.0, 110.0)
    ]
    assert screen(alike).levels_natural is False
    assert screen(natural[:2]).levels_natural is None
    near = [take(midi, struck(midi, speed)[:RATE], velocity=speed) for midi in (48, 55, 60) for speed in (80.0, 100.0)]
    assert screen(near).levels_natural is None  # so near to each other, dynamics tell nothing


def _at_levels(*rises_db: float) -> Screening:
    """Return what screening says of three pitches, whose hard takes are so much louder than their soft ones."""
    speeds = (30.0, 110.0)
    takes = []
    for midi, rise_db in zip((48, 55, 60), rises_db, strict=True):
        soft = struck(midi, 90.0, seconds=1.0) / 8
        sounds = (soft, soft * 10 ** (rise_db / 20))
        takes += [take(midi, one, velocity=speed) for one, speed in zip(sounds, speeds, strict=True)]
    return screen(takes)


@pytest.mark.parametrize(
    ("rises_db", "reason"),
    [
        (
            (-14, -9, -20),
            "softer than soft ones at 3 of 3 pitches, by 14 dB in the median: labelled the wrong way round",
        ),
        ((0.01, -0.01, 0.02), "hard takes are as loud as soft ones: normalised"),
        ((-1.5, 1.5, -1.0), "hard takes are as loud as soft ones: normalised"),
        ((-4, -5, -3), "hard takes are no louder than soft ones: normalised, or some labelled the wrong way round"),
        ((-14, 14, -12), "hard takes are no louder than soft ones: normalised, or some labelled the wrong way round"),
        ((14, 9, 20), ""),
    ],
)
def test_takes_labelled_the_wrong_way_round_are_told_from_normalised_ones(
    rises_db: tuple[float, ...], reason: str
) -> None:
    found = _at_levels(*rises_db)
    assert found.levels_reason.endswith(reason)
    assert bool(found.levels_reason) == bool(reason)
    assert found.levels_natural is not bool(reason)
    told = [one.reason for one in _findings(Source(Path("x"), "memory", found.kept, "x"), found, "struck")]
    wanted = [f"{reason}, so dynamics are assumed"] if reason else []
    assert [one[-len(wanted[0]) :] for one in told if "hard takes" in one] == wanted


def test_too_few_notes_are_refused_with_the_reasons() -> None:
    require_enough(scale())
    with pytest.raises(InputError, match=r"only one pitch \(C4\) is left; a patch needs at least 2"):
        require_enough([take(60), take(60, velocity=30.0)])
    with pytest.raises(InputError, match="only 2 recordings are left; a patch needs at least 4"):
        require_enough([take(60), take(62)])
    result = screen([take(60, np.zeros(0), name="a")])
    with pytest.raises(InputError, match=r"no usable recording is left; left out: a: audio: the file holds no audio"):
        require_enough(result.kept, result)


@settings(max_examples=30, deadline=None)
@given(
    samples=st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=300),
    repeats=st.integers(1, 200),
    midi=st.integers(0, 127),
)
def test_no_audio_gives_a_traceback(samples: list[float], repeats: int, midi: int) -> None:
    result = screen([take(midi, np.tile(np.array(samples, float), repeats), name="odd")])
    assert len(result.kept) + len(result.left_out) == 1


@pytest.mark.skipif(not CORPORA, reason="BACKTUNE_RECORDINGS names no folder of recordings")
@pytest.mark.parametrize("name", ["piano", "piano_c3", "sax", "flute"])
def test_real_recordings_are_not_doubted(name: str) -> None:
    """The one oddity, the top note of piano_c3 half a semitone sharp, is doubted; nothing is touched."""
    folder = Path(CORPORA) / name
    if not folder.is_dir():
        pytest.skip(f"BACKTUNE_RECORDINGS has no {name}")
    source = open_source(folder)
    result = screen(source.takes)
    assert result.left_out == []
    assert result.mended == []
    odd = {one.take[:3] for one in result.doubtful if "its neighbours' tuning" in one.reason}
    assert odd == ({"108"} if name == "piano_c3" else set())
    assert sum(one.take[:3] not in odd for one in result.doubtful) <= 2
    assert result.levels_natural == source.levels_natural


def test_octaves_that_many_free_notes_are_read_away_are_kept_with_a_doubt() -> None:
    higher = [take(midi, struck(midi + 12, seconds=4.0), name=f"bell {midi}") for midi in (61, 63, 66)]
    result = screen(scale(*higher))
    assert not result.left_out
    assert len(result.kept) == len(scale()) + 3
    assert {one.take for one in result.doubtful} == {"bell 61", "bell 63", "bell 66"}
    assert all("octaves" in one.reason for one in result.doubtful)


def test_octaves_that_notes_with_a_gate_are_read_away_are_no_bells() -> None:
    higher = [take(midi, struck(midi + 12), name=f"pipe {midi}", gate_s=1.4) for midi in (61, 63, 66)]
    result = screen([*(take(midi, struck(midi), gate_s=1.4) for midi in (48, 55, 60, 72)), *higher])
    assert [one.take for one in result.left_out] == ["pipe 61", "pipe 63", "pipe 66"]
    assert (result.doubtful, result.transposed_semitones) == ([], 0)


@pytest.mark.parametrize("semitones", [-24, -12, -9, -2, -1, 3, 12])
@pytest.mark.parametrize("sound", [blown, struck])
def test_an_instrument_that_sounds_elsewhere_than_its_labels_is_heard_there(
    semitones: int, sound: Callable[[float], Floats]
) -> None:
    gate_s = 1.4 if sound is blown else None
    stop = [take(midi, sound(midi + semitones), gate_s=gate_s) for midi in (60, 64, 67, 72)]
    wrong = take(69, sound(69 + semitones + 5), name="wrong", gate_s=gate_s)
    result = screen([*stop, wrong])
    assert result.transposed_semitones == semitones
    assert [one.midi for one in result.kept] == [60, 64, 67, 72]
    assert {one.transposed_semitones for one in result.kept} == {semitones}
    assert findings(result)["left_out"] == [
        ("wrong", f"sounds as {note_name(74 + semitones)}, {semitones + 5:+d} semitones from its label A4")
    ]
