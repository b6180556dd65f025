"""An SFZ instrument: its samples, each at its own pitch and at the velocity it is meant for."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

from backtune.errors import InputError, nearest
from backtune.notes import Recording, Take
from backtune.reading.audio_files import Outside, audio_facts, check_channel, inside
from backtune.reading.family import guess_family, with_gates
from backtune.reading.file_names import dynamic_in
from backtune.reading.sfz_regions import Controllers, Region, joined, read_region, silent_reason
from backtune.reading.sfz_text import SfzText, read_sfz
from backtune.source import FAMILIES, SUSTAINED, Source, SourceKind

PLAYED, RECORDED = "played", "recorded"
SHARED_VELOCITIES = 0.5  # of the smaller range: more is two microphones, less is a cross-fade of layers
NAMED = 5  # missing samples listed by name
INAUDIBLE_DB = -60.0


class Sfz(SourceKind):
    """An .sfz text with the samples it names."""

    kind = "sfz"
    explains = "an SFZ instrument (.sfz)"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether `path` is a file whose name ends in .sfz."""
        return path.suffix.lower() == ".sfz" and path.is_file()

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        only: str = "*",
        levels: str = PLAYED,
        root: str = "",
        channel: int = 0,
        family: str = "",
    ) -> Source:
        """Return one take per sample that a struck key sounds, as the instrument stands when it is loaded.

        `only`: pattern for sample names ("*CLOSE*"), to choose a microphone. `levels`: "played" (volumes,
        velocity curve and tuning of the regions applied) or "recorded" (the samples as they are). `root`: folder
        that samples and included texts must lie in; "" = the folder of the SFZ. `family`: "struck",
        "sustained" or "" = heard. Raises InputError for a broken text, a path that leaves `root`, missing
        samples (named), and when no region is left: those of which an opcode holds no number are left out.
        """
        if levels not in (PLAYED, RECORDED):
            raise InputError(f"levels: '{levels}' was given; {nearest(levels, (PLAYED, RECORDED))}")
        if family and family not in FAMILIES:
            raise InputError(f"family: '{family}' was given; allowed: {' or '.join(FAMILIES)}")
        limit = Path(root) if root else path.parent
        try:
            text = read_sfz(path, limit)
            regions, problems = _sounding_regions(path, text, only)
            regions, layered = _one_microphone(_joined(regions))
            problems += layered
            files = {one.sample: _file(inside(limit, path.parent / one.sample, str(path))) for one in regions}
        except Outside as error:  # many keep their texts beside the folder of samples
            raise InputError(f"{error}; --with root=FOLDER allows a folder that holds both") from None
        missing = sorted({name for name, file in files.items() if not file.is_file()})
        if missing:
            more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
            raise InputError(f"{path}: {len(missing)} of {len(files)} samples are missing: {_listed(missing)}{more}")
        takes = [_take(region, files[region.sample], levels, channel) for region in regions]
        takes = _numbered(takes, regions)
        heard = family or guess_family(takes)
        return Source(
            path=path,
            kind=cls.kind,
            takes=with_gates(takes) if heard == SUSTAINED else takes,
            name=path.stem,
            levels_natural=levels == PLAYED,
            family=heard,
            remarks=[f"{len(takes)} samples, levels and tuning as {levels}"],
            problems=problems,
        )


def _file(path: Path) -> Path:
    """Return `path`, or the file beside it whose name differs in case only: Windows wrote many of these texts."""
    try:
        if not path.is_file():
            same = (one for one in path.parent.iterdir() if one.name.casefold() == path.name.casefold())
            return next(same, path)
    except (OSError, ValueError):
        pass  # reported as missing by the caller
    return path


