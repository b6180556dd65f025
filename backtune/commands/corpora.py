"""backtune corpora: freely licensed recordings to download."""

from __future__ import annotations

from typing import Annotated

import typer

from backtune.commands._examples import examples

PLACE = 60
EPILOG = examples(
    "backtune corpora",
    "backtune corpora ixox-flute",
)


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=EPILOG)(corpora)


def corpora(
    name: Annotated[str | None, typer.Argument(help="Corpus to download; none lists them all.")] = None,
) -> None:
    """List freely licensed recordings with licence, size and checksum, or download one."""
    from backtune import corpora as known
    from backtune.terminal import Stopped, remark, say

    if name is not None:
        one = known.corpus(name)
        remark(f"{one.name}: {one.about}; {one.licence}; {one.size}; downloading from {one.url}")
        try:
            entry, checks = known.download(one)
        except KeyboardInterrupt:
            raise Stopped(f"stopped; nothing of {one.name} was kept") from None
        for line in checks:
            remark(line)
        say(str(entry), {"name": one.name, "path": entry, "checks": checks})
        return
    found = list(known.corpora().values())
    lines = [
        f"{one.name}: {one.about}\n  licence {one.licence}\n  {one.size}, {one.checksum}\n  {_here(one) or one.url}"
        for one in found
    ]
    facts = ("name", "about", "licence", "size", "checksum", "url")
    data = [{fact: getattr(one, fact) for fact in facts} | {"downloaded": _here(one)} for one in found]
    say("\n".join(lines), data)


def _here(one: object) -> str | None:
    from backtune.corpora import Corpus, downloaded

    assert isinstance(one, Corpus)
    path = downloaded(one)
    return None if path is None else str(path)
