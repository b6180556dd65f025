"""Sampling an instrument: takes and a table that the door of sources reads; resumed, never overwritten."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hosted
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from backtune.errors import BacktuneError, InputError
from backtune.hosting.players import (
    PluginPlayer,
    SoundFontPlayer,
    open_player,
    parse_sound_font,
    render_plugin_note,
)
from backtune.hosting.plugin import Plugin
from backtune.hosting.sampling import SamplingPlan, sample
from backtune.hosting.settings import Address, parse_address, parse_setting, prepare
from backtune.hosting.take_folder import LEAD_S, read_record, write_take
from backtune.midi import Score
from backtune.notes import NoteEvent
from backtune.reading.key_lists import parse_keys, parse_velocities
from backtune.sources.folder_index import FolderIndex
from backtune.stem_part import BLOCK, PluginPerformer
from backtune.units import midi_to_hz, note_name

RATE = 44100
PLAN = SamplingPlan((48, 60, 72), (40, 110), hold_s=0.3, release_s=0.1)

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def player():
    with Plugin(hosted.made_plugin(), role="instrument") as plugin:
        yield PluginPlayer(plugin, RATE)


def test_takes_are_read_as_any_folder_of_recordings(player: PluginPlayer, tmp_path: Path) -> None:
    report = sample(player, PLAN, tmp_path)
    assert (report.written, report.kept, report.warnings) == (6, 0, [])
    takes = FolderIndex.open(tmp_path).takes
    assert [(take.midi, take.velocity) for take in takes] == [(k, v) for k in PLAN.keys for v in PLAN.velocities]
    for take in takes:
        audio, rate = take.audio()
        assert rate == RATE
        assert len(audio) == round((LEAD_S + 0.4) * RATE)
        assert not np.any(audio[: round(LEAD_S * RATE)])
        sound = audio[round((LEAD_S + 0.05) * RATE) :][:8192]
        hz = np.argmax(np.abs(np.fft.rfft(sound * np.hanning(8192), 1 << 17))) * RATE / (1 << 17)
        assert 1200 * abs(np.log2(hz / midi_to_hz(take.midi))) < 10
    # level follows velocity as the instrument's source says: amplitude is proportional to it
    loud, soft = (np.max(np.abs(takes[i].audio()[0])) for i in (1, 0))
    assert loud / soft == pytest.approx(110 / 40, rel=1e-3)


class Late:
    """A plugin that sounds the numbers of its frames, so many frames late."""

    path = Path("late.vst3")

    def __init__(self, late: int) -> None:
        self.facts = SimpleNamespace(latency_frames=late)
        self.parameters = SimpleNamespace(find=None)
        self.played = 0

    def play(self, events: object, frames: int, rate: float, fresh: bool, moves: object) -> NDArray[np.float32]:
        assert frames > 0
        assert fresh == (self.played == 0)
        self.played += frames
        return np.arange(self.played - frames, self.played, dtype=np.float32)[None, :] - self.facts.latency_frames


@pytest.mark.parametrize("late", [0, 100, BLOCK, 2 * BLOCK + 100])
@pytest.mark.parametrize("frames", [0, 1, BLOCK, 3 * BLOCK + 5])
def test_no_latency_shifts_shortens_or_empties_what_is_played(late: int, frames: int) -> None:
    plugin: Any = Late(late)
    blocks = list(PluginPerformer(plugin).blocks(Score((), 0.0), frames, 48000, {}))
    assert all(block.shape[1] for block in blocks)
    assert np.array_equal(np.concatenate([np.zeros((1, 0)), *blocks], axis=1)[0], np.arange(frames))
    assert plugin.played == (frames + late if frames else 0)


def test_notes_begin_on_their_frame_whatever_the_latency_has_become() -> None:
    score = Score(((0.0, 0x90, 60, 100), (0.5, 0x80, 60, 0)), 0.5)
    with Plugin(hosted.made_plugin("LateInstrument", "LATE_INSTRUMENT")) as plugin:
        performer = PluginPerformer(plugin)
        plugin.set("Mod Wheel", 0.2)
        state = plugin.state()
        for rate in (48000, 96000, 44100):
            for change in (lambda: plugin.set("Mod Wheel", 1.0), lambda: plugin.set_state(state)):
                change()
                note = render_plugin_note(plugin, NoteEvent(60, 100), 0.1, rate)
                assert note.shape == (2, round(0.1 * rate))
                assert np.flatnonzero(note[0])[0] == 0
                assert plugin.facts.latency_frames == round(plugin.values()["Mod Wheel"].raw * 0.01 * rate)
                change()
                blocks = np.concatenate(list(performer.blocks(score, rate, rate, {})), axis=1)
                assert blocks.shape == (2, rate)
                assert np.array_equal(blocks[:, : note.shape[1]], note)


def test_sampling_resumes(player: PluginPlayer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sample(player, PLAN, tmp_path)
    files = sorted(tmp_path.glob("*.flac"))
    files[2].unlink()
    before = {path: path.stat().st_mtime_ns for path in files if path.exists()}
    report = sample(player, PLAN, tmp_path)
    assert (report.written, report.kept) == (1, 5)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    monkeypatch.setattr(player, "play", lambda *a: pytest.fail("rendered again"))
    assert sample(player, PLAN, tmp_path).kept == 6


def test_a_crash_leaves_what_was_written(tmp_path: Path) -> None:
    with Plugin(hosted.made_plugin()) as plugin:
        player = PluginPlayer(plugin, RATE)

        def crash_after_two(done: int, _wanted: int) -> None:
            if done == 2:
                plugin.set("Fault", 1)

        with pytest.raises(BacktuneError, match="crashed while rendering"):
            sample(player, PLAN, tmp_path, crash_after_two)
    assert len(FolderIndex.open(tmp_path).takes) == 2
    with Plugin(hosted.made_plugin()) as plugin:
        report = sample(PluginPlayer(plugin, RATE), PLAN, tmp_path)
    assert (report.written, report.kept) == (4, 2)


def test_an_instrument_that_does_not_repeat_itself_is_recorded(player: PluginPlayer, tmp_path: Path) -> None:
    player.plugin.set("Fault", 4)
    report = sample(player, PLAN, tmp_path)
    assert not report.deterministic
    assert "does not repeat itself" in report.warnings[0]
    assert read_record(tmp_path)["deterministic"] is False
    assert not sample(player, PLAN, tmp_path).deterministic


def test_silence_is_an_error_when_it_is_all(player: PluginPlayer, tmp_path: Path) -> None:
    player.plugin.set("Fault", 5)
    with pytest.raises(BacktuneError, match="none of 6 notes sounds"):
        sample(player, PLAN, tmp_path)


def test_another_instrument_or_plan_does_not_mix(player: PluginPlayer, tmp_path: Path) -> None:
    sample(player, PLAN, tmp_path)
    with pytest.raises(InputError, match="sampled with another hold_s"):
        sample(player, SamplingPlan((48,), (40,), 0.5, 0.1), tmp_path)
    player.plugin.set("Brightness", 1)
    with pytest.raises(InputError, match="sampled with another instrument"):
        sample(player, PLAN, tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    (other / "index.csv").write_text("file,midi,velocity\n")
    with pytest.raises(InputError, match="did not write"):
        sample(player, PLAN, other)


def test_more_keys_join_the_table(player: PluginPlayer, tmp_path: Path) -> None:
    sample(player, PLAN, tmp_path)
    sample(player, SamplingPlan((84,), (40, 110), 0.3, 0.1), tmp_path)
    assert len(FolderIndex.open(tmp_path).takes) == 8


def test_a_take_above_full_scale_is_refused(player: PluginPlayer, tmp_path: Path) -> None:
    with pytest.raises(BacktuneError, match=r"peaks at \+\d.*above full scale; a gain of (-?\d+) dB") as caught:
        sample(player, SamplingPlan((60,), (127,), 0.3, 0.0, gain_db=30.0), tmp_path / "new")
    assert not (tmp_path / "new").exists()  # found out before anything is written, so that the remedy can be applied
    gain_db = float(str(caught.value).split("a gain of ")[1].split(" dB")[0])
    assert sample(player, SamplingPlan((60,), (127,), 0.3, 0.0, gain_db=gain_db), tmp_path / "new").written == 1


def test_a_take_that_no_disk_takes_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: Any, **more: Any) -> None:
        raise soundfile.LibsndfileError(2)  # its word for a disk that is full: no OSError

    monkeypatch.setattr("soundfile.write", full)
    with pytest.raises(InputError, match=r"x\.flac: cannot be written"):
        write_take(tmp_path / "x.flac", np.full((2, 100), 0.1, np.float32), 48000, 0.0)
    assert not list(tmp_path.iterdir())


def test_thirteen_keys_by_five_velocities(player: PluginPlayer, tmp_path: Path) -> None:
    """What sampling is asked to do in three seconds; its time is measured in the benchmarks."""
    plan = SamplingPlan(parse_keys("C3:C4"), (20, 45, 70, 95, 120), 1.5, 0.5)
    assert sample(player, plan, tmp_path).written == 65


def test_a_plugin_is_prepared_from_state_preset_and_settings(player: PluginPlayer, tmp_path: Path) -> None:
    plugin = player.plugin
    plugin.set("Gain", -20)
    (tmp_path / "s.bin").write_bytes(plugin.state())
    plugin.set("Gain", -30)
    (tmp_path / "p.vstpreset").write_bytes(plugin.preset())
    prepare(plugin, state=tmp_path / "s.bin")
    assert float(plugin.values()["Gain"].text) == pytest.approx(-20, abs=1e-3)
    prepare(plugin, preset=tmp_path / "p.vstpreset", settings=["Attack=20 ms", "Brightness = raw 0.25"])
    values = plugin.values()
    assert float(values["Gain"].text) == pytest.approx(-30, abs=1e-3)
    assert float(values["Attack"].text) == pytest.approx(20, abs=1e-3)
    assert values["Brightness"].raw == pytest.approx(0.25, abs=1e-6)
    for wrong in ("Attack", "=3", "Attack=raw loud"):
        with pytest.raises(InputError, match="allowed"):
            prepare(plugin, settings=[wrong])
    with pytest.raises(InputError, match="cannot be read"):
        prepare(plugin, state=tmp_path / "none.bin")


def test_an_address_names_a_plugin_and_what_sets_it(player: PluginPlayer, tmp_path: Path) -> None:
    player.plugin.set("Gain", -20)
    (tmp_path / "soft.vstpreset").write_bytes(player.plugin.preset())
    (tmp_path / "soft.bin").write_bytes(player.plugin.state())
    for file in ("soft.vstpreset", "soft.bin"):
        text = f"{hosted.made_plugin()}@{tmp_path / file}"
        assert parse_address(text).title == "TestInstrument (soft)"
        with open_player(text) as opened:
            assert isinstance(opened, PluginPlayer)
            assert float(opened.plugin.values()["Gain"].text) == pytest.approx(-20, abs=1e-3)
    assert parse_address("a@b/mda.lv2#EPiano@x.state") == Address(Path("a@b/mda.lv2"), "EPiano", Path("x.state"))
    assert parse_address("X.vst3") == Address(Path("X.vst3"))
    with pytest.raises(InputError, match="names the file that sets it"), open_player(text, preset=Path("y.vstpreset")):
        pass


def test_keys_and_velocities_are_read() -> None:
    assert parse_keys("C-1-C0:4,21-23") == (0, 4, 8, 12, 21, 22, 23)
    assert parse_velocities("40:120:40") == (40, 80, 120)
    assert parse_keys("A0:C8:3") == tuple(range(21, 109, 3))
    assert parse_keys("C4,60,E4:G4") == (60, 64, 65, 66, 67)
    assert parse_velocities("32, 64,96,127") == (32, 64, 96, 127)
    for wrong in ("C5:C4", "C4:C5:0", "C4:C5:1:1", "H4", "60.5"):
        with pytest.raises(InputError):
            parse_keys(wrong)
    for wrong in ("loud", "0,64", "128", "70.5"):
        with pytest.raises(InputError):
            parse_velocities(wrong)


def test_a_player_is_opened_from_words(tmp_path: Path) -> None:
    with open_player(str(hosted.made_plugin()), 48000, settings=["Decay=1.5 s"]) as player:
        assert player.rate == 48000
        assert player.about["name"] == "TestInstrument"
        assert isinstance(player, PluginPlayer)
        assert float(player.plugin.values()["Decay"].text) == pytest.approx(1.5, abs=1e-3)
    with pytest.raises(InputError, match="takes no state"), open_player("x.sf2", settings=["a=b"]):
        pass
    with pytest.raises(InputError, match="no such file"), open_player(str(tmp_path / "x.sf2:4")):
        pass


@given(st.integers(0, 127), st.integers(0, 40), st.integers(1, 12))
def test_key_ranges_hold_their_ends(low: int, count: int, step: int) -> None:
    high = min(127, low + count)
    keys = parse_keys(f"{note_name(low)}:{high}:{step}")
    assert keys == tuple(range(low, high + 1, step))


def test_sound_fonts_are_named_with_bank_and_program() -> None:
    assert parse_sound_font("x.sf2") == (Path("x.sf2"), 0, 0)
    assert parse_sound_font("a/x.SF2:40") == (Path("a/x.SF2"), 0, 40)
    assert parse_sound_font("x.sf3:128:3") == (Path("x.sf3"), 128, 3)
    assert parse_sound_font("x.vst3") is None
    assert parse_setting("a=b=c") == ("a", "b=c")
    with pytest.raises(InputError, match="allowed"):
        parse_sound_font("x.sf2:200")


@pytest.mark.nightly
def test_a_sound_font_is_sampled_the_same_way(tmp_path: Path) -> None:
    player = SoundFontPlayer(hosted.sound_font(), 0, 0)
    report = sample(player, SamplingPlan((60, 72), (64, 110), 1.0, 0.3), tmp_path)
    assert report.written == 4
    assert report.deterministic
    audio, rate = soundfile.read(tmp_path / "060_C4_v110_1.flac")
    assert rate == 44100
    assert np.max(np.abs(audio)) > 0.01
