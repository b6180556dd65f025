"""What a nightly proof of robustness found: one row of the table that ci/nightly.sh prints at its end."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

FOLDER = "BACKTUNE_PROOFS"  # the variable that names the folder of rows; without it nothing is written


@dataclass(frozen=True)
class Proof:
    """One row: `inputs` tried, `faults` injected among them, faults `recovered` from; the rest of them is lost.

    A fault is what the world does to the program (a damaged file, a full disk, a kill); it is recovered when the
    program answers as promised: one sentence and its exit code, or a next run with the same bytes.
    """

    name: str
    inputs: int
    faults: int
    recovered: int
    note: str = ""
    done: bool = True

    @property
    def lost(self) -> int:
        """Faults that did harm: 0 is promised."""
        return self.faults - self.recovered

    def settle(self) -> None:
        """Write the row where ci/nightly.sh collects them; raise AssertionError when anything was tried in vain."""
        _write(self)
        assert self.inputs > 0, f"{self.name}: nothing was tried"
        assert self.lost == 0, f"{self.name}: {self.lost} of {self.faults} faults did harm"


def not_done(name: str, reason: str) -> None:
    """Write the row of a proof that this machine cannot give: the table says so, it counts as nothing."""
    _write(Proof(name, 0, 0, 0, reason, done=False))


def _write(row: Proof) -> None:
    if folder := os.environ.get(FOLDER):
        name = re.sub(r"\W+", "_", row.name)
        Path(folder, f"{name}.json").write_text(json.dumps(asdict(row)), encoding="utf-8")


def rows(folder: Path) -> list[Proof]:
    """Return the rows in a folder, by name."""
    return [Proof(**json.loads(path.read_text("utf-8"))) for path in sorted(folder.glob("*.json"))]


def table(proofs: list[Proof]) -> str:
    """Return the rows as a table with its sum."""
    total = Proof("total", *(sum(getattr(one, name) for one in proofs) for name in ("inputs", "faults", "recovered")))
    width = max(len(one.name) for one in (*proofs, total))
    lines = [f"{'proof':<{width}}  {'inputs':>11}  {'faults':>11}  {'recovered':>11}  {'lost':>5}"]
    for one in (*proofs, total):
        if not one.done:
            lines.append(f"{one.name:<{width}}  NOT DONE: {one.note}")
            continue
        counts = f"{one.inputs:>11,}  {one.faults:>11,}  {one.recovered:>11,}  {one.lost:>5,}"
        lines.append(f"{one.name:<{width}}  {counts}  {one.note}".rstrip())
    return "\n".join(lines)
