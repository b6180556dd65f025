"""A trial: a layer type tried beside the patch as it is - what it is worth, and why it is refused."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from backtune.analysis.distance import Distance
from backtune.character import SILENT_LOSS_DB, silenced
from backtune.errors import Declined
from backtune.evidence import Gain, total
from backtune.growth_state import PRICE_DB_PER_KB, Growth, Patches, price_db
from backtune.library import library
from backtune.patch_file import patch_bytes
from backtune.split_half import split_half_gain
from backtune.swapping import LEAST_GAIN_DB
from backtune.workers import side_by_side

# A take recorded once also holds what it would not repeat. Tables of single notes that knew nothing true won up to
# 0.27 dB between halves of takes in worlds of known layers; on eight real instruments true ones won 0.36 to 1.4 dB.
LEAST_BY_HALVES_DB = 0.3
# Strikes of one note differ by 1.5 to 2.3 dB (published of a piano): where levels miss less than that, nothing says
# that it is the note's own. Right laws missed 0.7 to 1.4 dB of worlds they were fitted to, 2.8 to 4 of recordings.
LEAST_MISSING_DB = 1.5
# Of all that is missing: what says no law wins less where it only says what laws got wrong - tables that mimic them,
# and what reconciles all others (in worlds of known truth a balance of loudness won a thirtieth by that).
LEAST_SHARE, LEAST_CLOSING_SHARE = 0.1, 0.05


@dataclass(frozen=True)
class Trial:
    """A layer tried on the patches: `worth` in dB net of its price, and why it was refused ("" = it earned its place).

    `patches` hold it; they are None where it declined.
    """

    worth: float
    refusal: str
    patches: Patches | None = None
    measured: list[Distance] = field(default_factory=list)


def attempt(state: Growth, kind: str) -> Trial:
    """Return what a layer of `kind` is worth now; a refusal is recorded with its reason."""
    layer = library()[kind]
    state.by_halves.discard(kind)
    state.declined.discard(kind)
    why = proposed(state, kind)
    try:
        bigger = side_by_side(lambda remains: remains.grown_by(layer), state.remains, threads=state.bench.jobs)
    except Declined as reason:
        state.declined.add(kind)
        state.note(replace(state.step("decline", kind, str(reason)), proposed=why))
        return Trial(float("-inf"), str(reason))
    measured, tried = state.bench.measure(bigger), state.tried
    gain, _ = state.gain(kind, state.patches, state.measured, bigger, measured, tried)
    everywhere = state.bench.gain(state.measured, measured, "", 1)
    if layer.evidence == "character":
        if everywhere.mean_db < -SILENT_LOSS_DB:
            bigger = tuple(silenced(patch, kind) for patch in bigger)
            measured = state.bench.measure(bigger)
        everywhere = gain
    size, price = patch_bytes(bigger[0]), price_db(state.patches, bigger)
    refused = refusal(state, kind, gain, size, price, everywhere)
    if refused and size <= state.budget_bytes and (told := _by_halves(state, kind, everywhere, price, tried)):
        state.by_halves.add(kind)
        gain, refused = told, ""
    worth = gain.mean_db - price
    if refused:
        step = state.step("refuse", kind, refused, gain, measured, size, tried)
        state.note(replace(step, proposed=why))
    return Trial(min(worth, 0.0) if refused else worth, refused, bigger, measured)


def proposed(state: Growth, kind: str) -> str:
    """Return why a layer is tried now: what remains where it may help."""
    places = library()[kind].where
    most = max(places, key=lambda place: state.shares[place], default="")
    return f"{most} holds {state.shares[most]:.0%} of what remains" if most else ""


def refusal(state: Growth, kind: str, gain: Gain, size: int, price: float, everywhere: Gain) -> str:
    """Return why a layer is not taken, or "" when it earned its place."""
    if size > state.budget_bytes:
        return f"the patch would take {size / 1000:.1f} KB, more than the {state.budget_bytes / 1000:g} KB allowed"
    if gain.high_db < 0:
        return f"it does harm: {gain.mean_db:+.2f} dB ({gain.low_db:+.2f}..{gain.high_db:+.2f})"
    if gain.low_db <= 0:
        return (
            f"its gain of {gain.mean_db:+.2f} dB cannot be told from chance ({gain.low_db:+.2f}..{gain.high_db:+.2f})"
        )
    if gain.mean_db < price:
        return f"its gain of {gain.mean_db:.2f} dB does not pay for {price / PRICE_DB_PER_KB:.1f} KB"
    if gain.mean_db < LEAST_GAIN_DB:
        return f"its gain of {gain.mean_db:.3f} dB is less than the {LEAST_GAIN_DB:g} dB that can be heard"
    share = LEAST_SHARE if library()[kind].mimics else LEAST_CLOSING_SHARE if library()[kind].closes else 0.0
    least = share * total(state.measured)
    if gain.mean_db < least:
        return f"its gain of {gain.mean_db:.2f} dB is less than {share:.0%} of what is missing ({least:.2f} dB)"
    if gain.mean_db < gain.repeats_db:
        return f"its gain of {gain.mean_db:.2f} dB is less than the {gain.repeats_db:.2f} dB by which repeats differ"
    if everywhere.mean_db < 0:
        return f"it wins {gain.mean_db:.2f} dB where it should, but loses {-everywhere.mean_db:.2f} dB over all takes"
    return ""


def _by_halves(state: Growth, kind: str, everywhere: Gain, price: float, tried: int) -> Gain | None:
    """Return what a layer of single notes wins on the recorded notes alone, or None if that is not worth its bytes.

    Asked of tables of overtones, which are all that halves are heard by, only where no note was recorded twice, and no
    unheard note is audibly the worse for it.
    """
    layer = library()[kind]
    if not layer.mimics or not state.may_split or everywhere.mean_db < -LEAST_GAIN_DB:
        return None
    told, missing_db = split_half_gain(state.patches[0], layer, state.residuals[0], tried)
    least = max(price, LEAST_BY_HALVES_DB, LEAST_SHARE * missing_db)
    return told if missing_db >= LEAST_MISSING_DB and told.low_db > 0 and told.mean_db >= least else None
