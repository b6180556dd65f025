"""Screening: wrong and doubtful notes found by listening, left out or mended, each by name and with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np

from backtune.errors import InputError
from backtune.notes import Take
from backtune.reading.pitch_check import REACH_CENTS, PitchVerdict
from backtune.reading.pitch_course import pitch_course
from backtune.take_facts import TakeFacts, facts_of
from backtune.units import note_name

WORKERS = 2  # decoding and FFTs run outside of Python's lock
DC_LIMIT = 3e-4  # of full scale (-70 dB): audible as a click where a note is cut
DC_SHARE = 0.01  # of the peak (-40 dB): smaller means come with breath and room
FLAT_DOUBTFUL, FLAT_WRONG = 2, 10  # flat tops that are mentioned, and that spoil a spectrum
TUNING_REACH = 7  # semitones: neighbours whose tuning a note is compared with
TUNING_LIMIT_CENTS = 45.0  # winds stay within 25 of their neighbours, pianos within 30
END_LIMIT_CENTS = 60.0  # beyond its neighbours the stretch of strings goes on: a grand's C8 is 49 above its F#7
FAR_CENTS, FAR_LIMIT_CENTS = 60.0, 30.0  # a note nearer to another semitone than to its label is doubted sooner
OCTAVE_SHARE = 0.2  # of free notes read an octave away: more are no slips, their partials are in no harmonic series
MOST_SHARE = 0.5  # of takes as far from their labels: so is the instrument, an organ's stop, a clarinet in B flat ...
HARMONIC = 0.5  # ... where its series explains this share of the peaks: organs 0.6 to 0.95, bells and drums 0.2 to 0.47
SURE = 0.04  # share of peaks that the label's series explains before its tuning is believed
NEAR_SEMITONES = 2  # farther, no slide or vibrato leads from a label to what is heard
MOVING_CENTS = 40.0  # between parts of a note: vibrato and slides; tuning is read to 10, and strings settle by 15
CUT_DB = 25.0  # a struck note that ends less than this below its loudest moment was cut
NORMALISED_DB = 2.0  # loudest minus softest dynamic of a pitch, in the median; recorded ones differ by 6 to 30
REVERSED_DB = -6.0  # as much as the flattest of recorded dynamics rises: what normalising leaves is no slope ...
REVERSED_SHARE = 0.9  # ... nor the same at so many pitches
FEWEST_PITCHES, FEWEST_TAKES = 2, 4
SCREENED = {"leave out": "left out", "mend": "mended", "doubt": "used with doubt"}  # actions of steps, as they are told


@dataclass(frozen=True)
class Finding:
    """One take and one sentence about it."""

    take: str
    reason: str

    def __str__(self) -> str:
        return f"{self.take}: {self.reason}"


@dataclass(frozen=True)
class Screening:
    """Takes sorted by what listening said.

    - `kept`: fit to be used, mended ones in their mended form, in the order given.
    - `left_out`, `mended`, `doubtful` (kept as they are): what was found, by name.
    - `levels_natural`: False when hard takes of a pitch are no louder than soft ones; None when nothing tells.
      `levels_reason`: what then seems to have been done to them ("" = nothing).
    - `transposed_semitones`: how far above their labels the takes sound, all of them (organ stops, transposing winds).
    """

    kept: list[Take]
    left_out: list[Finding] = field(default_factory=list)
    mended: list[Finding] = field(default_factory=list)
    doubtful: list[Finding] = field(default_factory=list)
    levels_natural: bool | None = None
    levels_reason: str = ""
    transposed_semitones: int = 0


def screen(takes: Sequence[Take], keep: Collection[str] = ()) -> Screening:
    """Return `takes` without the wrong ones and with the mendable ones mended.

    Left out: unreadable, empty, silent, less than 100 ms of held tone, NaN, clipped, sounding at another pitch
    than labelled or one that no recording at this rate holds, or the same audio as an earlier take. Mended:
    constant offset (subtracted), tuning more than 45 cents from the neighbours' (retuned; 30 where the note is
    nearer to another semitone, 60 at the ends of what was recorded). Doubtful, but kept: less than that at the ends,
    a few flat tops, a decay that was cut, a pitch that moves (slide, vibrato) and is off for a part of its note only,
    octaves that many free notes are read away (bells). Where most takes sound as far from their labels, so does the
    instrument: all of them are heard there.
    Takes named in `keep` are kept as they are whenever they can be read.
    """
    with ThreadPoolExecutor(WORKERS) as pool:
        heard = list(pool.map(facts_of, takes))
        transposed = _transposed_semitones(takes, heard)
        if transposed:
            takes = [replace(take, transposed_semitones=transposed) for take in takes]
            heard = list(pool.map(facts_of, takes))
    natural, reason = _levels(takes, heard)
    result = Screening([], levels_natural=natural, levels_reason=reason, transposed_semitones=transposed)
    first: dict[str, str] = {}
    tuning, keys = _tuning_errors(takes, heard), sorted(take.midi for take in takes)
    slips = [
        facts.pitch is not None and take.gate_s is None and _octaves_away(take, facts.pitch)
        for take, facts in zip(takes, heard, strict=True)
    ]
    bells = sum(slips) > OCTAVE_SHARE * len(takes)
    for take, facts, tuning_cents, of_bells in zip(takes, heard, tuning, slips, strict=True):
        moves = not facts.wrong and _moves(take, facts, tuning_cents)
        wrong = facts.wrong or ("" if bells and of_bells else _wrong(take, facts, moves))
        if not wrong and facts.digest in first:
            wrong = f"the same audio as '{first[facts.digest]}'"
        if take.name in keep and not facts.wrong:
            result.kept.append(take)
        elif wrong:
            result.left_out.append(Finding(take.name, wrong))
        else:
            first[facts.digest] = take.name
            if bells and of_bells:
                reason = "is read octaves from its label, as many of these takes are: so are bells and bars"
                result.doubtful.append(Finding(take.name, reason))
            if moves:
                reason = "its pitch moves, through a slide or vibrato: it is kept in the tuning that it has"
                result.doubtful.append(Finding(take.name, reason))
            still_cents = 0.0 if moves else tuning_cents
            result.kept.append(_mended(take, facts, still_cents, take.midi in (keys[0], keys[-1]), result))
    return result


def require_enough(takes: Sequence[Take], screening: Screening | None = None) -> None:
    """Raise InputError unless there are takes to fit laws to: at least 2 pitches and 4 takes."""
    pitches = sorted({round(take.midi) for take in takes})
    reasons = [str(one) for one in screening.left_out[:2]] if screening else []
    because = f"; left out: {'; '.join(reasons)}" if reasons else ""
    if not takes:
        raise InputError(f"no usable recording is left{because}")
    if len(pitches) < FEWEST_PITCHES:
        raise InputError(f"only one pitch ({note_name(pitches[0])}) is left; a patch needs at least 2{because}")
    if len(takes) < FEWEST_TAKES:
        raise InputError(f"only {len(takes)} recordings are left; a patch needs at least {FEWEST_TAKES}{because}")


def _octaves_away(take: Take, verdict: PitchVerdict) -> bool:
    """Return whether a take is read as its label's note in another octave."""
    return not verdict.agrees and (verdict.heard_midi - round(take.sounding_midi)) % 12 == 0


