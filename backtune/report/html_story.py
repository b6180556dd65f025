"""The top of the page: four answers in plain sentences, the stack of layers, what is measured."""

from __future__ import annotations

from html import escape
from typing import Any

from backtune.patch import Patch
from backtune.report.answers import PARTS, WHOLES, Answer, answers, part_name, title
from backtune.report.html_parts import bullets, paragraph, section, table
from backtune.report.shares import Share
from backtune.units import note_name

Data = dict[str, Any]  # of `story_data`


def story_section(patch: Patch, data: Data, found: dict[str, Share], also_weak: str) -> str:
    """Return the story: what carries it, how notes fade, what was refused, where it is weakest, what is unusual."""
    cards = "".join(_card(index, one) for index, one in enumerate(answers(patch, data, found, also_weak)))
    parts = [f'<p class="lead">{escape(_whole(patch, data))}</p>', f'<div class="answers">{cards}</div>']
    asides = (
        ("Unusual in it", data["unusual"]),
        ("What its deepest layers are for", data["compensating"]),
        ("Read with care", data["doubts"]),
    )
    parts += [
        section(f"aside-{index}", head, bullets(said), level=3) for index, (head, said) in enumerate(asides) if said
    ]
    return section("story", "The story", *parts)


def _card(index: int, answer: Answer) -> str:
    said = "".join(map(paragraph, answer.sentences))
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in answer.items)
    return section(f"answer-{index}", answer.question, said, f"<dl>{items}</dl>" if items else "", level=3)


def _whole(patch: Patch, data: Data) -> str:
    numbers = sum(layer["numbers"] for layer in data["layers"])
    family = (
        "struck or plucked, its notes ring free" if patch.struck else "blown or bowed, its notes last as long as played"
    )
    low, high = (note_name(pitch) for pitch in patch.origin.pitches)
    origin = f" It was fitted to {patch.origin.takes} recorded takes." if patch.origin.takes else ""
    return (
        f"This instrument is {family}; it reaches from {low} to {high}. {len(data['layers'])} layers with "
        f"{numbers:,} numbers, {data['bytes']:,} bytes in all, make its sound.{origin}"
    )


def layers_section(data: Data, found: dict[str, Share], growing: str) -> str:
    """Return the stack of layers, broad to deep, with what each does, won and costs; `growing` are its players."""
    rows = []
    for layer in data["layers"]:
        won = f"{layer['gain_db']:.2f} dB" if layer["gain_db"] is not None else "-"
        does = str(found[layer["kind"]])
        numbers = (f"{layer['numbers']:,}", f"{layer['bytes']:,}")
        rows.append((title(layer["kind"]), layer["depth"], layer["explains"], does, won, *numbers))
    head = ("layer", "depth", "what it explains", "what it does", "won", "numbers", "bytes")
    told = "Won: by how much recordings it never heard came nearer when the layer was added. Bytes: what it costs."
    heard = "Hear the stack grow: the core alone, then with one layer more each time, up to the whole patch."
    grows = [paragraph(heard), growing] if growing else []
    return section(
        "stack", "The stack of layers", paragraph(told), table("Layers, broad ones first", head, rows), *grows
    )


def quality_table(patch: Patch) -> str:
    """Return the held-out distances of the patch, the farthest first, each with what it measures."""
    words = PARTS | {name: f"the whole, {told}" for name, told in WHOLES.items()}
    order = sorted(patch.quality.items(), key=lambda one: -one[1])
    rows = [(part_name(name), f"{value:.2f} dB", words.get(name, "")) for name, value in order]
    if not rows:
        return paragraph("The patch does not say how far it is from recordings.")
    caption = "Distance to recordings it never heard (0 dB = identical), farthest first"
    return table(caption, ("part", "distance", "what is compared"), rows)
