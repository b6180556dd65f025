"""Stems: every part of a score as a file of its own, all of one length, which add up to the mix."""

from __future__ import annotations

import re
import shutil
import tempfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from backtune.errors import BacktuneError, InputError
from backtune.instrument import check_rate
from backtune.loudness import Loudness
from backtune.score_parts import write_tempo_map
from backtune.stem_draft import Draft
from backtune.stem_kept import drafting, drafts_of
from backtune.stem_part import BLOCK, Part
from backtune.units import amplitude_to_db, db_to_amplitude
from backtune.wave_file import Description, WaveWriter, dithered, full_scale
from backtune.whole_file import beside, is_same_file

SUM_DB = -120.0  # the stems must add up to the mix within this
RINGING_DB = -60.0  # a stem that ends louder is told to need a longer tail
SILENT_DB = -110.0
LAST_S = 0.1
TEMPO_MAP = "tempo.mid"

Progress = Callable[[str, int, int], None]  # what is being done, frames done, frames in all
LONGEST_NAME = 60  # characters of a part in a file name: 240 bytes at most, disks take 255


@dataclass(frozen=True)
class StemFormat:
    """How stems are written: `rate` in Hz, `bits` 16, 24 (dithered) or 32 (float), s of `tail_s` after the score.

    `lufs`: the mix is brought to this loudness, all stems by the same gain; None = as rendered.
    """

    rate: int = 48000
    bits: int = 24
    tail_s: float = 3.0
    lufs: float | None = None

    def __post_init__(self) -> None:
        """Raise InputError for what no file can hold."""
        check_rate(self.rate)
        if self.bits not in (16, 24, 32):
            raise InputError(f"bits: {self.bits}; allowed: 16, 24, and 32 for floating point")
        if not 0.0 <= self.tail_s <= 600.0:
            raise InputError(f"tail: {self.tail_s:g} s; allowed: 0..600 s")
        if self.lufs is not None and not -70.0 < self.lufs <= 0.0:
            raise InputError(f"lufs: {self.lufs:g}; allowed: above -70 and up to 0")


@dataclass(frozen=True)
class Stem:
    """One written file: its loudness in LUFS and its highest sample in dB of full scale."""

    name: str
    path: Path
    lufs: float
    peak_db: float


@dataclass
class StemReport:
    """What was written: stems, the mix (None when not asked for), the gain all of them got, how well they add up."""

    stems: list[Stem] = field(default_factory=list)
    mix: Stem | None = None
    gain_db: float = 0.0
    sum_error_db: float = float("-inf")
    seconds: float = 0.0
    warnings: list[str] = field(default_factory=list)


def render_stems(
    parts: Sequence[Part],
    score_path: Path,
    folder: Path,
    form: StemFormat,
    mix_path: Path | None = None,
    progress: Progress = lambda name, done, total: None,
) -> StemReport:
    """Write a broadcast wave file a part into `folder`, the score's tempo map beside them, and a mix if asked for.

    All files begin with the score and are as long as it and the tail; the sum of the stems is the mix, sample
    by sample, which is read back and checked to -120 dB. Nothing is to be seen in `folder` before all is well; a
    render that was stopped goes on with the parts it had finished. Memory does not grow with the length of the score.
    Parts of one name are told apart by the number their files begin with. Raises InputError for no parts, for
    automation of what does not exist and for a file that would be written over another or the score, BacktuneError
    when samples would exceed full scale, and whatever an instrument raises.
    """
    names = [f"{number:02d}_{file_name(part.name)}.wav" for number, part in enumerate(parts, start=1)]
    if not parts:
        raise InputError("stems: no part was named")
    _check_places(names, score_path, folder, mix_path)
    for part in parts:
        part.check()
    frames = round((max(part.score.seconds for part in parts) + form.tail_s) * form.rate)
    report = StemReport(seconds=frames / form.rate)
    with (
        drafting(folder) as unfinished,
        tempfile.TemporaryDirectory(prefix="stems-", dir=unfinished, ignore_cleanup_errors=True) as scratch,
    ):
        drafts = drafts_of(parts, unfinished, frames, form.rate, progress, report.warnings.append)
        measured = _measure(drafts, form.rate)
        gain = 1.0
        if form.lufs is not None and np.isfinite(measured.lufs()):
            report.gain_db = form.lufs - measured.lufs()
            gain = float(db_to_amplitude(report.gain_db))
        _check_peak(measured.peak * gain, "the mix", form)
        report.warnings += _warnings(parts, drafts, form, gain)
        made = datetime.fromtimestamp(score_path.stat().st_mtime, UTC)
        written = [Path(scratch) / name for name in names]
        for part, draft, path in zip(parts, drafts, written, strict=True):
            about = Description(part.name, f"Stem of {score_path.name}, begins with the score.", made)
            report.stems.append(_write_stem(draft, path, folder, form, gain, about))
        if mix_path is not None:
            about = Description("Mix", f"Sum of {len(parts)} stems of {score_path.name}.", made)
            draft_mix = Path(scratch) / "mix.wav"
            report.mix = _write_mix(written, draft_mix, mix_path, form, about)
            report.sum_error_db = sum_error_db(written, draft_mix)
            if report.sum_error_db > SUM_DB:
                raise BacktuneError(f"{mix_path}: differs from the sum of the stems by {report.sum_error_db:.1f} dB")
        write_tempo_map(score_path, folder / TEMPO_MAP)
        for path, name in zip(written, names, strict=True):
            _move(path, folder / name)
        if mix_path is not None:
            mix_path.parent.mkdir(parents=True, exist_ok=True)
            _move(Path(scratch) / "mix.wav", mix_path)
    return report


