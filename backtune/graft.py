"""Grafts: one layer of an instrument put into another."""

from __future__ import annotations

from dataclasses import replace

from backtune.panel import surviving
from backtune.patch import Patch
from backtune.provenance import bare, made_from


def graft(source: Patch, kind: str, into: Patch) -> Patch:
    """Return `into` with the layer `kind` of `source`, in place of its own if it has one.

    Settings of controls stay as they are. Raises InputError with the nearest name when `source` has no such layer.
    """
    grown = bare(into).with_layer(source.layer(kind))  # nobody has compared it with anything
    return replace(
        grown,
        name=f"{into.name} with the {kind.replace('_', ' ')} of {source.name}",
        origin=made_from(into, "graft", source, layer=kind),
        controls=surviving(into.controls, grown.layers, grown.struck),
    )
