"""A SoundFont preset: played key by key and velocity by velocity, or its samples as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backtune.errors import InputError, nearest
from backtune.notes import Recording, Take
from backtune.reading.fluidsynth import fluidsynth_play
from backtune.reading.key_lists import parse_keys, parse_velocities
from backtune.reading.soundfont_file import Preset, SoundFontFile, Zone
from backtune.reading.soundfont_player import play_note
from backtune.source import STRUCK, SUSTAINED, Source, SourceKind
from backtune.units import note_name

BUILTIN, FLUIDSYNTH, SAMPLES = "builtin", "fluidsynth", "samples"
PLAYERS = (BUILTIN, FLUIDSYNTH, SAMPLES)
RATE = 44100
PLAIN_VELOCITIES = (40, 80, 120)  # for presets with one velocity layer
MOST_LAYERS = 5  # velocities taken from presets with more layers than that
LOWEST_KEY, HIGHEST_KEY = 21, 108  # of keys chosen on our own: a piano's
FEWEST_KEYS = 8  # with fewer, no law over the keyboard can be told, nor be asked at keys it never heard
SPREAD_KEYS = range(36, 97, 5)  # five octaves in fourths
NEAR, FAR = 3, 12  # semitones from a sample's root: nearer adds nothing, farther is no longer how it was meant
STRUCK_S, SUSTAINED_S, RELEASE_S = 5.0, 2.5, 0.5
LONGEST_S = 60.0
FALLING_DB = 8.0  # a held note that falls further from 0.3 s to 2.3 s rings freely
SILENCE = 1e-5  # of the peak (-100 dB): where a note that died away is cut
MOST_NOTES = 4000

Player = Callable[[list[tuple[int, int]], tuple[float, float]], list[NDArray[np.float64]]]


class SoundFont(SourceKind):
    """A SoundFont 2 file (.sf2) with a preset chosen as "bank:program" or by name."""

    kind = "soundfont"
    explains = "a SoundFont (.sf2) with a preset"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether `path` is a file whose name ends in .sf2 or .sf3."""
        return path.suffix.lower() in (".sf2", ".sf3") and path.is_file()

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        preset: str = "0:0",
        keys: str | Sequence[int] = "",
        velocities: str | Sequence[int] = "",
        hold_s: float | None = None,
        player: str = BUILTIN,
        channel: int = 0,
    ) -> Source:
        """Return one take for each key and velocity.

        `keys`: "" = for each sample the key nearest to its root, and fourths beside them when those are fewer
        than eight; or numbers, note names and ranges with a step ("21:108:3", "C3,E3,G3"), or a list of MIDI keys.
        `velocities` likewise; "" = the middle of the preset's velocity layers (at most 5), or 40, 80, 120 when it
        has one. `hold_s`: how long keys are held, None = 5 s for sounds that ring freely, 2.5 s for others. `player`:
        "builtin" (the specification's generators and velocity modulators), "fluidsynth" (the installed one) or
        "samples" (as stored, at their root keys). `channel`: 0 left, 1 right. Raises InputError for a damaged file,
        an unknown preset or player.
        """
        font = SoundFontFile(path)
        chosen = font.preset(preset)
        if not chosen.zones:
            raise InputError(f"{path}: preset {chosen.label} '{chosen.name}' has no usable samples")
        if player not in PLAYERS:
            raise InputError(f"player: '{player}' was given; {nearest(player, PLAYERS)}")
        if channel not in (0, 1):
            raise InputError(f"channel: {channel} was given; allowed: 0 (left) or 1 (right)")
        if player == SAMPLES and (keys or velocities or hold_s is not None):
            raise InputError(f"player: '{SAMPLES}' takes what is stored; keys, velocities, hold_s are for the others")
        if hold_s is not None and not 0.05 <= hold_s <= LONGEST_S:
            raise InputError(f"hold_s: {hold_s} s was given; allowed: 0.05..{LONGEST_S:g} s")
        wanted_keys = _asked(keys, parse_keys) or _telling_keys(chosen)
        speeds = _asked(velocities, parse_velocities) or _layer_velocities(chosen)
        notes = [(key, speed) for key in wanted_keys for speed in speeds if _zones(chosen, key, speed)]
        silent = len(wanted_keys) * len(speeds) - len(notes)
        if not notes:
            raise InputError(f"{path}: preset {chosen.label} '{chosen.name}' sounds on none of the keys asked for")
        if len(notes) > MOST_NOTES:
            raise InputError(f"{path}: {len(notes)} notes were asked for; allowed: {MOST_NOTES}")
        family = ""
        if player == SAMPLES:
            takes = _sample_takes(font, chosen, channel)
        else:
            play = _player(font, chosen, player, channel)
            family = _family(play, notes)
            takes = _played_takes(play, notes, family, hold_s)
        licence = " ".join(filter(None, (font.information("ICOP"), font.information("ICMT"))))
        return Source(
            path=path,
            kind=cls.kind,
            takes=takes,
            name=f"{chosen.name} ({font.information('INAM') or path.stem} {chosen.label})",
            licence=" ".join(licence.split())[:200],
            levels_natural=player != SAMPLES,
            family=family,
            remarks=[f"preset {chosen.label} '{chosen.name}', player {player}, {len(takes)} notes"],
            problems=[f"{silent} of the keys and velocities asked for are silent in this preset"] if silent else [],
        )


