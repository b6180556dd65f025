"""Fits corpora of real recordings and has an independent judge score the patches on notes they never heard.

    BACKTUNE_RECORDINGS=recordings BACKTUNE_JUDGE=judge.py python ci/bench/quality.py [sax piano ...] [-o quality/]

Everything goes through the command line, as a user would type it: fit on `split=train`, render `--index`.
For each corpus one row a split: median distance D of the judge (0 = identical), beside what a sampler that
plays the nearest recorded note (B0) scores on the same notes, the size of the patch and the time of the fit.
Spectrograms of recording, render and residual of ten held-out notes are kept beside the tables.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

CORPORA = ("piano_c3", "piano", "sax", "flute")
PARTS = ("D", "onset", "body", "tail", "env", "partial", "noise", "pitch")
# Median D of the nearest-note sampler on unheard pitches and on the unheard dynamic, by the judge's own baselines.
SAMPLER = {"piano_c3": (5.45, 5.57), "piano": (4.85, 4.59), "sax": (3.81, 3.99), "flute": (5.31, 7.23)}
SPLITS = (("test_pitch", "unheard pitches"), ("test_velocity", "unheard dynamic"), ("train", "notes it was fitted on"))
PICTURES = 10
TRAIN_NOTES = 30  # a sample of the fitted notes is enough for a median


def main() -> None:
    """Fit, render, judge and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpora", nargs="*", default=list(CORPORA))
    parser.add_argument("-o", "--output", type=Path, default=Path("quality"))
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args()
    recordings, judge = Path(os.environ["BACKTUNE_RECORDINGS"]), _judge(Path(os.environ["BACKTUNE_JUDGE"]))
    chosen.output.mkdir(parents=True, exist_ok=True)
    rows = []
    for name in chosen.corpora:
        rows += measured(recordings / name, judge, chosen.output / name, chosen.jobs)
        (chosen.output / "quality.json").write_text(json.dumps(rows, indent=1))
    print(table(rows))


def measured(corpus: Path, judge: ModuleType, folder: Path, jobs: int) -> list[dict[str, Any]]:
    """Return one row a split of a corpus."""
    folder.mkdir(parents=True, exist_ok=True)
    patch = folder / f"{corpus.name}.yaml"
    start = time.perf_counter()
    _backtune("fit", corpus, "-o", patch, "--jobs", jobs)
    seconds = time.perf_counter() - start
    match_level = not json.loads((corpus / "corpus.json").read_text())["levels_natural"]
    scores: list[dict[str, Any]] = []
    for split in ("test", "train"):
        renders = folder / split
        _backtune("render", patch, "--index", corpus / "index.csv", "--split", split, "-o", renders, "--jobs", jobs)
        kept = _thinned(corpus, split)
        found = judge.judge_corpus(
            str(corpus), lambda row, r=renders, k=kept: _audio(judge, r, row, k), split, match_level
        )
        scores += [{**score, "kind": score["split_kind"]} for score in found if score["file"] in kept]
    _pictures(corpus, folder, [score["file"] for score in scores if score["kind"] != "train"])
    judge.write_csv(scores, str(folder / "scores.csv"))
    rows = []
    for kind, title in SPLITS:
        mine = [score for score in scores if score["kind"] == kind]
        sampler = dict(zip(("test_pitch", "test_velocity"), SAMPLER.get(corpus.name, ()), strict=False)).get(kind)
        rows.append(
            {
                "corpus": corpus.name,
                "notes": title,
                "count": len(mine),
                **{part: round(float(np.median([score[part] for score in mine])), 2) for part in PARTS},
                "sampler": sampler,
                "size_kb": round(patch.stat().st_size / 1000, 1),
                "fit_s": round(seconds),
            }
        )
        print(table(rows[-1:]), flush=True)
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """Return rows as a table for the README."""
    lines = [
        "| corpus | notes | n | D | sampler | onset | body | tail | env | partial | noise | pitch | patch | fit |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        sampler = "-" if r["sampler"] is None else f"{r['sampler']:.2f}"
        parts = " | ".join(f"{r[part]:.1f}" for part in PARTS[1:])
        lines.append(
            f"| {r['corpus']} | {r['notes']} | {r['count']} | **{r['D']:.2f}** | {sampler} | {parts} "
            f"| {r['size_kb']:.0f} KB | {r['fit_s']} s |"
        )
    return "\n".join(lines)


def _thinned(corpus: Path, split: str) -> set[str]:
    with (corpus / "index.csv").open(newline="") as file:
        names = [row["file"] for row in csv.DictReader(file) if row["split"] == split]
    return set(names if split == "test" else names[:: max(1, len(names) // TRAIN_NOTES)])


def _audio(judge: ModuleType, renders: Path, row: dict[str, str], kept: set[str]) -> Any:
    """Return a render, or None (scored as silence, then left out) for a row that is not looked at."""
    return judge.load(str(renders / row["file"])) if row["file"] in kept else None


def _pictures(corpus: Path, folder: Path, names: list[str]) -> None:
    """Draw recording, render and what remains of notes spread over the keyboard, side by side."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import soundfile
    from scipy.signal import stft

    for name in names[:: max(1, len(names) // PICTURES)][:PICTURES]:
        recorded, rate = soundfile.read(corpus / name)
        rendered, _ = soundfile.read(folder / "test" / name)
        levels = []
        for audio in (recorded, rendered[: len(recorded)]):
            _, _, z = stft(audio[: 3 * rate], rate, nperseg=2048, noverlap=1536)
            levels.append(20 * np.log10(np.abs(z) + 1e-7))
        top = levels[0].max()
        figure, axes = plt.subplots(1, 3, figsize=(15, 4), sharey=True)
        error = levels[1] + top - levels[1].max() - levels[0]
        pictures = (
            (levels[0], "recording"),
            (levels[1], "render"),
            (np.where(levels[0] > top - 70, error, 0), "difference, dB"),
        )
        for axis, (level, title) in zip(axes, pictures, strict=True):
            signed = title.startswith("difference")
            limits = (
                {"vmin": -30, "vmax": 30, "cmap": "RdBu"} if signed else {"vmin": level.max() - 80, "cmap": "magma"}
            )
            axis.imshow(level, origin="lower", aspect="auto", extent=(0, 3, 0, rate / 2000), **limits)
            axis.set(title=f"{name}: {title}", ylim=(0, 10), xlabel="s", ylabel="kHz")
        figure.tight_layout()
        figure.savefig(folder / f"{Path(name).stem}.png", dpi=70)
        plt.close(figure)


def _judge(path: Path) -> ModuleType:
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location("judge", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _backtune(*arguments: object) -> None:
    command = [sys.executable, "-m", "backtune", *map(str, arguments), "--quiet"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
