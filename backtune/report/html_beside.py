"""The patch beside recordings: where it fails, chosen notes as sound and as spectrograms."""

from __future__ import annotations

from collections.abc import Sequence

from backtune.comparison import TOTAL, Comparison, level_ratio, render_like
from backtune.notes import Take
from backtune.patch import Patch
from backtune.report.beside import Beside
from backtune.report.html_parts import paragraph, players, plot, section, table
from backtune.report.html_sound import SECONDS, labelled, level_gain
from backtune.report.plot_beside import bands_figure, notes_figure, triple_figure

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
            notes_figure(found), "notes", "Distance of each recorded note from its render; empty: none compared", words
        ),
        _medians_table(found),
        _worst_table(found),
        plot(
            bands_figure(beside.bands),
            "bands",
            "What is missing, mean over these takes: light where the recordings are louder, dark where the patch is",
            "Mean missing level in dB by time after the onset and frequency.",
        ),
    ]
    return section("failures", "Where it fails", *parts)


def notes_section(patch: Patch, beside: Beside, chosen: Sequence[Take]) -> str:
    """Return chosen notes: players of recording and render, and the spectrograms of both and of what is missing."""
    parts = []
    for index, take in enumerate(chosen):
        recorded, rendered, rate, onset_s = render_like(patch, take)
        if beside.comparison.levels_matched:
            rendered = rendered * level_ratio(recorded, rendered)
        first = max(0, round((onset_s - BEFORE_S) * rate))
        last = first + round((SECONDS + BEFORE_S) * rate)
        one, other = recorded[first:last], rendered[first:last]
        gain = level_gain([one, other])
        name = f"{note(take)}"
        sounds = [
            labelled(f"{name}: {which}", audio * gain, rate) for which, audio in (("recording", one), ("render", other))
        ]
        drawn = triple_figure(one, other, rate, onset_s - first / rate)
        caption = f"{name}: recording, render, and what is missing (light: the recording is louder)"
        words = f"Spectrograms of {name}: recording, render, and recording less render."
        parts.append(
            section(f"note-{index}", name, players(*sounds), plot(drawn, f"triple{index}", caption, words), level=3)
        )
    return section("notes", "Notes beside their recordings", *parts)


def note(take: Take) -> str:
    """Return how the page calls a take: its key and how hard it was played."""
    from backtune.units import note_name

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
