"""MIDNAM: the names of controllers, as Ardour and others show them instead of numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backtune.errors import InputError
from backtune.export_format import ExportFormat, Order, xml_text
from backtune.whole_file import write_beside

DOCTYPE = (
    '<!DOCTYPE MIDINameDocument PUBLIC "-//MIDI Manufacturers Association//DTD MIDINameDocument 1.0//EN" '
    '"http://www.midi.org/dtds/MIDINameDocument10.dtd">'
)
MAKER, CHANNELS = "backtune", range(1, 17)
MODE, CHANNEL_SET, BANK, PATCHES, CONTROLS = "Default", "Instrument", "Patches", "Patch", "Controls"


def _write(order: Order, path: Path) -> None:
    """Source: MMA, "MIDI Names Document" DTD 1.0; the order of elements is the DTD's."""
    from lxml import etree

    named = [one for one in order.parameters if one.cc is not None]
    if not named:
        raise InputError("midnam: no control has a controller; give them some with a controller map")
    root = etree.Element("MIDINameDocument")
    etree.SubElement(root, "Author").text = MAKER
    device = etree.SubElement(root, "MasterDeviceNames")
    etree.SubElement(device, "Manufacturer").text = MAKER
    etree.SubElement(device, "Model").text = xml_text(order.patch.name)
    mode = etree.SubElement(device, "CustomDeviceMode", Name=MODE)
    assigned = etree.SubElement(mode, "ChannelNameSetAssignments")
    for channel in CHANNELS:
        etree.SubElement(assigned, "ChannelNameSetAssign", Channel=str(channel), NameSet=CHANNEL_SET)
    names = etree.SubElement(device, "ChannelNameSet", Name=CHANNEL_SET)
    available = etree.SubElement(names, "AvailableForChannels")
    for channel in CHANNELS:
        etree.SubElement(available, "AvailableChannel", Channel=str(channel), Available="true")
    etree.SubElement(names, "UsesControlNameList", Name=CONTROLS)
    bank = etree.SubElement(names, "PatchBank", Name=BANK)
    patches = etree.SubElement(bank, "PatchNameList", Name=PATCHES)
    etree.SubElement(patches, "Patch", Number="1", Name=xml_text(order.patch.name), ProgramChange="0")
    controls = etree.SubElement(device, "ControlNameList", Name=CONTROLS)
    for parameter in sorted(named, key=lambda one: one.cc or 0):
        _control(controls, parameter)
    text = etree.tostring(root, xml_declaration=True, encoding="UTF-8", doctype=DOCTYPE, pretty_print=True)
    write_beside(path, text)


def _control(parent: Any, parameter: Any) -> None:
    from lxml import etree

    label = xml_text(parameter.name.replace("_", " ").capitalize())
    control = etree.SubElement(parent, "Control", Type="7bit", Number=str(parameter.cc), Name=label)
    default = str(round(parameter.normalised_default * 127))
    values = etree.SubElement(control, "Values", Min="0", Max="127", Default=default)
    if parameter.texts:
        names = etree.SubElement(values, "ValueNameList", Name=f"{label} values")
        for index, text in enumerate(parameter.texts):
            number = str(round(index * 127 / parameter.steps))
            etree.SubElement(names, "Value", Number=number, Name=text)


MIDNAM = ExportFormat("midnam", ".midnam", "Names of the controllers, for Ardour, Zrythm and Logic.", _write)
