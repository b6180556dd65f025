"""What a DAWproject session holds over time: notes, automation, audio and tempo, in beats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backtune.automation import Curve
from backtune.control import place_of
from backtune.errors import InputError
from backtune.export_format import xml_text
from backtune.lane import Lane
from backtune.midi import Score
from backtune.parameter_table import Parameter
from backtune.score_notes import score_notes
from backtune.tempo_map import TempoMap

CHANNEL_MODES = 120  # controllers from here on are orders such as "all notes off" (MIDI 1.0)


def note_clip(parent: Any, part: str, label: str, score: Score, tempo: TempoMap) -> None:
    """Add the notes of a part, its pedals, wheels and pressures, as one clip as long as the song."""
    from lxml import etree

    clips = etree.SubElement(parent, "Clips", id=f"clips-{part}")
    timing = {"time": "0.0", "duration": repr(tempo.beats_at(score.seconds)), "contentTimeUnit": "beats"}
    clip = etree.SubElement(clips, "Clip", name=xml_text(label), **timing, playStart="0.0")
    inside = etree.SubElement(clip, "Lanes", id=f"content-{part}")
    notes = etree.SubElement(inside, "Notes", id=f"notes-{part}")
    for note in score_notes(score):
        start, stop = tempo.beats_at(note.start_s), tempo.beats_at(note.start_s + note.length_s)
        place = {"time": repr(start), "duration": repr(stop - start), "channel": str(note.channel)}
        force = {"vel": repr(note.velocity / 127), "rel": repr(note.release_velocity / 127)}
        etree.SubElement(notes, "Note", key=str(note.key), **place, **force)
    for number, (target, line) in enumerate(_played(score).items()):
        points = etree.SubElement(inside, "Points", id=f"played-{part}-{number}", unit="normalized")
        etree.SubElement(points, "Target", **dict(target))
        for at, value in line:
            beat = repr(tempo.beats_at(at))
            etree.SubElement(points, "RealPoint", time=beat, value=repr(value), interpolation="hold")


def _played(score: Score) -> dict[tuple[tuple[str, str], ...], list[tuple[float, float]]]:
    """Return pedals, wheels and pressures of a score: (time in s, 0..1) by the target that the format gives them."""
    found: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
    for at, status, data1, data2 in score.messages:
        kind, channel = status & 0xF0, ("channel", str(status & 0x0F))
        if kind == 0xB0 and data1 < CHANNEL_MODES:
            target = (("expression", "channelController"), channel, ("controller", str(data1)))
            found.setdefault(target, []).append((at, data2 / 127))
        elif kind == 0xE0:
            found.setdefault((("expression", "pitchBend"), channel), []).append((at, (data2 << 7 | data1) / 16383))
        elif kind == 0xD0:
            found.setdefault((("expression", "channelPressure"), channel), []).append((at, data1 / 127))
    return found


def automation_points(
    parent: Any, target: str, moved: Lane | Curve, unit: str, parameter: Parameter | None, tempo: TempoMap
) -> None:
    """Add a lane in a `unit` of the schema: bends become lines of 10 ms, lines break where the tempo changes."""
    from lxml import etree

    lane = moved if isinstance(moved, Lane) else _lane(moved)
    points = etree.SubElement(parent, "Points", id=f"points-{target}")
    if parameter is None or not parameter.texts:
        points.set("unit", unit)
    etree.SubElement(points, "Target", parameter=target)
    for time_s, value, curve in lane.sampled(("hold", "linear"), tempo.seconds[1:]):
        beat = repr(tempo.beats_at(float(time_s)))
        if isinstance(value, str):
            choices, name = (parameter.texts, parameter.name) if parameter else ((), target)
            etree.SubElement(points, "EnumPoint", time=beat, value=str(place_of(value, choices, name)))
        else:
            etree.SubElement(points, "RealPoint", time=beat, value=repr(float(value)), interpolation=curve)


def audio_clip(parent: Any, track: str, stem: Path, tempo: TempoMap) -> tuple[str, bytes]:
    """Add a sound file that begins with the song, unstretched; return its name in the session and its bytes."""
    import soundfile
    from lxml import etree

    try:
        facts, content = soundfile.info(stem), stem.read_bytes()
    except (OSError, ValueError, soundfile.LibsndfileError) as error:  # ValueError: named in another encoding
        raise InputError(f"{stem}: not readable as audio ({error})") from None
    inside = f"audio/{track.removeprefix('stem').zfill(2)}_{stem.name}"
    lanes = etree.SubElement(parent, "Lanes", track=track, id=f"lanes-{track}")
    clips = etree.SubElement(lanes, "Clips", id=f"clips-{track}")
    timing = {"time": "0.0", "duration": repr(tempo.beats_at(facts.duration)), "contentTimeUnit": "seconds"}
    clip = etree.SubElement(clips, "Clip", **timing, playStart="0.0")
    sound = {"duration": repr(facts.duration), "channels": str(facts.channels), "sampleRate": str(facts.samplerate)}
    audio = etree.SubElement(clip, "Audio", id=f"audio-{track}", **sound)
    etree.SubElement(audio, "File", path=inside, external="false")
    return inside, content


def tempo_points(arrangement: Any, tempo: TempoMap) -> None:
    """Add the changes of tempo and metre, where there are any; each holds until the next."""
    from lxml import etree

    if len(tempo.beats) > 1:
        points = etree.SubElement(arrangement, "TempoAutomation", unit="bpm", timeUnit="beats", id="tempo-points")
        etree.SubElement(points, "Target", parameter="tempo")
        for place, beat in enumerate(tempo.beats):
            value = repr(tempo.bpm(place))
            etree.SubElement(points, "RealPoint", time=repr(beat), value=value, interpolation="hold")
    if len(tempo.metres) > 1:
        points = etree.SubElement(arrangement, "TimeSignatureAutomation", timeUnit="beats", id="metre-points")
        etree.SubElement(points, "Target", parameter="metre")
        for beat, numerator, denominator in tempo.metres:
            metre = {"numerator": str(numerator), "denominator": str(denominator)}
            etree.SubElement(points, "TimeSignaturePoint", time=repr(beat), **metre)


def _lane(curve: Curve) -> Lane:
    ways = curve.ways or ("linear",) * len(curve.times_s)
    return Lane(tuple(curve.times_s.tolist()), tuple(curve.values.tolist()), tuple(ways))
