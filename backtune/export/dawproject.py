"""DAWproject: a session for Bitwig, Studio One and Cubase - instrument, song, automation, stems, effects."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

from backtune.chain import Chain, EffectSlot, PluginSlot
from backtune.errors import BacktuneError, InputError
from backtune.export_format import ExportFormat, Order, xml_text
from backtune.midi import read_midi
from backtune.parameter_table import Parameter
from backtune.score_notes import score_notes
from backtune.whole_file import write_beside

UNITS = {"dB": "decibel", "Hz": "hertz", "s": "seconds"}  # of the schema; all else is "linear"
INSTRUMENT, MASTER = "instrument", "master"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date of a ZIP entry, so that the same session is the same bytes


def _write(order: Order, path: Path) -> None:
    """Source: https://github.com/bitwig/dawproject, Project.xsd version 1.0; times are in seconds."""
    from lxml import etree

    project = etree.Element("Project", version="1.0")
    etree.SubElement(project, "Application", name="backtune", version="1.0")
    transport = etree.SubElement(project, "Transport")
    etree.SubElement(transport, "Tempo", unit="bpm", value="120", min="20", max="666", name="Tempo", id="tempo")
    etree.SubElement(transport, "TimeSignature", numerator="4", denominator="4", id="metre")
    structure = etree.SubElement(project, "Structure")
    _instrument_track(structure, order)
    for number, stem in enumerate(order.stems, start=1):
        _track(structure, f"stem{number}", stem.stem, "audio", "regular")
    _track(structure, MASTER, "Master", "audio notes", MASTER)
    arrangement = etree.SubElement(project, "Arrangement", id="arrangement")
    lanes = etree.SubElement(arrangement, "Lanes", timeUnit="seconds", id="lanes")
    _instrument_lanes(lanes, order)
    files = [_stem_lane(lanes, number, stem) for number, stem in enumerate(order.stems, start=1)]
    _check_references(project)
    about = etree.Element("MetaData")
    etree.SubElement(about, "Title").text = xml_text(order.patch.name)
    etree.SubElement(about, "Copyright").text = xml_text(order.patch.origin.licence)
    etree.SubElement(about, "Comment").text = xml_text(f"Fitted to: {order.patch.origin.name}")
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, root in (("project.xml", project), ("metadata.xml", about)):
            text = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
            archive.writestr(zipfile.ZipInfo(name, EPOCH), text, zipfile.ZIP_DEFLATED)
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name, EPOCH), content, zipfile.ZIP_STORED)
    write_beside(path, data.getvalue())


def parameter_element(parameter: Parameter) -> str:
    """Return the id by which lanes point to a parameter."""
    return f"control-{parameter.id}"


def _track(parent: Any, name: str, label: str, content: str, role: str) -> Any:
    from lxml import etree

    track = etree.SubElement(parent, "Track", id=name, name=xml_text(label), contentType=content, loaded="true")
    wires = {} if role == MASTER else {"destination": f"channel-{MASTER}"}
    channel = etree.SubElement(track, "Channel", id=f"channel-{name}", role=role, audioChannels="2", solo="false")
    channel.attrib.update(wires)
    return channel


def _instrument_track(structure: Any, order: Order) -> None:
    from lxml import etree

    channel = _track(structure, INSTRUMENT, order.patch.name, "notes", "regular")
    devices = etree.SubElement(channel, "Devices")
    facts = {"deviceName": "backtune", "deviceID": "backtune", "deviceVendor": "backtune", "deviceRole": "instrument"}
    device = etree.SubElement(
        devices, "BuiltinDevice", id="device-instrument", name=xml_text(order.patch.name), **facts
    )
    values = etree.SubElement(device, "Parameters")
    for one in order.parameters:
        named = {"id": parameter_element(one), "name": xml_text(one.name), "parameterID": str(one.id)}
        if one.texts:
            counted = {"count": str(len(one.texts)), "labels": " ".join(one.texts), "value": str(int(one.value))}
            etree.SubElement(values, "EnumParameter", **named, **counted)
        else:
            scaled = {"min": repr(one.minimum), "max": repr(one.maximum), "unit": UNITS.get(one.unit, "linear")}
            etree.SubElement(values, "RealParameter", **named, **scaled, value=repr(one.value))
    if order.chain is not None:
        _effects(devices, order.chain)


