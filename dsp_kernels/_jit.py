"""The one place where compiler flags are chosen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])

# Sums may be reordered and multiply-adds fused: what vector lanes need. NaN and infinity keep their
# meaning, so that a broken voice is seen and not hidden. The twin tests hold the result to -120 dB.
FAST = frozenset({"reassoc", "contract", "arcp", "nsz"})


def kernel(function: F) -> F:
    """Return `function` compiled at its first call, cached on disk, running without Python's lock.

    Kernels are inlined into those that call them: a call would run another copy of the kernel when it was just
    compiled than when it came from the cache, rounded otherwise in the last bit.

    The cache of a kernel sees changes of its own file, not of kernels it calls: after editing one, delete
    `dsp_kernels/__pycache__`.
    """
    compiled: Any = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=set(FAST), forceinline=True)(
        function
    )
    return cast(F, compiled)
