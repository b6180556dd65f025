"""Every command with words that it takes: those that write, those that only tell, those that want a stand-in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import mido
from doors import take
from fakes import folder
from playable import playable_patch
from some_patches import simple_patch
from tiny_soundfont import TinyZone, tiny_soundfont

from backtune.patch_file import write_patch

WRITING: dict[str, list[str]] = {
    "render wav": ["render", "p.yaml", "--note", "C4", "--seconds", "0.5", "-o", "out.wav"],
    "render flac": ["render", "p.yaml", "--note", "C4", "--seconds", "0.5", "-o", "out.flac"],
    "render aiff": ["render", "p.yaml", "--note", "C4", "--seconds", "0.5", "-o", "out.aiff"],
    "render ogg": ["render", "p.yaml", "--note", "C4", "--seconds", "0.5", "-o", "out.ogg"],
    "render --index": ["render", "p.yaml", "--index", "takes/index.csv", "--split", "all", "-o", "out"],
    "stem": ["stem", "s.mid", "--part", "1=p.yaml", "-o", "out", "--tail", "0"],
    "chain run": ["chain", "run", "tape", "C4.wav", "-o", "out.wav", "--tail", "0"],
    "control": ["control", "p.yaml", "level=-3", "-o", "out.yaml"],
    "edit": ["edit", "p.yaml", "--layer", "tonal_core", "--scale", "attack_s", "0.9", "-o", "out.yaml"],
    "morph": ["morph", "p.yaml", "q.yaml", "--amount", "0.5", "-o", "out.yaml"],
    "graft": ["graft", "p.yaml", "--layer", "breath", "--into", "q.yaml", "-o", "out.yaml"],
    "vary": ["vary", "p.yaml", "-o", "out"],
    "export csv": ["export", "p.yaml", "-o", "out.csv"],
    "export dawproject": ["export", "p.yaml", "-o", "out.dawproject"],
    "export reaper": ["export", "p.yaml", "--format", "reaper", "-o", "out.RPP"],
    "report": ["report", "p.yaml", "-o", "out.html"],
    "plot": ["plot", "p.yaml", "--law", "level_db", "-o", "out.svg"],
    "compare": ["compare", "p.yaml", "takes", "--split", "all", "--jobs", "1", "-o", "out"],
}

SAMPLING = ["--keys", "C4:E4:2", "--velocities", "64", "--seconds", "0.2", "--release", "0.1"]
FITTING: dict[str, list[str]] = {  # tests put something quick in the place of the fit
    "fit": ["fit", "takes", "--split", "all", "-o", "out.yaml", "--jobs", "1"],
    "refit": ["refit", "p.yaml", "takes", "-o", "out.yaml"],
    "demo": ["demo", "--recordings", "takes", "-o", "out"],
}
LONGER: dict[str, list[str]] = {
    "prune": ["prune", "sax", "--budget", "60KB", "-o", "out.yaml"],
    "sample": ["sample", "tiny.sf2:0:5", *SAMPLING, "-o", "out"],
    "export sfz": ["export", "q.yaml", "--format", "sfz", "--budget", "3", "-o", "out.sfz"],
}
TELLING: dict[str, list[str]] = {
    "chain check": ["chain", "check", "tape"],
    "chain list": ["chain", "list"],
    "chain show": ["chain", "show", "tape"],
    "compare": ["compare", "p.yaml", "takes", "--split", "all", "--jobs", "1"],
    "control": ["control", "p.yaml"],
    "corpora": ["corpora"],
    "diff": ["diff", "p.yaml", "q.yaml"],
    "explain": ["explain", "p.yaml"],
    "explain --layer": ["explain", "p.yaml", "--layer", "tonal_core"],
    "explain --growth": ["explain", "sax", "--growth"],
    "grammar": ["grammar", "p.yaml", "q.yaml"],
    "layers": ["layers"],
    "patches": ["patches"],
    "plugin scan": ["plugin", "scan", "takes"],
    "schema": ["schema"],
    "sources": ["sources"],
}


def prepare(place: Path) -> Path:
    """Write two patches, a song, a sound, takes and a SoundFont into a folder, where the commands run; return it."""
    write_patch(playable_patch(), place / "p.yaml")
    write_patch(replace(simple_patch(), name="second"), place / "q.yaml")
    song = mido.MidiFile()
    on, off = (mido.Message(kind, note=60, time=120) for kind in ("note_on", "note_off"))
    song.tracks.append(mido.MidiTrack([on, off]))
    song.save(place / "s.mid")
    (place / "C4.wav").write_bytes(take())
    (place / "tiny.sf2").write_bytes(tiny_soundfont([TinyZone(0)]))
    folder(place / "takes", [60.0], [40.0, 100.0])
    return place
