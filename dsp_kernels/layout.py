"""Curves of a voice put in the order the kernels read: frames first, and no more of them than can be heard."""

from __future__ import annotations

from dsp_kernels._jit import kernel
from dsp_kernels.bank import LONGEST

TOLERANCE_NEPER = 0.0115  # 0.1 dB, a fifth of what the ear can tell: a frame this near its neighbours' line goes
RATE_TOLERANCE = 1e-7  # of a frequency: 0.0002 cents, which lets no phase drift


@kernel
def lay_out(level_db, neper, tail, out):  # type: ignore[no-untyped-def]
    """Write levels (P, T) in dB, times `neper` nepers a dB, into `out` (T + 1, P, float32), and `tail` (P,) below."""
    for p in range(level_db.shape[0]):
        for t in range(level_db.shape[1]):
            out[t, p] = level_db[p, t] * neper
        out[level_db.shape[1], p] = tail[p] * neper


@kernel
def last_heard(levels, floors):  # type: ignore[no-untyped-def]
    """Return the last frame of `levels` (T, P) at which any of them reaches its floor (P,), or -1."""
    for t in range(levels.shape[0] - 1, -1, -1):
        for p in range(levels.shape[1]):
            if levels[t, p] >= floors[p]:
                return t
    return -1


@kernel
def thin(frames, rates, levels, bands, level_floors, band_floors):  # type: ignore[no-untyped-def]
    """Leave out frames that lie on the line between their neighbours; return how many are left, moved to the front.

    All arrays as `frames.run` takes them, changed in place; no two neighbours go, the first and the last two stay.
    Levels below their floors have no say.
    """
    count = len(frames)
    kept = 1
    t = 1
    while t < count:
        again = t < count - 2 and frames[t + 1] - frames[kept - 1] <= LONGEST
        if again:
            share = (frames[t] - frames[kept - 1]) / (frames[t + 1] - frames[kept - 1])
            away = rates[t] - rates[kept - 1] - share * (rates[t + 1] - rates[kept - 1])
            again = (
                abs(away) < RATE_TOLERANCE
                and _on_line(levels[kept - 1], levels[t], levels[t + 1], share, level_floors)
                and _on_line(bands[kept - 1], bands[t], bands[t + 1], share, band_floors)
            )
        t += again
        frames[kept], rates[kept] = frames[t], rates[t]
        levels[kept], bands[kept] = levels[t], bands[t]
        kept += 1
        t += 1
    return kept


@kernel
def _on_line(before, level, after, share, floors):  # type: ignore[no-untyped-def]
    for p in range(len(level)):
        if max(before[p], level[p], after[p]) >= floors[p]:
            away = level[p] - before[p] - share * (after[p] - before[p])
            if abs(away) > TOLERANCE_NEPER:
                return False
    return True
