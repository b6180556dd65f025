"""Plots of a patch beside recordings: where it fails, and single notes as spectrograms."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from backtune.analysis.observations import Observations
from backtune.comparison import Comparison
from backtune.note_distance import TOTAL
from backtune.report.plot_axes import LABELS, TICKS, place, warp
from backtune.report.plots import COLOURS, WIDTH_IN, figure, heat_map, style
from backtune.units import erb_to_hz, hz_to_erb, power_to_db

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

MOST_DB = 15.0  # of a residual that is drawn: beyond, it is as bad
LEAST_REACH_DB = 3.0  # of the scale of a map of residuals, both ways: 0 is always its middle
MOST_SHOWN = 95.0  # percent of its cells lie inside the scale: a few wild ones do not grey out the rest
WINDOW, COLUMNS, ROWS = 2048, 260, 110
LOWEST_HZ, HIGHEST_HZ = 40.0, 16000.0
RANGE_DB = 75.0
TIME_EDGES_S = np.array([-0.02, 0, 0.01, 0.02, 0.04, 0.08, 0.16, 0.3, 0.6, 1.2, 2.4, 5, 10, 20])


def notes_map(comparison: Comparison) -> tuple[Floats, Floats, Floats]:
    """Return (pitches, velocities, mean total distance in dB of the notes there, NaN where none was compared)."""
    pitches = np.array(sorted({note.midi for note in comparison.notes}))
    velocities = np.array(sorted({note.velocity for note in comparison.notes}))
    total, count = np.zeros((len(velocities), len(pitches))), np.zeros((len(velocities), len(pitches)))
    for note in comparison.notes:
        cell = np.searchsorted(velocities, note.velocity), np.searchsorted(pitches, note.midi)
        total[cell] += note.distance_db[TOTAL]
        count[cell] += 1
    with np.errstate(invalid="ignore"):
        return pitches, velocities, np.where(count > 0, total / count, np.nan)


def notes_figure(comparison: Comparison) -> Figure:
    """Return the map of total distances by pitch and velocity; cells without a note stay empty."""

    pitches, velocities, values = notes_map(comparison)
    with style():
        out = figure(WIDTH_IN, 2.0 + 0.25 * len(velocities))
        axes = out.subplots()
        heat_map(axes, np.arange(float(len(pitches))), np.arange(float(len(velocities))), values, "distance, dB")
        named = [i for i, p in enumerate(pitches) if len(pitches) <= 16 or i % (len(pitches) // 12) == 0]
        axes.set_xticks(named, [place("pitch", float(pitches[i])) for i in named], rotation=45)
        axes.set_yticks(range(len(velocities)), [f"{v:.0f}" for v in velocities])
        axes.set_xlabel("recorded key")
        axes.set_ylabel("velocity")
        return out


def bands_map(bands: Observations) -> tuple[Floats, Floats, Floats]:
    """Return (frequencies Hz, starts of time cells s, mean missing level in dB by both, weighted by what is heard).

    Positive: the recordings are louder than the patch. NaN where nothing was heard.
    """
    hz = np.unique(bands.at["hz"])
    row = np.searchsorted(hz, bands.at["hz"])
    column = np.searchsorted(TIME_EDGES_S, bands.at["time_s"], side="right") - 1
    shape = (len(hz), len(TIME_EDGES_S) - 1)
    inside = (column >= 0) & (column < shape[1])
    cell = (row * shape[1] + np.clip(column, 0, shape[1] - 1))[inside]
    weight = np.bincount(cell, bands.weight[inside], shape[0] * shape[1])
    missing = np.bincount(cell, (bands.weight * bands.missing_db)[inside], shape[0] * shape[1])
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(weight > 0, missing / weight, np.nan)
    return hz, TIME_EDGES_S[:-1], mean.reshape(shape)


def bands_figure(bands: Observations) -> Figure:
    """Return the map of missing levels over time and frequency, mean over all takes."""

    hz, start, values = bands_map(bands)
    known = np.flatnonzero(np.isfinite(values).any(axis=0))
    values = np.clip(values[:, known[0] : known[-1] + 1], -MOST_DB, MOST_DB)
    reach = max(LEAST_REACH_DB, float(np.nanpercentile(np.abs(values), MOST_SHOWN)))
    start = start[known[0] : known[-1] + 1]
    with style():
        out = figure(WIDTH_IN, 3.8)
        axes = out.subplots()
        heat_map(axes, np.arange(float(len(start))), warp("hz", hz), values, "missing level, dB", (-reach, reach))
        axes.set_xticks(range(len(start)), [place("time_s", float(x)) for x in start])
        axes.set_xlabel("time after the onset, from, s")
        _hz_axis(axes)
        return out


def spectrogram(audio: Floats, rate: int) -> tuple[Floats, Floats, Floats]:
    """Return (times s, frequencies Hz, levels dB (110, 260)) on an ear's frequency scale; 0 dB = full scale sine."""
    from scipy.signal import get_window

    window = get_window("hann", WINDOW)
    starts = np.linspace(0, max(len(audio) - WINDOW, 0), COLUMNS).round().astype(int)
    padded = np.pad(audio, (0, WINDOW))
    frames = np.stack([padded[start : start + WINDOW] * window for start in starts])
    power = np.abs(np.fft.rfft(frames) * 2 / window.sum()) ** 2
    edges = erb_to_hz(np.linspace(hz_to_erb(LOWEST_HZ), hz_to_erb(min(HIGHEST_HZ, rate / 2)), ROWS + 1))
    bins = np.fft.rfftfreq(WINDOW, 1 / rate)
    rows = []
    for low, high in pairwise(edges.tolist()):
        inside = (bins >= low) & (bins < high)
        if not inside.any():
            inside = bins == bins[np.argmin(np.abs(bins - 0.5 * (low + high)))]
        rows.append(power[:, inside].max(axis=1))
    return (starts + WINDOW / 2) / rate, np.asarray(np.sqrt(edges[1:] * edges[:-1])), power_to_db(np.stack(rows))


def triple_figure(recorded: Floats, rendered: Floats, rate: int, onset_s: float) -> Figure:
    """Return spectrograms of a recording, its render, and what is missing (recording less render, dB)."""

    times, hz, one = spectrogram(recorded, rate)
    _, _, other = spectrogram(rendered, rate)
    bottom = max(one.max(), other.max()) - RANGE_DB
    missing = np.clip(np.maximum(one, bottom) - np.maximum(other, bottom), -2 * MOST_DB, 2 * MOST_DB)
    maps = (("recording", np.maximum(one, bottom)), ("render", np.maximum(other, bottom)), ("residual", missing))
    with style():
        out = figure(WIDTH_IN, 6.6)
        for axes, (name, values) in zip(out.subplots(3, 1, sharex=True), maps, strict=True):
            axes.grid(False)
            image = axes.pcolormesh(times - onset_s, warp("hz", hz), values, cmap=COLOURS, rasterized=True)
            axes.set_title(name, fontsize=10, loc="left")
            label = "missing, dB" if name == "residual" else "level, dB"
            out.colorbar(image, ax=axes, label=label, pad=0.02).outline.set_visible(False)
            _hz_axis(axes)
        axes.set_xlabel(LABELS["time_s"])
        return out


def _hz_axis(axes: Axes) -> None:
    marks = [x for x in TICKS["hz"] if axes.get_ylim()[0] <= warp("hz", x) <= axes.get_ylim()[1]]
    axes.set_yticks(warp("hz", marks), [place("hz", x) for x in marks])
    axes.set_ylabel("frequency")
