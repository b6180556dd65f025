"""Prints the table of the nightly proofs from a folder of rows; fails when none was done or something was lost."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from proofs import rows, table


def main(folder: Path) -> int:
    """Print the table and return the exit code."""
    found = rows(folder)
    print(table(found))
    done = [one for one in found if one.done]
    print(f"{len(done)} of {len(found)} proofs done, {sum(one.lost > 0 for one in done)} of them with losses")
    return 0 if done and all(one.inputs and not one.lost for one in done) else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
