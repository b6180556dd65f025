"""A plugin of a chain, set as its slot says."""

from __future__ import annotations

from backtune.chain import PluginSlot
from backtune.hosting.plugin import Plugin
from backtune.hosting.settings import apply_value, prepare, same_value


def set_as_slot(plugin: Plugin, slot: PluginSlot, where: str) -> list[str]:
    """Set an open plugin; return sentences, beginning with `where`, on settings that it shows otherwise.

    Raises InputError for a state, a preset or a value that the plugin does not take.
    """
    warnings = []
    prepare(plugin, slot.state, slot.preset)
    for name, value in slot.values.items():
        if value.raw is None:
            apply_value(plugin, name, str(value.text))
            continue
        plugin.set_raw(name, value.raw)
        shown = plugin.values()[plugin.parameters.key(name, where)].text
        if value.text is not None and not same_value(value.text, shown):
            warnings.append(f"{where}: {name}: raw {value.raw:g} shows '{shown}', the chain says '{value.text}'")
    return warnings
