"""Options of the benchmarks."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a patch be given that is played instead of the tests' string."""
    parser.addoption("--patch", type=Path, default=None, help="a patch to play in the benchmarks of whole pieces")


@pytest.fixture
def instrument(request):  # type: ignore[no-untyped-def]
    """Return the instrument that plays."""
    path = request.config.getoption("--patch")
    if path is None:
        sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
        from small_instruments import Struck

        return Struck()
    from backtune.patch_file import read_patch

    return read_patch(path)
