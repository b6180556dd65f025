"""Explain: the story of a patch, from what carries the sound down to single laws."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from backtune.formulas import FORMULAS
from backtune.law import Law, LawSpec
from backtune.layer import DEPTHS, Layer
from backtune.library import CORE
from backtune.patch import Patch
from backtune.patch_file import patch_bytes
from backtune.report.answers import answers
from backtune.report.growth_story import growth_data
from backtune.report.shares import Share, shares
from backtune.report.text_plot import law_plot
from backtune.report.unusual import compensating, unusual
from backtune.units import note_name

WIDTH = 80
SHARE = (0.0, 1.0)  # the range of what is none of something, or all of it: both ends are meant
WHOLE = ("unheard", "repeats")  # names of whole distances begin so; others are parts
BAR = 24  # columns of a bar of distances


def story(patch: Patch) -> str:
    """Return the top-level story: what the patch is, what each layer does, won and cost, where it fails."""
    found = shares(patch)
    lines = [*_wrapped(_headline(patch)), *_origin(patch), ""]
    told = answers(patch, story_data(patch), found)
    lines += _wrapped(" ".join(told[0].sentences))
    lines += ["", f"  {'layer':19} {'does':28} {'won':>9} {'numbers':>8} {'bytes':>9}"]
    for layer in patch.layers:
        lines.append(_layer_row(patch, layer, found[layer.kind]))
    lines += ["", *(line for layer in patch.layers for line in _wrapped(f"{layer.kind}: {layer.explains}", 2))]
    lines += ["", *_wrapped(told[1].question), *_wrapped(" ".join(told[1].sentences), 2)]
    lines += _failures(patch)
    if patch.record:
        lines += ["", *_wrapped(told[2].question), *_wrapped(" ".join(told[2].sentences), 2)]
        lines += [line for name, why in told[2].items for line in _wrapped(f"{name}: {why.split('.')[0]}.", 2)]
    lines += [*_section("With care:", doubts(patch)), *_section("Unusual:", unusual(patch))]
    lines += _section("Deep layers:", compensating(patch))
    if patch.record:
        lines += ["", "`--growth` shows what each trial won, `--layer NAME` the laws of a layer."]
    return "\n".join(lines)


def layer_story(patch: Patch, kind: str) -> str:
    """Return one layer down to its laws, with plots; raise InputError when the patch has no such layer."""
    layer = patch.layer(kind)
    lines = _wrapped(f"{layer.kind} ({DEPTHS[layer.depth]}): {layer.explains}")
    lines += _wrapped(
        f"{layer.numbers:,} numbers, {layer_bytes(patch, kind):,} bytes, {shares(patch)[kind]}{_won(patch, kind)}"
    )
    specs = {spec.name: spec for spec in layer.specs}
    for name, law in layer.laws.items():
        lines += ["", *_wrapped(_law_title(law, specs[name]))]
        lines += [line for fact in _law_facts(law, specs[name]) for line in _wrapped(fact, 2)]
        lines += law_plot(law, patch.origin.pitches)
    return "\n".join(lines)


def story_data(patch: Patch) -> dict[str, Any]:
    """Return the whole story as plain data."""
    found = shares(patch)
    layers = []
    for layer in patch.layers:
        specs = {spec.name: spec for spec in layer.specs}
        layers.append(
            {
                "kind": layer.kind,
                "depth": DEPTHS[layer.depth],
                "explains": layer.explains,
                "numbers": layer.numbers,
                "bytes": layer_bytes(patch, layer.kind),
                "gain_db": gain_db(patch, layer.kind),
                "carries": found[layer.kind].carries,
                "level_db": found[layer.kind].level_db,
                "moves_db": found[layer.kind].moves_db,
                "laws": {name: _law_data(law, specs[name]) for name, law in layer.laws.items()},
            }
        )
    return {
        "name": patch.name,
        "origin": vars(patch.origin) | {"pitches": list(patch.origin.pitches)},
        "bytes": patch_bytes(patch),
        "quality_db": patch.quality,
        "layers": layers,
        "unusual": unusual(patch),
        "compensating": compensating(patch),
        "doubts": doubts(patch),
        "growth": growth_data(patch),
    }


def layer_bytes(patch: Patch, kind: str) -> int:
    """Return how many bytes of the patch file a layer takes."""
    return patch_bytes(patch) - patch_bytes(patch.without(kind))


def gain_db(patch: Patch, kind: str) -> float | None:
    """Return what the layer won on held-out takes when it was added, dB; None when the record does not say."""
    added = [step.gain_db for step in patch.record if step.kind == kind and step.action == "add"]
    return added[-1] if added else None


def _headline(patch: Patch) -> str:
    numbers = sum(layer.numbers for layer in patch.layers)
    family = "struck" if patch.struck else "sustained"
    return (
        f"{patch.name}: {len(patch.layers)} layers, {numbers:,} numbers, {patch_bytes(patch) / 1000:.1f} KB, "
        f"{family} notes {note_name(patch.origin.pitches[0])}..{note_name(patch.origin.pitches[1])}"
    )


def _origin(patch: Patch) -> list[str]:
    origin = patch.origin
    if not origin.takes:
        return []
    licence = f" ({origin.licence})" if origin.licence else ""
    return _wrapped(f"Fitted to {origin.takes} takes of {origin.name or 'unnamed recordings'}{licence}.")


def _layer_row(patch: Patch, layer: Layer, share: Share) -> str:
    gain = gain_db(patch, layer.kind)
    won = f"{gain:.2f} dB" if gain is not None else "-"
    cost = f"{layer_bytes(patch, layer.kind):,}"
    return f"  {layer.kind[:19]:19} {str(share)[:28]:28} {won:>9} {layer.numbers:>8,} {cost:>9}"


def _won(patch: Patch, kind: str) -> str:
    gain = gain_db(patch, kind)
    return f", won {gain:.2f} dB on takes it had not heard" if gain is not None else ""


def _failures(patch: Patch) -> list[str]:
    if not patch.quality:
        return []
    top = max(max(patch.quality.values()), 1e-9)
    whole = {name: value for name, value in patch.quality.items() if name.startswith(WHOLE)}
    parts = {name: value for name, value in patch.quality.items() if name not in whole}
    lines = ["", "Distance to recordings it never heard, dB (0 = identical; parts farthest first):"]
    for name, value in [*whole.items(), *sorted(parts.items(), key=lambda item: -item[1])]:
        told = name.removesuffix("_db").replace("_", " ")
        lines.append(f"  {told[:28]:28} {value:6.2f} {'█' * max(0, round(BAR * value / top))}")
    return lines


def doubts(patch: Patch) -> list[str]:
    """Return what the numbers themselves admit: laws no recording told, and values at the end of their range.

    A law of the core that another layer's stands in place of is not heard: nothing is to be said of it.
    """
    replaced = {name for layer in patch.layers for name in layer.replaces}
    out = []
    for layer in patch.layers:
        specs = {spec.name: spec for spec in layer.specs}
        for name, law in layer.laws.items():
            if layer.kind == CORE and name in replaced:
                continue
            if law.provenance != "fitted":
                out.append(f"{layer.kind}.{name} is {law.provenance}, not fitted.")
            if stuck := _at_limit(law, specs[name]):
                out.append(f"{layer.kind}.{name}: {stuck}.")
    return out


def _section(title: str, told: list[str]) -> list[str]:
    return ["", title, *(line for text in told for line in _wrapped(text, 2))] if told else []


def _at_limit(law: Law, spec: LawSpec) -> str:
    if law.form in FORMULAS or not law.values.size or (spec.low, spec.high) == SHARE:
        return ""
    low, high = (law.values <= spec.low) & (spec.low != 0.0), (law.values >= spec.high) & (spec.high != 0.0)
    count = int(np.sum(low | high))  # a limit of 0 is a meaning of its own: no inharmonicity, no fall
    return (
        f"{count} of {law.numbers} values lie at the end of the allowed range {spec.low:g}..{spec.high:g}"
        if count
        else ""
    )


def _law_title(law: Law, spec: LawSpec) -> str:
    unit = f" [{spec.unit}]" if spec.unit else ""
    return f"{law.name}{unit}: {spec.sentence}"


def _law_facts(law: Law, spec: LawSpec) -> list[str]:
    form = FORMULAS[law.form].text if law.form in FORMULAS else {"notes": "note by note"}.get(law.form, "smooth")
    over = f" over {', '.join(law.axes)}" if law.axes else ", the same everywhere"
    facts = [f"{form if law.axes else 'one number'}{over}; {law.numbers:,} numbers, {law.provenance}"]
    if law.form in FORMULAS:
        pairs = zip(FORMULAS[law.form].coefficients, law.values.tolist(), strict=True)
        facts.append(", ".join(f"{name} = {value:.4g}" for name, value in pairs))
    stuck = _at_limit(law, spec)
    return [*facts, stuck] if stuck else facts


def _law_data(law: Law, spec: LawSpec) -> dict[str, Any]:
    return {
        "unit": law.unit,
        "sentence": spec.sentence,
        "form": law.form,
        "over": {axis: knots.tolist() for axis, knots in zip(law.axes, law.knots, strict=False)},
        "values": law.values.tolist(),
        "provenance": law.provenance,
    }


def _wrapped(text: str, indent: int = 0) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * (indent + 2 if indent else 0)
    )
