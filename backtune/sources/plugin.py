"""An instrument plugin: played key by key and velocity by velocity, once; the takes are kept in the user's cache."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from backtune.errors import InputError
from backtune.hosting.foreign import may_be_plugin
from backtune.hosting.players import open_player
from backtune.hosting.process import Limits
from backtune.hosting.sampling import SamplingPlan, sample
from backtune.notes import Take
from backtune.reading.audio_files import audio_facts
from backtune.reading.key_lists import parse_keys, parse_velocities
from backtune.source import Progress, Source, SourceKind
from backtune.sources.folder_index import ALL, FolderIndex


class PluginInstrument(SourceKind):
    """A VST3 or Audio Unit instrument, or a VST2 or LV2 where DawDreamer is installed."""

    kind = "plugin"
    explains = "an instrument plugin (.vst3, .component; .lv2 and VST2 with DawDreamer)"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether `path` is named as plugins are, or is a library with a plugin's entry."""
        return may_be_plugin(path)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        keys: str = "A0:C8:3",
        velocities: str = "32,64,96,127",
        seconds: float = 6.0,
        release: float = 2.0,
        gain_db: float = 0.0,
        rate: int = 44100,
        which: str | None = None,
        state: str | None = None,
        preset: str | None = None,
        settings: str = "",
        warm_up: float = 0.0,
        load_limit: float = Limits.load_s,
        render_limit: float = Limits.render_s,
        channel: int = 0,
        progress: Progress = lambda stage, done, total: None,
    ) -> Source:
        """Return one take for each key and velocity that sounds.

        `keys`: FROM:TO:STEP in semitones, or a list. `seconds` until a key is released, and `release` s after that.
        `gain_db`: of all takes alike. `which`: the plugin, where a file holds several. `state`, `preset`: files;
        `settings`: "Cutoff=800 Hz; Attack=raw 0.1". `warm_up`: s it may stay silent while it loads. `load_limit`,
        `render_limit`: s it may take to load, and for one note. `channel`: 0 left.

        Takes are kept for each plugin, version and setting: what was sampled before is not played again, and
        sampling that was stopped goes on. Raises InputError for what cannot be asked of the plugin, BacktuneError
        when it fails or nothing sounds.
        """
        if channel not in (0, 1):
            raise InputError(f"channel: {channel} was given; allowed: 0 (left) or 1 (right)")
        plan = SamplingPlan(parse_keys(keys), parse_velocities(velocities), seconds, release, gain_db)
        each = [one.strip() for one in settings.split(";") if one.strip()]
        limits = Limits(load_limit, render_limit, warm_up)
        with open_player(str(path), rate, which, _file(state), _file(preset), each, limits) as player:
            folder = _cache_folder(player.about, rate, plan)
            name = str(player.about["name"])
            done = sample(player, plan, folder, lambda *of: progress(f"sampling {name}", *of))
        sampled = FolderIndex.open(folder, split=ALL)
        notes = {(key, velocity) for key in plan.keys for velocity in plan.velocities}
        takes = [_on(take, channel) for take in sampled.takes if (take.midi, take.velocity) in notes]
        remarks = [f"{done.written} takes sampled, {done.kept} from {folder}"]
        return replace(
            sampled, path=path, kind=cls.kind, takes=takes, name=name, remarks=remarks, problems=done.warnings
        )


def _file(text: str | None) -> Path | None:
    return None if text is None else Path(text)


def _on(take: Take, channel: int) -> Take:
    """Return a take on one channel; a take written with one channel is the same on both."""
    path = take.recording.path
    if not channel or path is None or audio_facts(path).channels == 1:
        return take
    return replace(take, recording=replace(take.recording, channel=channel))


def _cache_folder(about: dict[str, Any], rate: int, plan: SamplingPlan) -> Path:
    """Return the folder of takes of an instrument as it is set, at a rate in Hz, as long and loud as `plan` says."""
    from platformdirs import user_cache_path

    sound = {"instrument": about, "rate": rate, "lengths": [plan.hold_s, plan.release_s], "gain_db": plan.gain_db}
    digest = hashlib.sha256(json.dumps(sound, sort_keys=True).encode()).hexdigest()[:16]
    name = "".join(sign if sign.isalnum() else "_" for sign in str(about["name"]))
    return user_cache_path("backtune") / "sampled" / f"{name[:60]}-{digest}"
