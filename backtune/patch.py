"""A patch: ordered layers, and the story of how they came to be; playing it is a fold over its layers."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from html import escape
from math import isfinite
from numbers import Real
from typing import Any

from backtune.controlled import Course, Stand, controlled_fold, fold
from backtune.errors import InputError, nearest
from backtune.growth_record import Audit, Baseline, Cut, Step
from backtune.layer import Layer
from backtune.notes import NoteEvent, Take
from backtune.panel import Panel, open_panel, surviving
from backtune.sound import Sound
from backtune.units import parse_note
from backtune.voice import Floats, Voice, frame_times

FORMAT_VERSION = 1
LOWEST_MIDI, HIGHEST_MIDI = 0.0, 127.0  # of recorded pitches
MOST_LEAD_S = 2.0  # every voice has a frame for each millisecond of it: an hour of them would fill the memory


@dataclass(frozen=True)
class Origin:
    """Where a patch comes from: enough to fit it again.

    - `name`, `licence`: of the recordings. `takes`: how many were fitted.
    - `source_hash`: of their contents. `seed`, `version`, `options`: what the fit was run with; `code` (a hash)
      and `libraries`, by name: what it was run by.
    - `dynamics`: velocity of each named dynamic. `pitches`: lowest and highest recorded MIDI pitch.
    - `top_hz`: nothing above it was recorded, so nothing above it is played; None = recorded as far as is heard.
    """

    name: str = ""
    licence: str = ""
    takes: int = 0
    source_hash: str = ""
    seed: int = 0
    version: str = ""
    code: str = ""
    libraries: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    dynamics: dict[str, float] = field(default_factory=dict)
    pitches: tuple[float, float] = (21.0, 108.0)
    top_hz: float | None = None


@dataclass(frozen=True)
class Patch:
    """An instrument as a stack of layers.

    - `layers`: applied in this order, broad first. `lead_s`: how long before its perceived onset a note may sound.
    - `struck`: notes ring freely. `record`: what growth tried. `quality`: held-out distances by name, dB.
    - `cuts`: the curve of bytes against held-out distance, down from this patch. `baselines`: what else scores on
      the same takes. `audit`: the null control, if it was run.
    - `controls`: settings of the playable surfaces that differ from the fitted instrument, and surfaces of the
      player's own, by name.
    """

    name: str
    layers: tuple[Layer, ...]
    lead_s: float = 0.02
    struck: bool = True
    origin: Origin = field(default_factory=Origin)
    record: tuple[Step, ...] = ()
    quality: dict[str, float] = field(default_factory=dict)
    cuts: tuple[Cut, ...] = ()
    baselines: tuple[Baseline, ...] = ()
    audit: Audit | None = None
    controls: dict[str, Any] = field(default_factory=dict)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of the layers, in order."""
        return tuple(layer.kind for layer in self.layers)

    @property
    def transposed_semitones(self) -> float:
        """How far above where their keys are written notes sound."""
        return sum(layer.transposed_semitones for layer in self.layers)

    def heard(self, take: Take) -> Take:
        """Return `take` as one to be heard where this patch sounds its key."""
        return replace(take, transposed_semitones=self.transposed_semitones)

    def voice(self, note: NoteEvent, seconds: float) -> Voice:
        """Return the voice of `note`, held, for at least `seconds` after its onset."""
        return self.voice_at(note, frame_times(seconds, self.lead_s)).coming_in()

    def voice_at(self, note: NoteEvent, times_s: Floats) -> Voice:
        """Return the voice of `note` on frames at `times_s`: the fold of all layers.

        Phases and noise start from a seed that depends on the patch and the pitch alone.
        """
        if not self.controls:
            return self._as_recorded(fold(self.layers, note, times_s, self._seed))
        return self.voice_under(note, times_s, {})

    def voice_under(self, note: NoteEvent, times_s: Floats, courses: Mapping[str, Course]) -> Voice:
        """Return the voice of `note` while controls are moved: each named course overrules the patch's setting.

        Raises InputError for a control the patch has not, or values beyond its range.
        """
        panel = self.panel
        for name in courses:
            panel.find(name, "control")
        return self._as_recorded(controlled_fold(self.layers, note, times_s, self._seed, Stand(panel, courses)))

    def _as_recorded(self, voice: Voice) -> Voice:
        return voice if self.origin.top_hz is None else voice.up_to(self.origin.top_hz)

    @cached_property
    def panel(self) -> Panel:
        """The controls a player may move, and where they stand; raise InputError for settings not allowed."""
        return open_panel(self.layers, self.struck, self.controls)

    def with_controls(self, **settings: Any) -> Patch:
        """Return the patch with controls set; one set to its default is as if never touched.

        Raises InputError for an unknown control or a value out of range.
        """
        merged = {**self.controls, **settings}
        panel = open_panel(self.layers, self.struck, merged)
        kept = {name: value for name, value in merged.items() if isinstance(value, Mapping) or name in panel.values}
        return replace(self, controls=kept)

    def _seed(self, midi: float) -> int:
        return zlib.crc32(f"{self.origin.seed}/{midi:.3f}".encode())

    def without(self, *kinds: str) -> Patch:
        """Return the patch with layers of these kinds left out (muted)."""
        self._check_kinds(kinds)
        rest = tuple(layer for layer in self.layers if layer.kind not in kinds)
        return replace(self, layers=rest, controls=surviving(self.controls, rest, self.struck))

    def only(self, *kinds: str) -> Patch:
        """Return the patch with only these kinds heard; layers that shape a soloed one stay with it."""
        self._check_kinds(kinds)
        return self.without(*[kind for kind in self.kinds if kind not in kinds])

    def with_layer(self, layer: Layer) -> Patch:
        """Return the patch with `layer` put at its depth, replacing one of the same kind.

        At one depth, layers that add sound come before those that shape it, and tables last, the freest at the end.
        """
        rest = [one for one in self.layers if one.kind != layer.kind]
        order = sorted([*rest, layer], key=lambda one: (one.depth, not one.adds_sound, one.mimics, one.kind))
        return replace(self, layers=tuple(order))

    def layer(self, kind: str) -> Layer:
        """Return the layer of that kind; raise InputError with the nearest name when the patch has none."""
        self._check_kinds([kind])
        return next(layer for layer in self.layers if layer.kind == kind)

    def render(
        self,
        note: str | int | float,
        velocity: float = 90.0,
        seconds: float = 4.0,
        gate_s: float | None = None,
        rate: int = 44100,
    ) -> Sound:
        """Return a note as mono float64 samples, (round(seconds * rate),): an array that a notebook plays.

        `note` is a name ("C4") or a MIDI number, `gate_s` when the key is released (None = held).
        Raises InputError for a note, velocity, gate, length or rate that cannot be played.
        """
        from backtune.instrument import check_rate, check_seconds
        from backtune.render import render_note

        given = {"velocity": velocity, "seconds": seconds, "rate": rate} | (
            {} if gate_s is None else {"gate_s": gate_s}
        )
        for name, value in given.items():
            if not isinstance(value, Real) or not isfinite(value):
                raise InputError(f"{name}: {value!r} is no number")
        if not 1 <= velocity <= 127:
            raise InputError(f"velocity: {velocity:g} is outside 1..127")
        check_seconds("seconds", seconds)
        check_seconds("gate_s", gate_s or 0.0)
        check_rate(rate)
        return Sound(render_note(self, NoteEvent(parse_note(note), velocity, gate_s), seconds, int(rate)), int(rate))

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the name, the recordings, the layers, the held-out distances."""
        origin = f"{self.origin.takes} takes of {self.origin.name} ({self.origin.licence})" if self.origin.takes else ""
        quality = ", ".join(f"{name} {value:.1f}" for name, value in self.quality.items())
        rows = [(layer.kind, layer.explains, f"{layer.numbers:,} numbers") for layer in self.layers]
        cells = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
        lines = [f"<b>{escape(self.name)}</b>", escape(origin), f"<table>{cells}</table>", escape(quality)]
        return "<br>".join(line for line in lines if line)

    def _check_kinds(self, kinds: Collection[str] | Iterable[str]) -> None:
        for kind in kinds:
            if kind not in self.kinds:
                raise InputError(f"layer: this patch has no '{kind}'; {nearest(kind, self.kinds)}")
