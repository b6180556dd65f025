"""The command line: finds the commands, runs one, and tells what went wrong in one sentence."""

from __future__ import annotations

import importlib
import os
import pkgutil
import signal
import sys
import time
from contextlib import suppress
from typing import Any

import typer

import backtune.commands as folder
from backtune.errors import BacktuneError
from backtune.manner import mannered
from backtune.terminal import remark, say_json
from backtune.workers import end_workers

ClickError: Any = typer.BadParameter.__mro__[2]  # its base class; typer carries its own copy of click since 0.26
ABOUT = "Fits a layered synthesiser to recordings of an instrument, and lets it grow."
STOPPED = 130  # what shells expect of a program ended by Ctrl-C
BY_SIGNAL = 128  # and of one ended by another signal: this more than its number, 143 for SIGTERM
STOPS_WITHIN_S = 1.0  # from the signal on


def build() -> typer.Typer:
    """Return the program with every command found in the folder `backtune/commands`, by their PLACE."""
    app = typer.Typer(
        help=ABOUT, no_args_is_help=True, add_completion=True, rich_markup_mode="rich", pretty_exceptions_enable=False
    )
    app.callback()(_program)
    names = [module.name for module in pkgutil.iter_modules(folder.__path__) if module.name[0] != "_"]
    modules = [importlib.import_module(f"{folder.__name__}.{name}") for name in names]
    for module in sorted(modules, key=lambda module: module.PLACE):
        module.add_to(app)
    groups = [group.typer_instance for group in app.registered_groups if group.typer_instance is not None]
    for command in (one for group in (app, *groups) for one in group.registered_commands):
        assert command.callback is not None, "a command without a function"
        command.callback = mannered(command.callback, say_json)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        from backtune import __version__

        print(f"backtune {__version__}")
        raise typer.Exit


def _program(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    pass


def main(arguments: list[str] | None = None) -> int:
    """Run the program and return its exit code: 0, 1 for a failure, 2 for wrong input, 130 when stopped."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal without Unicode still gets every number
            stream.reconfigure(errors="replace")
    try:
        command = typer.main.get_command(build())
        code = command.main(arguments, prog_name="backtune", standalone_mode=False)
    except BacktuneError as error:
        if str(error):
            remark(f"backtune: {error}")
        return error.exit_code
    except ClickError as error:
        return _usage(error)
    except (KeyboardInterrupt, typer.Abort):
        code = STOPPED
    except (OSError, MemoryError) as error:  # the machine's: a disk that is full or gone, no memory, no permission
        remark(f"backtune: {_of_the_machine(error)}")
        return 1
    finally:
        end_workers()
    if code == STOPPED:  # what typer makes of a Ctrl-C that no command answered
        remark("backtune: stopped; no file was left half-written")
    return code if isinstance(code, int) else 0


def _of_the_machine(error: OSError | MemoryError) -> str:
    if isinstance(error, MemoryError):
        return "there is not enough memory for this"
    where = f"{error.filename}: " if error.filename is not None else ""
    return f"{where}{error.strerror or error}"


def _usage(error: Any) -> int:
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        if text := error.format_message():  # without rich the help is the message, with rich it is printed already
            print(text)
        return 2
    path = context.command_path if context is not None else "backtune"
    message = " ".join(error.format_message().split()).rstrip(".")
    remark(f"{path}: {message[:1].lower()}{message[1:]}; see `{path} --help`")
    return int(getattr(error, "exit_code", 2))


def run(arguments: list[str] | None = None) -> None:
    """Run the program as a process, whose exit code is that of `main`; 143 when SIGTERM stopped it."""
    stop = _Stop()
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
        if signal.getsignal(number) is usual:  # else it was told to be deaf, by nohup perhaps
            signal.signal(number, stop)
    code = main(arguments)
    if code == STOPPED:  # threads may still be at work in kernels, where they must not see Python take itself down
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(stop.exit_code)
    sys.exit(code)


class _Stop:
    """Answers Ctrl-C and SIGTERM: once, since to end well takes a moment; one after that ends the program at once."""

    def __init__(self) -> None:
        self.exit_code = STOPPED
        self.came: float | None = None

    def __call__(self, number: int, _: object) -> None:
        if self.came is None:
            self.came, self.exit_code = time.monotonic(), BY_SIGNAL + number
            raise KeyboardInterrupt
        if time.monotonic() - self.came > STOPS_WITHIN_S:
            os._exit(self.exit_code)
