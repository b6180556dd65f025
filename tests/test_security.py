"""What a stranger's file, a plugin or a download can never do: run code, leave its folder, read secrets."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from doors import take

from backtune.chain_file import read_chain
from backtune.corpora import corpora
from backtune.errors import InputError
from backtune.hosting.process import PluginProcess
from backtune.reading.audio_files import inside
from backtune.source import open_source

HERE = Path(__file__).parent.parent
SOURCES = sorted(one for folder in ("backtune", "dsp_kernels", "ci") for one in (HERE / folder).rglob("*.py"))
MODULES = frozenset({"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "commands", "pty"})
CALLS = frozenset({"eval", "exec", "compile", "__import__", "execfile"})
ATTRIBUTES = frozenset(
    {"os.system", "os.popen", "os.execv", "os.spawnv", "subprocess.getoutput", "subprocess.getstatusoutput"}
    | {"yaml.load", "yaml.full_load", "yaml.unsafe_load", "joblib.load", "joblib.dump", "tempfile.mktemp"}
    | {"numpy.fromfile", "torch.load"}
)
FLAGS = frozenset({("shell", True), ("allow_pickle", True)})


def dangers(source: str) -> list[str]:
    """Return what a Python source does that could run data as code, with its lines."""
    found = []
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [one.name.split(".")[0] for one in node.names if one.name.split(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom):
            whole = [f"{node.module}.{one.name}" for one in node.names]
            names = [one for one in whole if one in ATTRIBUTES or one.split(".")[0] in MODULES]
        elif isinstance(node, ast.Name) and node.id in CALLS:
            names = [node.id]
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in ATTRIBUTES:
            names = [ast.unparse(node)]
        elif isinstance(node, ast.keyword) and isinstance(node.value, ast.Constant):
            names = [str(node.arg)] if (node.arg, node.value.value) in FLAGS else []
        found += [f"line {getattr(node, 'lineno', 0)}: {name}" for name in names]
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(HERE).as_posix())
def test_no_source_can_run_data_as_code(path: Path) -> None:
    assert dangers(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "planted",
    [
        "eval(text)",
        "import pickle",
        "from pickle import loads",
        "os.system('x')",
        "from os import system",
        "subprocess.run(x, shell=True)",
        "yaml.load(text, yaml.Loader)",
        "numpy.load(path, allow_pickle=True)",
        "table = {'f': exec}",
        "joblib.load(path)",
    ],
)
def test_the_check_of_sources_finds_what_is_planted(planted: str) -> None:
    assert dangers(planted)
    assert len(SOURCES) > 200


ESCAPES = ["../secret.wav", "sub/../../secret.wav", "/etc/passwd", "a/../../../../../../etc/passwd"]


@pytest.mark.parametrize("written", ESCAPES)
def test_a_name_leads_out_of_no_folder_not_even_of_the_one_we_are_in(
    written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "here"
    home.mkdir()
    (tmp_path / "secret.wav").write_bytes(take())
    (home / "index.csv").write_text(f"file,midi,velocity\n{written},60,80\n")
    (home / "i.sfz").write_text(f"<region> sample={written} key=60")
    slots = f"[{{effect: convolution, file: {written}}}]"
    (home / "c.yaml").write_text(f"chain: c\npurpose: p\nslots: {slots}\n")
    monkeypatch.chdir(home)
    for folder in (Path("."), home, Path("../here")):
        with pytest.raises(InputError, match="outside the folder"):
            inside(folder, folder / written, "x")
        for name in ("index.csv", "i.sfz"):
            with pytest.raises(InputError, match="outside the folder"):
                open_source(folder / name)
        with pytest.raises(InputError, match="outside the folder"):
            read_chain(folder / "c.yaml")


@pytest.mark.parametrize("key", ["plugin", "state", "preset"])
def test_a_chain_names_files_elsewhere_only_where_that_is_allowed(key: str, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (tmp_path / "home").mkdir()
    files = {"plugin": "own.vst3"} | {key: (other / "x").as_posix()}
    (tmp_path / "home" / "c.yaml").write_text(
        "chain: c\npurpose: p\nslots: [{" + ", ".join(f"{name}: {file}" for name, file in files.items()) + "}]\n"
    )
    with pytest.raises(InputError, match=rf"slots\[0\].{key}: '.*' lies outside the folder of the chain; --allow"):
        read_chain(tmp_path / "home" / "c.yaml")
    assert read_chain(tmp_path / "home" / "c.yaml", [other]).slots


def test_a_plugin_sees_no_secret_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {"AWS_SECRET_ACCESS_KEY": "s1", "GITHUB_TOKEN": "s2", "MY_PASSWORD": "s3", "SSH_AUTH_SOCK": "s4"}
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    child = PluginProcess("x")
    try:
        seen = Path(f"/proc/{child.pid}/environ")
        if not seen.exists():
            pytest.skip("this system does not show the environment of a process")
        child.ask("hello", "starting", 60.0)
        names = {line.split("=", 1)[0] for line in seen.read_text().split("\0") if line}
    finally:
        child.close()
    assert not names & secrets.keys()
    assert {"PATH", "HOME", "PYTHONPATH"} <= names


def test_every_download_is_pinned_to_its_contents() -> None:
    for one in corpora().values():
        assert len(one.sha256) == 64 or len(one.commit) == 40, one.name
        assert one.url.startswith("https://"), one.name
