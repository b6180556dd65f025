"""The README's commands: runs those marked to be run, in order, and writes what they print beneath them.

A fenced block after a line `<!-- run -->` is run, in one empty folder for all of them; a fenced block of kind
`text` that follows it is replaced by what it printed. `python ci/readme.py` does that; tests run the same blocks.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"
MARK = "<!-- run -->"
BLOCK = re.compile(
    rf"{MARK}\n```(?P<kind>sh|python)\n(?P<code>.*?)```\n(?:\n```text\n(?P<output>.*?)```\n)?", re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """A block to be run: its language ("sh" or "python"), its text, the output shown beneath it (None: none is)."""

    kind: str
    code: str
    output: str | None


def blocks(text: str) -> list[Block]:
    """Return the blocks of a README that are to be run, in order."""
    return [Block(one["kind"], one["code"], one["output"]) for one in BLOCK.finditer(text)]


def run(block: Block, folder: Path) -> str:
    """Run a block in `folder` and return what it printed on stdout; raise CalledProcessError when it fails."""
    program = ["bash", "-e", "-o", "pipefail", "-c"] if block.kind == "sh" else [sys.executable, "-c"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    settings = os.environ | {"PATH": path, "COLUMNS": "80", "NO_COLOR": "1", "PYTHONUTF8": "1"}
    done = subprocess.run(
        [*program, block.code], cwd=folder, env=settings, capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, block.code, done.stdout, done.stderr)
    return done.stdout


def with_outputs(text: str, outputs: list[str]) -> str:
    """Return the README with each shown output replaced by the one at the same place in `outputs`."""
    rest = iter(outputs)

    def replaced(found: re.Match[str]) -> str:
        printed = next(rest)
        if found["output"] is None:
            return found[0]
        start, stop = found.start("output") - found.start(), found.end("output") - found.start()
        return found[0][:start] + printed.rstrip() + "\n" + found[0][stop:]

    return BLOCK.sub(replaced, text)


def main() -> None:
    """Run every marked block and write the outputs into the README."""
    text = README.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        outputs = []
        for block in blocks(text):
            print(block.code, end="", flush=True)
            outputs.append(run(block, Path(folder)))
    beside = README.with_suffix(".md.part")
    beside.write_text(with_outputs(text, outputs), encoding="utf-8")
    beside.replace(README)


if __name__ == "__main__":
    main()
