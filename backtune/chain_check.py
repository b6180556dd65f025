"""Checking a chain: every slot opened and set, a burst of noise sent through, and what came of it in a table."""

from __future__ import annotations

import textwrap
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from backtune.chain import Chain, EffectSlot, ParallelSlot, PluginSlot, every_slot
from backtune.chain_run import apply_chain, start
from backtune.hosting.effects import EFFECTS
from backtune.hosting.plugin import Plugin
from backtune.hosting.process import Limits
from backtune.hosting.texts import short
from backtune.hosting.wire import GRID
from backtune.units import amplitude_to_db, db_to_amplitude

BURST_S, SILENCE_S = 1.0, 8.0
BURST_DB = -18.0  # root mean square: the level mixes are made at
SEED = 5
RING_DB = -60.0  # below the burst: where a reverberation counts as over
SILENT_DB = -90.0
SAME_RAW = 1e-6  # raw values travel as float32
WIDTH = 80
SAME_DB = -90.0  # two renders that differ less are the same to every ear
LINEAR_DB = -60.0  # stems of layers sent through a chain one by one add up this well at least


@dataclass(frozen=True)
class SlotReport:
    """One slot: where it is in the file, its name, what it is, and how it is set."""

    where: str
    name: str
    what: str
    settings: str


@dataclass(frozen=True)
class ChainReport:
    """What a chain does to a burst of noise at -18 dB.

    - `late_frames`: how long it keeps sound while streaming; taken off, so nothing is shifted.
    - `level_change_db`: of the burst. `peak_db`: highest sample. `ring_s`: from the burst's end until 60 dB below it.
    - `superposition_db`: what two sounds give together, less what each gives alone, below the burst; -inf for a
      chain in which sounds do not touch each other, such as a reverb; a compressor comes to -20 dB and more.
    """

    name: str
    purpose: str
    rate: int
    slots: tuple[SlotReport, ...]
    late_frames: int
    level_change_db: float
    peak_db: float
    ring_s: float
    superposition_db: float
    warnings: tuple[str, ...]


