"""Class and parameter identifiers of a VST3, which pedalboard does not tell: asked of the plugin itself.

Run as `python -m backtune.hosting.identifiers BINARY NAME` in a process of its own; prints one JSON object.
"""

from __future__ import annotations

import ctypes as c
import json
import os
import struct
import sys
from typing import Any

Pointer = c.c_void_p
OK = 0


def _uid(*words: int) -> bytes:
    """Return an interface identifier as the system stores it: in order, or as a COM GUID on Windows."""
    data = struct.pack(">4I", *words)
    if os.name != "nt":
        return data
    return data[3::-1] + data[5:3:-1] + data[7:5:-1] + data[8:]


# Source: VST 3 SDK, pluginterfaces/vst/ivstcomponent.h, ivsteditcontroller.h, ivstmessage.h.
COMPONENT = _uid(0xE831FF31, 0xF2D54301, 0x928EBBEE, 0x25697802)
CONTROLLER = _uid(0xDCD7BBE3, 0x7742448D, 0xA874AACC, 0x979C759E)
CONNECTION = _uid(0x70A4156F, 0x6E6E4026, 0x989148BF, 0xAA60D8D1)
# places of functions in the tables of their interfaces
QUERY, INITIALIZE, CONTROLLER_CLASS, CONNECT = 0, 3, 5, 3
COUNT_CLASSES, CLASS_INFO, CREATE = 4, 5, 6
COUNT_PARAMETERS, PARAMETER_INFO = 8, 9


class ClassInfo(c.Structure):
    """PClassInfo of the VST 3 API."""

    _fields_ = [
        ("id", c.c_ubyte * 16),
        ("cardinality", c.c_int32),
        ("category", c.c_char * 32),
        ("name", c.c_char * 64),
    ]


class ParameterInfo(c.Structure):
    """ParameterInfo of the VST 3 API."""

    _fields_ = [
        ("id", c.c_uint32),
        ("title", c.c_uint16 * 128),
        ("short_title", c.c_uint16 * 128),
        ("units", c.c_uint16 * 128),
        ("steps", c.c_int32),
        ("initial", c.c_double),
        ("unit", c.c_int32),
        ("flags", c.c_int32),
    ]


def _call(thing: Any, place: int, result: Any, *arguments: tuple[Any, Any]) -> Any:
    """Return what the function at `place` of an interface's table answers; arguments are (type, value)."""
    table = c.cast(thing, c.POINTER(Pointer))[0]
    function = c.cast(table, c.POINTER(Pointer))[place]
    kind = c.CFUNCTYPE(result, Pointer, *[kind for kind, _ in arguments])
    return kind(function)(thing, *[value for _, value in arguments])


def _query(thing: Any, interface: bytes) -> Any:
    """Return another interface of a thing, or None when it has none of that kind."""
    out, wanted = Pointer(), c.create_string_buffer(interface, 16)
    found = _call(thing, QUERY, c.c_int32, (Pointer, c.addressof(wanted)), (Pointer, c.addressof(out)))
    return out.value if found == OK else None


class _Host:
    """The least a host can be: an object that has no further interface; kept alive while plugins hold it."""

    def __init__(self) -> None:
        query = c.CFUNCTYPE(c.c_int32, Pointer, Pointer, c.POINTER(Pointer))
        count = c.CFUNCTYPE(c.c_uint32, Pointer)

        def refuse(_self: Any, _id: Any, out: Any) -> int:
            out[0] = None
            return -1

        self._functions = (query(refuse), count(lambda _self: 1), count(lambda _self: 1))
        self._table = (Pointer * 3)(*[c.cast(f, Pointer) for f in self._functions])
        self._object = (Pointer * 1)(c.cast(self._table, Pointer))
        self.pointer = c.cast(self._object, Pointer)


def read_identifiers(binary: str, name: str) -> dict[str, Any]:
    """Return {"class_id": 32 hexadecimal digits, "parameters": {title: id}} of the plugin of that name."""
    library = c.CDLL(binary)
    if hasattr(library, "ModuleEntry"):
        library.ModuleEntry.argtypes = [Pointer]
        library.ModuleEntry(library._handle)
    elif hasattr(library, "InitDll"):
        library.InitDll()
    library.GetPluginFactory.restype = Pointer
    factory = library.GetPluginFactory()
    found = None
    for index in range(_call(factory, COUNT_CLASSES, c.c_int32)):
        info = ClassInfo()
        _call(factory, CLASS_INFO, c.c_int32, (c.c_int32, index), (Pointer, c.addressof(info)))
        if info.category == b"Audio Module Class" and (found is None or info.name.decode(errors="replace") == name):
            found = info
    if found is None:
        raise RuntimeError("the factory has no audio class")
    controller = _open_controller(factory, bytes(found.id), _Host())
    rows = {}
    for index in range(_call(controller, COUNT_PARAMETERS, c.c_int32)):
        row = ParameterInfo()
        _call(controller, PARAMETER_INFO, c.c_int32, (c.c_int32, index), (Pointer, c.addressof(row)))
        rows[bytes(row.title).decode("utf-16-le", "replace").split("\0")[0]] = int(row.id)
    return {"class_id": bytes(found.id).hex().upper(), "parameters": rows}


def _open_controller(factory: Any, class_id: bytes, host: _Host) -> Any:
    """Return the edit controller of a class: the component itself or its separate half, connected."""

    def create(wanted: bytes, interface: bytes) -> Any:
        out = Pointer()
        first, second = c.create_string_buffer(wanted, 16), c.create_string_buffer(interface, 16)
        arguments = ((Pointer, c.addressof(first)), (Pointer, c.addressof(second)), (Pointer, c.addressof(out)))
        return out.value if _call(factory, CREATE, c.c_int32, *arguments) == OK else None

    component = create(class_id, COMPONENT)
    _call(component, INITIALIZE, c.c_int32, (Pointer, host.pointer))
    controller = _query(component, CONTROLLER)
    if controller is None:
        other = c.create_string_buffer(16)
        _call(component, CONTROLLER_CLASS, c.c_int32, (Pointer, c.addressof(other)))
        controller = create(other.raw, CONTROLLER)
        if controller is None:
            raise RuntimeError("the plugin has no edit controller")
        _call(controller, INITIALIZE, c.c_int32, (Pointer, host.pointer))
        ends = _query(component, CONNECTION), _query(controller, CONNECTION)
        if all(ends):
            _call(ends[0], CONNECT, c.c_int32, (Pointer, ends[1]))
            _call(ends[1], CONNECT, c.c_int32, (Pointer, ends[0]))
    return controller


if __name__ == "__main__":
    answer = os.dup(1)
    os.dup2(2, 1)  # what the plugin prints must not get between
    os.write(answer, json.dumps(read_identifiers(sys.argv[1], sys.argv[2])).encode())
    os._exit(0)
