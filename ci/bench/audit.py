"""False accepts: offers every layer for residuals of real instruments in which nothing repeats, and counts.

    BACKTUNE_RECORDINGS=recordings python ci/bench/audit.py [sax piano_c3 ...] [--nulls 3] [--jobs 2]

The patches that come with backtune stand for what was fitted to the recordings, so that nothing is fitted here: what
each of them misses of its recordings is put back with a sign of chance, and growth is asked again. One row each, then
all together, with the interval of Clopper and Pearson.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path

from backtune.analysis.listen import listen
from backtune.analysis.residual import Residual
from backtune.audit import null_control
from backtune.evidence import Bench, folds
from backtune.fit import comparable
from backtune.fit_plan import DEFAULT_BUDGET_BYTES
from backtune.growth_record import Audit
from backtune.growth_state import Growth
from backtune.patch_file import read_patch
from backtune.screening import screen
from backtune.source import open_source

PATCHES = Path(__file__).parents[2] / "presets" / "patches"


def main() -> None:
    """Run the null control on each instrument and print what was accepted."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpora", nargs="*", default=["sax", "piano_c3", "piano", "flute"])
    parser.add_argument("--nulls", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args()
    audits = []
    for name in chosen.corpora:
        start = time.perf_counter()
        audits.append(audited(name, chosen.nulls, chosen.jobs))
        print(f"{name}, {time.perf_counter() - start:.0f} s: {audits[-1]}", flush=True)
    sums = (sum(getattr(one, part) for one in audits) for part in ("nulls", "tried", "accepted", "declined"))
    print(f"together: {Audit(*sums)}")


def audited(name: str, nulls: int, jobs: int) -> Audit:
    """Return the null control of a shipped patch beside the recordings it was fitted to."""
    patch = read_patch(PATCHES / f"{name}.yaml")
    source = open_source(Path(os.environ["BACKTUNE_RECORDINGS"]) / name)
    screening = screen(source.takes)
    takes, natural = screening.kept, source.levels_natural and screening.levels_natural is not False
    heard = comparable(listen(takes, patch.struck, jobs), natural)
    divided = folds(takes, heard)
    everything = Residual(heard, (), patch.struck, natural)
    fitted = [replace(everything, heard=tuple(heard[i] for i in fold.fitted)) for fold in divided]
    bench = Bench([fold.held for fold in divided], not natural, jobs)
    state = Growth(fitted, bench, DEFAULT_BUDGET_BYTES, (patch,) * len(divided), [])
    return null_control(state, takes, heard, divided, nulls, lambda text: print(f"  {text}", flush=True))


if __name__ == "__main__":
    main()