def _transposed_semitones(takes: Sequence[Take], heard: Sequence[TakeFacts]) -> int:
    """Return how far above their labels half of the takes or more sound, harmonic without doubt, or 0."""
    away = Counter(
        facts.pitch.heard_midi - round(take.midi)
        for take, facts in zip(takes, heard, strict=True)
        if facts.pitch is not None and facts.pitch.confidence >= HARMONIC and not facts.pitch.agrees
    )
    semitones, count = away.most_common(1)[0] if away else (0, 0)
    return semitones if count >= MOST_SHARE * len(takes) else 0


def _moves(take: Take, facts: TakeFacts, tuning_cents: float) -> bool:
    """Return whether a take read off its label or its neighbours is so only for a part of its note."""
    verdict = facts.pitch
    if verdict is None or (verdict.agrees and not tuning_cents):
        return False
    if abs(verdict.heard_midi - round(take.sounding_midi)) > NEAR_SEMITONES:
        return False
    cents = pitch_course(take, verdict.confidence)
    cents = cents[np.abs(cents) <= 100.0 * NEAR_SEMITONES]
    if len(cents) < 2 or np.ptp(cents) < MOVING_CENTS:
        return False
    return bool(verdict.agrees or np.any(np.abs(cents) <= REACH_CENTS))


def _wrong(take: Take, facts: TakeFacts, moves: bool) -> str:
    verdict = facts.pitch
    if verdict is not None and not verdict.agrees and not moves:
        away = verdict.heard_midi - round(take.midi)  # from its label, wherever all of them sound
        return f"sounds as {note_name(verdict.heard_midi)}, {away:+d} semitones from its label {note_name(take.midi)}"
    if facts.flat_tops >= FLAT_WRONG:
        return f"clipped ({facts.flat_tops} flat tops)"
    return ""


