"""A child process that holds one plugin: started, asked, timed, and stopped whatever the plugin does."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backtune.errors import BacktuneError
from backtune.hosting import wire

POSIX = os.name == "posix"
START_S = 20.0  # for Python itself and its imports on a busy computer; the plugin's own limit starts afterwards
CLOSE_S = 2.0  # a child that has nothing to do leaves in milliseconds
HOMES = ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME")
RUNS = (
    "PATH LD_LIBRARY_PATH DYLD_LIBRARY_PATH PYTHONHOME PYTHONUTF8 VIRTUAL_ENV LANG LANGUAGE TZ TMPDIR TEMP TMP DISPLAY"
)
WINDOWS = "SYSTEMROOT WINDIR SYSTEMDRIVE COMSPEC PATHEXT PROGRAMFILES PROGRAMDATA COMMONPROGRAMFILES"
PASSED = frozenset((*RUNS.split(), *WINDOWS.split()))  # variables that a program needs to start at all
LAST_WORDS = 200  # characters of the plugin's own error output that a message may carry


@dataclass(frozen=True)
class Limits:
    """How long a plugin may take before it is stopped, in s of wall-clock time.

    `load_s` counts loading alone. `render_s` counts one request: a block of a stream, one note of an instrument.
    `warm_up_s`: how long a plugin that loads its samples in the background may stay silent; 0 for the others.
    """

    load_s: float = 30.0
    render_s: float = 60.0
    warm_up_s: float = 0.0


USUAL_LIMITS = Limits()


class PluginProcess:
    """One child process that runs `module`; `where` opens every message, a child that broke a limit is gone."""

    def __init__(self, where: str, module: str = "backtune.hosting.child") -> None:
        self.where = where
        self._scratch = tempfile.TemporaryDirectory(prefix="backtune-plugin-", ignore_cleanup_errors=True)
        self._errors_path = Path(self._scratch.name) / "errors.txt"
        with self._errors_path.open("wb") as errors:
            self._child = subprocess.Popen(
                [sys.executable, "-m", module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=scratch_environment(self._scratch.name),
                start_new_session=POSIX,  # its own group, so that what it starts can be stopped with it
            )
        self._asked: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._answered: queue.SimpleQueue[Any] = queue.SimpleQueue()
        # pipes cannot be waited for with a limit on every system: a thread does the blocking, the caller the timing
        threading.Thread(target=_serve, args=(self._child, self._asked, self._answered), daemon=True).start()
        self._finish = weakref.finalize(self, _stop, self._child, self._asked, self._scratch)

    @property
    def pid(self) -> int:
        """The child's process number."""
        return self._child.pid

    def ask(self, command: str, doing: str, limit_s: float, payload: bytes = b"", **header: Any) -> tuple[Any, bytes]:
        """Return the child's (header, payload); `doing` says in a message what was being tried.

        Raises BacktuneError when the plugin crashes, takes longer than `limit_s` or refuses; after the
        first two the child is gone.
        """
        if not self._finish.alive:
            raise BacktuneError(f"{self.where}: cannot be asked for more, it was stopped or closed before")
        started = time.monotonic()
        self._asked.put(({"do": command, "limit_s": limit_s, **header}, payload))
        try:
            answer = self._answered.get(timeout=limit_s)
        except queue.Empty:
            self.close()
            took = time.monotonic() - started
            raise BacktuneError(
                f"{self.where}: no answer while {doing} within {limit_s:g} s (stopped after {took:.1f} s)"
            ) from None
        if answer is None:
            raise BacktuneError(self._obituary(doing))
        reply, data = answer
        if "error" in reply:
            raise BacktuneError(f"{self.where}: refused while {doing} ({reply['error']}: {reply['message']})")
        return reply, data

    def close(self) -> None:
        """Stop the child and remove its scratch folder; doing it twice is harmless."""
        self._finish()

    def _obituary(self, doing: str) -> str:
        """Return the sentence about a child that died by itself."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(timeout=CLOSE_S)
        code = self._child.returncode
        words = self._last_words()
        self.close()
        return f"{self.where}: the plugin crashed while {doing} ({_cause(code)}{words})"

    def _last_words(self) -> str:
        """Return what the plugin printed last, without the interpreter's own report of the crash."""
        with contextlib.suppress(OSError):
            text = self._errors_path.read_text(errors="replace").split("Fatal Python error")[0]
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            return f", its last words: {lines[-1][:LAST_WORDS]}" if lines else ""
        return ""


def scratch_environment(home: str) -> dict[str, str]:
    """Return the environment of a child: what programs need to run, with every home in the scratch folder.

    Everything else stays here: keys, tokens and passwords are kept in variables, and a plugin is foreign code.
    """
    passed = {name: value for name, value in os.environ.items() if name.upper() in PASSED or name.startswith("LC_")}
    moved = {name: home for name in HOMES}
    return {**passed, **moved, "PYTHONPATH": os.pathsep.join(p or os.getcwd() for p in sys.path)}


def _serve(child: subprocess.Popen[bytes], asked: Any, answered: Any) -> None:
    """Pass questions to the child and answers back until either side ends; None stands for a dead child."""
    assert child.stdin is not None
    assert child.stdout is not None
    while (question := asked.get()) is not None:
        try:
            wire.write_frame(child.stdin, *question)
            answered.put(wire.read_frame(child.stdout))
        except (EOFError, OSError, ValueError):
            answered.put(None)
            return


def _stop(child: subprocess.Popen[bytes], asked: Any, scratch: tempfile.TemporaryDirectory[str]) -> None:
    """End the child, what it started, and its scratch folder."""
    asked.put(None)
    try:
        if POSIX:
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    except (ProcessLookupError, PermissionError):
        pass  # it has ended; macOS permits no signal to what nobody has waited for yet
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(timeout=CLOSE_S)
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    scratch.cleanup()


def _cause(code: int | None) -> str:
    """Return how a process ended, in words."""
    if code is None:
        return "it does not end"
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"
