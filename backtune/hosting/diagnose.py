"""Why a plugin cannot be loaded, found out before it is: the file, its layout, its machine, its libraries."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from functools import cache
from pathlib import Path

from backtune.errors import BacktuneError, InputError
from backtune.hosting.binaries import Binary, machine_here, read_binary

VST3_ENTRY = "GetPluginFactory"
VST2_ENTRIES = ("VSTPluginMain", "main_macho", "main")
LV2_ENTRIES = ("lv2_descriptor", "lv2_lib_descriptor")
LINUX_FOLDERS = {"x86_64": "x86_64-linux", "arm64": "aarch64-linux", "x86": "i386-linux", "arm": "armv7l-linux"}
WINDOWS_FOLDERS = {"x86_64": "x86_64-win", "arm64": "arm64-win", "x86": "x86-win"}
LOADER_TOOLS = ("/sbin/ldconfig", "/usr/sbin/ldconfig")
LONGEST_S = 10.0  # of listing the loader's cache: it takes some ms, unless its disk does not answer
FORMATS = "a .vst3 (any system) or a .component (macOS)"


def diagnose(path: Path) -> Path:
    """Return the binary inside a plugin that can be tried; raise InputError with the reason when it cannot.

    Told apart: missing file, empty bundle, not a plugin, VST2 and LV2, another system or processor, a VST3 without
    its entry point, missing shared libraries (named). Nothing of the plugin is run. Raises BacktuneError when the
    system does not tell which libraries it has.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file or folder{_sibling(path)}")
    suffix = path.suffix.lower()
    if suffix in (".component", ".appex") and platform.system() != "Darwin":
        raise InputError(f"{path}: Audio Units can only be loaded on macOS; a .vst3 of the same plugin works here")
    if suffix in (".vst", ".lv2"):
        raise InputError(
            f"{path}: a {suffix[1:].upper()} plugin, which needs the DawDreamer backend; allowed: {FORMATS}"
        )
    binary_path = _binary_in(path) if path.is_dir() else path
    binary = read_binary(binary_path)
    if binary is None:
        raise InputError(f"{binary_path}: not a plugin (no machine code of any system); allowed: {FORMATS}")
    _check_machine(path, binary)
    _check_entry(path, binary)
    missing = missing_libraries(binary, binary_path)
    if missing:
        raise InputError(f"{path}: needs shared libraries that are not installed: {', '.join(missing)}")
    return binary_path


def missing_libraries(binary: Binary, binary_path: Path) -> list[str]:
    """Return the shared libraries a binary asks for that the system's loader would not find (Linux)."""
    if binary.system != "Linux" or not sys.platform.startswith("linux"):
        return []
    own = [
        p.replace("$ORIGIN", str(binary_path.parent)).replace("${ORIGIN}", str(binary_path.parent))
        for p in binary.search
    ]
    folders = [*own, *os.environ.get("LD_LIBRARY_PATH", "").split(":"), "/lib", "/usr/lib", "/lib64", "/usr/lib64"]
    elsewhere = [name for name in binary.needed if not any(f and (Path(f) / name).exists() for f in folders)]
    if not elsewhere:
        return []
    cached, failure = _loader_cache()
    if failure:
        raise BacktuneError(f"{binary_path}: whether {', '.join(elsewhere)} can be found is not known; {failure}")
    return [name for name in elsewhere if name not in cached]


@cache
def _loader_cache() -> tuple[frozenset[str], str]:
    """Return the names of all libraries in the loader's cache, none where there is no cache (musl), and what failed.

    A failure is remembered too: a scan of a hundred plugins waits for it once.
    """
    for tool in LOADER_TOOLS:
        if Path(tool).exists():
            try:
                told = subprocess.run([tool, "-p"], capture_output=True, timeout=LONGEST_S, check=False).stdout
            except subprocess.TimeoutExpired:
                return frozenset(), f"{tool}: no answer within {LONGEST_S:g} s"
            except OSError as error:
                return frozenset(), f"{tool}: cannot be run ({error.strerror})"
            names = frozenset(line.split(" (")[0].strip() for line in os.fsdecode(told).splitlines()[1:])
            return names | {"ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}, ""
    return frozenset(), ""


def _sibling(path: Path) -> str:
    """Return a hint that names a plugin of a similar name in the same folder, or nothing."""
    from difflib import get_close_matches

    if not path.parent.is_dir():
        return ""
    stems = {p.stem: p.name for p in path.parent.iterdir()}
    near = get_close_matches(path.stem, stems, n=1, cutoff=0.6)
    return f"; did you mean '{stems[near[0]]}'?" if near else ""


def _binary_in(bundle: Path) -> Path:
    """Return the binary for this system inside a plugin bundle; raise InputError when the bundle has none."""
    contents = bundle / "Contents"
    if not contents.is_dir():
        raise InputError(f"{bundle}: an empty bundle (no folder Contents)")
    present = sorted(p.name for p in contents.iterdir() if p.is_dir() and any(p.iterdir()))
    folders = {"Linux": LINUX_FOLDERS, "Windows": WINDOWS_FOLDERS}.get(platform.system(), {})
    wanted = "MacOS" if platform.system() == "Darwin" else folders.get(machine_here(), f"{machine_here()}-linux")
    folder = contents / wanted
    if not folder.is_dir():
        built = [p for p in present if p == "MacOS" or p.endswith(("-linux", "-win"))]
        if built:
            raise InputError(f"{bundle}: built for {', '.join(built)}, this computer needs {wanted}")
        raise InputError(f"{bundle}: an empty bundle (no folder Contents/{wanted})")
    files = [p for p in sorted(folder.iterdir()) if p.is_file()]
    named = [p for p in files if p.stem == bundle.stem]
    if not named:
        held = ", ".join(p.name for p in files) or "nothing"
        raise InputError(f"{bundle}: no binary named {bundle.stem} in Contents/{wanted} (it holds {held})")
    return named[0]


def _check_machine(path: Path, binary: Binary) -> None:
    """Raise InputError when the binary is for another system or processor."""
    if binary.system != platform.system():
        raise InputError(f"{path}: built for {binary.system}, this computer runs {platform.system()}")
    if machine_here() not in binary.machines:
        raise InputError(f"{path}: built for {', '.join(binary.machines)}, this computer is {machine_here()}")


def _check_entry(path: Path, binary: Binary) -> None:
    """Raise InputError when an ELF binary lacks the entry point of a VST3."""
    if not binary.symbols or VST3_ENTRY in binary.symbols:
        return
    if any(name in binary.symbols for name in LV2_ENTRIES):
        raise InputError(f"{path}: an LV2 plugin, which needs the DawDreamer backend; allowed: {FORMATS}")
    if any(name in binary.symbols for name in VST2_ENTRIES):
        raise InputError(f"{path}: a VST2 plugin, which needs the DawDreamer backend; allowed: {FORMATS}")
    raise InputError(f"{path}: a shared library but not a VST3 plugin (it does not export {VST3_ENTRY})")
