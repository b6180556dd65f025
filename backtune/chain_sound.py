"""A sound file through an effect chain, block by block, into another sound file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from backtune.automation import Automation
from backtune.chain import Chain
from backtune.chain_run import start
from backtune.errors import BacktuneError, InputError
from backtune.hosting.process import Limits
from backtune.hosting.wire import GRID
from backtune.sound import FORMATS, check_arrived
from backtune.units import amplitude_to_db
from backtune.whole_file import beside

BLOCK = 128 * GRID
LONGEST_TAIL_S = 600.0
NO_AUTOMATION = Automation({})


@dataclass(frozen=True)
class Passed:
    """A written file: its length in s, rate in Hz, highest sample in dB of full scale, and warnings."""

    path: Path
    seconds: float
    rate: int
    peak_db: float
    warnings: tuple[str, ...]


def run_chain(
    chain: Chain,
    source: Path,
    to: Path,
    tail_s: float = 0.0,
    automation: Automation = NO_AUTOMATION,
    limits: Limits | None = None,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> Passed:
    """Write what `chain` makes of a mono or stereo sound file: stereo, 24 bits (.ogg: Vorbis), `tail_s` s longer.

    Frame k of the result belongs to frame k of the source; memory does not grow with their length, and `to`
    appears when all is well. Raises InputError for a file that cannot be read or written, another ending than a
    sound file's, more than two channels or unknown automation, BacktuneError when the result exceeds full scale.
    """
    import soundfile

    ending = to.suffix.lower()
    if ending not in FORMATS:
        raise InputError(f"{to}: the ending '{ending}' is no sound format; allowed: {', '.join(FORMATS)}")
    if not 0.0 <= tail_s <= LONGEST_TAIL_S:
        raise InputError(f"tail: {tail_s:g} s; allowed: 0..{LONGEST_TAIL_S:g} s")
    if not source.is_file():
        raise InputError(f"{source}: no such file")
    for (name, target), curve in automation.curves.items():
        if name:
            where = (curve.places or ("automation",))[0]
            raise InputError(f"{where}: {target} of part '{name}'; a sound file has no parts, leave 'part' out")
    kind, subtype = FORMATS[ending]
    peak = heard = 0.0
    try:
        with soundfile.SoundFile(source) as given, beside(to) as part:
            rate, frames = given.samplerate, given.frames
            if given.channels > 2:
                raise InputError(f"{source}: {given.channels} channels; allowed: 1 or 2")
            with (
                start(chain, rate, automation.of_part(""), limits) as running,
                soundfile.SoundFile(part, "w", rate, 2, subtype, format=kind) as written,
            ):
                while len(block := given.read(BLOCK, dtype="float32", always_2d=True)):
                    heard = max(heard, float(np.max(np.abs(block))))
                    out = running.push(np.ascontiguousarray(block.T))
                    peak = max(peak, _peak(out, source))
                    written.write(out.T)
                    progress("frames through the chain", running.frames_in, frames)
                rest = running.finish(tail_s)
                peak = max(peak, _peak(rest, source))
                written.write(rest.T)
                length, warnings = written.frames, list(running.warnings)
            check_arrived(part, to, length)
            peak_db = float(amplitude_to_db(peak))
            if peak > 1.0:
                raise BacktuneError(f"{to}: would peak at {peak_db:+.2f} dB, above full scale; lower a chain's gain")
            if heard > 0.0 and peak == 0.0:
                warnings.append(f"{chain.name}: nothing comes out of it")
    except soundfile.SoundFileError as error:
        raise InputError(f"{source} to {to}: cannot be read or written ({error})") from None
    return Passed(to, length / rate, rate, peak_db, tuple(warnings))


def _peak(block: np.ndarray, source: Path) -> float:
    peak = float(np.max(np.abs(block), initial=0.0))
    if not np.isfinite(peak):
        raise BacktuneError(f"{source}: holds samples that are not finite numbers, or an effect made them so")
    return peak
