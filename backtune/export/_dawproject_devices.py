"""Devices of a DAWproject session: an instrument with its controls, and the effects of a chain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from backtune.automation import Curve
from backtune.chain import Chain, EffectSlot, ParallelSlot, PluginSlot, Slot
from backtune.chain_plugin import set_as_slot
from backtune.dawproject_units import LINEAR, NORMALIZED, unit_named
from backtune.export_format import xml_text
from backtune.hosting.effect import unit_of
from backtune.hosting.effects import EFFECTS
from backtune.hosting.plugin import Plugin
from backtune.hosting.preset import unpack_preset
from backtune.lane import Lane
from backtune.parameter_table import Parameter
from backtune.session import SessionPart

DEVICE_ID = "backtune"
VST3 = ".vst3"


def instrument_device(devices: Any, part: str, described: SessionPart) -> dict[str, str]:
    """Add the instrument with its parameters as they stand; return the id of each, by name."""
    from lxml import etree

    facts = {"deviceName": "backtune", "deviceID": DEVICE_ID, "deviceVendor": "backtune", "deviceRole": "instrument"}
    label = xml_text(described.instrument)
    device = etree.SubElement(devices, "BuiltinDevice", id=f"{part}-instrument", name=label, **facts)
    values = etree.SubElement(device, "Parameters")
    for one in described.parameters:
        named = {"id": f"{part}-{one.id}", "name": xml_text(one.name), "parameterID": str(one.id)}
        if one.texts:
            file = ("_".join(one.value.split()),) if isinstance(one.value, str) else ()  # blanks part labels
            labels, place = one.texts + file, len(one.texts) if isinstance(one.value, str) else int(one.value)
            counted = {"count": str(len(labels)), "labels": xml_text(" ".join(labels)), "value": str(place)}
            etree.SubElement(values, "EnumParameter", **named, **counted)
        else:
            scaled = {"min": repr(one.minimum), "max": repr(one.maximum), "unit": unit_named(one.unit)}
            etree.SubElement(values, "RealParameter", **named, **scaled, value=repr(one.value))
    return {one.name: f"{part}-{one.id}" for one in described.parameters}


def effect_devices(devices: Any, part: str, chain: Chain, files: list[tuple[str, bytes]]) -> dict[str, str]:
    """Add a device for each slot of a chain; return the id of each parameter by its target ("slot.parameter").

    Slots side by side become one device that holds all their numbers, for no device of the format branches. States
    of plugins are put into `files`. Raises what opening and setting a plugin raises.
    """
    from lxml import etree

    targets: dict[str, str] = {}
    for number, slot in enumerate(chain.slots, start=1):
        here = f"{part}-effect{number}"
        common = {"id": here, "name": xml_text(slot.name), "deviceRole": "audioFX"}
        if isinstance(slot, PluginSlot):
            device = etree.SubElement(devices, _kind(slot), deviceName=slot.plugin or slot.path.stem, **common)
            known, state = _as_set(slot)
            device.attrib.update(known)
        else:
            kind = slot.kind if isinstance(slot, EffectSlot) else "parallel"
            device = etree.SubElement(devices, "BuiltinDevice", deviceName=kind, deviceVendor="backtune", **common)
        parameters = etree.SubElement(device, "Parameters")
        for index, (target, value, unit) in enumerate(_numbers(slot)):
            named = {"id": f"{here}-{index}", "name": xml_text(target.removeprefix(f"{slot.name}."))}
            etree.SubElement(parameters, "RealParameter", **named, parameterID=str(index), unit=unit, value=repr(value))
            targets[target] = f"{here}-{index}"
        etree.SubElement(device, "Enabled", value="false" if slot.bypass else "true", id=f"{here}-on")
        if isinstance(slot, PluginSlot) and state:
            inside = f"plugins/{here}.vstpreset"
            files.append((inside, state))
            etree.SubElement(device, "State", path=inside, external="false")
    return targets


def moved_parameters(part: SessionPart) -> Iterator[tuple[str, Lane | Curve, str, Parameter | None]]:
    """Yield (target, lane or curve, its unit in the schema, parameter or None) of all that moves in the session.

    What moves a plugin is told in the plugin's own units, its parameters there are normalized: it is left out.
    """
    by_name = {one.name: one for one in part.parameters}
    for name, lane in part.lanes.items():
        yield name, lane, unit_named(by_name[name].unit), by_name[name]
    units = {target: unit for slot in (part.chain.slots if part.chain else ()) for target, _, unit in _numbers(slot)}
    for target, curve in part.curves.items():
        if units.get(target, NORMALIZED) != NORMALIZED and not curve.texts:
            yield target, curve, units[target], None


def _numbers(slot: Slot) -> Iterator[tuple[str, float, str]]:
    """Yield (target, value, unit of the schema) of every number that a slot, or one inside it, is set by."""
    yield f"{slot.name}.mix", float(slot.mix), LINEAR
    if isinstance(slot, EffectSlot):
        settings = EFFECTS[slot.kind].usual | slot.settings
        for knob in EFFECTS[slot.kind].knobs:
            yield f"{slot.name}.{knob.name}", float(settings[knob.name]), unit_named(unit_of(knob.name))
    elif isinstance(slot, PluginSlot):
        for name, value in slot.values.items():
            if value.raw is not None:
                yield f"{slot.name}.{name}", float(value.raw), NORMALIZED
    elif isinstance(slot, ParallelSlot):
        for branch in slot.branches:
            yield f"{branch.name}.gain_db", float(branch.gain_db), "decibel"
            for inner in branch.slots:
                yield from _numbers(inner)


def _kind(slot: PluginSlot) -> str:
    return "Vst3Plugin" if slot.path.suffix.lower() == VST3 else "AuPlugin"


def _as_set(slot: PluginSlot) -> tuple[dict[str, str], bytes]:
    """Return what a DAW knows a plugin by, and its state as a .vstpreset; nothing of both for what is no VST3.

    Source of the form of the identifier: com.bitwig.dawproject.device.Device: 8-4-4-4-12 digits of the class.
    """
    if slot.path.suffix.lower() != VST3:
        return {}, b""
    with Plugin(slot.path, slot.plugin, "effect") as plugin:
        set_as_slot(plugin, slot, slot.name)
        state = plugin.preset()
        class_id = unpack_preset(state, slot.name).class_id
        return {"deviceID": str(UUID(class_id)), "deviceName": plugin.facts.name}, state
