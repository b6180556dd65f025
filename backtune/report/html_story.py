"""The top of the page: the story in plain sentences, the stack of layers, how it grew, where it fails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backtune.patch import Patch
from backtune.report.growth_table import SCREENED, chosen_row, growth_data
from backtune.report.html_parts import bullets, details, paragraph, plot, section, table
from backtune.report.plot_growth import growth_figure, growth_steps
from backtune.report.shares import Share
from backtune.units import note_name

Data = dict[str, Any]  # of `story_data`
LOUDEST = 3  # layers that the story names
PLACES = (0.1, 0.5, 0.9)  # of the recorded range: keys at which laws are told in numbers


def three_keys(patch: Patch) -> list[float]:
    """Return a low, a middle and a high key of the recorded range, as MIDI numbers."""
    low, high = patch.origin.pitches
    return [float(round(low + place * (high - low))) for place in PLACES]


def story_section(patch: Patch, data: Data, found: dict[str, Share]) -> str:
    """Return the story: what it is, which layers carry it, how it decays, what was refused, where it is weakest."""
    sentences = [_whole(patch, data), *_decay(patch), *_weakest(patch)]
    parts = [paragraph(sentences[0]), *_carrying(data, found), *map(paragraph, sentences[1:]), *_refused(patch)]
    for title, said in (("Unusual in it:", data["unusual"]), ("What its deep layers are for:", data["compensating"])):
        parts += [paragraph(title), bullets(said)] if said else []
    return section("story", "The story", *parts)


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


def _carrying(data: Data, found: dict[str, Share]) -> list[str]:
    """Name the layers that matter most: the ones whose loss takes the sound away, then by what they won."""

    def worth(layer: Data) -> tuple[bool, float]:
        return found[layer["kind"]].carries, layer["gain_db"] or 0.0

    first = sorted(data["layers"], key=worth, reverse=True)[:LOUDEST]
    if not first:
        return [paragraph("It has no layers: it is silent.")]
    told = []
    for layer in first:
        won = f"won {layer['gain_db']:.2f} dB" if layer["gain_db"] is not None else str(found[layer["kind"]])
        told.append(f"{layer['kind']} ({won}): {layer['explains'].rstrip('.')}")
    count = {1: "One layer carries", 2: "Two layers carry", 3: "Three layers carry"}[len(told)]
    return [paragraph(f"{count} the sound:"), bullets(told)]


def _decay(patch: Patch) -> list[str]:
    """Tell how the fundamental falls at three keys, in the numbers of the law of decay."""
    laws = {name: law for layer in patch.layers for name, law in layer.laws.items()}
    law = laws.get("fall_db_s")
    if law is None or not patch.struck:
        return []
    keys = three_keys(patch)
    at = [float(law(pitch=key, partial=1.0)) for key in keys]
    told = ", ".join(f"{fall:.1f} dB/s at {note_name(key)}" for key, fall in zip(keys, at, strict=True))
    ratio = at[-1] / at[0] if at[0] > 0 else 0.0
    bass = f", {ratio:.1f} times as fast in the treble as in the bass" if ratio > 1 else ""
    two = " The fall has two stages, fast at first: see two_stage_decay." if "two_stage_decay" in patch.kinds else ""
    return [f"While the key is held, the fundamental falls by {told}{bass}.{two}"]


def _refused(patch: Patch) -> list[str]:
    """Name every layer type that growth refused for good, and the last reason it gave."""
    last = {step.kind: step for step in patch.record if step.action in ("refuse", "decline", "remove")}
    said = [f"{kind}: {step.reason}" for kind, step in last.items() if kind not in patch.kinds]
    many = "one layer type" if len(said) == 1 else f"{len(said)} layer types"
    return [paragraph(f"Growth tried {many} that the patch does not have:"), bullets(said)] if said else []


def _weakest(patch: Patch) -> list[str]:
    """Name the part of the sound farthest from the recordings, and the nearest."""
    parts = {name: value for name, value in patch.quality.items() if not name.startswith("unheard")}
    if not parts:
        return []
    order = sorted(parts, key=lambda name: -parts[name])
    worst, best = order[0], order[-1]
    return [
        f"The patch is weakest in the {_part(worst)}: {parts[worst]:.2f} dB from recordings it never heard; "
        f"it is nearest in the {_part(best)}: {parts[best]:.2f} dB."
    ]


def _part(name: str) -> str:
    return name.removesuffix("_db").replace("_", " ")


def layers_table(data: Data, found: dict[str, Share]) -> str:
    """Return the stack of layers, broad to deep, with what each does, won and costs."""
    rows = []
    for layer in data["layers"]:
        won = f"{layer['gain_db']:.2f} dB" if layer["gain_db"] is not None else "-"
        does = str(found[layer["kind"]])
        rows.append(
            (
                layer["kind"],
                layer["depth"],
                layer["explains"],
                does,
                won,
                f"{layer['numbers']:,}",
                f"{layer['bytes']:,}",
            )
        )
    head = ("layer", "depth", "what it explains", "what it does", "won", "numbers", "bytes")
    return section("stack", "The stack of layers", table("Layers, broad ones first", head, rows))


def growth_section(patch: Patch) -> str:
    """Return the record of growth: the plot of bytes against held-out distance, then every step with its reason."""
    if not patch.record:
        return section("growth", "How it grew", paragraph("There is no record: it was not fitted, or written by hand."))
    parts = []
    if growth_steps(patch):
        words = "Size of the patch in KB against held-out distance in dB, for each step of the table below."
        caption = "Bytes against held-out error; the numbers are those of the steps in the table."
        parts.append(plot(growth_figure(patch), "growth", caption, words))
    rows: list[Sequence[Any]] = []
    left_out = []
    chosen, marked = chosen_row(patch), None
    for index, step in enumerate(growth_data(patch)):
        if step["action"] in SCREENED:
            left_out.append((step["kind"], step["reason"]))
            continue
        marked = len(rows) if index == chosen else marked
        measured = step["gain_db"] or step["high_db"]
        rows.append(
            (
                index + 1,
                step["action"],
                step["kind"],
                f"{step['size_bytes']:,}" if step["size_bytes"] else "-",
                f"{step['distance_db']:.2f} dB" if step["distance_db"] else "-",
                f"{step['gain_db']:+.2f} dB ({step['low_db']:+.2f}..{step['high_db']:+.2f})" if measured else "-",
                step["reason"],
            )
        )
    head = ("step", "action", "layer", "bytes", "held-out", "won, with its interval", "why")
    parts.append(table("What growth tried; the marked step is the patch as it is", head, rows, marked))
    if left_out:
        parts.append(
            details(f"{len(left_out)} takes were left out", table("Takes left out", ("take", "why"), left_out))
        )
    return section("growth", "How it grew", *parts)


def quality_table(patch: Patch) -> str:
    """Return the held-out distances of the patch, the farthest first."""
    rows = [(_part(name), f"{value:.2f} dB") for name, value in sorted(patch.quality.items(), key=lambda one: -one[1])]
    if not rows:
        return paragraph("The patch does not say how far it is from recordings.")
    return table("Distance to recordings it never heard (0 dB = identical), farthest first", ("part", "distance"), rows)