def sum_error_db(stems: Sequence[Path], mix: Path) -> float:
    """Return the largest difference between the sum of files and another one, dB of full scale; -inf when none."""
    import soundfile

    worst = 0.0
    with ExitStack() as stack:
        files = [stack.enter_context(soundfile.SoundFile(path)) for path in (*stems, mix)]
        while True:
            *each, whole = (file.read(BLOCK, dtype="float64", always_2d=True) for file in files)
            if len(whole) == 0:
                break
            worst = max(worst, float(np.max(np.abs(sum(each) - whole))))
    return float(amplitude_to_db(worst, floor_db=-300.0)) if worst else float("-inf")


def file_name(text: str) -> str:
    """Return a text as part of a file name on every system: letters, digits, dots and dashes stay."""
    return re.sub(r"[^\w.-]+", "_", text)[:LONGEST_NAME].strip("_.") or "part"


def _check_places(names: Sequence[str], score_path: Path, folder: Path, mix_path: Path | None) -> None:
    """Raise InputError when the tempo map would be written over the score, or the mix over a stem."""
    tempo = folder / TEMPO_MAP
    if is_same_file(tempo, score_path):
        raise InputError(f"{tempo}: is the score, and where its tempo map is written; another folder is needed")
    if mix_path is None:
        return
    if mix_path.suffix.lower() != ".wav":
        raise InputError(f"{mix_path}: the ending of the mix is '{mix_path.suffix}'; allowed: .wav")
    if mix_path.resolve() in [(folder / name).resolve() for name in names]:
        raise InputError(f"{mix_path}: is where a stem is written; the mix needs another name")


def _measure(drafts: Sequence[Draft], rate: int) -> Loudness:
    """Return a meter that has heard the sum of the drafts."""
    meter = Loudness(rate)
    for each in zip(*(draft.blocks(BLOCK) for draft in drafts), strict=True):
        meter.push(np.sum(each, axis=0, dtype=float))
    return meter


def _check_peak(peak: float, what: str, form: StemFormat) -> None:
    """Raise BacktuneError when integers cannot hold a peak."""
    if form.bits != 32 and peak > 1.0 - 4.0 / full_scale(form.bits):
        over = float(amplitude_to_db(peak))
        raise BacktuneError(f"{what} peaks at {over:+.2f} dB, above full scale; a lower lufs or 32 bits hold it")


def _warnings(parts: Sequence[Part], drafts: Sequence[Draft], form: StemFormat, gain: float) -> list[str]:
    warnings = []
    last = round(LAST_S * form.rate)
    for part, draft in zip(parts, drafts, strict=True):
        peak = max(float(np.max(np.abs(block))) for block in draft.blocks(BLOCK))
        end_db = float(amplitude_to_db(np.max(np.abs(draft.read(max(0, draft.frames - last), last))) * gain))
        _check_peak(peak * gain, f"part '{part.name}'", form)
        if amplitude_to_db(peak * gain) < SILENT_DB:
            warnings.append(f"part '{part.name}' is silent")
        elif end_db > RINGING_DB:
            warnings.append(f"part '{part.name}' still sounds at {end_db:.0f} dB when it ends; a longer tail keeps it")
    return warnings


def _write_stem(draft: Draft, path: Path, folder: Path, form: StemFormat, gain: float, about: Description) -> Stem:
    """Write one draft with its gain; below 32 bits with dither that depends on the stem's name alone."""
    random = np.random.default_rng(zlib.crc32(path.name.encode()))
    meter = Loudness(form.rate)
    with WaveWriter(path, form.rate, 2, form.bits, about) as file:
        for drafted in draft.blocks(BLOCK):
            block = drafted * np.float64(gain)
            meter.push(block)
            file.write(block.astype(np.float32) if form.bits == 32 else dithered(block, form.bits, random))
        file.lufs = meter.lufs()
    return Stem(about.title, folder / path.name, meter.lufs(), float(amplitude_to_db(meter.peak)))


def _write_mix(stems: Sequence[Path], path: Path, to: Path, form: StemFormat, about: Description) -> Stem:
    """Write the sum of written stems: whole numbers add up exactly, so nothing is dithered twice."""
    import soundfile

    meter = Loudness(form.rate)
    with ExitStack() as stack:
        files = [stack.enter_context(soundfile.SoundFile(stem)) for stem in stems]
        out = stack.enter_context(WaveWriter(path, form.rate, 2, form.bits, about))
        while len(first := files[0].read(BLOCK, dtype="float64", always_2d=True)):
            rest = [file.read(BLOCK, dtype="float64", always_2d=True) for file in files[1:]]
            block = np.sum([first, *rest], axis=0).T
            meter.push(block)
            _check_peak(meter.peak, "the mix", form)
            if form.bits == 32:
                out.write(block.astype(np.float32))
            else:
                out.write(np.round(block * full_scale(form.bits)).astype(np.int32))
        out.lufs = meter.lufs()
    return Stem(about.title, to, meter.lufs(), float(amplitude_to_db(meter.peak)))


def _move(source: Path, to: Path) -> None:
    """Move a finished file to its place, even on another disk, so that it is there whole or not at all."""
    with beside(to) as part:
        shutil.move(source, part)
