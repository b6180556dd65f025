"""What a fit is asked for, and who is told how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

DEFAULT_BUDGET_BYTES = 150_000


@dataclass(frozen=True)
class FitPlan:
    """What decides which patch comes out, with the takes.

    `seed`: where random choices start from. `budget_bytes` bounds the written patch. `audit`: the null control is run
    as well. `baselines`: samplers, interpolation and resynthesis are measured on the same held-out takes.
    """

    seed: int = 0
    budget_bytes: int = DEFAULT_BUDGET_BYTES
    audit: bool = False
    baselines: bool = False


@dataclass(frozen=True)
class Watch:
    """Who looks on.

    `remark(line)` is called for each take that is not used, or not as it is; `progress(stage, done, total)` on the way.
    """

    remark: Callable[[str], None] = lambda line: None
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None

    def telling(self, stage: str) -> Callable[[str], None]:
        """Return who is told the steps of a stage, "what: how it went", when nobody knows how many are left."""
        return lambda text: self.progress(_named(stage, text), 0, 1)

    def counting(self, stage: str, about: int) -> Callable[[str], None]:
        """Return who is told the steps of a stage and counts them: `about` so many, or more."""
        steps = 0

        def tell(text: str) -> None:
            nonlocal steps
            steps += 1
            self.progress(_named(stage, text), steps, max(steps + 1, about))

        return tell


USUAL, UNWATCHED = FitPlan(), Watch()


def _named(stage: str, text: str) -> str:
    return f"{stage}: {text.partition(':')[0]}"
