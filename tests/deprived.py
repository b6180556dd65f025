"""The program run in a child from which something is taken: space on disk, permissions of root, memory, time."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SLOWEST_S = 120.0  # for a command that has nothing to do but refuse, on a machine busy with everything else
MOST_BYTES = 8 << 30  # of address space, most of which numerical libraries only reserve
MOST_MB = 700  # of memory in use: 250 to 400 of it are Python and the libraries that a command imports

_CHILD = """
import ctypes, os, resource, sys
file_bytes, address_bytes, stripped, told = (int(one) for one in sys.argv[1:5])
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
code = main(sys.argv[5:])
# its own memory: ru_maxrss begins at what the process that started it had used by then
peak_kb = next((line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:")), None)
os.write(told, str(peak_kb or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss).encode())
sys.exit(code)
"""


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


def run(*arguments: Any, file_bytes: int = -1, stripped: bool = False, **settings: str) -> Answer:
    """Run a command; no file it writes may exceed `file_bytes`, `stripped` takes root's permissions, `settings` are
    added to its environment. Raises subprocess.TimeoutExpired when it hangs.
    """
    reader, writer = os.pipe()
    limits = [str(file_bytes), str(MOST_BYTES), str(int(stripped)), str(writer)]
    command = [sys.executable, "-c", _CHILD, *limits, *(str(one) for one in arguments)]
    around = os.environ | {"PYTHONUTF8": "1", "NO_COLOR": "1"} | settings
    try:
        done = subprocess.run(
            command,
            env=around,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=SLOWEST_S,
            pass_fds=[writer],
            check=False,
        )
    finally:
        os.close(writer)
    with os.fdopen(reader) as told:
        used_kb = float(told.read() or 0)
    return Answer(done.returncode, done.stdout, done.stderr, used_kb / 1024.0)


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder by its name, hidden ones too: to see that nothing has changed."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
