"""Contests: a patch and rivals judged on the same notes, ranked, in tables, a plot and sounds side by side."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import hosted
import numpy as np
import pytest
import soundfile
from fakes import RATE, folder, source, struck
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from some_patches import simple_patch

from backtune.analysis.distance import PARTS
from backtune.cli import main
from backtune.comparison import compare
from backtune.contest import MATCHED, NATURAL, contest, player_name, rows
from backtune.contest_report import as_csv, as_data, as_text, keyboard_text, save
from backtune.errors import InputError
from backtune.patch_file import write_patch
from backtune.resampling import resampled
from backtune.rival import Rival, Rivals, as_source, name_of

PATCH = simple_patch()
OWN = player_name(PATCH)


class Strings:
    """The very instrument of the recordings, `gain` times as loud and 20 ms late."""

    about: dict[str, Any] = {"name": "strings"}  # noqa: RUF012

    def __init__(self, gain: float, rate: int = RATE) -> None:
        self.gain, self.rate = gain, rate

    def play(self, key: int, velocities: Sequence[int], hold_s: float, release_s: float) -> list[NDArray[np.float32]]:
        late = np.zeros(round(0.02 * RATE))
        notes = [np.concatenate([late, struck(key, velocity, hold_s + release_s)]) for velocity in velocities]
        return [np.asarray([self.gain * resampled(note, RATE, self.rate)], np.float32) for note in notes]


TAKES = source([45.0, 60.0, 62.0], [40.0, 100.0])
TWIN, QUIET = Rival("twin", Strings(1.0)), Rival("quiet", Strings(0.1))
FOUND = contest(PATCH, TAKES, [TWIN, QUIET])


def test_every_player_plays_every_note() -> None:
    assert FOUND.players == (OWN, "twin", "quiet")
    for player in FOUND.players:
        notes = [(one.matched.midi, one.matched.velocity) for one in FOUND.of(player)]
        assert notes == [(m, v) for m in (45, 60, 62) for v in (40, 100)]
    assert FOUND.components == ("total", *PARTS)
    assert FOUND.regions == ("C2-B2", "C4-B4", "all")


def test_the_instrument_itself_wins_and_a_soft_one_only_at_equal_levels() -> None:
    assert FOUND.median_db("twin", NATURAL) < 0.5 * FOUND.median_db(OWN, NATURAL)
    assert FOUND.median_db("quiet", MATCHED) == pytest.approx(FOUND.median_db("twin", MATCHED), abs=0.2)
    assert FOUND.median_db("quiet", NATURAL) > FOUND.median_db("quiet", MATCHED) + 3
    assert FOUND.level_db("quiet") == pytest.approx(-20, abs=0.5)
    assert FOUND.ranking(MATCHED)[2] == OWN
    assert FOUND.ranking(NATURAL)[0] == "twin"
    assert FOUND.nearer(NATURAL, "twin") == 0


def test_the_patch_is_judged_as_without_rivals() -> None:
    for levels in (MATCHED, NATURAL):
        alone = compare(PATCH, TAKES, match_level=levels == MATCHED)
        assert [one.at(levels) for one in FOUND.of(OWN)] == list(alone.notes)


def test_medians_are_those_of_the_notes_in_a_region() -> None:
    inside = [one.matched.distance_db["body"] for one in FOUND.of("twin") if one.matched.midi >= 60]
    assert FOUND.median_db("twin", MATCHED, "body", "C4-B4") == np.median(inside)


def test_a_rival_sounds_when_the_recording_does() -> None:
    take = TAKES.takes[3]
    recorded, rate = take.audio()
    for player in (Strings(1.0), Strings(1.0, 44100)):
        played = Rival("x", player).note(take, recorded, rate)
        assert played.shape == recorded.shape
        likeness = np.correlate(recorded, played, "full")
        assert abs(int(np.argmax(likeness)) - len(recorded) + 1) <= 0.0015 * rate


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([22050, 32000, 48000, 96000]), st.floats(0.05, 0.7))
def test_resampling_keeps_a_tone(rate: int, share: float) -> None:
    hz = share * 0.5 * min(rate, 44100)
    tone = np.sin(2 * np.pi * hz * np.arange(rate // 2) / rate)
    expected = np.sin(2 * np.pi * hz * np.arange(22050) / 44100)
    got = resampled(tone, rate, 44100)
    middle = slice(2000, 20000)  # away from the cut ends
    np.testing.assert_allclose(got[middle], expected[middle], atol=2e-3)


def test_tables_plot_and_sounds_are_written(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    made = contest(
        PATCH, TAKES, [QUIET], jobs=2, pairs=2, folder=tmp_path / "listen", progress=lambda *said: told.append(said)
    )
    assert made.verdicts == tuple(one for one in FOUND.verdicts if one.player != "twin")  # whatever the workers
    save(made, tmp_path)
    table = list(csv.DictReader(io.StringIO((tmp_path / "contest.csv").read_text())))
    data = json.loads((tmp_path / "contest.json").read_text())
    assert len(table) == len(data["notes"]) == 2 * 2 * 6
    assert float(table[0]["total_db"]) == data["notes"][0]["total_db"] == rows(made)[0]["total_db"]
    assert next(iter(data["median_db"]["natural"]["all"]["total_db"])) == made.ranking(NATURAL)[0]
    assert (tmp_path / "contest.png").read_bytes().startswith(b"\x89PNG")
    names = sorted(path.name for path in (tmp_path / "listen").iterdir())
    players = ("1_recorded", "2_backtune", "3_quiet")
    assert names == [f"{stem}_{player}.wav" for stem in ("045_A2_v040_1", "062_D4_v100_1") for player in players]
    sounds = [soundfile.read(tmp_path / "listen" / name)[0] for name in names[:3]]
    power = [np.sum(sound**2) for sound in sounds]
    np.testing.assert_allclose(power, power[0], rtol=1e-3)
    assert told[-1] == ("comparing", 6, 6)


def test_players_called_as_other_sounds_are_heard_as_well(tmp_path: Path) -> None:
    namesakes = [replace(QUIET, name="backtune"), replace(TWIN, name="recorded")]
    contest(PATCH, replace(TAKES, takes=TAKES.takes[:1]), namesakes, pairs=1, folder=tmp_path)
    names = sorted(path.name.partition("_1_")[2] for path in tmp_path.iterdir())
    assert names == ["1_recorded.wav", "2_backtune.wav", "3_backtune.wav", "4_recorded.wav"]


def test_the_text_ranks_by_region_and_tells_who_is_nearer() -> None:
    text = as_text(FOUND)
    for word in (f"  A  {OWN}, ", "  C  quiet, -20.", "C2-B2", "at equal levels", "at their own levels"):
        assert word in text
    assert "A is nearer than B on 0 at equal levels and on 0 at their own levels, of 6 notes" in text
    assert max(map(len, text.splitlines())) <= 80
    assert len(list(csv.reader(io.StringIO(as_csv(FOUND))))) == 1 + 2 * 3 * 6
    json.dumps(as_data(FOUND), allow_nan=False)


def test_more_players_than_letters_go_by_two() -> None:
    players = (OWN, *(f"rival {number}" for number in range(1, 30)))
    verdicts = [replace(one, player=player) for player in players for one in FOUND.of(OWN)]
    text = as_text(replace(FOUND, players=players, verdicts=tuple(verdicts)))
    lines = text.splitlines()
    assert "  Z   rival 25, " in text
    assert "  AD  rival 29, " in text
    assert "A is nearer than AD on 0 at equal levels" in text
    ranked = [line[11:13].strip() for line in lines if line[:10].strip() in ("", "all") and "." in line[13:]]
    assert ranked[-30:] == [*(chr(65 + at) for at in range(26)), "AA", "AB", "AC", "AD"]
    assert max(map(len, lines)) <= 80


def test_without_recordings_the_rival_is_the_measure() -> None:
    taken = as_source(Rival("quiet", Strings(0.1)), [48, 60], [40, 100], (0.5, 0.2), lambda *said: None)
    assert [(take.midi, take.velocity) for take in taken.takes] == [(48, 40), (48, 100), (60, 40), (60, 100)]
    lines = keyboard_text(contest(PATCH, taken)).splitlines()
    assert [line.split()[0] for line in lines if line.startswith("C")] == ["C3", "C4"]
    assert lines[2].split() == ["v40", "v100"]


def test_what_cannot_be_compared_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no take to compare with"):
        contest(PATCH, replace(TAKES, takes=[]), [TWIN])
    with pytest.raises(InputError, match="two players have one name"):
        contest(PATCH, TAKES, [TWIN, TWIN])
    with pytest.raises(InputError, match=r"two players have one name \(gm.sf2, gm.sf2\)"):
        Rivals([str(tmp_path / "a" / "gm.sf2"), str(tmp_path / "b" / "gm.sf2")])  # each would write its tables there
    with pytest.raises(InputError, match="no such file"):
        Rivals([str(hosted.made_plugin()), "none.vst3"])
    assert (name_of("a/Synth.vst3"), name_of("a/gm.sf2:0:4")) == ("Synth", "gm.sf2:0:4")


def test_the_command_compares_with_a_plugin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    patch, plugin, out = tmp_path / "p.yaml", str(hosted.made_plugin()), str(tmp_path / "out")
    write_patch(PATCH, patch)
    takes = folder(tmp_path / "t", [60.0, 62.0], [40.0, 100.0])
    against = ["compare", str(patch), "--against", plugin]
    wanted = [*against, "--recordings", str(takes), "--split", "all", "--jobs", "1", "-o", out, "--pairs", "1"]
    assert main(wanted) == 0
    assert "TestInstrument" in capsys.readouterr().out
    assert len(list((tmp_path / "out" / "listen").iterdir())) == 3
    assert main([*against, "--keys", "C4", "--velocities", "40,100", "--jobs", "1", "--json", "-q"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data[0]["source"], len(data[0]["notes"])) == ("TestInstrument", 4)
    for wrong, told in (
        (["compare", str(patch)], "nothing to compare with"),
        (["compare", str(patch), str(takes), "--recordings", str(takes)], "one of them may be given"),
        ([*against, "--keys", "C5:C4"], "runs downwards"),
        ([*against[:-1], "none.vst3"], "no such file"),
    ):
        assert main(wrong) == 2
        said = capsys.readouterr().err
        assert told in said
        assert said.count("\n") == 1