def _sounding_regions(path: Path, text: SfzText, only: str) -> tuple[list[Region], list[str]]:
    controllers = Controllers(text, str(path))
    switches = [opcodes["sw_last"] for opcodes in text.regions if "sw_last" in opcodes]
    places = [text.control, *text.regions]
    default = next((opcodes["sw_default"] for opcodes in places if "sw_default" in opcodes), "")
    switch = default or (switches[0] if switches else "")
    reasons: Counter[str] = Counter()
    unreadable: list[str] = []
    regions = []
    for number, opcodes in enumerate(text.regions, start=1):
        where = f"{path} region {number}"
        try:
            reason = silent_reason(opcodes, controllers, switch, where)
            region = None if reason else read_region(opcodes, text.control, controllers, where)
        except InputError as error:  # one slip, often in a release or a noise, is no reason to refuse the rest
            unreadable.append(str(error).removeprefix(f"{path} "))
            continue
        if region is not None:
            if not fnmatch(region.sample.lower(), only.lower()):
                reason = f"do not match only='{only}'"
            elif not region.reached:
                reason = "have no key or velocity that reaches them"
            elif region.level_db < INAUDIBLE_DB:
                reason = "have their volume down as the instrument stands"
            else:
                regions.append(region)
        if reason:
            reasons[reason] += 1
    if unreadable:
        reasons[f"cannot be read, {'such as ' if len(unreadable) > 1 else ''}{unreadable[0]}"] = len(unreadable)
    problems = [f"left out: {count} of {len(text.regions)} regions {reason}" for reason, count in reasons.items()]
    if not regions:
        raise InputError(f"{path}: no region sounds when a key is struck; {'; '.join(problems)[:300]}")
    return regions, problems


def _joined(regions: list[Region]) -> list[Region]:
    """Return one region per stretch of a sample file; regions that share one are joined."""
    found: dict[tuple[str, int, int | None], Region] = {}
    for region in regions:
        key = (region.sample, region.start_frame, region.stop_frame)
        found[key] = joined(found[key], region) if key in found else region
    return list(found.values())


def _one_microphone(regions: list[Region]) -> tuple[list[Region], list[str]]:
    """Return regions of which no two sound together on one key, the first of each, and what was left out."""
    kept: dict[tuple[int, tuple[int, float]], list[Region]] = {}
    dropped: list[tuple[str, str]] = []
    for region in regions:
        rivals = kept.setdefault((round(region.sounding), region.turn), [])
        rival = next((one for one in rivals if _share(one.velocities, region.velocities) > SHARED_VELOCITIES), None)
        if rival is None:
            rivals.append(region)
        else:
            dropped.append((region.sample, rival.sample))
    if not dropped:
        return regions, []
    left, taken = dropped[0]
    says = (
        f"left out: {len(dropped)} samples that sound together with another on the same key ('{left}' with '{taken}')"
    )
    return [one for rivals in kept.values() for one in rivals], [f"{says}; choose microphones with only='*NAME*'"]


def _share(one: tuple[int, int], other: tuple[int, int]) -> float:
    common = min(one[1], other[1]) - max(one[0], other[0]) + 1
    return common / (1 + min(one[1] - one[0], other[1] - other[0]))


def _take(region: Region, file: Path, levels: str, channel: int) -> Take:
    facts = audio_facts(file)
    check_channel(file, facts.channels, channel)
    if region.start_frame >= facts.frames:
        raise InputError(f"{file}: offset {region.start_frame} is behind its end ({facts.frames} samples)")
    low, high = region.velocities
    velocity = float(max(1, (low + high + 1) // 2))
    midi = round(region.sounding)
    if not 0 <= midi <= 127:
        raise InputError(f"{file}: is said to sound at MIDI {midi}; allowed: 0..127")
    played = levels == PLAYED
    stem = Path(region.sample).stem
    return Take(
        name=region.sample,
        midi=float(midi),
        velocity=velocity,
        recording=Recording(
            path=file,
            channel=channel,
            start_frame=region.start_frame,
            stop_frame=None if region.stop_frame is None else min(region.stop_frame, facts.frames),
            gain_db=region.gain_db(velocity) if played else 0.0,
            retune_cents=100.0 * (midi - region.sounding) if played else 0.0,
        ),
        dynamic=dynamic_in(stem),
    )


def _numbered(takes: list[Take], regions: list[Region]) -> list[Take]:
    """Return the takes numbered 1, 2... within each pitch and velocity, in the order of their round robin."""
    order = sorted(range(len(takes)), key=lambda one: (takes[one].midi, takes[one].velocity, regions[one].turn))
    seen: Counter[tuple[float, float]] = Counter()
    found = []
    for index in order:
        take = takes[index]
        seen[take.midi, take.velocity] += 1
        found.append(replace(take, number=seen[take.midi, take.velocity]))
    return found


def _listed(names: list[str]) -> str:
    return ", ".join(f"'{name[:80]}'" for name in names[:NAMED])
