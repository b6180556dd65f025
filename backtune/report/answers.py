"""The four answers a patch owes its reader: what carries it, how notes fade, what was refused, where it is weak."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from backtune.library import CORE, is_character
from backtune.patch import Patch
from backtune.report.growth_story import MEASURED, VERDICTS, TurnedDown, turned_down
from backtune.report.shares import Share
from backtune.report.text_plot import number
from backtune.units import note_name

Data = dict[str, Any]  # of `story_data`

LOUDEST = 3  # layers that are said to carry the sound
PLACES = (0.1, 0.5, 0.9)  # of the recorded range: keys at which laws are told in numbers
HIGH_OVERTONE = 8.0  # whose fall is told beside that of the fundamental
SCALE = (
    "On this scale 0 dB is the same recording; two takes of one note by one player are 2 to 3 dB apart, "
    "neighbouring notes 4 to 5."
)
PARTS = {
    "onset_db": "the onset, the first 80 ms",
    "body_db": "the body of the note, up to 1 s",
    "tail_db": "the tail, after 1 s",
    "envelope_db": "the envelope, how loudness moves in broad bands",
    "partials_db": "the courses of the single overtones",
    "noise_db": "the noise between the overtones",
    "pitch_db": "the pitch",
}
WHOLES = {
    "unheard_pitches_db": "at pitches it never heard",
    "unheard_dynamics_db": "at known pitches, played at a dynamic it never heard",
}


@dataclass(frozen=True)
class Answer:
    """One question, its answer in plain sentences, and what belongs to it as (name, sentence)."""

    question: str
    sentences: tuple[str, ...]
    items: tuple[tuple[str, str], ...] = field(default=())


def three_keys(patch: Patch) -> list[float]:
    """Return a low, a middle and a high key of the recorded range, as MIDI numbers."""
    low, high = patch.origin.pitches
    return [float(round(low + place * (high - low))) for place in PLACES]


def answers(patch: Patch, data: Data, found: dict[str, Share], also_weak: str = "") -> list[Answer]:
    """Return the four answers; `data` and `found` are those of the story, `also_weak` what recordings beside it tell.

    All numbers are the patch's: of its record, its quality, its laws.
    """
    return [_carrying(data, found), _fading(patch), _refused(patch), _weakest(patch, also_weak)]


def title(kind: str) -> str:
    """Return the name of a layer type as words."""
    return kind.replace("_", " ")


def part_name(name: str) -> str:
    """Return the name of a held-out distance as words."""
    return name.removesuffix("_db").replace("_", " ")


def enumerated(names: Sequence[str]) -> str:
    """Return names as a sentence has them: a, b and c."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _carrying(data: Data, found: dict[str, Share]) -> Answer:
    """Name the layers that matter most: the ones whose loss takes the sound away, then by what they won.

    What a layer won by its own trait is no nearness of sounds: strings that ring along 46 dB below won 5 dB.
    """
    question = "What carries the sound?"

    def worth(layer: Data) -> tuple[bool, float]:
        return found[layer["kind"]].carries, 0.0 if is_character(layer["kind"]) else layer["gain_db"] or 0.0

    order = sorted(data["layers"], key=worth, reverse=True)
    first, rest = order[:LOUDEST], order[LOUDEST:]
    if not first:
        return Answer(question, ("It has no layers: it is silent.",))
    names = [title(layer["kind"]) for layer in first]
    count = {1: "One layer carries", 2: "Two layers carry", 3: "Three layers carry"}[len(first)]
    said = [f"{count} the sound: {enumerated(names)}."]
    if rest:
        verb = "refines" if len(rest) == 1 else "refine"
        said.append(f"{enumerated([title(layer['kind']) for layer in rest]).capitalize()} {verb} it.")
    items = []
    for layer in first:
        share, won = found[layer["kind"]], layer["gain_db"]
        won_by = (
            "Its own trait, in recordings never heard, came"
            if is_character(layer["kind"])
            else "It brought recordings never heard"
        )
        nearer = f" {won_by} nearer by {won:.2f} dB." if won is not None else ""
        does = "Without it the sound is gone." if share.carries else f"It {_does(share)}."
        items.append((title(layer["kind"]), f"{layer['explains'].rstrip('.')}. {does}{nearer}"))
    return Answer(question, tuple(said), tuple(items))


def _does(share: Share) -> str:
    told = str(share)
    return f"lies {told}" if "beside" in told else f"is {told} in these notes" if told == "not heard" else told


