"""Playing in blocks: any size of block, any number of cores, the same samples, on the right sample."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tolerances as tol
from hypothesis import given, settings
from hypothesis import strategies as st
from small_instruments import Blown, Struck

from backtune.ensemble import Ensemble
from backtune.errors import InputError
from backtune.expression import Expression
from backtune.fading import faded_out
from backtune.layout import Layout
from backtune.midi import MidiEvent
from backtune.notes import NoteEvent
from backtune.performance import render_events
from backtune.player import Player
from backtune.polyphony import Polyphony
from backtune.render import render_take
from backtune.sounding import RAMP_S, Sounding, Workspace
from backtune.temperaments import temperament

RATE = 24000
LENGTH = RATE
LEFT_OUT = 10.0 ** (-65.0 / 20.0)  # in peak: ten partials at -85 dB that happen to point the same way
MESSAGES = st.one_of(
    st.tuples(st.just(0x90), st.integers(36, 90), st.integers(0, 127)),
    st.tuples(st.just(0x80), st.integers(36, 90), st.integers(0, 127)),
    st.tuples(st.just(0xB0), st.sampled_from([1, 7, 11, 64, 66, 67, 123]), st.integers(0, 127)),
    st.tuples(st.just(0xE0), st.integers(0, 127), st.integers(0, 127)),
    st.tuples(st.just(0xD0), st.integers(0, 127), st.just(0)),
)
MUSIC = st.lists(st.tuples(st.integers(0, LENGTH - 1), MESSAGES), max_size=25).map(
    lambda events: [MidiEvent(at, *message) for at, message in sorted(events, key=lambda event: event[0])]
)
EXPRESSION = Expression(vibrato_cents=30.0, pressure_db=3.0, pressure_tilt_db=2.0)


def play(player, events, sizes, length=LENGTH):
    out, at, index = [], 0, 0
    sizes = iter(sizes)
    while at < length:
        n = min(next(sizes), length - at)
        here = [e for e in events if at <= e.frame < at + n]
        out.append(player.process([MidiEvent(e.frame - at, e.status, e.data1, e.data2) for e in here], n))
        at, index = at + n, index + 1
    return np.concatenate(out)


def repeated(*sizes):
    while True:
        yield from sizes


@settings(max_examples=12, deadline=None)
@given(MUSIC, st.lists(st.integers(1, 3000), min_size=1, max_size=6), st.integers(2, 20), st.booleans())
def test_any_blocks_are_the_same_bit_by_bit(events, sizes, voices, blown):
    instrument = Blown(partials=8) if blown else Struck(partials=12)
    whole = play(Player(instrument, RATE, voices, expression=EXPRESSION), events, repeated(LENGTH))
    cut = play(Player(instrument, RATE, voices, expression=EXPRESSION), events, repeated(*sizes))
    assert np.array_equal(whole, cut)


def dense(count=60, seed=1):
    random = np.random.default_rng(seed)
    events = [MidiEvent(0, 0xB0, 64, 127)]
    for frame in sorted(random.integers(0, LENGTH, count).tolist()):
        events.append(MidiEvent(frame, 0x90, int(random.integers(36, 90)), int(random.integers(20, 120))))
    return events


@pytest.mark.parametrize("cores", [2, 3])
@pytest.mark.parametrize("voices", [10, 128])
def test_any_number_of_cores_is_the_same_bit_by_bit(cores, voices):
    one = Player(Struck(), RATE, voices, cores=1)
    many = Player(Struck(), RATE, voices, cores=cores)
    assert np.array_equal(play(one, dense(), repeated(1000)), play(many, dense(), repeated(1000)))
    assert one.stolen == many.stolen
    assert (one.stolen > 0) is (voices == 10)


@pytest.mark.parametrize("cores", [1, 3])
@pytest.mark.parametrize("voices", [10, 128])
def test_a_block_begun_before_the_last_is_finished_is_the_same_bit_by_bit(cores, voices):
    whole = play(Player(Struck(), RATE, voices), dense(), repeated(1000))
    player, parts, waiting = Player(Struck(), RATE, voices, cores), [], dense()
    for at in range(0, LENGTH, 1000):
        now = [replace(event, frame=event.frame - at) for event in waiting if at <= event.frame < at + 1000]
        parts.append(player.begin(now, min(1000, LENGTH - at)))
    assert voices == 10 or not np.any(parts[-1])  # a note that takes another's place waits for all before it
    player.finish()
    assert np.array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("frame", [0, 1, 777, 12345])
def test_a_note_comes_exactly_one_latency_after_its_event(frame):
    player = Player(Struck(), RATE)
    audio = play(player, [MidiEvent(frame, 0x90, 60, 90)], repeated(512))
    wanted = render_events(Struck(), [((frame + player.latency_frames) / RATE, NoteEvent(60, 90))], RATE, LENGTH / RATE)
    assert np.array_equal(faded_out(audio.astype(float), RATE, RAMP_S), wanted)
    assert not np.any(audio[:frame])


def test_key_up_is_on_its_sample():
    on, off = MidiEvent(100, 0x90, 60, 90), MidiEvent(9001, 0x80, 60, 64)
    held, player = play(Player(Struck(), RATE), [on], repeated(256)), Player(Struck(), RATE)
    released = play(player, [on, off], repeated(256))
    first = int(np.flatnonzero(held != released)[0])
    assert 0 <= first - (9001 + player.latency_frames) < 8  # a fall of 120 dB/s takes a few samples to change a bit


def test_one_note_is_what_a_take_of_it_is():
    player = Player(Struck(), RATE)
    audio = play(player, [MidiEvent(0, 0x90, 60, 90)], repeated(4096))
    take = render_take(Struck(), NoteEvent(60, 90), player.latency_frames / RATE, LENGTH / RATE, RATE)
    assert np.max(np.abs(faded_out(audio, RATE, RAMP_S) - take)) < LEFT_OUT


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 3 * RATE), st.sampled_from([-700.0, 0.0, 35.0]))
def test_a_beginning_left_out_is_as_if_it_had_sounded(samples, cents):
    layout, workspace = Layout(Blown().voice(NoteEvent(60), 1.0), RATE, hearing=True), Workspace()
    skipped, played = Sounding(layout), Sounding(layout)
    for voice in (skipped, played):
        voice.begin((0.0, 0.0, cents))
    skipped.skip(samples)
    played.run(np.zeros(samples, np.float32), workspace)
    a, b = np.zeros(2000, np.float32), np.zeros(2000, np.float32)
    for voice, out in ((skipped, a), (played, b)):
        voice.fade_in()  # as after every cut; both are then cut into the same stretches from here on
        voice.run(out, workspace)
    assert np.max(np.abs(a - b)) <= tol.FLOAT32_STEPS * np.max(np.abs(b))


def test_latency_of_choice_cuts_the_beginning_without_a_click():
    early, full = Player(Struck(), RATE, latency_s=0.0), Player(Struck(), RATE)
    assert early.latency_frames == 0
    a = play(early, [MidiEvent(0, 0x90, 60, 90)], repeated(128))
    b = play(full, [MidiEvent(0, 0x90, 60, 90)], repeated(128))
    after = round(0.01 * RATE)
    assert np.allclose(a[after:-1000], b[after + full.latency_frames :][: len(a) - after - 1000], atol=1e-6)
    assert abs(a[0]) < 1e-4


def test_the_voice_heard_least_is_stolen_and_fades():
    soft, loud = MidiEvent(0, 0x90, 50, 20), MidiEvent(0, 0x90, 62, 120)
    third = MidiEvent(RATE // 2, 0x90, 74, 100)
    crowded, free = Player(Struck(), RATE, voices=2), Player(Struck(), RATE)
    a, b = play(crowded, [soft, loud, third], repeated(500)), play(free, [loud, third], repeated(500))
    assert crowded.stolen == 1
    settled = RATE // 2 + round(0.006 * RATE)
    assert np.allclose(a[settled:], b[settled:], atol=1e-6)
    assert not np.allclose(a[: RATE // 2], b[: RATE // 2], atol=1e-6)
    assert np.max(np.abs(np.diff(a, 2)[RATE // 2 - 50 : settled])) < 1.5 * np.max(np.abs(np.diff(b, 2)))


def test_no_more_voices_sound_than_allowed():
    player = Player(Struck(), RATE, voices=7)
    for block in range(40):
        player.process([MidiEvent(0, 0x90, 40 + block, 90)], 600)
        assert player.voices <= 7 + 1  # one more while it fades


def test_voices_end_when_they_cannot_be_heard():
    player = Player(Struck(), RATE)
    play(player, [MidiEvent(0, 0x90, 60, 90), MidiEvent(2000, 0x80, 60, 64)], repeated(1000), 2 * RATE)
    assert player.voices == 0
    assert not np.any(player.process([], 1000))


def test_sound_and_memory_of_long_music_stay_flat():
    player = Player(Struck(partials=8), RATE, voices=16)
    player.process(dense(200), LENGTH)
    counts = []
    for _ in range(30):
        player.process(dense(50), LENGTH)
        counts.append((player.voices, player._bytes))
    assert max(count for count, _ in counts) <= 17
    assert len({kept for _, kept in counts[-10:]}) == 1


def test_layouts_are_remembered_only_so_far(monkeypatch):
    monkeypatch.setattr("backtune.player.REMEMBERED_BYTES", 1 << 19)
    player = Player(Struck(partials=8), RATE, voices=16)
    player.expect([MidiEvent(0, 0x90, 30 + key, 90) for key in range(60)])
    assert 1 < len(player._layouts) < 60
    assert player._bytes == sum(layout.size_bytes for layout in player._layouts.values()) <= 1 << 19


def test_a_block_allocates_nothing_but_the_boxes_of_its_arguments_however_many_voices_sound():
    from numba.core.runtime import _nrt_python, rtsys

    _nrt_python.memsys_enable_stats()
    out = np.zeros(128, np.float32)
    for instrument in (Struck(), Blown()):
        layout = Layout(instrument.voice(NoteEvent(45), 2.0), RATE, hearing=True)
        for voices in (1, 20):
            ensemble, group = Ensemble(), [(Sounding(layout), 0, ()) for _ in range(voices)]
            ensemble.begin(out, [group])
            ensemble.finish()
            before = rtsys.get_allocation_stats().alloc
            for _ in range(100):
                ensemble.begin(out, [group])
                ensemble.finish()
            assert rtsys.get_allocation_stats().alloc - before == 100 * 13  # 10 arrays for the voices, 3 for their sum


def test_retuning_bends_what_sounds_and_what_follows():
    just = temperament("just")
    for before in (True, False):
        player = Player(Blown(vibrato_cents=0.0), RATE)
        if not before:
            player.retune(just)
        player.process([MidiEvent(0, 0x90, 76, 90)], 2000)
        player.retune(just)
        player.process([], 4000)
        audio = player.process([], RATE) * np.hanning(RATE)
        spectrum = np.abs(np.fft.rfft(audio, 1 << 20))
        found = np.argmax(spectrum) * RATE / (1 << 20)
        assert found == pytest.approx(440.0 * 1.5, abs=0.05)  # E5 over A4 on C: 5/2 over 5/3


@pytest.mark.parametrize("frame", [-1, 128, 500])
def test_an_event_outside_its_block_is_refused(frame):
    with pytest.raises(InputError, match="event at frame"):
        Player(Struck(), RATE).process([MidiEvent(frame, 0x90, 60, 90)], 128)


def test_events_out_of_order_are_refused():
    with pytest.raises(InputError, match="event at frame 3"):
        Player(Struck(), RATE).process([MidiEvent(9, 0x90, 60, 90), MidiEvent(3, 0x90, 62, 90)], 128)


@pytest.mark.parametrize(("limit", "cores"), [(0, 1), (4, 0)])
def test_no_voices_or_no_cores_are_refused(limit, cores):
    with pytest.raises(InputError, match="at least 1"):
        Polyphony(limit, cores)


def test_events_render_as_the_sum_of_their_takes():
    notes = [(0.05, NoteEvent(60.3, 80.5, 0.2)), (0.11, NoteEvent(67, 100, 0.3)), (0.02, NoteEvent(40, 60))]
    found = render_events(Struck(), notes, RATE, 0.8)
    wanted = sum(render_take(Struck(), note, onset, 0.8, RATE) for onset, note in notes)
    assert len(found) == round(0.8 * RATE)
    assert np.max(np.abs(found - wanted)) < LEFT_OUT


def test_events_ring_out_by_themselves():
    audio = render_events(Struck(), [(0.5, NoteEvent(60, 90, 0.2))], RATE)
    assert 0.7 * RATE < len(audio) < 3 * RATE
    assert np.max(np.abs(audio[-100:])) < 1e-4


def test_an_onset_that_is_no_time_is_refused():
    with pytest.raises(InputError, match="onset"):
        render_events(Struck(), [(float("nan"), NoteEvent(60))], RATE)