def _zones(preset: Preset, key: int, velocity: int) -> list[Zone]:
    return [zone for zone in preset.zones if zone.sounds(key, velocity)]


def _telling_keys(preset: Preset) -> list[int]:
    """Return the keys that tell most of a preset: those of its samples, and where few samples make many keys, more."""
    roots = _root_keys(preset)
    if len(roots) >= FEWEST_KEYS:
        return roots
    played = {key for zone in preset.zones for key in range(zone.keys[0], zone.keys[1] + 1)}
    apart = {key: min(abs(key - root) for root in roots) for key in SPREAD_KEYS if key in played}
    more = [key for key, far in apart.items() if NEAR <= far <= FAR]
    if len(roots) + len(more) < FEWEST_KEYS:  # one or two samples for the whole keyboard
        more = [key for key, far in apart.items() if far >= NEAR]
    return sorted([*roots, *more])


def _root_keys(preset: Preset) -> list[int]:
    """Return for each sample the key where it is transposed least, within a piano's range when possible."""
    best: dict[int, tuple[float, int]] = {}
    for zone in preset.zones:
        low, high = max(zone.keys[0], LOWEST_KEY), min(zone.keys[1], HIGHEST_KEY)
        for key in range(low, high + 1):
            distance = abs(zone.transposition_cents(key))
            if zone.sample.start not in best or distance < best[zone.sample.start][0]:
                best[zone.sample.start] = (distance, key)
    return sorted({key for _, key in best.values()})


def _layer_velocities(preset: Preset) -> list[int]:
    layers = sorted({zone.velocities for zone in preset.zones})
    middles = sorted({max(1, round((low + high) / 2)) for low, high in layers})
    if len(middles) < 2:
        return list(PLAIN_VELOCITIES)
    spread = np.unique(np.linspace(0, len(middles) - 1, MOST_LAYERS).round().astype(int))
    return [middles[index] for index in spread]


def _asked(given: str | Sequence[int], parse: Callable[[str], tuple[int, ...]]) -> list[int]:
    """Return what a text or a list names, rising; [] for ""."""
    text = given if isinstance(given, str) else ",".join(map(str, given))
    return sorted(parse(text)) if text.strip() else []


def _player(font: SoundFontFile, preset: Preset, player: str, channel: int) -> Player:
    def fluidsynth(notes: list[tuple[int, int]], seconds: tuple[float, float]) -> list[NDArray[np.float64]]:
        return fluidsynth_play(font.path, (preset.bank, preset.program), notes, seconds, channel)

    def builtin(notes: list[tuple[int, int]], seconds: tuple[float, float]) -> list[NDArray[np.float64]]:
        pool = font.pool
        return [play_note(_zones(preset, *note), pool, *note, seconds, channel)[0] for note in notes]

    return fluidsynth if player == FLUIDSYNTH else builtin


def _family(play: Player, notes: list[tuple[int, int]]) -> str:
    """Return whether a middle note, held, rings away or goes on."""
    middle = sorted(notes, key=lambda note: (abs(note[0] - 60), -note[1]))[0]
    audio = play([middle], (2.5, 0.0))[0]
    power = [np.mean(audio[int(start * RATE) : int((start + 0.2) * RATE)] ** 2) for start in (0.3, 2.3)]
    return STRUCK if power[1] < power[0] * 10.0 ** (-FALLING_DB / 10.0) else SUSTAINED


def _played_takes(play: Player, notes: list[tuple[int, int]], family: str, hold_s: float | None) -> list[Take]:
    held = hold_s if hold_s is not None else STRUCK_S if family == STRUCK else SUSTAINED_S
    seconds = (held, 0.0) if family == STRUCK else (held, RELEASE_S)
    takes = []
    for (key, velocity), audio in zip(notes, play(notes, seconds), strict=True):
        peak = np.max(np.abs(audio))
        if family == STRUCK and peak > 0:
            audio = audio[: np.flatnonzero(np.abs(audio) > SILENCE * peak)[-1] + 1]
        takes.append(
            Take(
                name=f"{note_name(key)} v{velocity}",
                midi=float(key),
                velocity=float(velocity),
                recording=Recording(samples=audio, rate=RATE),
                onset_s=0.0,
                gate_s=None if family == STRUCK else held,
            )
        )
    return takes


def _sample_takes(font: SoundFontFile, preset: Preset, channel: int) -> list[Take]:
    """Return each stored sample once, at its root key; of stereo pairs the one panned to `channel`."""
    takes: dict[int, Take] = {}
    for zone in preset.zones:
        pan = zone.amount(17)
        if (pan > 0 and channel == 0) or (pan < 0 and channel == 1) or zone.sample.start in takes:
            continue
        sounding = zone.root_key - (100 * zone.amount(51) + zone.amount(52) + zone.sample.correction_cents) / 100.0
        takes[zone.sample.start] = Take(
            name=zone.sample.name or f"sample at {zone.sample.start}",
            midi=float(min(max(round(sounding), 0), 127)),
            velocity=float(max(1, round(sum(zone.velocities) / 2))),
            recording=Recording(
                samples=np.asarray(font.pool[zone.sample.start : zone.sample.end], float) / 32768.0,
                rate=zone.sample.rate,
                retune_cents=100.0 * (round(sounding) - sounding),
            ),
        )
    return list(takes.values())