def _fading(patch: Patch) -> Answer:
    """Tell how notes fade at three keys, in the numbers of the laws."""
    laws = patch.layer(CORE).laws if CORE in patch.kinds else {}
    fall, keys = laws.get("fall_db_s"), three_keys(patch)
    names = [note_name(key) for key in keys]
    if fall is None:
        return Answer("How do notes fade, from bass to treble?", ("No layer of this patch says.",))
    if not patch.struck:
        release, attack = laws["release_s"], laws["attack_s"]
        speaks = ", ".join(f"{_ms(float(attack(pitch=k)))} at {n}" for k, n in zip(keys, names, strict=True))
        known = (
            "" if release.provenance == "fitted" else f" (that number is {release.provenance}: no recording told it)"
        )
        ended = [float(release(pitch=key)) for key in keys]
        for layer in patch.layers:
            if own := layer.replaces.get("release_s"):
                falls, known = layer.laws[own], ""
                ended = [60.0 / max(float(falls(pitch=key, partial=1.0)), 1e-3) for key in keys]
        ends = enumerated(list(dict.fromkeys(f"{number(one)} s" for one in ended)))
        return Answer(
            "How do notes begin and end, from bass to treble?",
            (
                "It is blown or bowed: a note lasts as long as it is played and does not fade by itself.",
                f"Its full tone is there after {speaks}. Let go, it is 60 dB down after {ends}{known}.",
            ),
        )
    at = [float(fall(pitch=key, partial=1.0)) for key in keys]
    said = [
        "While the key is held, the fundamental falls by "
        + ", ".join(f"{number(one)} dB a second at {name}" for one, name in zip(at, names, strict=True))
        + "."
    ]
    if all(one > 0 for one in at):
        said.append("That is 60 dB in " + enumerated([f"{number(60 / one)} s" for one in at]) + ".")
    if at[0] > 0 and at[-1] > at[0]:
        said.append(f"So the treble dies {number(at[-1] / at[0])} times as fast as the bass.")
    elif at[-1] > 0 and at[0] > at[-1]:
        said.append(f"So the bass dies {number(at[0] / at[-1])} times as fast as the treble.")
    if "partial" in fall.axes:
        high = float(fall(pitch=keys[0], partial=HIGH_OVERTONE))
        faster = "faster" if high > at[0] else "more slowly"
        said.append(
            f"Overtones have falls of their own: at {names[0]} the {HIGH_OVERTONE:.0f}th falls by {number(high)} dB "
            f"a second, {faster} than the fundamental."
        )
    said += [f"{layer.explains.rstrip('.')}: see {title(layer.kind)}." for layer in patch.layers if layer.bends]
    return Answer("How do notes fade, from bass to treble?", tuple(said))


def _ms(seconds: float) -> str:
    return f"{number(1000 * seconds)} ms"


def _refused(patch: Patch) -> Answer:
    """Tell how many layer types growth turned down for which reason, and name them with the best example."""
    question, down = "What was refused, and why?", turned_down(patch)
    if not patch.record:
        return Answer(question, ("There is no record of growth: it was not fitted, or written by hand.",))
    if not down:
        return Answer(question, ("Nothing: every layer type that growth tried is in the patch.",))
    count = sum(len(group) for group in down.values())
    items = []
    for name, group in down.items():
        names = enumerated([title(one.kind) for one in group])
        items.append((f"{len(group)} {VERDICTS[name]}", f"{names[:1].upper()}{names[1:]}. {_example(group, name)}"))
    said = f"Growth tried {'one layer type' if count == 1 else f'{count} layer types'} that the patch does not have:"
    return Answer(question, (said,), tuple(items))


def _example(group: Sequence[TurnedDown], name: str) -> str:
    """Tell of the first of a group: what was measured where that is the reason, else the reason itself."""
    first = group[0]
    lead = "" if len(group) == 1 else f"For example {title(first.kind)}: "
    step = first.step
    if name in MEASURED:
        told = f"{step.gain_db:+.2f} dB, between {step.low_db:+.2f} and {step.high_db:+.2f}."
        return lead + told if lead else f"It would have won {told}"
    return f"{lead}{step.reason}." if lead else f"{step.reason[:1].upper()}{step.reason[1:]}."


def _weakest(patch: Patch, also: str) -> Answer:
    """Name the part of the sound farthest from the recordings and the nearest, and where the whole is farther."""
    question, parts = "Where is it weakest?", {n: v for n, v in patch.quality.items() if n in PARTS}
    said = []
    if parts:
        order = sorted(parts, key=lambda name: -parts[name])
        worst, best = order[0], order[-1]
        said.append(f"In {PARTS[worst]}: {parts[worst]:.2f} dB from recordings it never heard.")
        said.append(f"It is nearest in {PARTS[best]}: {parts[best]:.2f} dB.")
    wholes = [f"{patch.quality[name]:.2f} dB {words}" for name, words in WHOLES.items() if name in patch.quality]
    said += [f"All in all it is {', and '.join(wholes)}.", SCALE] if wholes else []
    said += [also] if also else []
    return Answer(question, tuple(said or ["The patch does not say how far it is from recordings."]))
