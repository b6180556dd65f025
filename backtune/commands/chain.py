"""backtune chain: effect chains listed, shown, checked, and applied to a sound file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backtune.commands._examples import examples
from backtune.commands._hosting import Allow, LoadLimit, RenderLimit

PLACE = 54
ABOUT = "Effect chains: the ones that come with the program, and your own in YAML."
CHECK_EPILOG = examples("backtune chain check concert_room", "backtune chain check my_chain.yaml --rate 44100 --json")
RUN_EPILOG = examples("backtune chain run tape dry.wav -o wet.wav", "backtune chain run my.yaml dry.wav -o wet.flac")

ChainText = Annotated[str, typer.Argument(metavar="CHAIN", help="A chain's file, or the name of a shipped one.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands to `app`, below one name."""
    group = typer.Typer(help=ABOUT, no_args_is_help=True)
    group.command("list", epilog=examples("backtune chain list"))(listed)
    group.command(epilog=examples("backtune chain show tape > my_tape.yaml"), no_args_is_help=True)(show)
    group.command(epilog=CHECK_EPILOG, no_args_is_help=True)(check)
    group.command(epilog=RUN_EPILOG, no_args_is_help=True)(run)
    app.add_typer(group, name="chain")


def listed() -> None:
    """List the chains that come with the program, and what each is for."""
    import textwrap

    from backtune.chain_file import read_chain, shipped_chains
    from backtune.terminal import say

    found = {name: read_chain(path) for name, path in shipped_chains().items()}
    width = max(map(len, found)) + 2
    lines = [
        textwrap.fill(f"{name:<{width}}{chain.purpose}", 80, subsequent_indent=" " * width)
        for name, chain in found.items()
    ]
    say("\n".join(lines), {name: {"name": chain.name, "purpose": chain.purpose} for name, chain in found.items()})


def show(chain: ChainText, allow: Allow = None) -> None:
    """Print a chain as YAML: a start for one of your own."""
    import yaml

    from backtune.chain_file import open_chain
    from backtune.chain_text import chain_text
    from backtune.terminal import say

    text = chain_text(open_chain(chain, allow or ()), Path.cwd()).rstrip("\n")
    say(text, yaml.safe_load(text))


def check(
    chain: ChainText,
    rate: Annotated[int, typer.Option(help="Samples per second.")] = 48000,
    load_limit: LoadLimit = 30.0,
    render_limit: RenderLimit = 60.0,
    allow: Allow = None,
) -> None:
    """Open every slot, set it, and send a burst of noise through: settings, level, peak, how long it rings."""
    from backtune.chain_check import check_chain, report_data, report_text
    from backtune.chain_file import open_chain
    from backtune.hosting.process import Limits
    from backtune.instrument import check_rate
    from backtune.terminal import say

    check_rate(rate)
    report = check_chain(open_chain(chain, allow or ()), rate, Limits(load_limit, render_limit))
    say(report_text(report), report_data(report))


def run(
    chain: ChainText,
    sound: Annotated[Path, typer.Argument(metavar="SOUND", help="Mono or stereo sound file.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Sound file to write.", show_default=False)],
    tail: Annotated[float, typer.Option(help="Seconds to go on after the end, for what rings.")] = 3.0,
    automation: Annotated[Path | None, typer.Option(help="Table of settings that move: time_s, target, value.")] = None,
    load_limit: LoadLimit = 30.0,
    render_limit: RenderLimit = 60.0,
    allow: Allow = None,
) -> None:
    """Send a sound file through a chain."""
    from backtune.automation import read_automation
    from backtune.chain_file import open_chain
    from backtune.chain_sound import NO_AUTOMATION, run_chain
    from backtune.commands._writable import check_writable
    from backtune.hosting.process import Limits
    from backtune.terminal import Stopped, progress, remark

    check_writable(output)
    opened = open_chain(chain, allow or ())
    table = NO_AUTOMATION if automation is None else read_automation(automation)
    try:
        with progress() as report:
            passed = run_chain(opened, sound, output, tail, table, Limits(load_limit, render_limit), report)
    except KeyboardInterrupt:
        raise Stopped(f"stopped; {output} was not written") from None
    for line in passed.warnings:
        remark(line)
    figures = {"seconds": passed.seconds, "peak_db": passed.peak_db, "warnings": passed.warnings}
    remark(f"{output}: {passed.seconds:.2f} s, peak {passed.peak_db:.1f} dB", **figures)
