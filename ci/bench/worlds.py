"""Structure recovery: grows patches from random worlds and counts the kinds of layers that are found again.

    BACKTUNE_RECORDINGS=recordings python ci/bench/worlds.py [--worlds 30] [--first 0] [--jobs 2]

Each world is an instrument of layers drawn at random (tests/random_worlds.py), recorded with the noise of a real
room. One row a world: what was put in, what was missed, what was found that is not there; then precision and recall.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from random_worlds import Recovery, precision_recall, random_world, recovered


def main() -> None:
    """Grow every world and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--worlds", type=int, default=30)
    parser.add_argument("--first", type=int, default=0, help="seed of the first world")
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args()
    found: list[Recovery] = []
    print(f"{'world':>5}  {'s':>4}  {'put in':60}  missed / not there", flush=True)
    for seed in range(chosen.first, chosen.first + chosen.worlds):
        start = time.perf_counter()
        one = recovered(random_world(seed), chosen.jobs)
        found.append(one)
        wrong = ", ".join([*(f"-{kind}" for kind in sorted(one.missed)), *(f"+{kind}" for kind in sorted(one.extra))])
        print(f"{seed:5}  {time.perf_counter() - start:4.0f}  {', '.join(sorted(one.true)):60}  {wrong}", flush=True)
    precision, recall = precision_recall(found)
    print(f"{len(found)} worlds: precision {precision:.2f}, recall {recall:.2f}")


if __name__ == "__main__":
    main()
