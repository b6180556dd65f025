"""Asks the database of the Python Packaging Authority for known faults of the installed packages (pip-audit).

Writes a row for the table of proofs; where no package can be looked up, the row says that it was not done.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from proofs import Proof, not_done

ROW = "dependencies audited (pip-audit)"
OWN = "backtune"  # is not in the database


def main() -> int:
    """Print what is known and return the exit code: 1 when a package has a fault."""
    command = [sys.executable, "-m", "pip_audit", "--local", "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        packages = [one for one in json.loads(done.stdout)["dependencies"] if one["name"] != OWN]
    except (ValueError, KeyError):
        return _not_done((done.stderr.strip().splitlines() or ["no answer"])[-1])
    known = [one for one in packages if "vulns" in one]
    if not known:
        return _not_done(f"none of {len(packages)} packages could be looked up")
    faulty = {one["name"]: [fault["id"] for fault in one["vulns"]] for one in known if one["vulns"]}
    for name, faults in faulty.items():
        print(f"dependency audit: {name}: {', '.join(faults)}")
    try:
        note = f"packages looked up, of {len(packages)}; faults are known vulnerabilities"
        Proof(ROW, len(known), len(faulty), 0, note).settle()
    except AssertionError as error:
        print(error)
        return 1
    return 0


def _not_done(reason: str) -> int:
    print(f"dependency audit: not done ({reason})")
    not_done(ROW, reason[:100])
    return 0


if __name__ == "__main__":
    sys.exit(main())
