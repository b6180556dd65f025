"""SoundFonts: reading, playing, FluidSynth as the oracle, and damaged files."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tiny_soundfont import LOOP, RATE, TinyZone, tiny_soundfont
from tolerances import LEVEL_DB, OTHER_SYNTHESISER_DB, PITCH_CENTS

from backtune.demo_source import small_soundfont
from backtune.errors import BacktuneError, InputError
from backtune.reading import fluidsynth
from backtune.reading.soundfont_file import SoundFontFile
from backtune.reading.soundfont_player import play_note
from backtune.source import open_source

LOOPED = {54: 1}
PITCHED = [5, 6, 7, 13, 46, 51, 56, 58]  # generators that move the pitch, or the level, as far as they say
SMALL = small_soundfont()


def keys(low: int, high: int) -> int:
    value = low | high << 8
    return value - 65536 if value > 32767 else value


def font(tmp_path: Path, *zones: TinyZone, samples: int = 1, preset: dict[int, int] | None = None) -> SoundFontFile:
    path = tmp_path / "tiny.sf2"
    path.write_bytes(tiny_soundfont(list(zones) or [TinyZone(0, LOOPED)], samples, preset))
    return SoundFontFile(path)


def play(
    one: SoundFontFile, key: int = 57, velocity: int = 127, seconds: tuple[float, float] = (1.0, 0.5), channel: int = 0
) -> NDArray[np.float64]:
    (preset,) = one.presets
    zones = [zone for zone in preset.zones if zone.sounds(key, velocity)]
    return play_note(zones, one.pool, key, velocity, seconds, channel)[0]


def frequency(audio: NDArray[np.float64]) -> float:
    spectrum = np.abs(np.fft.rfft(audio[:44100] * np.hanning(len(audio[:44100])), 1 << 18))
    return float(np.argmax(spectrum)) * 44100 / (1 << 18)


def level(audio: NDArray[np.float64], start: float, stop: float) -> float:
    return float(10 * np.log10(np.mean(audio[int(start * 44100) : int(stop * 44100)] ** 2) + 1e-20))


def test_presets_zones_and_texts_are_read(tmp_path: Path) -> None:
    one = font(tmp_path, TinyZone(0, {43: keys(0, 60), 51: 1}), TinyZone(1, {43: keys(61, 127), 58: 72}), samples=2)
    (preset,) = one.presets
    assert (preset.label, preset.name, one.information("ICOP")) == ("0:5", "Tiny Sine", "CC0")
    first, second = preset.zones
    assert (first.keys, first.root_key, first.transposition_cents(57)) == ((0, 60), 57, 100)
    assert (second.keys, second.root_key, second.sample.name) == ((61, 127), 72, "sine 1")
    assert first.sounds(60, 1)
    assert not first.sounds(61, 1)
    for wanted in ("0:5", "5", "Tiny Sine", "tiny sine"):
        assert one.preset(wanted) is preset
    with pytest.raises(InputError, match="has no preset 'Tiny Sin'; did you mean 'Tiny Sine'"):
        one.preset("Tiny Sin")
    with pytest.raises(InputError, match="has no preset '0:6'; allowed: 0:5 Tiny Sine"):
        one.preset("0:6")


def test_a_preset_narrows_ranges_and_adds_amounts(tmp_path: Path) -> None:
    zones = [TinyZone(0, {43: keys(40, 60), 52: 30, 48: 50}), TinyZone(0, {43: keys(61, 90)})]
    (preset,) = font(tmp_path, *zones, preset={43: keys(50, 55), 52: 20, 48: 10, 58: 99}).presets
    (zone,) = preset.zones
    assert (zone.keys, zone.amount(52), zone.amount(48), zone.root_key) == ((50, 55), 50, 60, 57)


@pytest.mark.parametrize("key", [45, 57, 64, 69])
def test_keys_transpose_and_loops_hold(tmp_path: Path, key: int) -> None:
    audio = play(font(tmp_path), key, seconds=(2.0, 0.0))
    expected = RATE / LOOP * 2 ** ((key - 57) / 12)
    assert abs(1200 * np.log2(frequency(audio) / expected)) < PITCH_CENTS
    assert level(audio, 1.5, 1.9) == pytest.approx(level(audio, 0.1, 0.5), abs=0.05)  # 40 periods looped for 2 s
    assert level(play(font(tmp_path, TinyZone(0)), key, seconds=(2.0, 0.0)), 1.5, 1.9) < -100  # without a loop: over


def test_velocity_attenuation_and_pan_set_the_level(tmp_path: Path) -> None:
    plain = font(tmp_path)
    full = level(play(plain), 0.2, 0.8)
    assert full == pytest.approx(20 * np.log10(16000 / 32768) - 3.01 - 3.01, abs=0.05)  # sine, centre pan
    assert level(play(plain, velocity=64), 0.2, 0.8) - full == pytest.approx(40 * np.log10(64 / 127), abs=0.1)
    quiet = level(play(font(tmp_path, TinyZone(0, {**LOOPED, 48: 100}))), 0.2, 0.8)
    assert quiet - full == pytest.approx(-4.0, abs=0.05)  # 10 dB written, 0.4 of it applied
    left = font(tmp_path, TinyZone(0, {**LOOPED, 17: -500}))
    assert level(play(left), 0.2, 0.8) - full == pytest.approx(3.01, abs=0.05)
    assert not np.any(play(left, channel=1))


def test_the_envelope_attacks_decays_sustains_and_releases(tmp_path: Path) -> None:
    stages = {34: round(1200 * np.log2(0.2)), 36: 0, 37: 200, 38: 0}  # 0.2 s, 96 dB in 1 s, -20 dB, 96 dB in 1 s
    audio = play(font(tmp_path, TinyZone(0, {**LOOPED, **stages})))
    full = level(play(font(tmp_path)), 0.2, 0.8)
    assert level(audio, 0.095, 0.105) - full == pytest.approx(-6.0, abs=LEVEL_DB)
    assert level(audio, 0.295, 0.305) - full == pytest.approx(-9.6, abs=LEVEL_DB)
    assert level(audio, 0.8, 0.95) - full == pytest.approx(-20.0, abs=0.1)
    assert level(audio, 1.095, 1.105) - full == pytest.approx(-29.6, abs=LEVEL_DB)


def test_the_filter_darkens_and_velocity_opens_it(tmp_path: Path) -> None:
    """220.5 Hz through a low-pass at 220 Hz loses 3 dB, an octave lower 12 dB more or less."""
    at = round(1200 * np.log2(220.5 / 8.176))
    full = level(play(font(tmp_path)), 0.2, 0.8)
    dull = font(tmp_path, TinyZone(0, {**LOOPED, 8: at}))
    assert level(play(dull), 0.2, 0.8) - full == pytest.approx(-3.0, abs=LEVEL_DB)
    softer = level(play(dull, velocity=64), 0.2, 0.8) - full - 40 * np.log10(64 / 127)
    assert softer < -10.0


@pytest.mark.skipif(SMALL is None, reason="the package pretty_midi is not installed")
@pytest.mark.skipif(fluidsynth.fluidsynth_command() is None, reason="fluidsynth is not installed")
@pytest.mark.parametrize("preset", ["0:0", "0:73", "0:65", "0:46"])
def test_a_real_font_sounds_as_fluidsynth_plays_it(preset: str) -> None:
    """At velocity 127, where no modulator differs; FluidSynth is 3 dB lower throughout."""
    assert SMALL is not None
    one = SoundFontFile(SMALL)
    chosen = one.preset(preset)
    notes = [(key, 127) for key in (48, 60, 72, 84)]
    oracle = fluidsynth.fluidsynth_play(SMALL, (chosen.bank, chosen.program), notes, (1.5, 0.3), 0)
    for (key, velocity), expected in zip(notes, oracle, strict=True):
        zones = [zone for zone in chosen.zones if zone.sounds(key, velocity)]
        audio, _ = play_note(zones, one.pool, key, velocity, (1.5, 0.3), 0)
        for start in (0.05, 0.3, 1.2, 1.55):
            mine, theirs = level(audio, start, start + 0.1), level(expected, start, start + 0.1)
            assert mine - 3.01 == pytest.approx(theirs, abs=OTHER_SYNTHESISER_DB)


@pytest.mark.skipif(SMALL is None, reason="the package pretty_midi is not installed")
def test_the_small_font_gives_a_piano_and_a_flute() -> None:
    assert SMALL is not None
    piano = open_source(SMALL, preset="0:0", keys="48-72:12", velocities="60,120", hold_s=1.0)
    assert piano.family == "struck"
    assert [take.name for take in piano.takes] == ["C3 v60", "C3 v120", "C4 v60", "C4 v120", "C5 v60", "C5 v120"]
    assert all(take.gate_s is None for take in piano.takes)
    flute = open_source(SMALL, preset="Flute TB", keys="C5,72,G5", velocities=[100])
    assert flute.family == "sustained"
    assert [(take.midi, take.gate_s) for take in flute.takes] == [(72, 2.5), (79, 2.5)]
    assert "builtin" in flute.remarks[0]


@pytest.mark.parametrize(
    ("roots", "taken"),
    [
        ((84,), [36, 41, 46, 51, 56, 61, 66, 71, 76, 81, 84, 91, 96]),  # the whole keyboard is one sample
        ((55, 62, 69, 76), [46, 51, 55, 62, 66, 69, 76, 81, 86]),  # an octave beside them, nothing that they tell
        ((48, 53, 58, 63, 68, 73, 78, 83), [48, 53, 58, 63, 68, 73, 78, 83]),
    ],
)
def test_keys_are_those_of_the_samples_and_fourths_beside_few(
    tmp_path: Path, roots: tuple[int, ...], taken: list[int]
) -> None:
    edges = [0, *(root + 3 for root in roots[:-1]), 128]
    zones = [
        TinyZone(at, {**LOOPED, 43: keys(low, high - 1), 58: root})
        for at, (low, high, root) in enumerate(zip(edges[:-1], edges[1:], roots, strict=True))
    ]
    font(tmp_path, *zones, samples=len(roots))
    takes = open_source(tmp_path / "tiny.sf2", preset="5", velocities="80", hold_s=0.3).takes
    assert [round(one.midi) for one in takes] == taken


def test_sources_of_a_font(tmp_path: Path) -> None:
    font(tmp_path, TinyZone(0, {**LOOPED, 43: keys(40, 60)}), TinyZone(1, {**LOOPED, 43: keys(61, 90)}), samples=2)
    path = tmp_path / "tiny.sf2"
    source = open_source(path, preset="5")
    assert [(take.midi, take.velocity) for take in source.takes] == [
        (key, speed) for key in (41, 46, 51, 57, 61, 66, 71, 76, 81, 86) for speed in (40, 80, 120)
    ]  # two samples for four octaves: their own keys, and fourths over all that they play
    assert (source.licence, source.name, source.family) == ("CC0", "Tiny Sine (Tiny 0:5)", "sustained")
    stored = open_source(path, preset="5", player="samples")
    assert [(take.name, take.midi, take.recording.rate) for take in stored.takes] == [
        ("sine 0", 57, RATE),
        ("sine 1", 57, RATE),
    ]
    assert not stored.levels_natural
    silent = open_source(path, preset="5", keys="30-45:5")
    assert silent.problems == ["6 of the keys and velocities asked for are silent in this preset"]
    for options, says in {
        ("player", "tiny"): "player: 'tiny' was given; allowed: builtin",
        ("keys", "H"): "keys: 'H'",
        ("keys", "1-20"): "sounds on none of the keys",
        ("velocities", "0"): r"velocities: 0 is outside 1\.\.127",
        ("channel", 2): "channel: 2 was given",
        ("hold_s", 1e9): "hold_s: 1000000000.0 s was given",
        ("hold_s", float("nan")): "hold_s: nan",
    }.items():
        with pytest.raises(InputError, match=says):
            open_source(path, **{"preset": "5", options[0]: options[1]})


def test_velocity_layers_give_the_velocities(tmp_path: Path) -> None:
    layers = [TinyZone(0, {44: keys(low, low + 9), **LOOPED}) for low in range(0, 120, 10)]
    font(tmp_path, *layers)
    source = open_source(tmp_path / "tiny.sf2", preset="5", keys="57")
    assert [take.velocity for take in source.takes] == [4, 34, 64, 84, 114]


def test_keys_that_cannot_be_played_are_told_not_replaced(tmp_path: Path) -> None:
    font(tmp_path)
    path = tmp_path / "tiny.sf2"
    for options, says in (
        ({"keys": "C5-C3"}, "runs downwards"),
        ({"keys": "48:72:0"}, "step '0' in '48:72:0'; allowed: 1 or more"),
        ({"keys": [60.7]}, "60.7 is between two"),
        ({"velocities": "0"}, r"velocities: 0 is outside 1\.\.127"),
        ({"player": "samples", "keys": "57"}, "'samples' takes what is stored"),
    ):
        with pytest.raises(InputError, match=says):
            open_source(path, preset="5", **options)
    given = {"preset": "5", "keys": [57, 60], "velocities": (80,), "hold_s": 0.3}
    assert open_source(path, **given).options == given | {"velocities": [80]}


def test_a_bank_that_midi_cannot_name_is_not_played_as_another(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"bank 200; allowed for fluidsynth: 0\.\.128"):
        fluidsynth.fluidsynth_play(tmp_path / "x.sf2", (200, 5), [(60, 90)], (0.5, 0.1), 0)


def test_fluidsynth_that_is_missing_or_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    font(tmp_path)
    monkeypatch.setattr(fluidsynth, "fluidsynth_command", lambda: None)
    with pytest.raises(BacktuneError, match=r"fluidsynth: not installed; .* with player=builtin"):
        open_source(tmp_path / "tiny.sf2", preset="5", player="fluidsynth")
    monkeypatch.setattr(fluidsynth, "fluidsynth_command", lambda: str(tmp_path / "nothing"))
    with pytest.raises(BacktuneError, match="fluidsynth: did not finish"):
        open_source(tmp_path / "tiny.sf2", preset="5", player="fluidsynth")


def test_files_that_are_no_fonts_are_told(tmp_path: Path) -> None:
    path = tmp_path / "x.sf2"
    whole = tiny_soundfont([TinyZone(0, LOOPED)])
    vorbis = whole.replace(struct.pack("<BbHH", 57, 0, 0, 1), struct.pack("<BbHH", 57, 0, 0, 0x11))
    for data, says in {
        b"hello": "not a RIFF file of form 'sfbk'",
        b"RIFF\x04\0\0\0sfbk": "holds no samples",
        whole[:-40]: "ends 40 bytes too early",
        whole.replace(b"igen", b"xgen"): r"damaged SoundFont \(table igen has 0 bytes\)",
        nested(3000): "more than 8 deep",
        tiny_soundfont([TinyZone(0)] * 400, layers=400): "more than 100000 zones",
        vorbis: r"compressed \(SF3\)",
    }.items():
        path.write_bytes(data)
        with pytest.raises(InputError, match=says):
            open_source(path, preset="5")


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=12))
def test_no_damaged_byte_gives_a_traceback(tmp_path: Path, flips: list[tuple[float, int]]) -> None:
    whole = tiny_soundfont([TinyZone(0, {**LOOPED, 8: 9000, 36: 0}), TinyZone(0, {43: keys(70, 80)})])
    head = whole.index(b"LISTb") if b"LISTb" in whole else 0
    data = bytearray(whole)
    tables = whole.index(b"pdta")
    for place, value in flips:  # in the tables, where damage does most
        data[head + tables + int(place * (len(whole) - tables))] = value
    path = tmp_path / "x.sf2"
    path.write_bytes(bytes(data))
    try:
        source = open_source(path, preset="5", keys="57,75", velocities="100", hold_s=0.1)
    except InputError:
        return
    assert all(np.all(np.isfinite(take.audio()[0])) for take in source.takes)


amounts = st.integers(-32768, 32767) | st.sampled_from([-32768, -30, 127, 1200, 32767])
generators = st.dictionaries(st.integers(0, 60) | st.sampled_from(PITCHED), amounts, max_size=6)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(own=generators, added=generators)
@example(own={54: 3}, added={56: 790})  # 46 octaves up, and the loop left at the release
def test_no_amount_of_any_generator_gives_a_traceback(
    tmp_path: Path, own: dict[int, int], added: dict[int, int]
) -> None:
    path = tmp_path / "x.sf2"
    path.write_bytes(tiny_soundfont([TinyZone(0, {54: 1, **own})], preset=added))
    try:
        source = open_source(path, preset="5", keys="57,127", velocities="100", hold_s=0.1)
    except InputError:
        return
    assert all(np.all(np.isfinite(take.audio()[0])) for take in source.takes)


@pytest.mark.parametrize("oper", PITCHED)
def test_a_generator_beyond_what_can_be_played_is_told(tmp_path: Path, oper: int) -> None:
    path = tmp_path / "x.sf2"
    path.write_bytes(tiny_soundfont([TinyZone(0, {oper: 32767})]))
    with pytest.raises(InputError, match=f"preset 0:5 'Tiny Sine', sample 'sine 0': generator {oper} is 32767; up to"):
        open_source(path, preset="5")


def nested(depth: int) -> bytes:
    """Return a RIFF file of LIST chunks inside each other."""
    data = b""
    for _ in range(depth):
        data = b"LIST" + struct.pack("<I", 4 + len(data)) + b"INFO" + data
    return b"RIFF" + struct.pack("<I", 4 + len(data)) + b"sfbk" + data