def _effects(devices: Any, chain: Chain) -> None:
    from lxml import etree

    for number, slot in enumerate(chain.slots, start=1):
        common = {"id": f"effect{number}", "name": xml_text(slot.name), "deviceRole": "audioFX"}
        if isinstance(slot, PluginSlot):
            device = etree.SubElement(devices, "Vst3Plugin", deviceName=slot.plugin or slot.path.stem, **common)
            values = {name: value.raw for name, value in slot.values.items() if value.raw is not None}
            unit, on = "normalized", not slot.bypass
        elif isinstance(slot, EffectSlot):
            device = etree.SubElement(devices, "BuiltinDevice", deviceName=slot.kind, deviceVendor="backtune", **common)
            values = {name: value for name, value in slot.settings.items() if isinstance(value, int | float)}
            unit, on = "linear", not slot.bypass
        else:
            raise InputError(f"dawproject: the slot '{slot.name}' holds branches side by side, which no device does")
        parameters = etree.SubElement(device, "Parameters")
        for index, (name, value) in enumerate(values.items()):
            known = {"id": f"effect{number}-{index}", "name": name, "parameterID": str(index), "unit": unit}
            etree.SubElement(parameters, "RealParameter", **known, value=repr(float(value)))
        etree.SubElement(device, "Enabled", value="true" if on else "false", id=f"effect{number}-on")


def _instrument_lanes(parent: Any, order: Order) -> None:
    from lxml import etree

    lanes = etree.SubElement(parent, "Lanes", track=INSTRUMENT, id="lanes-instrument")
    if order.song is not None:
        song = read_midi(order.song)
        clips = etree.SubElement(lanes, "Clips", id="clips-instrument")
        timing = {"time": "0.0", "duration": repr(song.seconds), "contentTimeUnit": "seconds", "playStart": "0.0"}
        clip = etree.SubElement(clips, "Clip", name=xml_text(order.song.stem), **timing)
        notes = etree.SubElement(clip, "Notes", id="notes-instrument")
        for note in score_notes(song):
            place = {"time": repr(note.start_s), "duration": repr(note.length_s), "channel": str(note.channel)}
            force = {"vel": repr(note.velocity / 127), "rel": repr(note.release_velocity / 127)}
            etree.SubElement(notes, "Note", key=str(note.key), **place, **force)
    by_name = {one.name: one for one in order.parameters}
    for name, lane in order.lanes.items():
        one = by_name[name]
        points = etree.SubElement(lanes, "Points", id=f"points-{one.id}", unit=UNITS.get(one.unit, "linear"))
        etree.SubElement(points, "Target", parameter=parameter_element(one))
        if one.texts:
            del points.attrib["unit"]
        for time_s, value, curve in lane.sampled(("hold", "linear")):
            if isinstance(value, str):
                etree.SubElement(points, "EnumPoint", time=repr(time_s), value=str(one.texts.index(value)))
            else:
                known = {"time": repr(float(time_s)), "value": repr(float(value)), "interpolation": curve}
                etree.SubElement(points, "RealPoint", **known)


def _stem_lane(parent: Any, number: int, stem: Path) -> tuple[str, bytes]:
    import soundfile
    from lxml import etree

    try:
        facts, content = soundfile.info(stem), stem.read_bytes()
    except (OSError, soundfile.LibsndfileError) as error:
        raise InputError(f"{stem}: not readable as audio ({error})") from None
    inside = f"audio/{number:02d}_{stem.name}"
    lanes = etree.SubElement(parent, "Lanes", track=f"stem{number}", id=f"lanes-stem{number}")
    clips = etree.SubElement(lanes, "Clips", id=f"clips-stem{number}")
    length = repr(facts.duration)
    clip = etree.SubElement(clips, "Clip", time="0.0", duration=length, contentTimeUnit="seconds", playStart="0.0")
    sound = {"duration": length, "channels": str(facts.channels), "sampleRate": str(facts.samplerate)}
    audio = etree.SubElement(clip, "Audio", id=f"audio{number}", **sound)
    etree.SubElement(audio, "File", path=inside, external="false")
    return inside, content


def _check_references(project: Any) -> None:
    """Raise when an element points nowhere, or two share an id: the schema lets neither be seen by all readers."""
    known = [one.get("id") for one in project.iter() if one.get("id")]
    if len(known) != len(set(known)):
        raise BacktuneError("dawproject: two elements share an id")
    for one in project.iter():
        for name in ("track", "parameter", "destination", "reference"):
            if one.get(name) is not None and one.get(name) not in known:
                raise BacktuneError(f"dawproject: {one.tag} points to '{one.get(name)}', which is not there")


DAWPROJECT = ExportFormat("dawproject", ".dawproject", "A session: instrument, song, lanes, stems, effects.", _write)
