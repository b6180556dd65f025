"""The program, killed in the middle of a write: `python dies_writing.py NUMBER COUNTS COMMAND...`, 0: in none.

Dying in write NUMBER leaves half of the file that was about to be renamed to its place, as a machine that loses its
power does. Every write adds a byte to the file COUNTS.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from backtune.cli import run

number, counts = int(sys.argv[1]), Path(sys.argv[2])
done = 0
rename = os.replace


def replace(part: Any, path: Any, **more: Any) -> None:
    """Rename a file that was written whole, or die before."""
    global done
    done += 1
    with counts.open("ab") as file:
        file.write(b".")
    if done == number:
        os.truncate(part, os.path.getsize(part) // 2)
        os.killpg(os.getpgid(0), signal.SIGKILL)
    rename(part, path, **more)


if __name__ == "__main__":
    counts.touch()  # from here on the program answers for what it does
    os.replace = replace
    run(sys.argv[3:])
