"""The patch beside recordings: where it fails, chosen notes as sound and as spectrograms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backtune.comparison import Comparison
from backtune.note_distance import TOTAL, level_ratio, render_like
from backtune.notes import Take
from backtune.patch import Patch
from backtune.report.beside import Beside
from backtune.report.html_parts import paragraph, plot, section, table
from backtune.report.html_sound import SECONDS, labelled, level_gain
from backtune.report.plot_beside import bands_figure, notes_figure, triple_figure
from backtune.units import note_name

Floats = NDArray[np.float64]

WORST = 5
BEFORE_S = 0.1  # of a recording is heard and seen before its onset


def failures_section(quality: str, beside: Beside | None) -> str:
    """Return where the patch fails: `quality` is the patch's own table; with recordings, maps and the worst notes."""
    if beside is None:
        said = "With recordings beside the patch (`backtune report PATCH SOURCE`) this page maps where it fails."
        return section("failures", "Where it fails", quality, paragraph(said))
    found = beside.comparison
    level = "brought to equal level" if found.levels_matched else "at their natural levels"
    which = f"all {beside.of}" if len(beside.takes) == beside.of else f"{len(beside.takes)} of {beside.of}"
    intro = (
        f"Measured beside {which} takes of {found.source}, {level}; the fit may have heard some of them, "
        f"the table above tells of takes it never heard. {_told(found)}"
    )
    words = "Total distance in dB of each compared note, by recorded key and velocity. " + _told(found)
    parts = [
        quality,
        paragraph(intro),
        plot(
            notes_figure(found),
            "notes",
            f"Distance of each recorded note from its render: light is far, empty was not compared. {_told(found)}",
            words,
        ),
        _medians_table(found),
        _worst_table(found),
        plot(
            bands_figure(beside.bands),
            "bands",
            "What is missing, mean over these takes: light where the recordings are louder, dark where the patch is. "
            "A stripe across is a band the patch gets wrong all the time, a spot at the left an onset it misses.",
            "Mean missing level in dB by time after the onset and frequency.",
        ),
    ]
    return section("failures", "Where it fails", *parts)


@dataclass(frozen=True)
class BesideSounds:
    """A take beside its render, both from shortly before the onset: (n,) at `rate`; `onset_s` from their start."""

    name: str
    recorded: Floats
    rendered: Floats
    rate: int
    onset_s: float

    @property
    def players(self) -> str:
        """The players of recording and render, at one gain."""
        gain = level_gain([self.recorded, self.rendered])
        sounds = (("recording", self.recorded), ("render", self.rendered))
        return "".join(labelled(f"{self.name}: {which}", audio * gain, self.rate) for which, audio in sounds)


def beside_sounds(patch: Patch, take: Take, beside: Beside) -> BesideSounds:
    """Return a take and the same note played by `patch`, at the levels at which they were compared."""
    recorded, rendered, rate, onset_s = render_like(patch, take)
    if beside.comparison.levels_matched:
        rendered = rendered * level_ratio(recorded, rendered)
    first = max(0, round((onset_s - BEFORE_S) * rate))
    last = first + round((SECONDS + BEFORE_S) * rate)
    return BesideSounds(note(take), recorded[first:last], rendered[first:last], rate, onset_s - first / rate)


def notes_section(heard: Sequence[BesideSounds]) -> str:
    """Return chosen notes as spectrograms of recording, render, and what is missing."""
    told = (
        "Lines lying one above the other are overtones, the haze between them is noise. In the third picture an even "
        "middle tone is agreement; light stands where the recording is louder, dark where the patch is."
    )
    parts = [paragraph(told)]
    for index, one in enumerate(heard):
        drawn = triple_figure(one.recorded, one.rendered, one.rate, one.onset_s)
        caption = f"{one.name}: recording, render, and what is missing (light: the recording is louder)"
        words = f"Spectrograms of {one.name}: recording, render, and recording less render."
        parts.append(section(f"note-{index}", one.name, plot(drawn, f"triple{index}", caption, words), level=3))
    return section("notes", "Notes beside their recordings, as spectrograms", *parts)


def farthest(beside: Beside | None) -> str:
    """Return one sentence for the story: in which octave the compared recordings are farthest; "" without any."""
    if beside is None:
        return ""
    worst = max(beside.comparison.notes, key=lambda one: one.distance_db[TOTAL])
    return (
        f"Among the {len(beside.takes)} recordings beside it on this page: {_told(beside.comparison)} "
        f"The worst single note is {note_name(worst.midi)} at velocity {worst.velocity:.0f}, "
        f"{worst.distance_db[TOTAL]:.2f} dB."
    )


def note(take: Take) -> str:
    """Return how the page calls a take: its key and how hard it was played."""
    return f"{note_name(take.midi)}, {take.dynamic or 'velocity'} {take.velocity:.0f}, take {take.number}"


def _told(found: Comparison) -> str:
    regions = {name: one[TOTAL] for name, one in found.median_by(lambda one: one.region).items()}
    worst = max(regions, key=lambda name: regions[name])
    best = min(regions, key=lambda name: regions[name])
    if worst == best:
        return f"The median distance is {found.median_db[TOTAL]:.2f} dB."
    return f"It is farthest in {worst} (median {regions[worst]:.2f} dB), nearest in {best} ({regions[best]:.2f} dB)."


def _medians_table(found: Comparison) -> str:
    groups = found.median_by(lambda one: one.region) | {"all": found.median_db}
    rows = [(name, *(f"{one[part]:.2f}" for part in found.components)) for name, one in groups.items()]
    return table("Median distances by region, dB", ("region", *found.components), rows)


def _worst_table(found: Comparison) -> str:
    worst = sorted(found.notes, key=lambda one: -one.distance_db[TOTAL])[:WORST]
    rows = [
        (one.name, f"{one.velocity:.0f}", *(f"{one.distance_db[p]:.2f}" for p in found.components)) for one in worst
    ]
    return table("The notes farthest from their recordings, dB", ("take", "velocity", *found.components), rows)
