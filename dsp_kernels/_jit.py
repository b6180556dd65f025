"""The one place where compiler flags are chosen."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])

# Sums may be reordered and multiply-adds fused: what vector lanes need. NaN and infinity keep their
# meaning, so that a broken voice is seen and not hidden. The twin tests hold the result to -120 dB.
FAST = frozenset({"reassoc", "contract", "arcp", "nsz"})

TEXT_OF_ALL = sha256(b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))).hexdigest()[:8]


def kernel(function: F) -> F:
    """Return `function` compiled at its first call, cached on disk, running without Python's lock.

    Kernels are inlined into those that call them: a call would run another copy of the kernel when it was just
    compiled than when it came from the cache, rounded otherwise in the last bit.

    A kernel is known to the cache by the text of all kernels: the cache itself looks at a kernel's own file alone,
    and would go on with those of an older version that are inlined into it.
    """
    function.__qualname__ += f"_{TEXT_OF_ALL}"
    compiled: Any = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=set(FAST), forceinline=True)(
        function
    )
    return cast(F, compiled)
