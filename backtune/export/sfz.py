"""SFZ: rendered notes with loops and labelled controllers, for any sampler."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np

from backtune.errors import InputError
from backtune.export_format import ExportFormat, Order
from backtune.notes import NoteEvent
from backtune.patch import Patch
from backtune.sample_set import Plan, Sample, flac, in_time, plans, rendered
from backtune.units import note_name
from backtune.whole_file import beside, record

PEAK_DB = -1.0  # of every sample: so 16 bits hold soft notes as well as loud ones, at half the size of 24
CURVE_STEP = 4  # velocities between two points of a region's loudness
LEVEL_AT_S = 0.3  # where the loudness of velocities is compared
FIRST_GUESS = 0.85  # of the budget: sizes are estimated from one note
MAPPED = ("level", "fine_tune", "brightness", "release", "vibrato", "vibrato_rate")
SHELF_HZ, SHELF_OCTAVES = 2000, 2.0  # brightness becomes a shelf, so many times as high as it is dB an octave
_OURS = re.compile(r"[A-G]s?-?\d+_v\d+\.flac")  # what `_file` names
RELEASE_DB = 78.0  # ARIA and sfizz call the time that a release falls by this (9 nepers) its length
LOG_CURVE = 7  # number of the curve that turns a controller into a way of equal ratios; 0..6 are ARIA's own


def _write(order: Order, path: Path) -> None:
    """Controls of `MAPPED` stay playable by controller; all others are in the samples.

    Source: https://sfzformat.com; opcodes of SFZ 2 and ARIA, heard and measured in sfizz.
    """
    panel = order.patch.panel
    patch = order.patch.with_controls(**{name: panel.controls[name].default for name in MAPPED})
    budget = order.budget_mb * 1e6
    folder = path.with_name(f"{path.stem}_samples")
    _require_ours(folder)
    plan, samples = _chosen(patch, budget)
    samples = in_time(samples)
    with tempfile.TemporaryDirectory(prefix=".sfz-", dir=path.parent) as scratch:
        made = Path(scratch) / folder.name
        made.mkdir()
        size = 0
        for sample in samples:
            data = _flac(sample)
            size += len(data)
            (made / _file(sample)).write_bytes(data)
        if size > budget:
            raise InputError(f"sfz: the smallest set of samples takes {size / 1e6:.1f} MB; {order.budget_mb:g} allowed")
        lines = [f"// {' '.join(order.patch.name.split())}", *_controls(order), *_global(order)]
        lines += _regions(order, plan, samples, folder.name)
        with beside(path) as text:  # written before the samples are exchanged: a full disk leaves both as they were
            text.write_bytes(("\n".join(lines) + "\n").encode())
            _exchange(made, folder, Path(scratch) / "before")
        record(*sorted(folder.iterdir()))


def _chosen(patch: Patch, budget: float) -> tuple[Plan, list[Sample]]:
    """Return the closest set of notes that fits, judged by the size of one note in the middle."""
    every = list(plans(patch))
    smallest = min(plan.count for plan in every)
    every = [plan for plan in every if plan.count > smallest] + [plan for plan in every if plan.count == smallest][:1]
    middle = every[0].keys[len(every[0].keys) // 2]
    one = rendered(patch, middle, every[0].velocities[-1])
    each = len(_flac(one))
    for plan in every:
        if plan.count * each <= FIRST_GUESS * budget or plan is every[-1]:
            samples = [rendered(patch, key, velocity) for key in plan.keys for velocity in plan.velocities]
            if plan is every[-1] or sum(len(_flac(sample)) for sample in samples) <= FIRST_GUESS * budget:
                return plan, samples
    raise AssertionError("the last plan is always taken")


def _require_ours(folder: Path) -> None:
    """Raise InputError where the place of the samples holds anything that no export wrote: it would be lost."""
    if os.path.lexists(folder) and not folder.is_dir():
        raise InputError(f"{folder}: is no folder; the samples of an SFZ go there, choose another name")
    strange = sorted(one.name for one in folder.iterdir() if not _OURS.fullmatch(one.name)) if folder.is_dir() else []
    if strange:
        raise InputError(f"{folder}: holds {strange[0]!r}, which no export wrote; move it away or choose another name")


def _exchange(made: Path, folder: Path, before: Path) -> None:
    """Put the folder `made` in place of `folder`, whose files go to `before`, or back where that fails."""
    if folder.exists():
        os.replace(folder, before)
    try:
        os.replace(made, folder)
    except OSError:
        if before.exists():
            os.replace(before, folder)
        raise


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


def _global(order: Order) -> list[str]:
    controls = order.patch.panel.controls
    opcodes: Mapping[str, tuple[str, str, float]] = {  # base, opcode under the controller, its units a unit
        "level": ("global_volume", "volume", 1.0),
        "fine_tune": ("tune", "tune", 1.0),
        "brightness": ("eq1_gain", "eq1_gain", SHELF_OCTAVES),
        "vibrato": ("lfo01_pitch", "lfo01_pitch", 1.0),
        "vibrato_rate": ("lfo01_freq", "lfo01_freq", 1.0),
    }
    rate = controls["vibrato_rate"]
    lines = ["<curve>", f"curve_index={LOG_CURVE}"]
    for step in range(128):
        share = (float(rate.real(step / 127)) - rate.low) / (rate.high - rate.low)
        lines.append(f"v{step:03d}={share:.6f}")
    lines += ["<global>", "amp_veltrack=100", "eq1_type=hshelf", f"eq1_freq={SHELF_HZ}"]
    lines += ["lfo01_wave=1", "lfo01_delay=0.3", "lfo01_fade=0.4"]  # a sine; without, it is a triangle
    for name, (base, opcode, scale) in opcodes.items():
        control = controls[name]
        if name in order.controllers:
            low, way = control.low * scale, (control.high - control.low) * scale
            lines += [f"{base}={low:.4f}", f"{opcode}_oncc{order.controllers[name]}={way:.4f}"]
            if control.curve == "log":
                lines.append(f"{opcode}_curvecc{order.controllers[name]}={LOG_CURVE}")
        else:
            lines.append(f"{base}={float(order.patch.panel.value(name)) * scale:.4f}")
    return lines


def _release(order: Order, key: int) -> list[str]:
    """Return how long a key's release takes, at the control's value or under its controller (linear in the time)."""
    control = order.patch.panel.controls["release"]
    voice = order.patch.with_controls(release=1.0).voice(NoteEvent(float(key)), 0.1)
    falls = voice.partial_release_db_s
    seconds = float(RELEASE_DB / max(np.median(falls), 0.6)) if falls.size else 0.2
    if "release" not in order.controllers:
        return [f"ampeg_release={seconds * float(order.patch.panel.value('release')):.4f}"]
    way = seconds * (control.high - control.low)
    return [f"ampeg_release={seconds * control.low:.4f}", f"ampeg_release_oncc{order.controllers['release']}={way:.4f}"]


def _level_db(patch: Patch, key: int, velocity: float) -> float:
    voice = patch.voice(NoteEvent(float(key), velocity), LEVEL_AT_S)
    at = min(int(np.searchsorted(voice.times_s, LEVEL_AT_S)), len(voice.times_s) - 1)
    power = 0.5 * np.sum(10 ** (voice.partial_db[:, at] / 10)) + np.sum(10 ** (voice.noise_db[:, at] / 10))
    return float(10 * np.log10(power + 1e-20))


def _regions(order: Order, plan: Plan, samples: list[Sample], folder: str) -> list[str]:
    lines = []
    known = {(sample.key, sample.velocity): sample for sample in samples}
    for index, key in enumerate(plan.keys):
        low = 0 if index == 0 else (plan.keys[index - 1] + key) // 2 + 1
        high = 127 if index == len(plan.keys) - 1 else (key + plan.keys[index + 1]) // 2
        lines += ["<group>", f"lokey={low}", f"hikey={high}", f"pitch_keycenter={key}", *_release(order, key)]
        middles = [(one + next_one) // 2 for one, next_one in pairwise(plan.velocities)]
        for velocity, first, last in zip(plan.velocities, [0, *(m + 1 for m in middles)], [*middles, 127], strict=True):
            sample = known[key, velocity]
            lines += ["<region>", f"sample={folder}/{_file(sample)}", f"lovel={first}", f"hivel={last}"]
            lines += _loudness(order.patch, sample, range(max(first, 1), last + 1))
            if sample.loop is not None:
                loop = f"loop_start={sample.loop[0]}", f"loop_end={sample.loop[1]}"
                lines += ["loop_mode=loop_continuous", *loop]
    return lines


def _gain_db(sample: Sample) -> float:
    """Return by how much a sample is written louder than it sounds."""
    return float(PEAK_DB - 20 * np.log10(max(np.max(np.abs(sample.audio), initial=0.0), 1e-9)))


def _flac(sample: Sample) -> bytes:
    return flac(sample, 10 ** (_gain_db(sample) / 20))


def _loudness(patch: Patch, sample: Sample, velocities: range) -> list[str]:
    """Return how loud one sample is played at these velocities: a volume, and a curve below it."""
    key, sampled = sample.key, sample.velocity
    at = sorted({*velocities[::CURVE_STEP], velocities[-1]})
    levels = np.array([_level_db(patch, key, one) for one in at]) - _level_db(patch, key, sampled)
    shares = 10 ** ((levels - np.max(levels)) / 20)
    curve = [f"amp_velcurve_{one}={share:.5f}" for one, share in zip(at, shares, strict=True)]
    return [f"volume={np.max(levels) - _gain_db(sample):.2f}", *curve]


SFZ = ExportFormat(
    "sfz", ".sfz", "Rendered notes with loops and labelled controllers, for any sampler.", _write, ("budget_mb",)
)
