"""The program run in a child from which something is taken: space on disk, permissions of root, memory, time."""

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

SLOWEST_S = 120.0  # for a command that has nothing to do but refuse, on a machine busy with everything else
MOST_BYTES = 8 << 30  # of address space, most of which numerical libraries only reserve
MOST_MB = 700  # of memory in use: 250 to 400 of it are Python and the libraries that a command imports
MOST_MESSAGE = 1 << 17  # bytes of a command with its environment
HERE = Path(__file__).parent
CAN_BE_WARM = sys.platform == "linux"  # where sockets keep messages apart


@dataclass(frozen=True)
class Answer:
    """What the program answered: its exit code, its texts, the largest memory it used in MB."""

    code: int
    out: str
    err: str
    memory_mb: float

    @property
    def sentence(self) -> str:
        """The one sentence of a refusal; raise AssertionError unless it is one and nothing else happened."""
        assert self.code in (1, 2), f"exit code {self.code}: {self.err[-2000:]}"
        assert "Traceback" not in self.err, self.err[-2000:]
        lines = [line for line in self.err.splitlines() if re.match(r"backtune[\w ]*: ", line)]
        assert len(lines) == 1, self.err[-2000:]
        assert self.err.splitlines()[-1] == lines[0], self.err[-2000:]
        assert self.memory_mb < MOST_MB, f"{self.memory_mb:.0f} MB"
        return lines[0]


def run(*arguments: Any, file_bytes: int = -1, stripped: bool = False, cold: bool = False, **settings: str) -> Answer:
    """Run a command; no file it writes may exceed `file_bytes`, `stripped` takes root's permissions, `settings` are
    added to its environment. `cold` starts the program from nothing, as a user does, not as a fork of one that has
    imported its modules. Raises subprocess.TimeoutExpired when it hangs.
    """
    taken = [str(file_bytes), str(MOST_BYTES), str(int(stripped))]
    around = os.environ | {"PYTHONUTF8": "1", "NO_COLOR": "1"} | settings
    pipes = [os.pipe() for _ in range(3)]
    with ExitStack() as held:
        texts = [held.enter_context(os.fdopen(end, encoding="utf-8", errors="replace")) for end, _ in pipes]
        reading = held.enter_context(ThreadPoolExecutor(len(texts)))
        start = _warm if CAN_BE_WARM and not cold else _cold
        try:
            program = start([*taken, *(str(one) for one in arguments)], around, [end for _, end in pipes])
        finally:
            for _, end in pipes:
                os.close(end)
        read = [reading.submit(text.read) for text in texts]
        try:
            code = program.wait(SLOWEST_S)
        except subprocess.TimeoutExpired:
            program.kill()
            raise
        out, err, used_kb = (one.result() for one in read)
    return Answer(code, out, err, float(used_kb or 0) / 1024.0)


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder by its name, hidden ones too: to see that nothing has changed."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _cold(words: list[str], environment: dict[str, str], ends: list[int]) -> subprocess.Popen[bytes]:
    out, err, told = ends
    code = f"import sys; sys.path.insert(0, {str(HERE)!r}); import deprived; deprived.become(sys.argv[1:])"
    command = [sys.executable, "-c", code, str(told), *words]
    return subprocess.Popen(command, env=environment, stdout=out, stderr=err, pass_fds=[told])


def _warm(words: list[str], environment: dict[str, str], ends: list[int]) -> Fork:
    message = json.dumps({"words": words, "environment": environment, "folder": os.getcwd()}).encode()
    asked = _program()
    socket.send_fds(asked, [message], ends)
    return Fork(int(asked.recv(MOST_MESSAGE)), asked)


@dataclass(frozen=True)
class Fork:
    """A fork of the warm program, which tells its end over the socket."""

    pid: int
    told: socket.socket

    def wait(self, most_s: float | None = None) -> int:
        """Return its exit code; raise subprocess.TimeoutExpired when it has not ended by then."""
        self.told.settimeout(most_s)
        try:
            return int(self.told.recv(MOST_MESSAGE))
        except TimeoutError:
            raise subprocess.TimeoutExpired("a fork of the program", most_s or 0.0) from None
        finally:
            self.told.settimeout(None)

    def kill(self) -> None:
        """End it."""
        os.kill(self.pid, signal.SIGKILL)
        self.wait()


@cache
def _program() -> socket.socket:
    """Return a socket to a program that has imported its modules and waits for commands, as long as this one lives."""
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    alone = os.environ | {"PYTHONUTF8": "1", "OPENBLAS_NUM_THREADS": "1"}  # a fork takes one thread along
    subprocess.Popen([sys.executable, HERE / "warm_program.py"], env=alone, stdin=theirs.fileno())
    theirs.close()
    return mine


def become(words: list[str]) -> None:
    """Take from this process what the first words say, run the command of the others and end with its exit code."""
    import resource

    told, file_bytes, address_bytes, stripped = (int(one) for one in words[:4])
    if file_bytes >= 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    resource.setrlimit(resource.RLIMIT_AS, (address_bytes, address_bytes))
    if stripped:  # a superuser may read and write everything until these two capabilities are gone
        head = (ctypes.c_uint32 * 2)(0x20080522, 0)
        sets = (ctypes.c_uint32 * 6)()
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.capget(head, sets) == 0
        for place in (0, 1, 2):
            sets[place] &= ~0b110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        assert libc.capset(head, sets) == 0
    from backtune.cli import main

    code = main(words[4:])
    # its own memory: ru_maxrss begins at what the process that started it had used by then
    status = Path("/proc/self/status")
    peak = re.search(r"VmHWM:\s*(\d+) kB", status.read_text(encoding="utf-8")) if status.is_file() else None
    os.write(told, (peak[1] if peak else str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)).encode())
    sys.exit(code)
