"""From the words of a command to stems: which part is played by what, through which chain."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from backtune.automation import Automation, Curve, read_automation
from backtune.automation_file import SESSIONS, TABLES, beat_clock, read_automation_lanes
from backtune.chain_check import LINEAR_DB, superposition_db
from backtune.chain_file import open_chain
from backtune.controller_map import OWN, controllers_for
from backtune.errors import InputError
from backtune.export.dawproject import left_out, write_session
from backtune.hosting.process import USUAL_LIMITS, Limits
from backtune.lane_midi import lanes_of
from backtune.parameter_table import parameter_table
from backtune.patch import Patch
from backtune.score_parts import ScorePart, find_part, read_parts
from backtune.session import Session, SessionPart
from backtune.song import Song
from backtune.stem import Progress, StemFormat, StemReport, render_stems
from backtune.stem_part import NO_CHAIN, Part, Performer, open_performer
from backtune.stem_patch import LayerPerformer, PatchPerformer, curve_of_lane, lane_of
from backtune.tempo_map import song_tempo_map

_ASSIGNMENT = re.compile(
    r"(?P<part>[^=]+)=(?P<played>[\w-]{2,}(?=:|$)|.+?\.(?:yaml|yml|(?:vst3|component)(?:[#@](?:[a-z]:[\\/])?[^:]+)?))"
    r"(?::(?P<chain>.+))?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Assignment:
    """One part of a score by number or name, what plays it, and its chain (a file or a shipped name).

    `played`: a patch file, the name of a shipped patch, or a plugin with the file that sets it
    ("Synth.vst3@warm.vstpreset").
    """

    part: str
    played: str
    chain: str = ""


@dataclass(frozen=True)
class StemOptions:
    """How a song is played.

    `per_layer`: a stem a layer of a patch. `automation`: a table of curves, or a MIDI file or DAWproject session
    with lanes of controls. `controller_map`: by which the song's own controllers move controls; "" = they do not.
    `session`: where a DAWproject session of it all is written. `cores`: threads to render on.
    `limits`: how long plugins may take to load, and for one block.
    `allowed`: folders beyond their own that chains may name files in.
    """

    per_layer: bool = False
    automation: Path | None = None
    controller_map: str = ""
    session: Path | None = None
    cores: int = 1
    limits: Limits = USUAL_LIMITS
    allowed: tuple[Path, ...] = ()


def parse_assignment(text: str) -> Assignment:
    """Return the assignment in "1=piano.yaml", "flute=flute:concert_room" or "2=X.vst3:chains/tape.yaml"."""
    match = _ASSIGNMENT.fullmatch(text.strip())
    if match is None:
        raise InputError(
            f"part '{text}'; allowed: PART=PATCH or PART=PATCH:CHAIN (files or shipped names), PART=X.vst3@Y.vstpreset"
        )
    return Assignment(match["part"].strip(), match["played"], match["chain"] or "")


def stem_song(
    song: Path,
    assignments: Sequence[Assignment],
    folder: Path,
    form: StemFormat,
    mix_path: Path | None = None,
    options: StemOptions | None = None,
    progress: Progress = lambda name, done, total: None,
) -> StemReport:
    """Write the stems of a song; raises what reading the song, patches and chains, and rendering them raise."""
    options = options or StemOptions()
    if options.session is not None and options.session.suffix.lower() not in SESSIONS:
        raise InputError(f"{options.session}: a session ends with {', '.join(SESSIONS)}")
    scored = read_parts(song)
    tabled = options.automation is not None and options.automation.suffix.lower() in TABLES
    clock = beat_clock(Song(song)) if tabled else None
    table = read_automation(options.automation, clock) if options.automation and clock else Automation({})
    with ExitStack() as stack:
        parts: list[Part] = []
        described: list[SessionPart] = []
        for assignment in assignments:
            found = find_part(scored, assignment.part, str(song))
            performer = open_performer(assignment.played, stack, options.cores, options.limits)
            chain = open_chain(assignment.chain, options.allowed) if assignment.chain else NO_CHAIN
            curves = _lanes(performer, found, song, options) | table.of_part(str(found.number), found.name)
            part = Part(found.name, performer, found.score, chain, curves, options.limits)
            described.append(_described(part, assignment.played, found))
            parts += _layers(part, form.rate) if options.per_layer else [part]
        _check_automation(table, scored, song)
        report = render_stems(parts, song, folder, form, mix_path, progress)
    if options.session is not None:
        stems = tuple((stem.name, stem.path) for stem in report.stems)
        session = Session(song.stem, tuple(described), stems, song_tempo_map(song))
        write_session(session, options.session)
        report.warnings += left_out(session)
    return report


def _described(part: Part, played: str, scored: ScorePart) -> SessionPart:
    """Return what a session holds of a part: of a patch all its controls, of a plugin its notes alone."""
    chain = part.chain if part.chain.slots else None
    patch = part.performer.instrument if isinstance(part.performer, PatchPerformer) else None
    if not isinstance(patch, Patch):
        return SessionPart(part.name, Path(played).name, (), {}, scored.score, chain, part.curves)
    controls = patch.panel.controls
    parameters = parameter_table(patch.panel, controllers_for(patch.panel))
    lanes = {name: lane_of(curve, controls[name]) for name, curve in part.curves.items() if name in controls}
    return SessionPart(part.name, patch.name, parameters, lanes, scored.score, chain, part.curves)


def _layers(part: Part, rate: int) -> list[Part]:
    """Return a part for each layer, with a remark where the chain makes of them something else than of their sum."""
    found = layers_of(part)
    if len(found) > 1 and part.chain.slots:
        apart_db, _ = superposition_db(part.chain, rate, part.limits)
        if apart_db > LINEAR_DB:
            why = f"part '{part.name}': sounds touch each other in '{part.chain.name}'"
            remark = f"{why}; layers sent through one by one miss the whole by {apart_db:.0f} dB"
            found[0] = replace(found[0], remarks=(remark,))
    return found


def _lanes(performer: Performer, part: ScorePart, song: Path, options: StemOptions) -> dict[str, Curve]:
    """Return what moves the controls of a patch beside a table: the part's own controllers, or lanes of a file."""
    if not isinstance(performer, PatchPerformer) or not isinstance(performer.instrument, Patch):
        return {}
    panel = performer.instrument.panel
    controllers = controllers_for(panel, options.controller_map or OWN)
    lanes = lanes_of(part.score, panel, controllers) if options.controller_map else {}
    if options.automation is not None and options.automation.suffix.lower() not in TABLES:
        lanes |= read_automation_lanes(options.automation, panel, controllers, Song(song), part.name)
    return {name: curve_of_lane(lane) for name, lane in lanes.items()}


