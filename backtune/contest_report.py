"""A contest as a table to read, as CSV and JSON, and as a plot."""

from __future__ import annotations

import csv
import io
import json
import textwrap
from collections.abc import Sequence
from itertools import count, product
from pathlib import Path
from string import ascii_uppercase as LETTERS
from typing import Any

import numpy as np

from backtune.contest import EVERYWHERE, LEVELS, MATCHED, NATURAL, Contest, rows
from backtune.errors import InputError
from backtune.note_distance import rounded
from backtune.units import note_name
from backtune.whole_file import write_beside

TABLES = "contest.csv", "contest.json", "contest.png"
TITLES = {MATCHED: "at equal levels", NATURAL: "at their own levels"}
DPI = 120
WIDTH = 80


def as_data(found: Contest) -> dict[str, Any]:
    """Return everything as plain data: rankings by region and component first, then each note."""
    medians: dict[str, Any] = {}
    for levels in LEVELS:
        for region in found.regions:
            for part in found.components:
                order = found.ranking(levels, part, region)
                each = {player: rounded(found.median_db(player, levels, part, region)) for player in order}
                medians.setdefault(levels, {}).setdefault(region, {})[f"{part}_db"] = each
    return {
        "source": found.source,
        "players": list(found.players),
        "median_db": medians,
        "remarks": list(found.remarks),
        "level_db": {player: rounded(found.level_db(player)) for player in found.players},
        "patch_nearer": {
            levels: {rival: found.nearer(levels, rival) for rival in found.players[1:]} for levels in LEVELS
        },
        "notes": rows(found),
    }


def as_csv(found: Contest) -> str:
    """Return each note of each player as comma-separated text."""
    out = io.StringIO(newline="")
    each = rows(found)
    table = csv.DictWriter(out, list(each[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(each)
    return out.getvalue()


def as_text(found: Contest) -> str:
    """Return the medians as tables in 80 columns: each region with its players, the nearest first, at both levels.

    Players go by letters, which the first lines explain.
    """
    notes = len(found.of(found.players[0]))
    letters = _letters(found.players)
    name = max(map(len, letters.values()))
    lines = _wrapped(f"against {found.source}: {notes} notes", 2)
    for player, letter in letters.items():
        lines += _wrapped(f"  {letter:{name}}  {player}, {found.level_db(player):+.1f} dB in level", name + 4)
    widths = [max(len(part), len("00.00")) + 2 for part in found.components]
    for levels in LEVELS:
        lines += ["", f"medians {TITLES[levels]}, dB; the nearest first, * the nearest in a part"]
        heads = zip(found.components, widths, strict=True)
        lines.append(" " * (name + 11) + "".join(f"{part:>{width}}" for part, width in heads))
        for region in found.regions:
            for place, player in enumerate(found.ranking(levels, region=region)):
                parts = zip(found.components, widths, strict=True)
                cells = "".join(_cell(found, player, levels, part, region, width) for part, width in parts)
                lines.append(f"{region if place == 0 else '':10} {letters[player]:{name}}{cells}".rstrip())
    standings = [line for rival in found.players[1:] for line in _wrapped(_standing(found, rival, letters), 2)]
    return "\n".join([*lines, "", *standings]).rstrip()


def keyboard_text(found: Contest) -> str:
    """Return how one player differs from the source over keyboard and velocity: distance, and level in brackets."""
    player = found.players[0]
    cells = {(one.matched.midi, one.matched.velocity): one for one in found.of(player)}
    velocities = sorted({velocity for _, velocity in cells})
    lines = [*_wrapped(f"{player} against {found.source}: distance at equal levels in dB (level in dB)", 2), ""]
    lines.append(f"{'':6}" + "".join(f"{f'v{velocity:.0f}':>16}" for velocity in velocities))
    for midi in sorted({midi for midi, _ in cells}):
        line = f"{note_name(midi):6}"
        for velocity in velocities:
            one = cells.get((midi, velocity))
            told = "silent" if one is None else f"{one.matched.distance_db['total']:.2f} ({one.level_db:+.1f})"
            line += f"{told:>16}"
        lines.append(line)
    parts = [f"{part} {found.median_db(player, MATCHED, part):.2f}" for part in found.components]
    return "\n".join([*lines, "", *_wrapped(f"medians at equal levels: {', '.join(parts)} dB", 2)])


def save(found: Contest, folder: Path) -> None:
    """Write contest.csv, contest.json and contest.png into `folder`; raise InputError when that is impossible."""
    picture = io.BytesIO()
    draw(found).savefig(picture, format="png", dpi=DPI, metadata={"Software": None})
    table, data, plot = TABLES
    contents = {
        table: as_csv(found).encode(),
        data: json.dumps(as_data(found), indent=1, ensure_ascii=False, allow_nan=False).encode(),
        plot: picture.getvalue(),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            write_beside(folder / name, content)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror})") from None


def draw(found: Contest) -> Any:
    """Return a matplotlib figure: medians by component, each note over the keyboard, and levels over velocity."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 4), layout="constrained")
    bars, keys, levels = figure.subplots(1, 3)
    places = np.arange(len(found.components))
    share = 0.8 / len(found.players)
    for number, player in enumerate(found.players):
        mine, colour = found.of(player), f"C{number}"
        heights = [found.median_db(player, MATCHED, part) for part in found.components]
        bars.bar(places + (number + 0.5) * share - 0.4, heights, share, color=colour, label=player)
        midi = [one.matched.midi for one in mine]
        keys.plot(midi, [one.matched.distance_db["total"] for one in mine], "o", ms=4, color=colour, alpha=0.7)
        velocity = [one.matched.velocity for one in mine]
        levels.plot(velocity, [one.level_db for one in mine], "o", ms=4, color=colour, alpha=0.7)
    bars.set_xticks(places, found.components, rotation=30)
    bars.set_title(f"median distance, {TITLES[MATCHED]}, dB")
    bars.legend()
    keys.set(title=f"each note, {TITLES[MATCHED]}, dB", xlabel="MIDI key", ylim=(0, None))
    levels.set(title=f"level above {found.source}, dB", xlabel="velocity")
    levels.axhline(0.0, color="0.5", lw=0.8)
    return figure


def _letters(players: Sequence[str]) -> dict[str, str]:
    """Return what each player goes by: A to Z, then AA, AB..."""
    names = ("".join(letters) for length in count(1) for letters in product(LETTERS, repeat=length))
    return dict(zip(players, names, strict=False))


def _cell(found: Contest, player: str, levels: str, part: str, region: str, width: int) -> str:
    value = found.median_db(player, levels, part, region)
    best = len(found.players) > 1 and found.ranking(levels, part, region)[0] == player
    return f"{value:{width - 1}.2f}{'*' if best and np.isfinite(value) else ' '}"


def _standing(found: Contest, rival: str, letters: dict[str, str]) -> str:
    counts = [f"{found.nearer(levels, rival)} {TITLES[levels]}" for levels in LEVELS]
    total = len(found.of(rival, EVERYWHERE))
    first = letters[found.players[0]]
    return f"{first} is nearer than {letters[rival]} on {' and on '.join(counts)}, of {total} notes"


def _wrapped(text: str, indent: int) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent=" " * indent)
