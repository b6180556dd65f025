"""Parts of a page: tables with headers, figures with words for those who do not see them, players with labels."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from backtune.report.plots import ACCENT, FAINT, INK, SECOND, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RASTER_DPI = 100  # of the shaded maps inside a plot
INKS = {INK: "var(--ink)", FAINT: "var(--faint)", ACCENT: "var(--accent)", SECOND: "var(--second)"}
_ID = re.compile(r'(\bid="| href="#|url\(#)')
_FONT = re.compile(r"font(-family)?: ?[^;\"]*sans[^;\"]*")


def paragraph(text: str) -> str:
    """Return plain text as a paragraph."""
    return f"<p>{escape(text)}</p>"


def bullets(texts: Sequence[str]) -> str:
    """Return plain texts as a list."""
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>"


def section(name: str, title: str, *parts: str, level: int = 2) -> str:
    """Return a section with its heading; `name` is what links point at."""
    heading = f'<h{level} id="{escape(name)}">{escape(title)}</h{level}>'
    return f'<section aria-labelledby="{escape(name)}">{heading}{"".join(parts)}</section>'


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[Any]], marked: int | None = None) -> str:
    """Return a table; the first cell of each row is its header, `marked` the index of the row that is in use."""
    numeric = [bool(rows) and all(_is_number(str(row[i])) for row in rows) for i in range(len(head))]
    top = "".join(
        f'<th scope="col"{" class=number" if right and index else ""}>{escape(one)}</th>'
        for index, (one, right) in enumerate(zip(head, numeric, strict=True))
    )
    body = []
    for index, row in enumerate(rows):
        cells = [f'<th scope="row">{escape(str(row[0]))}</th>']
        cells += [f"<td{' class=number' if _is_number(str(one)) else ''}>{escape(str(one))}</td>" for one in row[1:]]
        body.append(f"<tr{' class=marked' if index == marked else ''}>{''.join(cells)}</tr>")
    return (
        f'<div class="wide" role="region" aria-label="{escape(caption)}" tabindex="0"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def _is_number(text: str) -> bool:
    return bool(re.match(r"[+\-−]?[\d.]", text)) or text == "-"


def details(summary: str, *parts: str) -> str:
    """Return parts that are shown when their summary is opened."""
    return f"<details><summary>{escape(summary)}</summary>{''.join(parts)}</details>"


def plot(drawn: Figure, name: str, caption: str, words: str) -> str:
    """Return a figure in the page's inks; `words` say to a screen reader what is seen, `name` is unique on the page."""
    return (
        f'<figure><div class="plot">{svg(drawn, name, words)}</div><figcaption>{escape(caption)}</figcaption></figure>'
    )


def svg(drawn: Figure, name: str, words: str) -> str:
    """Return a figure as an SVG element whose ids begin with `name` and whose inks follow the page's theme."""

    text = io.StringIO()
    with style():
        drawn.savefig(text, format="svg", dpi=RASTER_DPI, transparent=True, metadata={"Date": None})
    out = text.getvalue()
    out = out[out.index("<svg") :]
    out = re.sub(r"<metadata>.*?</metadata>", "", out, flags=re.DOTALL)
    out = re.sub(r"<style.*?</style>", "", out, flags=re.DOTALL)  # it would reach the whole page
    out = out.replace("xlink:href=", "href=")
    out = _ID.sub(lambda found: found.group(0) + name + "-", out)
    for ink, theirs in INKS.items():
        out = out.replace(ink, theirs)
    box = re.search(r'viewBox="([^"]*)"', out)
    assert box is not None  # matplotlib always writes one
    head = f'<svg viewBox="{box.group(1)}" role="img" aria-label="{escape(words)}">'
    out = head + out[out.index(">") + 1 :]
    return _FONT.sub("font-family: inherit", re.sub(r"\n\s*", "\n", out))


def player(label: str, mp3: bytes) -> str:
    """Return a player with its label; without sound, the label alone."""
    told = escape(label)
    if not mp3:
        return f'<figure class="player"><figcaption>{told}</figcaption></figure>'
    data = base64.b64encode(mp3).decode()
    return (
        f'<figure class="player"><figcaption>{told}</figcaption>'
        f'<audio controls controlslist="nodownload noplaybackrate" preload="none" '
        f'aria-label="{told}" src="data:audio/mpeg;base64,{data}"></audio></figure>'
    )


def players(*several: str) -> str:
    """Return players side by side."""
    return f'<div class="players">{"".join(several)}</div>'
