"""The program, run in the process of the tests."""

from __future__ import annotations

from typing import Any

from backtune.cli import main


def run(*arguments: Any) -> int:
    """Run the program; return its exit code."""
    return main([str(one) for one in arguments])
