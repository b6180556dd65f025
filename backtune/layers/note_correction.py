"""Note correction: what single notes do differently from the laws, as long as it repeats when they are played again."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from backtune.analysis.residual import Residual, sharper_cents
from backtune.analysis.surface import Surface, fit_levels
from backtune.kinship import AT_SAME_HZ, SPECS, kinship_laws, shared_field
from backtune.law import LawSpec
from backtune.layer import Layer
from backtune.units import cents_to_ratio
from backtune.voice import Floats, Voice

PARTIAL_KNOTS = np.array([*range(1, 25), 28, 32, 38, 45, 55, 70, 100], float)
# The beats of a string repeat at every dynamic. Half as many knots, held as smooth as laws, ironed them out: two
# pianos were 0.13 and 0.19 dB farther from dynamics they had never heard, most of it in partials and tail.
TIME_KNOTS_S = np.array([0, 0.01, 0.03, 0.06, 0.1, 0.17, 0.25, 0.37, 0.5, 0.7, 1, 1.4, 2, 2.8, 4, 5.6, 8])
RIDGE = 0.1  # in observations of full weight: a note spreads by 5-6 dB, its takes tell a level to 2 or 3
SMOOTH_TIME = 0.005
STEP_DB = 1.0  # the text of a field is a twelfth shorter than at half a decibel, and as near
AXES = ("pitch", "partial", "time_s")
MOST_CENTS = 120.0
# Strings of neighbouring keys differ in stiffness by a third: from the law, overtones of a bass note are 6 cents off.
FEWEST_PARTIALS = 6  # that tell a note's own inharmonicity
LEAST_INHARMONICITY = 1e-7


class NoteCorrection(Layer):
    """For each recorded note: its own tuning and its own levels, overtone by overtone, over time."""

    kind: ClassVar[str] = "note_correction"
    explains: ClassVar[str] = "What makes each recorded note an individual: no law predicts it, but it repeats."
    references: ClassVar[str] = (
        "no law is known: levels shrunk towards the laws (James and Stein 1961), kin by Matheron 1963"
    )
    depth: ClassVar[int] = 3
    where: ClassVar[tuple[str, ...]] = ("sustained",)
    evidence: ClassVar[str] = "dynamics"
    mimics: ClassVar[int] = 1
    specs: ClassVar[tuple[LawSpec, ...]] = (
        LawSpec("tuning_cents", "cents", -MOST_CENTS, MOST_CENTS, "the note's own distance from the laws", ("pitch",)),
        LawSpec(
            "inharmonicity_octaves",
            "octaves",
            -2,
            2,
            "its inharmonicity over that of the law",
            ("pitch",),
            optional=True,
        ),
        LawSpec("field_db", "dB", -80, 80, "the note's own overtone levels, at every velocity", AXES),
        *SPECS,
        AT_SAME_HZ,
    )

    def shape(self, voice: Voice) -> Voice:
        """Return `voice` retuned and reshaped if its note was recorded, else with what it shares with its kin."""
        at = {"partial": voice.partial_number, "time_s": voice.times_s}
        gain = shared_field(self.laws["field_db"], self.laws, voice.note.midi, "partial", **at)
        ratio = cents_to_ratio(self.laws["tuning_cents"](pitch=voice.note.midi))
        hz = voice.partial_hz * ratio
        if "inharmonicity_octaves" in self.laws:
            hz = hz * _stiffer(voice, float(self.laws["inharmonicity_octaves"](pitch=voice.note.midi)))
        return voice.with_(partial_db=voice.partial_db + gain, partial_hz=hz)

    @classmethod
    def guess(cls, residual: Residual) -> Self:
        """Return the fields shrunk towards the laws; declines when no note was recorded more than once."""
        residual.require_repeats()
        none = np.zeros(len(residual.pitches))
        return cls._fitted(residual, 0.0, cls._tuning(residual, none), _stiffness(residual, none))

    def fit(self, residual: Residual) -> Self:
        """Return the fields refitted beside the other layers."""
        own = self.laws["field_db"].along(residual.partials.at)
        tuning = self._tuning(residual, np.atleast_1d(self.laws["tuning_cents"](pitch=residual.pitches)))
        stiffness = self.laws.get("inharmonicity_octaves")
        octaves = 0.0 if stiffness is None else stiffness(pitch=residual.pitches)
        return self._fitted(residual, own, tuning, _stiffness(residual, octaves + np.zeros(len(residual.pitches))))

    @classmethod
    def _tuning(cls, residual: Residual, own_cents: Floats) -> Floats:
        """Return the cents by which each note's fundamental misses the render's, median over its takes."""
        found = []
        for pitch, own in zip(residual.pitches, own_cents, strict=True):
            takes = [pair for pair in zip(residual.heard, residual.voices, strict=True) if pair[0].note.midi == pitch]
            misses = [cents for cents in (sharper_cents(*pair) for pair in takes) if np.isfinite(cents)]
            found.append(own + float(np.median(misses)) if misses else 0.0)
        return np.array(found)

    @classmethod
    def _fitted(cls, residual: Residual, own_db: Floats | float, tuning: Floats, stiffness: Floats) -> Self:
        seen = residual.partials
        partial = PARTIAL_KNOTS[: 1 + np.searchsorted(PARTIAL_KNOTS, seen.at["partial"].max())]
        time = TIME_KNOTS_S[: 1 + np.searchsorted(TIME_KNOTS_S, seen.at["time_s"].max())]
        notes = residual.pitches
        field = Surface(AXES, (notes, partial, time), (0, 0, SMOOTH_TIME), RIDGE, by_notes=True)
        (values,) = fit_levels([field], seen, own_db)
        tuned = Surface(("pitch",), (notes,), (0,), by_notes=True)
        return cls(
            {
                "tuning_cents": cls.law("tuning_cents", tuning, tuned),
                **(
                    {"inharmonicity_octaves": cls.law("inharmonicity_octaves", stiffness, tuned, 0.01)}
                    if np.any(stiffness)
                    else {}
                ),
                "field_db": cls.law("field_db", values, field, STEP_DB),
                **kinship_laws(notes, values),
            }
        )


def _inharmonicity(voice: Voice) -> float:
    """Return B of a voice's first and last partial, f_n = n f_0 sqrt(1 + B n^2) (Fletcher 1964); 0 of too few."""
    n, hz = voice.partial_number, voice.partial_hz
    if len(n) < FEWEST_PARTIALS:
        return 0.0
    low, high = int(np.argmin(n)), int(np.argmax(n))
    square = (hz[high] * n[low] / (hz[low] * n[high])) ** 2  # (1 + B N^2) / (1 + B n^2)
    return float(max((square - 1) / (n[high] ** 2 - square * n[low] ** 2), 0.0))


def _stiffer(voice: Voice, octaves: float) -> Floats | float:
    """Return by how much each partial moves when the inharmonicity grows by so many octaves, (P,)."""
    b, square = _inharmonicity(voice), voice.partial_number**2
    return np.asarray(np.sqrt((1 + b * 2.0**octaves * square) / (1 + b * square))) if b and octaves else 1.0


def _stiffness(residual: Residual, own_octaves: Floats) -> Floats:
    """Return each note's inharmonicity over that of the law, octaves: the median of its takes; 0 where none tells."""
    found = []
    for pitch, own in zip(residual.pitches, own_octaves, strict=True):
        misses = [
            np.log2(heard.tracks.pitch.inharmonicity / b)
            for heard, voice in zip(residual.heard, residual.voices, strict=True)
            if heard.note.midi == pitch
            and heard.tracks.pitch.partials >= FEWEST_PARTIALS
            and heard.tracks.pitch.inharmonicity > LEAST_INHARMONICITY
            and (b := _inharmonicity(voice)) > LEAST_INHARMONICITY
        ]
        found.append(own + float(np.median(misses)) if misses else 0.0)
    return np.array(found)
