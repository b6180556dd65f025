"""Prints the table of the nightly proofs from a folder of rows; fails when there is none or something was lost."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from proofs import rows, table


def main(folder: Path) -> int:
    """Print the table and return the exit code."""
    found = rows(folder)
    print(table(found))
    return 0 if found and not any(one.lost for one in found) else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