def _mended(take: Take, facts: TakeFacts, tuning_cents: float, at_end: bool, result: Screening) -> Take:
    recording = take.recording
    if abs(facts.mean) > max(DC_LIMIT, DC_SHARE * 10.0 ** (facts.peak_db / 20.0)):
        offset = recording.dc_offset + facts.mean * 10.0 ** (-recording.gain_db / 20.0)
        recording = replace(recording, dc_offset=offset)
        result.mended.append(Finding(take.name, f"a constant offset of {facts.mean:+.4f} was subtracted"))
    if at_end and 0.0 < abs(tuning_cents) <= END_LIMIT_CENTS:
        reason = (
            f"sounds {tuning_cents:+.0f} cents from its neighbours' tuning, and no note beyond it tells which is right"
        )
        result.doubtful.append(Finding(take.name, reason))
    elif tuning_cents:
        recording = replace(recording, retune_cents=recording.retune_cents - tuning_cents)
        take = _stretched(take, 2.0 ** (tuning_cents / 1200.0))
        reason = f"sounds {tuning_cents:+.0f} cents from its neighbours' tuning; it was retuned by {-tuning_cents:+.0f}"
        result.mended.append(Finding(take.name, reason))
    if facts.flat_tops >= FLAT_DOUBTFUL:
        result.doubtful.append(Finding(take.name, f"{facts.flat_tops} flat tops at its peak: slightly clipped"))
    if facts.cut_db is not None and facts.cut_db < CUT_DB:
        reason = f"ends only {facts.cut_db:.0f} dB below its loudest moment: the decay was cut, or it has no gate"
        result.doubtful.append(Finding(take.name, reason))
    return replace(take, recording=recording)


def _stretched(take: Take, ratio: float) -> Take:
    """Return a take with its times as they are when it is played so much slower."""
    onset_s, gate_s = (None if one is None else one * ratio for one in (take.onset_s, take.gate_s))
    return replace(take, onset_s=onset_s, gate_s=gate_s)


def _tuning_errors(takes: Sequence[Take], heard: Sequence[TakeFacts]) -> list[float]:
    """Return how many cents each take is from the median of other pitches nearby, 0.0 within the limit."""
    midi = np.array([take.midi for take in takes])
    cents = np.array([_cents(take, facts) for take, facts in zip(takes, heard, strict=True)])
    errors = []
    for own_midi, own in zip(midi, cents, strict=True):
        distance = np.abs(midi - own_midi)
        others = cents[(distance > 0.5) & (distance <= TUNING_REACH) & np.isfinite(cents)]
        error = own - np.median(others) if np.isfinite(own) and len(others) >= 2 else 0.0
        limit = FAR_LIMIT_CENTS if abs(own) > FAR_CENTS else TUNING_LIMIT_CENTS
        errors.append(float(error) if abs(error) > limit else 0.0)
    return errors


def _cents(take: Take, facts: TakeFacts) -> float:
    if facts.pitch is None or not facts.pitch.agrees or facts.pitch.confidence < SURE:
        return float("nan")
    return facts.pitch.cents - 100.0 * (take.midi - round(take.midi))


def _levels(takes: Sequence[Take], heard: Sequence[TakeFacts]) -> tuple[bool | None, str]:
    """Return whether levels follow the dynamics (None = nothing tells), and what seems to have been done to them."""
    by_pitch: dict[int, list[tuple[float, float]]] = {}
    for take, facts in zip(takes, heard, strict=True):
        if not facts.wrong:
            by_pitch.setdefault(round(take.midi), []).append((take.velocity, facts.peak_db))
    rises = np.array([max(rows)[1] - min(rows)[1] for rows in by_pitch.values() if max(rows)[0] - min(rows)[0] > 20])
    if len(rises) < 3:
        return None, ""
    middle, softer = float(np.median(rises)), int(np.sum(rises < -NORMALISED_DB))
    if middle > NORMALISED_DB:
        return True, ""
    if middle < REVERSED_DB and softer >= REVERSED_SHARE * len(rises):
        where = f"at {softer} of {len(rises)} pitches, by {-middle:.0f} dB in the median"
        return False, f"hard takes are softer than soft ones {where}: labelled the wrong way round"
    if np.median(np.abs(rises)) <= NORMALISED_DB:
        return False, "hard takes are as loud as soft ones: normalised"
    return False, "hard takes are no louder than soft ones: normalised, or some labelled the wrong way round"
