"""MIDI inputs: which there are, and one of them opened, by name."""

from __future__ import annotations

from typing import Any

from backtune.errors import BacktuneError, InputError, nearest

MISSING = "live play needs the packages sounddevice and python-rtmidi: pip install 'backtune[live]'"


class NoMidi(BacktuneError):
    """The machine has no MIDI system, as servers have none."""


def midi_ports() -> list[str]:
    """Return the names of the MIDI inputs.

    Raises BacktuneError when the packages for live play are missing, or the machine has no MIDI.
    """
    return list(_midi_input().get_ports())


def open_port(name: str | None) -> Any:
    """Return an open MIDI input, or None when none is asked for and none is there.

    Raises InputError for a port that is not there, BacktuneError for one that cannot be opened: on Windows another
    program may have it alone.
    """
    try:
        keyboard = _midi_input()
    except NoMidi:
        if name is None:
            return None
        raise
    ports = keyboard.get_ports()
    if name is None:
        found = list(range(min(1, len(ports))))
    else:
        found = [index for index, port in enumerate(ports) if name.lower() in port.lower()]
        if not found:
            raise InputError(f"MIDI port: '{name}' is not there; {nearest(name, ports)}")
    if not found:
        return None
    try:
        keyboard.open_port(found[0])
    except _rtmidi().RtMidiError as error:
        raise BacktuneError(f"MIDI port '{ports[found[0]]}': cannot be opened ({error})") from None
    return keyboard


def _midi_input() -> Any:
    """Return a MIDI input of the first MIDI system that works here."""
    rtmidi = _rtmidi()
    reasons = []
    for system in rtmidi.get_compiled_api():
        try:
            return rtmidi.MidiIn(system)
        except rtmidi.RtMidiError as error:
            reasons.append(str(error))
    raise NoMidi(f"no MIDI input can be opened ({'; '.join(reasons)})")


def _rtmidi() -> Any:
    try:
        import rtmidi
    except ImportError as error:
        raise BacktuneError(f"{MISSING} ({error})") from None
    return rtmidi
