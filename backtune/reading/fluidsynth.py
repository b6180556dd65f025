"""FluidSynth, where it is installed: plays keys of a SoundFont preset offline, reverb and chorus off."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backtune.errors import BacktuneError, InputError

COMMAND = "fluidsynth"
RATE = 44100
TICKS_PER_S = 1000  # of the MIDI file: 500 ticks per beat at 120 beats a minute
GAP_S = 1.0  # after each note's release, so that no tail runs into the next note
START_S = 0.1
GAIN = 0.6  # of full scale for one note at velocity 127: leaves room for stereo pairs of layers
LONGEST_S = 600.0  # a song of 500 notes renders in 30 s; ten minutes means that it hangs
DRUM_CHANNEL, DRUM_BANK = 9, 128


def fluidsynth_command() -> str | None:
    """Return the path of the `fluidsynth` command, None when it is not installed."""
    return shutil.which(COMMAND)


def fluidsynth_play(
    font: Path, preset: tuple[int, int], notes: Sequence[tuple[int, int]], seconds: tuple[float, float], channel: int
) -> list[NDArray[np.float64]]:
    """Return one channel (0 left, 1 right) at 44100 Hz of each (key, velocity) in `notes`.

    `preset` is (bank, program); `seconds` is (until release, after it). All notes are one offline render.
    Raises InputError for a bank beyond 128, that of the drums, and BacktuneError when the command is missing, fails,
    or returns less audio than was asked for.
    """
    import soundfile

    if preset[0] > DRUM_BANK:
        raise InputError(f"{font}: bank {preset[0]}; allowed for {COMMAND}: 0..{DRUM_BANK}, others with player=builtin")
    command = fluidsynth_command()
    if command is None:
        raise BacktuneError(f"{COMMAND}: not installed; install FluidSynth, or read the SoundFont with player=builtin")
    step = seconds[0] + seconds[1] + GAP_S
    with tempfile.TemporaryDirectory(prefix="backtune-") as scratch:
        song, sound = Path(scratch) / "keys.mid", Path(scratch) / "keys.wav"
        _write_song(song, preset, notes, seconds[0], step)
        arguments = [command, "-ni", "-q", "-R", "0", "-C", "0", "-g", str(GAIN), "-r", str(RATE), "-O", "float"]
        try:
            done = subprocess.run(  # a list, no shell: the font's name cannot become a command
                [*arguments, "-T", "wav", "-F", str(sound), str(font.resolve()), str(song)],
                capture_output=True,
                timeout=LONGEST_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise BacktuneError(f"{COMMAND}: did not finish ({error})") from None
        complaint = " ".join(done.stderr.decode("utf-8", "replace").split())[:200]
        if done.returncode or not sound.is_file():
            raise BacktuneError(f"{COMMAND}: failed on '{font}' ({complaint or f'exit code {done.returncode}'})")
        audio, rate = soundfile.read(sound, dtype="float64", always_2d=True)
    played = []
    for number in range(len(notes)):
        first = round((START_S + number * step) * rate)
        played.append(np.array(audio[first : first + round((seconds[0] + seconds[1]) * rate), channel]) / GAIN)
    if len(played[-1]) < round((seconds[0] + seconds[1]) * rate):
        raise BacktuneError(f"{COMMAND}: returned {len(audio) / rate:.1f} s, less than was asked for ({complaint})")
    return played


def _write_song(
    path: Path, preset: tuple[int, int], notes: Sequence[tuple[int, int]], hold_s: float, step_s: float
) -> None:
    import mido

    bank, program = preset
    line = DRUM_CHANNEL if bank == DRUM_BANK else 0
    events: list[tuple[float, mido.Message]] = [
        (0.0, mido.Message("control_change", channel=line, control=0, value=min(bank, 127))),
        (0.0, mido.Message("program_change", channel=line, program=program)),
    ]
    for number, (key, velocity) in enumerate(notes):
        start = START_S + number * step_s
        events.append((start, mido.Message("note_on", channel=line, note=key, velocity=velocity)))
        events.append((start + hold_s, mido.Message("note_off", channel=line, note=key, velocity=64)))
    end = START_S + len(notes) * step_s
    events.append((end, mido.Message("control_change", channel=line, control=123, value=0)))
    track, now = mido.MidiTrack(), 0
    for time, message in events:
        tick = round(time * TICKS_PER_S)
        track.append(message.copy(time=tick - now))
        now = tick
    song = mido.MidiFile(ticks_per_beat=TICKS_PER_S // 2, tracks=[track])
    song.save(path)
