"""A part as it was rendered, on disk until the gain of all stems is known: read block by block, never mapped whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from backtune.hosting.wire import Audio

CHANNELS = 2
FRAME_BYTES = CHANNELS * 4  # float32


@dataclass(frozen=True)
class Draft:
    """A file of `frames` stereo frames in float32."""

    path: Path
    frames: int

    def read(self, at: int, frames: int) -> Audio:
        """Return (2, up to `frames`) from frame `at` on; mapped files would count as memory, page by page."""
        some = np.fromfile(self.path, "<f4", frames * CHANNELS, offset=at * FRAME_BYTES)
        return np.asarray(some.reshape(-1, CHANNELS).T, np.float32)

    def blocks(self, length: int) -> Iterator[Audio]:
        """Yield all of it in blocks of `length` frames."""
        for at in range(0, self.frames, length):
            yield self.read(at, length)


def write_draft(blocks: Iterable[Audio], path: Path, frames: int, tell: Callable[[int, int], None]) -> Draft:
    """Write a part's blocks, (2, n) each and `frames` in all; `tell(done, frames)` after each."""
    done = 0
    with path.open("wb") as file:
        for block in (one for one in blocks if one.shape[1]):
            file.write(np.ascontiguousarray(block.T, "<f4").tobytes())
            done += block.shape[1]
            tell(done, frames)
    return Draft(path, frames)
