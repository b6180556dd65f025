"""Sound on the page: each layer alone, everything but it, the whole - compressed, at one level a note."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backtune.fading import faded_out
from backtune.notes import NoteEvent
from backtune.patch import Patch
from backtune.render import render_take
from backtune.report.html_parts import player, players
from backtune.resampling import resampled

Floats = NDArray[np.float64]

RATE = 44100
SECONDS = 2.5  # of each sound; fifty of them, compressed, take 1.5 MB
FADE_S = 0.1  # at the cut end, so that it does not click
PEAK = 0.89  # the loudest sound of a note, -1 dB
MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
COMPRESSION = 0.7  # 0..1: about 55 kbit/s, on small loudspeakers as good as the original
SILENT = 1e-5  # -100 dB: not to be heard, no player


@dataclass(frozen=True)
class NoteSounds:
    """The sounds of one note: the whole, and by layer what it sounds alone and what is left without it.

    `alone[kind]` is None for a layer that does not sound by itself; `changes[kind]` is then what it changes:
    the whole less the rest. All mono (n,) at 44,100 Hz.
    """

    note: NoteEvent
    whole: Floats
    without: dict[str, Floats]
    alone: dict[str, Floats]
    adds_sound: dict[str, bool]


def note_sounds(patch: Patch, note: NoteEvent, seconds: float = SECONDS) -> NoteSounds:
    """Return the sounds of `note` rendered by the whole patch and its parts."""

    whole = rendered(patch, note, seconds)
    without = {kind: rendered(patch.without(kind), note, seconds) for kind in patch.kinds}
    sounds = {layer.kind: layer.adds_sound for layer in patch.layers}
    alone = {
        kind: rendered(patch.only(kind), note, seconds) if sounds[kind] else whole - without[kind]
        for kind in patch.kinds
    }
    return NoteSounds(note, whole, without, alone, sounds)


def rendered(patch: Patch, note: NoteEvent, seconds: float) -> Floats:
    """Return a note as the page plays it, mono (n,) at 44,100 Hz, `seconds` long."""
    return render_take(patch, note, patch.lead_s, seconds, RATE)


def told_note(sounds: NoteSounds) -> str:
    """Return how the page calls a rendered note."""
    return f"{sounds.note.name}, velocity {sounds.note.velocity:.0f}"


def layer_players(sounds: NoteSounds, kind: str) -> str:
    """Return the players of one layer for one note: alone (or what it changes), and everything but it."""
    name, layer = told_note(sounds), kind.replace("_", " ")
    first = f"{layer} alone" if sounds.adds_sound[kind] else f"what {layer} changes"
    gain = level_gain([sounds.whole, sounds.without[kind], sounds.alone[kind]])
    pairs = ((f"{name}: {first}", sounds.alone[kind]), (f"{name}: all but {layer}", sounds.without[kind]))
    return "".join(labelled(label, audio * gain) for label, audio in pairs)


def growing_players(patch: Patch, sounds: NoteSounds) -> str:
    """Return the players of one note as the stack grows: the first layer, the first two, up to the whole."""
    kinds = patch.kinds
    if len(kinds) < 2:
        return ""
    steps = [
        rendered(patch.only(*kinds[:count]), sounds.note, len(sounds.whole) / RATE) for count in range(1, len(kinds))
    ]
    steps.append(sounds.whole)
    gain = level_gain(steps)
    names = [kind.replace("_", " ") for kind in kinds]
    labels = [f"step 1, {names[0]}", *(f"step {index + 2}, with {name}" for index, name in enumerate(names[1:]))]
    pairs = zip(labels, steps, strict=True)
    return players(*(labelled(f"{told_note(sounds)}: {label}", audio * gain) for label, audio in pairs))


def labelled(label: str, audio: Floats, rate: int = RATE) -> str:
    """Return a player, or the words that there is nothing to hear."""
    if not len(audio) or np.max(np.abs(audio)) < SILENT:
        return player(f"{label} (silent)", b"")
    return player(label, compressed(audio, rate))


def level_gain(together: list[Floats]) -> float:
    """Return the gain at which the loudest of these sounds peaks at -1 dB: they are compared at their own levels."""
    return PEAK / max(max(float(np.max(np.abs(one), initial=0.0)) for one in together), SILENT)


def compressed(audio: Floats, rate: int = RATE) -> bytes:
    """Return mono audio as an MP3, its end faded out; at 44.1 kHz where MP3 has no such rate."""
    import soundfile

    if rate not in MP3_RATES:
        audio, rate = resampled(audio, rate, RATE), RATE
    shaped = faded_out(np.asarray(audio, np.float64), rate, FADE_S)
    out = io.BytesIO()
    soundfile.write(
        out,
        shaped,
        rate,
        format="MP3",
        subtype="MPEG_LAYER_III",
        compression_level=COMPRESSION,
        bitrate_mode="VARIABLE",
    )
    return out.getvalue()
