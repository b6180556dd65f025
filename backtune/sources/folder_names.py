"""A folder of recordings whose file names carry note and dynamic."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from backtune.errors import InputError
from backtune.hosting.foreign import BUNDLES
from backtune.notes import Recording, Take
from backtune.reading.audio_files import SUFFIXES, audio_facts, audio_files, check_channel
from backtune.reading.family import guess_family, with_gates
from backtune.reading.file_names import DEFAULT_OCTAVE, OCTAVES, NameFacts, velocities
from backtune.reading.index_file import NAME
from backtune.reading.names_heard import read_as_heard
from backtune.reading.pitch_check import OFFSETS, check_pitch
from backtune.source import FAMILIES, SUSTAINED, Source, SourceKind

CHECKED_TAKES = 16  # recordings whose pitch is measured to confirm the octave convention
MOST_NAMELESS = 0.5  # share of names without a note above which the folder is not what it seems
FARTHEST_OCTAVES = int(OFFSETS.max()) // 12  # that a pitch is looked for; what is heard there may be farther off


class FolderNames(SourceKind):
    """A folder of audio files named after what was played: `C4_mf.wav`, `A0v3.flac`, `Piano.ff.Bb1.aiff`."""

    kind = "folder_names"
    explains = "a folder of audio files whose names carry note and dynamic (C4_mf.wav, 060_v3.flac)"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether `path` is a folder without an index.csv, and no plugin."""
        return path.is_dir() and not (path / NAME).is_file() and path.suffix.lower() not in BUNDLES

    @classmethod
    def open(cls, path: Path, *, octave: int | None = None, channel: int = 0, family: str = "") -> Source:
        """Return one take per audio file whose name holds a note.

        `octave`: what the names call the octave of middle C: 3, 4 or 5; None = 4, confirmed by the measured
        pitch of some of the recordings. `channel`: 0 = left. `family`: "struck", "sustained" or "" = heard.
        Unreadable files and names without a note are left out and listed. Raises InputError for a folder
        without readable audio or where most names hold no note, for a channel that a file has not, and
        when the recordings sound in another octave than the default convention says.
        """
        if octave is not None and octave not in OCTAVES:
            raise InputError(f"octave: {octave} was given; allowed: 3, 4 or 5, the number of middle C's octave")
        if family and family not in FAMILIES:
            raise InputError(f"family: '{family}' was given; allowed: {' or '.join(FAMILIES)}")
        files = audio_files(path)
        if not files:
            raise InputError(f"{path}: no audio files in this folder{_what_else(path)}")
        files, unreadable = _readable(files, channel)
        named, nameless, remarks = _named(path, files, DEFAULT_OCTAVE if octave is None else octave, channel)
        left_out = {file.relative_to(path).as_posix(): reason for file, reason in (unreadable | nameless).items()}
        speeds = velocities([facts for _, facts in named])
        takes: list[Take] = []
        repeats: Counter[tuple[float, float]] = Counter()
        for (file, facts), velocity in zip(named, speeds, strict=True):
            repeats[facts.midi, velocity] += 1
            takes.append(
                Take(
                    name=file.relative_to(path).as_posix(),
                    midi=facts.midi,
                    velocity=velocity,
                    recording=Recording(path=file, channel=channel),
                    dynamic=facts.dynamic or ("" if facts.layer is None else f"v{facts.layer}"),
                    number=repeats[facts.midi, velocity],
                )
            )
        remarks += _check_octave(path, takes, octave) if any(facts.named for _, facts in named) else []
        heard = family or guess_family(takes)
        return Source(
            path=path,
            kind=cls.kind,
            takes=with_gates(takes) if heard == SUSTAINED else takes,
            name=path.resolve().name,
            family=heard,
            remarks=remarks,
            problems=[f"left out: {file}: {reason}" for file, reason in left_out.items()],
            left_out=left_out,
        )


def _readable(files: list[Path], channel: int) -> tuple[list[Path], dict[Path, str]]:
    """Return the files whose header can be read, and the others with the reason; raise InputError when none can."""
    good: list[Path] = []
    reasons: dict[Path, str] = {}
    for file in files:
        try:
            facts = audio_facts(file)
        except InputError as error:
            reasons[file] = str(error).removeprefix(f"{file}: ")
        else:
            check_channel(file, facts.channels, channel)
            good.append(file)
    if not good:
        more = f" (and {len(files) - 1} more files like it)" if len(files) > 1 else ""
        raise InputError(f"{files[0]}: {reasons[files[0]]}{more}")
    return good, reasons


def _named(
    folder: Path, files: list[Path], octave: int, channel: int
) -> tuple[list[tuple[Path, NameFacts]], dict[Path, str], list[str]]:
    """Return files whose names hold a note, the others with the reason, remarks; raise InputError for many others."""
    found, remarks = read_as_heard(files, octave, channel)
    named = [(file, one) for file, one in zip(files, found, strict=True) if isinstance(one, NameFacts)]
    errors = {file: str(one) for file, one in zip(files, found, strict=True) if isinstance(one, InputError)}
    if len(errors) > MOST_NAMELESS * len(files):
        raise InputError(
            f"{folder}: {len(errors)} of {len(files)} file names hold no clear note, for example"
            f" {next(iter(errors.values()))}; rename them or add an {NAME}{_what_else(folder)}"
        )
    return named, {file: error.partition("': ")[2] for file, error in errors.items()}, remarks


def _check_octave(folder: Path, takes: list[Take], given: int | None) -> list[str]:
    """Return remarks on the octave convention; raise InputError when the default one is refuted."""
    middle = sorted(takes, key=lambda take: abs(take.midi - 60))[: 4 * CHECKED_TAKES]
    chosen = [middle[index] for index in np.unique(np.linspace(0, len(middle) - 1, CHECKED_TAKES).astype(int))]
    octaves = [octave for octave in (_octave_off(take) for take in chosen) if octave is not None]
    if not octaves:
        return []
    shift, count = Counter(octaves).most_common(1)[0]
    if shift == 0 or count < 0.6 * len(octaves):
        return []
    used = DEFAULT_OCTAVE if given is None else given
    far = f"{abs(shift)} octave{'s' if abs(shift) > 1 else ''}{' or more' if abs(shift) == FARTHEST_OCTAVES else ''}"
    where = f"{far} {'above' if shift > 0 else 'below'}"
    says = f"{count} of {len(octaves)} checked recordings sound {where}"
    if given is not None:
        return [f"{says} their names, although octave={given} was given"]
    better = used - shift
    remedy = f"give octave={better}" if better in OCTAVES else "check the names"
    stop = f"octave={used} where keys are to sound so, as stops of organs do"
    raise InputError(f"{folder}: {says} their names when middle C (MIDI 60) is called C{used}; {remedy}, or {stop}")


def _octave_off(take: Take) -> int | None:
    """Return how many octaves above its label a take sounds, 0 for any other interval, None where no pitch is heard."""
    try:
        audio, rate = take.audio()
    except InputError:
        return None  # screening tells which and why
    verdict = check_pitch(audio, rate, take.midi)
    if verdict.confidence == 0.0:
        return None  # silence and noise contradict no label, nor do they confirm it
    distance = verdict.heard_midi - round(take.midi)
    return distance // 12 if distance % 12 == 0 else 0


def _what_else(folder: Path) -> str:
    others = sorted(file.name for file in folder.iterdir() if file.suffix.lower() in {".sfz", ".sf2"})
    if others:
        return f"; it holds '{others[0]}', which can be given instead"
    return f"; allowed: {', '.join(sorted(SUFFIXES))}"
