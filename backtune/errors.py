"""What can go wrong, told in one sentence: where, what was given, what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BacktuneError(Exception):
    """A failure that the user can understand; the command line prints it and exits with `exit_code`."""

    exit_code = 1


class InputError(BacktuneError):
    """The input or the usage is wrong, and nothing was done with it."""

    exit_code = 2


class Declined(Exception):
    """A layer type's answer to a residual that holds nothing for it; the message is the reason."""


def nearest(given: str, allowed: Iterable[str]) -> str:
    """Return a hint that ends an error about a misspelt name.

    `given` is what was written, `allowed` the names that exist. The hint names the closest one,
    or lists all of them when none is close.
    """
    names = list(allowed)
    close = difflib.get_close_matches(given, names, n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else f"allowed: {', '.join(sorted(names))}"