def layers_of(part: Part) -> list[Part]:
    """Return a part for what each layer that sounds adds to those before it; a plugin has one layer.

    All layers that only shape the sound are in every one, so the stems of the layers add up to the part.
    """
    performer = part.performer
    if not isinstance(performer, PatchPerformer) or not isinstance(performer.instrument, Patch):
        return [part]
    patch = performer.instrument
    kept = [layer.kind for layer in patch.layers if not layer.adds_sound]
    found: list[Part] = []
    before: PatchPerformer | None = None
    for layer in patch.layers:
        if layer.adds_sound:
            kept.append(layer.kind)
            others = [kind for kind in patch.kinds if kind not in kept]
            whole = PatchPerformer(patch.without(*others), performer.cores)
            alone = LayerPerformer(whole, before, performer)
            found.append(replace(part, name=f"{part.name} {layer.kind}", performer=alone))
            before = whole
    return found


def _check_automation(table: Automation, scored: Sequence[ScorePart], song: Path) -> None:
    """Raise InputError for automation of a part the song does not have."""
    known = {str(part.number) for part in scored} | {part.name for part in scored}
    for part, target in table.curves:
        if part and part not in known:
            raise InputError(f"automation: {target} of part '{part}', which {song} does not have")


def report_text(report: StemReport) -> str:
    """Return what was written as a text to read."""
    lines = [f"{stem.path}: {stem.name}, {stem.lufs:.1f} LUFS, peak {stem.peak_db:.1f} dB" for stem in report.stems]
    if report.mix is not None:
        mix = report.mix
        lines.append(f"{mix.path}: mix, {mix.lufs:.1f} LUFS, peak {mix.peak_db:.1f} dB; stems add up to it within ")
        exact = report.sum_error_db == float("-inf")
        lines[-1] += "the last bit" if exact else f"{report.sum_error_db:.0f} dB"
    gain = f", all {report.gain_db:+.1f} dB" if report.gain_db else ""
    lines.append(f"{len(report.stems)} stems of {report.seconds:.2f} s{gain}")
    return "\n".join([*lines, *(f"warning: {sentence}" for sentence in report.warnings)])


def report_data(report: StemReport) -> dict[str, Any]:
    """Return what was written as plain data."""
    return asdict(report)
