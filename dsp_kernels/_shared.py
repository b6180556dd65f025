"""What a kernel cannot say in numba's own words: arrays by their address, and turns that threads take."""

from __future__ import annotations

from typing import Any

from numba.core import cgutils, types
from numba.extending import intrinsic


def _pointer(context: Any, address: Any) -> Any:
    """Return an address (int64) as a pointer, for `numba.carray`: a table of voices holds addresses of their arrays."""

    def code(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(address), code


def _take_turn(context: Any, turn: Any) -> Any:
    """Return the number in `turn` (1, int64) and raise it by one, in one step: no two threads get the same."""

    def code(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = target.make_array(signature.args[0])(target, builder, arguments[0])
        return builder.atomic_rmw("add", array.data, target.get_constant(types.int64, 1), "monotonic")

    return types.int64(turn), code


pointer: Any = intrinsic(_pointer)
take_turn: Any = intrinsic(_take_turn)