def check_chain(chain: Chain, rate: int = 48000, limits: Limits | None = None) -> ChainReport:
    """Return what a chain does; raises whatever opening, setting or running one of its slots raises."""
    burst = _burst(rate)
    silence = np.zeros((2, round(SILENCE_S * rate) // GRID * GRID), np.float32)
    with start(chain, rate, limits=limits) as running:
        out = [running.push(burst)]
        late = running.frames_in - running.frames_out
        out += [running.push(silence), running.finish()]
        slots = tuple(
            SlotReport(where, slot.name, _what(slot), _settings(slot, running.plugins))
            for where, slot in every_slot(chain.slots)
        )
        warnings = list(running.warnings)
    audio = np.concatenate(out, axis=1)
    frames = burst.shape[1]
    change_db = _rms_db(audio[:, :frames]) - BURST_DB
    loud = np.flatnonzero(np.max(np.abs(audio), axis=0) > db_to_amplitude(BURST_DB + RING_DB))
    ring_s = max(0.0, (loud[-1] - frames) / rate) if len(loud) else 0.0
    peak_db = float(amplitude_to_db(np.max(np.abs(audio))))
    apart_db, differs_db = superposition_db(chain, rate, limits)
    if change_db < SILENT_DB - BURST_DB:
        warnings.append("nothing comes out of it")
    if differs_db > SAME_DB:
        warnings.append(f"it does not repeat itself: two runs differ by {differs_db:.0f} dB of the noise sent in")
    if peak_db > 0.0:
        warnings.append(f"noise at {BURST_DB:g} dB leaves it with peaks of {peak_db:+.1f} dB: it is too loud")
    if ring_s > SILENCE_S - 0.1:
        warnings.append(f"it rings on for more than {SILENCE_S:g} s")
    return ChainReport(
        chain.name,
        chain.purpose,
        rate,
        slots,
        late,
        round(change_db, 2),
        round(peak_db, 2),
        round(ring_s, 3),
        round(apart_db, 1),
        tuple(warnings),
    )


def superposition_db(chain: Chain, rate: int, limits: Limits | None = None) -> tuple[float, float]:
    """Return how far a chain is from adding up, and from repeating itself, dB below the burst sent in.

    The first: the power of f(a + b) - f(a) - f(b), for the two halves of a burst sent in by themselves; what differs
    between two runs counts too. The second: that of f(a) - f(a) in two runs. -120 dB is as good as none.
    """
    first, second = np.split(_burst(rate), 2, axis=1)
    length = min(first.shape[1], second.shape[1])
    first, second = first[:, :length], second[:, :length]

    def answer(sound: np.ndarray) -> np.ndarray:
        return apply_chain(chain, sound, rate, limits=limits).astype(float)

    one = answer(first)
    apart = answer(first + second) - one - answer(second)
    return _rms_db(apart) - BURST_DB, _rms_db(answer(first) - one) - BURST_DB


def report_text(report: ChainReport) -> str:
    """Return a report as a text to read."""
    lines = wrapped(f"{report.name}: {report.purpose}", 0)
    for slot in report.slots:
        told = slot.what if slot.name == slot.what.partition(",")[0] else f"{slot.name}: {slot.what}"
        told += f"; {slot.settings}" if slot.settings else ""
        lines += wrapped(f"{slot.where.rpartition('.')[2]} {told}", 2 + 2 * slot.where.count("parallel["))
    lines += wrapped(
        f"noise at {BURST_DB:g} dB: level {report.level_change_db:+.1f} dB, peak {report.peak_db:.1f} dB, rings for "
        f"{report.ring_s:.2f} s, kept for {report.late_frames} frames at {report.rate} Hz (taken off)",
        0,
    )
    if report.superposition_db < LINEAR_DB:
        lines += wrapped("sounds pass it without touching each other: layers sent through one by one add up", 0)
    else:
        apart = f"{report.superposition_db:.0f} dB"
        lines += wrapped(f"sounds touch each other in it: layers sent through one by one miss the whole by {apart}", 0)
    for sentence in report.warnings:
        lines += wrapped(f"warning: {sentence}", 0)
    return "\n".join(lines)


def wrapped(text: str, indent: int) -> list[str]:
    """Return a text in lines of 80 columns; those after the first are indented by four more."""
    return textwrap.wrap(text, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * (indent + 4))


def report_data(report: ChainReport) -> dict[str, Any]:
    """Return a report as plain data."""
    return asdict(report)


def _burst(rate: int) -> np.ndarray:
    noise = np.random.default_rng(SEED).standard_normal((2, round(BURST_S * rate) // GRID * GRID))
    return np.asarray(noise * (db_to_amplitude(BURST_DB) / np.sqrt(np.mean(noise**2))), np.float32)


def _rms_db(audio: np.ndarray) -> float:
    return float(amplitude_to_db(np.sqrt(np.mean(np.square(audio, dtype=float)))))


def _what(slot: EffectSlot | PluginSlot | ParallelSlot) -> str:
    kind = (
        "branches" if isinstance(slot, ParallelSlot) else slot.kind if isinstance(slot, EffectSlot) else slot.path.name
    )
    mixed = "" if slot.mix == 1.0 else f", mix {slot.mix:g}"
    return f"{kind}{mixed}{', bypassed' if slot.bypass else ''}"


def _settings(slot: EffectSlot | PluginSlot | ParallelSlot, plugins: dict[str, Plugin]) -> str:
    if isinstance(slot, ParallelSlot):
        return ", ".join(f"{branch.name} {branch.gain_db:+g} dB" for branch in slot.branches)
    if isinstance(slot, EffectSlot):
        settings = EFFECTS[slot.kind].usual | slot.settings
        return ", ".join(
            f"{name} {value if isinstance(value, str) else f'{value:g}'}" for name, value in settings.items()
        )
    if slot.name not in plugins:
        return "not opened"
    plugin = plugins[slot.name]
    values = plugin.values()
    each = ", one instance a channel" if plugin.facts.channels == 1 else ""
    told = [
        f"{name} {short(values[name].text)} {row.unit}".rstrip() + f" (raw {values[name].raw:.4f})"
        for name, row in plugin.parameters.by_name.items()
        if name in slot.values or (row.automatable and abs(values[name].raw - row.default_raw) > SAME_RAW)
    ]
    return "; ".join([f"{plugin.facts.name} {plugin.facts.version}{each}", *told, "the rest as it starts"])
