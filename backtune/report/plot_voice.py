"""Plots of the whole patch: overtones over keyboard and velocity, noise spectra, decays, body modes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from backtune.notes import NoteEvent
from backtune.patch import Patch
from backtune.report.plot_axes import TICKS, place, ticks, warp
from backtune.report.plots import ACCENT, INK, LINES, SECOND, WIDTH_IN, figure, heat_map, style
from backtune.units import note_name
from backtune.voice import Voice

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

VELOCITIES = (30.0, 70.0, 110.0)  # soft, medium, loud
VELOCITY = 80.0
AT_S = 0.1  # overtones are told a tenth of a second after the onset, when every attack is over or well on its way
OVERTONES = 20
ONSET_S, LATER_S = 0.01, 0.5  # when noise spectra are told
SECONDS = 4.0
RANGE_DB = 70.0  # below the loudest, nothing is drawn
COLOURS = (ACCENT, INK, SECOND)


def overtone_levels(patch: Patch, pitches: Floats, velocity: float) -> Floats:
    """Return the levels of the first 20 overtones at each key 0.1 s after the onset, dB, (20, len(pitches)).

    0 dB = full scale; NaN where a key has fewer overtones. Overtones that share a number are added as powers.
    """
    out = np.full((OVERTONES, len(pitches)), np.nan)
    for column, pitch in enumerate(pitches.tolist()):
        voice = patch.voice_at(NoteEvent(pitch, velocity), np.array([0.0, AT_S]))
        numbers = np.rint(voice.partial_number).astype(int)
        for number in range(1, OVERTONES + 1):
            mine = voice.partial_db[numbers == number, 1]
            if len(mine):
                out[number - 1, column] = 10 * np.log10(np.sum(10 ** (mine / 10)))
    return out


def balance_figure(patch: Patch) -> Figure:
    """Return maps of overtone levels over the keyboard at a soft, a medium and a loud velocity."""

    low, high = patch.origin.pitches
    pitches = np.arange(np.ceil(low), np.floor(high) + 1)
    if not len(pitches):  # all notes lie between two neighbouring keys
        pitches = np.array([0.5 * (low + high)])
    levels = [overtone_levels(patch, pitches, velocity) for velocity in VELOCITIES]
    with style():
        out = figure(WIDTH_IN, 6.6)
        for axes, level, velocity in zip(out.subplots(3, 1, sharex=True), levels, VELOCITIES, strict=True):
            relative = np.maximum(level - np.nanmax(level), -RANGE_DB)
            numbers = np.arange(1.0, OVERTONES + 1)
            heat_map(axes, pitches, warp("partial", numbers), relative, "dB below the loudest")
            axes.set_title(f"velocity {velocity:.0f}", fontsize=10, loc="left")
            marks = ticks("partial", 1, OVERTONES)
            axes.set_yticks(warp("partial", [x for x, _ in marks]), [text for _, text in marks])
            axes.set_ylabel("overtone")
        _key_axis(axes, pitches)
        return out


def noise_figure(patch: Patch, pitches: list[float]) -> Figure | None:
    """Return the noise spectra of these keys at the onset and later; None when the patch makes no noise."""

    voices = [patch.voice_at(NoteEvent(pitch, VELOCITY), np.array([ONSET_S, LATER_S])) for pitch in pitches]
    top = max(float(voice.noise_db.max()) for voice in voices)
    if top < -150:
        return None
    with style():
        out = figure(WIDTH_IN, 3.4)
        for column, (axes, when) in enumerate(
            zip(out.subplots(1, 2, sharey=True), ("at the onset", f"{LATER_S:g} s later"), strict=True)
        ):
            for index, (voice, pitch) in enumerate(zip(voices, pitches, strict=True)):
                dash, marker = LINES[index % len(LINES)]
                level = np.maximum(voice.noise_db[:, column], top - RANGE_DB)
                at = warp("hz", voice.band_centre_hz)
                axes.plot(
                    at, level, ls=dash, marker=marker, color=COLOURS[index % 3], label=note_name(pitch), markevery=3
                )
            _hz_axis(axes, (100.0, 1000.0, 3000.0, 10000.0))
            axes.set_title(when, fontsize=10, loc="left")
        axes.legend()
        out.axes[0].set_ylabel("noise in each band, dB")
        return out


def decay_figure(patch: Patch, pitches: list[float]) -> Figure:
    """Return the course of all overtones together, over time, at these keys."""

    with style():
        out = figure(WIDTH_IN, 3.0)
        axes = out.subplots()
        for index, pitch in enumerate(pitches):
            voice = patch.voice(NoteEvent(pitch, VELOCITY), SECONDS)
            level = tone_level(voice)
            inside = (voice.times_s >= 0) & (level > level.max() - RANGE_DB)
            dash, marker = LINES[index % len(LINES)]
            axes.plot(
                voice.times_s[inside],
                (level - level.max())[inside],
                ls=dash,
                marker=marker,
                color=COLOURS[index % 3],
                markevery=0.1,
                label=note_name(pitch),
            )
        axes.set_xlabel(f"time after the onset, s (velocity {VELOCITY:.0f}, held)")
        axes.set_ylabel("level of the tone, dB")
        axes.legend()
        return out


def tone_level(voice: Voice) -> Floats:
    """Return the level of all overtones together, dB, (T,)."""
    return np.asarray(10 * np.log10(np.maximum(np.sum(10 ** (voice.partial_db / 10), axis=0), 1e-20)))


def modes_figure(patch: Patch, pitch: float) -> Figure | None:
    """Return the body modes that `pitch` excites on a frequency axis; None when the patch has none."""

    voice = patch.voice_at(NoteEvent(pitch, VELOCITY), np.array([0.0, AT_S]))
    if not len(voice.mode_hz):
        return None
    bottom = float(voice.mode_db.max()) - RANGE_DB
    with style():
        out = figure(WIDTH_IN, 3.0)
        axes = out.subplots()
        at = warp("hz", voice.mode_hz)
        axes.vlines(at, bottom, np.maximum(voice.mode_db, bottom), color=ACCENT)
        axes.plot(at, np.maximum(voice.mode_db, bottom), "o", color=ACCENT)
        _hz_axis(axes, TICKS["hz"])
        axes.set_ylabel(f"level at {note_name(pitch)}, dB")
        return out


def _key_axis(axes: Axes, pitches: Floats) -> None:
    marks = ticks("pitch", float(pitches[0]), float(pitches[-1]))
    axes.set_xticks([x for x, _ in marks], [text for _, text in marks])
    axes.set_xlabel("key")


def _hz_axis(axes: Axes, marks: tuple[float, ...]) -> None:
    axes.set_xticks(warp("hz", marks), [place("hz", x) for x in marks])
    axes.set_xlabel("frequency")
