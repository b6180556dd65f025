"""The program warm: its modules are imported once, and each command that is asked for runs in a fork of this process.

Starting the program takes a second and more, most of it for libraries; a refusal takes milliseconds. Its standard
input is a socket: a command comes with the descriptors it writes to (its texts, its errors, what it used), and the
process id of the fork goes back at once, its exit code at its end. `deprived.run` asks.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import socket
import sys
from typing import Any

import deprived
from some_patches import simple_patch

import backtune


def serve(asked: socket.socket) -> None:
    """Run the commands that are asked for, one after the other, until nobody is there to ask."""
    while True:
        message, ends, *_ = socket.recv_fds(asked, deprived.MOST_MESSAGE, 3)
        if not message:
            return
        pid = os.fork()
        if not pid:
            asked.close()
            _become(json.loads(message), ends)
        for end in ends:
            os.close(end)
        asked.send(str(pid).encode())
        _, status = os.waitpid(pid, 0)
        asked.send(str(os.waitstatus_to_exitcode(status)).encode())


def _become(command: dict[str, Any], ends: list[int]) -> None:
    """End this process with the command in it."""
    out, err, told = ends
    for place, end in enumerate([os.open(os.devnull, os.O_RDONLY), out, err]):
        os.dup2(end, place)
        os.close(end)
    sys.stdout, sys.stderr = os.fdopen(1, "w", encoding="utf-8"), os.fdopen(2, "w", 1, encoding="utf-8")
    os.chdir(str(command["folder"]))
    os.environ.clear()
    os.environ.update(command["environment"])
    deprived.become([str(told), *command["words"]])


if __name__ == "__main__":
    for found in pkgutil.walk_packages(backtune.__path__, "backtune."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    simple_patch().render(60, 90.0, 0.1)  # what sounds is compiled, or read from where it was kept
    gc.freeze()  # else each fork looks through all of it at its end, which takes half a second
    serve(socket.socket(fileno=os.dup(sys.stdin.fileno())))
