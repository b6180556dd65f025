"""SFZ: rendered notes with loops and labelled controllers, for any sampler."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from backtune.errors import InputError
from backtune.export_format import ExportFormat, Order
from backtune.notes import NoteEvent
from backtune.patch import Patch
from backtune.sample_set import Plan, Sample, flac, plans, rendered
from backtune.units import note_name
from backtune.whole_file import write_beside

PEAK_DB = -1.0  # of the loudest sample
VELOCITY_STEP = 16  # velocities that share a region
LEVEL_AT_S = 0.3  # where the loudness of velocities is compared
FIRST_GUESS = 0.85  # of the budget: sizes are estimated from one note
MAPPED = ("level", "fine_tune", "brightness", "release", "vibrato", "vibrato_rate")
SHELF_HZ, SHELF_OCTAVES = 4000, 2.0  # brightness becomes a band so far above the middle of the keyboard


def _write(order: Order, path: Path) -> None:
    """Controls of `MAPPED` stay playable by controller, linear in their unit; all others are in the samples."""
    panel = order.patch.panel
    patch = order.patch.with_controls(**{name: panel.controls[name].default for name in MAPPED})
    budget = order.budget_mb * 1e6
    folder = path.with_name(f"{path.stem}_samples")
    plan, samples = _chosen(patch, budget)
    peak = max(float(np.max(np.abs(sample.audio), initial=0.0)) for sample in samples)
    gain_db = PEAK_DB - 20 * np.log10(max(peak, 1e-9))
    with tempfile.TemporaryDirectory(prefix=".sfz-", dir=path.parent) as scratch:
        made = Path(scratch) / folder.name
        made.mkdir()
        size = 0
        for sample in samples:
            data = flac(sample, 10 ** (gain_db / 20))
            size += len(data)
            (made / _file(sample)).write_bytes(data)
        if size > budget:
            raise InputError(f"sfz: the smallest set of samples takes {size / 1e6:.1f} MB; {order.budget_mb:g} allowed")
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(made, folder)
    lines = [f"// {order.patch.name}", *_controls(order), *_global(order, -gain_db)]
    lines += _regions(patch, plan, samples, folder.name)
    write_beside(path, ("\n".join(lines) + "\n").encode())


def _chosen(patch: Patch, budget: float) -> tuple[Plan, list[Sample]]:
    """Return the largest set of notes that fits, judged by the size of one note in the middle."""
    every = list(plans(patch))
    middle = every[0].keys[len(every[0].keys) // 2]
    one = rendered(patch, middle, every[0].velocities[-1])
    each = len(flac(one, 0.5 / max(float(np.max(np.abs(one.audio), initial=0.0)), 1e-9)))
    for plan in every:
        if plan.count * each <= FIRST_GUESS * budget or plan is every[-1]:
            samples = [rendered(patch, key, velocity) for key in plan.keys for velocity in plan.velocities]
            if plan is every[-1] or sum(len(flac(sample, 0.1)) for sample in samples) <= FIRST_GUESS * budget:
                return plan, samples
    raise AssertionError("the last plan is always taken")


def _file(sample: Sample) -> str:
    return f"{note_name(sample.key).replace('#', 's')}_v{sample.velocity}.flac"  # "#" begins names in SFZ


def _controls(order: Order) -> list[str]:
    panel = order.patch.panel
    lines = ["<control>"]
    for name in MAPPED:
        if name in order.controllers:
            control, cc = panel.controls[name], order.controllers[name]
            value = (float(panel.value(name)) - control.low) / (control.high - control.low)
            lines += [f"label_cc{cc}={name.replace('_', ' ').capitalize()}", f"set_hdcc{cc}={value:.6f}"]
    return lines


def _global(order: Order, volume_db: float) -> list[str]:
    controls = order.patch.panel.controls
    opcodes: Mapping[str, tuple[str, str, float]] = {  # base, opcode under the controller, its units a unit
        "level": ("global_volume", "volume", 1.0),
        "fine_tune": ("tune", "tune", 1.0),
        "brightness": ("eq1_gain", "eq1_gain", SHELF_OCTAVES),
        "vibrato": ("lfo01_pitch", "lfo01_pitch", 1.0),
        "vibrato_rate": ("lfo01_freq", "lfo01_freq", 1.0),
    }
    lines = ["<global>", "amp_veltrack=0", f"eq1_freq={SHELF_HZ}", "eq1_bw=4", "lfo01_delay=0.3", "lfo01_fade=0.4"]
    for name, (base, opcode, scale) in opcodes.items():
        control = controls[name]
        offset = volume_db if name == "level" else 0.0
        if name in order.controllers:
            low, way = control.low * scale, (control.high - control.low) * scale
            lines += [f"{base}={low + offset:.4f}", f"{opcode}_oncc{order.controllers[name]}={way:.4f}"]
        else:
            lines.append(f"{base}={float(order.patch.panel.value(name)) * scale + offset:.4f}")
    if "release" in order.controllers:
        slowest = controls["release"].high - controls["release"].low
        seconds = _release_s(order.patch, 60)
        lines.append(f"ampeg_release_oncc{order.controllers['release']}={seconds * slowest:.4f}")
    return lines


def _release_s(patch: Patch, key: int) -> float:
    voice = patch.with_controls(release=1.0).voice(NoteEvent(float(key)), 0.1)
    falls = voice.partial_release_db_s
    return float(60.0 / max(np.median(falls), 0.6)) if falls.size else 0.2


def _level_db(patch: Patch, key: int, velocity: float) -> float:
    voice = patch.voice(NoteEvent(float(key), velocity), LEVEL_AT_S)
    at = min(int(np.searchsorted(voice.times_s, LEVEL_AT_S)), len(voice.times_s) - 1)
    power = 0.5 * np.sum(10 ** (voice.partial_db[:, at] / 10)) + np.sum(10 ** (voice.noise_db[:, at] / 10))
    return float(10 * np.log10(power + 1e-20))


def _regions(patch: Patch, plan: Plan, samples: list[Sample], folder: str) -> list[str]:
    lines = []
    least = patch.panel.controls["release"].low
    for index, key in enumerate(plan.keys):
        low = 0 if index == 0 else (plan.keys[index - 1] + key) // 2 + 1
        high = 127 if index == len(plan.keys) - 1 else (key + plan.keys[index + 1]) // 2
        lines += ["<group>", f"lokey={low}", f"hikey={high}", f"pitch_keycenter={key}"]
        lines.append(f"ampeg_release={_release_s(patch, key) * least:.4f}")
        for first in range(0, 128, VELOCITY_STEP):
            last = first + VELOCITY_STEP - 1
            middle = max(1.0, (first + last) / 2)
            velocity = min(plan.velocities, key=lambda one: abs(one - middle))
            sample = next(one for one in samples if (one.key, one.velocity) == (key, velocity))
            volume = _level_db(patch, key, middle) - _level_db(patch, key, velocity)
            lines += ["<region>", f"sample={folder}/{_file(sample)}", f"lovel={first}", f"hivel={last}"]
            lines.append(f"volume={volume:.2f}")
            if sample.loop is not None:
                loop = f"loop_start={sample.loop[0]}", f"loop_end={sample.loop[1]}"
                lines += ["loop_mode=loop_continuous", *loop]
    return lines


SFZ = ExportFormat("sfz", ".sfz", "Rendered notes with loops and labelled controllers, for any sampler.", _write)
