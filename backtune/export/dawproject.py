"""DAWproject: a session for Bitwig, Studio One and Cubase - instruments, notes, automation, stems, effects."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

from backtune.errors import BacktuneError
from backtune.export._dawproject_devices import effect_devices, instrument_device, moved_parameters
from backtune.export._dawproject_lanes import audio_clip, automation_points, note_clip, tempo_points
from backtune.export_format import ExportFormat, Order, xml_text
from backtune.midi import read_midi
from backtune.session import Session, SessionPart
from backtune.tempo_map import song_tempo_map
from backtune.whole_file import write_beside

MASTER = "master"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date of a ZIP entry, so that the same session is the same bytes


def write_session(session: Session, path: Path) -> None:
    """Write a session; times are in beats of its tempo map, within audio in seconds.

    Source: https://github.com/bitwig/dawproject, Project.xsd version 1.0. Raises InputError for a stem that cannot
    be read.
    """
    from lxml import etree

    project = etree.Element("Project", version="1.0")
    etree.SubElement(project, "Application", name="backtune", version="1.0")
    transport = etree.SubElement(project, "Transport")
    bpm = {"unit": "bpm", "value": repr(session.tempo.bpm(0)), "min": "1", "max": "999"}
    etree.SubElement(transport, "Tempo", **bpm, name="Tempo", id="tempo")
    _, numerator, denominator = session.tempo.metres[0]
    metre = {"numerator": str(numerator), "denominator": str(denominator)}
    etree.SubElement(transport, "TimeSignature", **metre, id="metre")
    structure = etree.SubElement(project, "Structure")
    arrangement = etree.SubElement(project, "Arrangement", id="arrangement")
    lanes = etree.SubElement(arrangement, "Lanes", timeUnit="beats", id="lanes")
    files: list[tuple[str, bytes]] = []
    for number, part in enumerate(session.parts, start=1):
        _part(structure, lanes, f"part{number}", part, session, files)
    for number, (name, stem) in enumerate(session.stems, start=1):
        _track(structure, f"stem{number}", name, "audio", "regular")
        files.append(audio_clip(lanes, f"stem{number}", stem, session.tempo))
    _track(structure, MASTER, "Master", "audio notes", MASTER)
    tempo_points(arrangement, session.tempo)
    _check_references(project)
    about = etree.Element("MetaData")
    etree.SubElement(about, "Title").text = xml_text(session.title)
    etree.SubElement(about, "Copyright").text = xml_text(session.licence)
    etree.SubElement(about, "Comment").text = xml_text(session.comment)
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, root in (("project.xml", project), ("metadata.xml", about)):
            text = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
            archive.writestr(zipfile.ZipInfo(name, EPOCH), text, zipfile.ZIP_DEFLATED)
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name, EPOCH), content, zipfile.ZIP_STORED)
    write_beside(path, data.getvalue())


def left_out(session: Session) -> list[str]:
    """Return sentences on automation that a session has no numbers for, such as parameters a chain does not set."""
    sentences = []
    for part in session.parts:
        held = {target for target, *_ in moved_parameters(part)}
        for target in part.curves:
            if target not in held:
                sentences.append(f"part '{part.name}': {target} moves in its stem, but not in the session")
    return sentences


def _part(
    structure: Any, lanes: Any, name: str, part: SessionPart, session: Session, files: list[tuple[str, bytes]]
) -> None:
    """Add a part: its track with the instrument and its effects, its notes, and what moves."""
    from lxml import etree

    devices = etree.SubElement(_track(structure, name, part.name, "notes", "regular"), "Devices")
    targets = instrument_device(devices, name, part)
    if part.chain is not None:
        targets |= effect_devices(devices, name, part.chain, files)
    own = etree.SubElement(lanes, "Lanes", track=name, id=f"lanes-{name}")
    if part.score is not None:
        note_clip(own, name, part.name, part.score, session.tempo)
    for target, lane, unit, parameter in moved_parameters(part):
        automation_points(own, targets[target], lane, unit, parameter, session.tempo)


def _track(parent: Any, name: str, label: str, content: str, role: str) -> Any:
    from lxml import etree

    track = etree.SubElement(parent, "Track", id=name, name=xml_text(label), contentType=content, loaded="true")
    wires = {} if role == MASTER else {"destination": f"channel-{MASTER}"}
    channel = etree.SubElement(track, "Channel", id=f"channel-{name}", role=role, audioChannels="2", solo="false")
    channel.attrib.update(wires)
    return channel


def _check_references(project: Any) -> None:
    """Raise when an element points nowhere, or two share an id: the schema lets neither be seen by all readers."""
    known = [one.get("id") for one in project.iter() if one.get("id")]
    if len(known) != len(set(known)):
        raise BacktuneError("dawproject: two elements share an id")
    for one in project.iter():
        for name in ("track", "parameter", "destination", "reference"):
            if one.get(name) is not None and one.get(name) not in known:
                raise BacktuneError(f"dawproject: {one.tag} points to '{one.get(name)}', which is not there")


def _write(order: Order, path: Path) -> None:
    patch = order.patch
    score = read_midi(order.song) if order.song is not None else None
    part = SessionPart(patch.name, patch.name, order.parameters, order.lanes, score, order.chain)
    comment = f"Fitted to: {patch.origin.name}"
    tempo = song_tempo_map(order.song)
    stems = tuple((stem.stem, stem) for stem in order.stems)
    write_session(Session(patch.name, (part,), stems, tempo, patch.origin.licence, comment), path)


DAWPROJECT = ExportFormat(
    "dawproject",
    ".dawproject",
    "A session: instrument, song, lanes, stems, effects.",
    _write,
    ("song", "lanes", "stems", "chain"),
)
