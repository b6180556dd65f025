"""SFZ instruments written for tests: a library of several texts and microphones, and instruments of one text."""

from __future__ import annotations

from pathlib import Path

from recordings import struck, write

from backtune.source import Source, open_source

LIBRARY = """// a library in the manner of ARIA
#define $EXT wav
#define $CLOSE 74
#define $FAR 77
<control> default_path=Samples/ set_cc$CLOSE=127 set_hdcc$FAR=0.5
<global> amp_veltrack=0 // follow nothing
<master> locc$CLOSE=1 amplitude_oncc$CLOSE=100
#define $MIC close
#include "Data/dynamics.txt"
<master> locc$FAR=1 amplitude_oncc$FAR=100
#define $MIC far
#include "Data\\dynamics.txt"
"""


DYNAMICS = """<group> lovel=1 hivel=63 group_volume=-6 #define $DYN p #include "Data/notes.txt"
/* the loud ones
   follow */
<group> lovel=64 hivel=127 #define $DYN ff
#include "Data/notes.txt"
"""


NOTES = """<region> #define $KEY 60 lokey=59 hikey=61 #include "Data/sample.txt" tune=20
<region> #define $KEY 64 lokey=e4 hikey=65 #include "Data/sample.txt"
"""


SAMPLE = "sample=A note $DYN $MIC $KEY.$EXT\npitch_keycenter=$KEY"


def write_library(folder: Path) -> Path:
    """Write the library with its texts and samples: two microphones, two dynamics, two keys; return its file."""
    (folder / "Data").mkdir()
    for name, text in (("dynamics", DYNAMICS), ("notes", NOTES), ("sample", SAMPLE)):
        (folder / f"Data/{name}.txt").write_text(text)
    for dynamic in ("p", "ff"):
        for microphone in ("close", "far"):
            for key in (60, 64):
                write(folder / f"Samples/A note {dynamic} {microphone} {key}.wav", struck(key))
    path = folder / "x.sfz"
    path.write_text(LIBRARY)
    return path


def open_sfz(folder: Path, text: str, **options: object) -> Source:
    """Write an instrument's text into a folder, beside its samples; return its takes."""
    path = folder / "t.sfz"
    path.write_text(text)
    return open_source(path, **options)
