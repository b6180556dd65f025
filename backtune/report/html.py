"""The report: a patch as one page that opens from disk, from its story down to single laws, with sound."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from backtune.errors import InputError
from backtune.notes import NoteEvent
from backtune.patch import Patch
from backtune.report.answers import enumerated, three_keys
from backtune.report.beside import Progress, hear_beside, nearest_take
from backtune.report.explain import story_data
from backtune.report.html_beside import BesideSounds, beside_sounds, failures_section, farthest, notes_section
from backtune.report.html_growth import growth_section
from backtune.report.html_layers import layer_section
from backtune.report.html_parts import paragraph, players, plot, section, table
from backtune.report.html_sound import (
    NoteSounds,
    growing_players,
    labelled,
    layer_players,
    level_gain,
    note_sounds,
    told_note,
)
from backtune.report.html_story import layers_section, quality_table, story_section
from backtune.report.plot_voice import VELOCITY, balance_figure, decay_figure, modes_figure, noise_figure
from backtune.report.shares import shares
from backtune.source import Source
from backtune.units import note_name
from backtune.whole_file import write_beside

MOST_BYTES = 8_000_000  # of a page: it is sent by mail and opened on a phone
PLACES = {
    "story": "Story",
    "hear": "Hear it",
    "stack": "Layers",
    "growth": "Growth",
    "whole": "The whole sound",
    "failures": "Where it fails",
    "notes": "Spectrograms",
    "opened": "Each layer opened",
    "controls": "Controls",
    "origin": "Origin",
}


def report_page(
    patch: Patch,
    source: Source | None = None,
    *,
    keys: Sequence[float] = (),
    jobs: int = 2,
    progress: Progress = lambda stage, done, total: None,
) -> str:
    """Return the page of `patch` as HTML that needs nothing else: no network, no other file.

    With `source`, its recordings stand beside the patch. `keys` (MIDI numbers) are heard and shown as examples;
    by default a low, a middle and a high one. Raises InputError for recordings that cannot be read.
    """
    data, found = story_data(patch), shares(patch)
    beside = None if source is None else hear_beside(patch, source, jobs, progress)
    wanted = list(keys) or three_keys(patch)
    takes = [] if beside is None else [nearest_take(beside.takes, key, VELOCITY) for key in wanted]
    played = [NoteEvent(t.midi, t.velocity) for t in takes] or [NoteEvent(key, VELOCITY) for key in wanted]
    sounds = []
    for index, note in enumerate(played):
        progress("playing", index, len(played))
        sounds.append(note_sounds(patch, note))
    progress("playing", len(played), len(played))
    heard = [] if beside is None else [beside_sounds(patch, take, beside) for take in dict.fromkeys(takes)]
    parts = [story_section(patch, data, found, farthest(beside)), _hear(sounds, heard)]
    parts += [layers_section(data, found, growing_players(patch, sounds[len(sounds) // 2])), growth_section(patch)]
    parts += [_whole(patch, sounds), failures_section(quality_table(patch), beside)]
    parts += [notes_section(heard)] if heard else []
    opened = []
    for index, layer in enumerate(data["layers"]):
        progress("drawing", index, len(data["layers"]))
        alone = "".join(players(layer_players(one, layer["kind"])) for one in sounds)
        opened.append(layer_section(patch, layer, found[layer["kind"]], beside.dots if beside else {}, alone))
    progress("drawing", len(opened), len(opened))
    parts += [section("opened", "Each layer opened", *opened), _controls(patch), _origin(patch)]
    return _page(patch.name or "a patch without a name", parts)


def write_report(
    patch: Patch,
    path: str | Path,
    source: Source | None = None,
    *,
    keys: Sequence[float] = (),
    jobs: int = 2,
    progress: Progress = lambda stage, done, total: None,
) -> int:
    """Write the page of `patch` beside its place, rename it there, and return its size in bytes.

    See `report_page`. Raises InputError when the page would exceed 8 MB or cannot be written.
    """
    target = Path(path)
    page = report_page(patch, source, keys=keys, jobs=jobs, progress=progress).encode("utf-8", "replace")
    if len(page) > MOST_BYTES:
        raise InputError(
            f"{target}: the page would take {len(page):,} bytes; at most {MOST_BYTES:,}: ask for fewer notes"
        )
    write_beside(target, page)
    return len(page)


def _hear(sounds: Sequence[NoteSounds], heard: Sequence[BesideSounds]) -> str:
    """Return the first players of the page: recording and patch of each note, or the patch alone."""
    told = "A player started while another of its group sounds goes on from the same moment: so two can be compared."
    if heard:
        return section("hear", "Hear it", paragraph(told), *(players(one.players) for one in heard))
    if not any(len(one.whole) for one in sounds):
        return ""
    alone = [labelled(f"{told_note(one)}: the patch", one.whole * level_gain([one.whole])) for one in sounds]
    return section("hear", "Hear it", players(*alone))


def _whole(patch: Patch, sounds: Sequence[NoteSounds]) -> str:
    if not patch.layers:
        return section("whole", "The whole sound", paragraph("No layer sounds."))
    keys = three_keys(patch)
    named = enumerated([note_name(key) for key in keys])
    parts = [paragraph("What all layers make together, before each is opened.")]
    if len(patch.voice(sounds[0].note, 0.2).partial_number):
        head = "Balance of the overtones over the keyboard, 0.1 s after the onset"
        how = (
            "A column is a key, a row an overtone, light is strong. Where the light reaches higher up, the key sounds "
            "brighter; the three maps tell how much brighter it gets when it is played harder."
        )
        parts.append(plot(balance_figure(patch), "balance", f"{head}. {how}", f"{head}, dB below the loudest."))
        head = f"How the tone moves at {named}, keys held"
        how = "All overtones together. The steeper a line falls, the sooner its note is gone."
        parts.append(plot(decay_figure(patch, keys), "decay", f"{head}. {how}", f"{head}: level in dB over time."))
    if (noise := noise_figure(patch, keys)) is not None:
        head = f"Noise between the overtones at {named}"
        how = "Left the knock or the breath of the onset, right what lasts. Low numbers are quiet."
        words = f"{head}: level in dB by frequency, at the onset and later."
        parts.append(plot(noise, "noise", f"{head}. {how}", words))
    if (modes := modes_figure(patch, keys[0])) is not None:
        head = f"Modes of the body, as {note_name(keys[0])} strikes them"
        how = "Each line is a frequency at which wood or metal rings on its own."
        parts.append(plot(modes, "modes", f"{head}. {how}", f"{head}: level in dB by frequency."))
    else:
        parts.append(paragraph("No layer of this patch describes modes of a body."))
    return section("whole", "The whole sound", *parts)


def _controls(patch: Patch) -> str:
    panel = patch.panel
    rows = []
    for name, one in panel.controls.items():
        reach = ", ".join(one.choices) if one.choices else f"{one.low:g}..{one.high:g}"
        controller = "-" if one.cc is None else f"CC {one.cc}"
        rows.append((name, reach, one.unit, controller, one.text(panel.value(name)), one.sentence))
    intro = "What a player may move. At its default a control does nothing: the instrument plays as it was fitted."
    head = ("control", "range", "unit", "MIDI", "stands at", "what it does")
    return section(
        "controls", "Controls", paragraph(intro), table("Controls, with range, unit and controller", head, rows)
    )


def _origin(patch: Patch) -> str:
    rows = [
        (name.replace("_", " "), _plain(value))
        for name, value in vars(patch.origin).items()
        if value not in ("", {}, 0, None)
    ]
    return section("origin", "Origin", table("Where it comes from: enough to fit it again", ("what", "value"), rows))


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _page(title: str, parts: Sequence[str]) -> str:
    body = "".join(parts)
    links = "".join(f'<li><a href="#{name}">{text}</a></li>' for name, text in PLACES.items() if f'id="{name}"' in body)
    folder = files("backtune.report")
    style, script = ((folder / name).read_text("utf-8") for name in ("page.css", "page.js"))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        "script-src 'unsafe-inline'; img-src data:; media-src data:\">"
        f'<title>{escape(title)}: how it works</title><link rel="icon" href="data:,">'
        f"<style>{style}</style></head><body>"
        '<a class="skip" href="#story">To the story</a>'
        f'<header><h1>{escape(title)}</h1><nav aria-label="On this page"><ul>{links}</ul></nav></header>'
        f"<main>{body}</main><script>{script}</script></body></html>\n"
    )
