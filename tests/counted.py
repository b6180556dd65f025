"""How much work a call is, counted in calls of functions: the same on every machine, as seconds are not."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

TWICE_AS_MUCH = 2.5  # twice the input is less than so many times the work, or the work is quadratic


def calls_made(run: Callable[[], Any]) -> int:
    """Return how many functions are called, of Python or of C, while `run` runs."""
    count, before = 0, sys.getprofile()

    def told(frame: Any, event: str, what: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(told)
    try:
        run()
    finally:
        sys.setprofile(before)
    return count
