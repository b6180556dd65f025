"""The built-in effects: what each is called, its parameters in real units, and how it is made.

They run in this process: they are pedalboard's own code, tested with it, and cost 5 to 40 ms for 10 s of sound, which
a child process would double. Two of pedalboard's effects are left out, because they do not work in blocks
(measured with 0.9.26): PitchShift gives silence, GSMFullRateCompressor gives other samples for other block sizes.
"""

from __future__ import annotations

from backtune.errors import InputError, nearest
from backtune.hosting.effect import Effect, Knob, from_class, make_convolution, make_ladder, make_resample

REVERB_WET = 1.0 / 3.0  # JUCE's reverb multiplies its wet level by 3

_CUTOFF = Knob("cutoff_hz", 10, 20000, 1000, "where the filter begins", "cutoff_frequency_hz")
_SHELF = (
    Knob("cutoff_hz", 10, 20000, 1000, "centre of the filter", "cutoff_frequency_hz"),
    Knob("gain_db", -40, 40, 0, "boost or cut"),
    Knob("q", 0.05, 20, 0.7071, "narrowness of the filter"),
)
_RELEASE = Knob("release_ms", 0.1, 5000, 100, "time to let go")
_THRESHOLD = Knob("threshold_db", -100, 0, -20, "level at which it begins to work")
_FEEDBACK = Knob("feedback", 0, 0.95, 0, "share of the output that is sent in again")
_RATE = Knob("rate_hz", 0, 20, 1, "speed of the movement")

EFFECTS = {
    effect.kind: effect
    for effect in (
        Effect("gain", "louder or softer", (Knob("gain_db", -80, 40, 0, "change of level"),), from_class("Gain")),
        Effect("invert", "polarity turned over", (), from_class("Invert")),
        Effect("high_pass", "less below a frequency, 6 dB an octave", (_CUTOFF,), from_class("HighpassFilter")),
        Effect("low_pass", "less above a frequency, 6 dB an octave", (_CUTOFF,), from_class("LowpassFilter")),
        Effect("low_shelf", "more or less bass", _SHELF, from_class("LowShelfFilter")),
        Effect("high_shelf", "more or less treble", _SHELF, from_class("HighShelfFilter")),
        Effect("peak", "more or less around a frequency", _SHELF, from_class("PeakFilter")),
        Effect(
            "ladder",
            "a steep filter with resonance, as in old synthesisers",
            (
                Knob("cutoff_hz", 10, 20000, 1000, "where the filter begins"),
                Knob("resonance", 0, 1, 0, "emphasis at the cutoff"),
                Knob("drive", 1, 20, 1, "overload of its stages"),
            ),
            make_ladder,
            choices={"shape": ("low_pass", "high_pass", "band_pass"), "slope": ("12", "24")},
        ),
        Effect(
            "compressor",
            "loud passages made softer",
            (
                _THRESHOLD,
                Knob("ratio", 1, 100, 4, "dB in for one dB out above the threshold"),
                Knob("attack_ms", 0.01, 1000, 10, "time to take hold"),
                _RELEASE,
            ),
            from_class("Compressor"),
        ),
        Effect(
            "noise_gate",
            "soft passages made silent",
            (
                _THRESHOLD,
                Knob("ratio", 1, 100, 10, "how hard it closes"),
                Knob("attack_ms", 0.01, 1000, 1, "time to open"),
                _RELEASE,
            ),
            from_class("NoiseGate"),
        ),
        Effect(
            "limiter",
            "no peak above the ceiling; looks ahead, so it is late by that much",
            (
                Knob("ceiling_db", -40, 0, -1, "highest level let through"),
                _RELEASE,
                Knob("lookahead_ms", 0.1, 20, 5, "how early it begins", moves=False),
            ),
            from_class("BrickwallLimiter"),
        ),
        Effect(
            "maximiser",
            "a limiter that raises what is soft, up to full scale",
            (Knob("threshold_db", -60, 0, -10, "level at which it begins to work"), _RELEASE),
            from_class("Limiter"),
        ),
        Effect(
            "chorus",
            "copies that drift in pitch",
            (
                _RATE,
                Knob("depth", 0, 1, 0.25, "size of the drift"),
                Knob("centre_delay_ms", 1, 100, 7, "distance of the copies"),
                _FEEDBACK,
            ),
            from_class("Chorus", mix=1.0),
            mix=0.5,
        ),
        Effect(
            "phaser",
            "notches that wander through the spectrum",
            (
                _RATE,
                Knob("depth", 0, 1, 0.5, "width of the wandering"),
                Knob("centre_hz", 20, 10000, 1300, "middle of the wandering", "centre_frequency_hz"),
                _FEEDBACK,
            ),
            from_class("Phaser", mix=1.0),
            mix=0.5,
        ),
        Effect(
            "delay",
            "echoes",
            (Knob("delay_s", 0, 30, 0.3, "distance of the echoes", "delay_seconds"), _FEEDBACK),
            from_class("Delay", mix=1.0),
            mix=0.3,
        ),
        Effect(
            "reverb",
            "a room",
            (
                Knob("room_size", 0, 1, 0.5, "length of the reverberation"),
                Knob("damping", 0, 1, 0.5, "loss of treble on the way"),
                Knob("width", 0, 1, 1, "from mono to stereo"),
            ),
            from_class("Reverb", wet_level=REVERB_WET, dry_level=0.0),
            mix=0.3,
        ),
        Effect(
            "convolution",
            "a recorded room or box, by its impulse response; noise keeps its level",
            (),
            make_convolution,
            mix=0.3,
            file="file",
        ),
        Effect(
            "distortion",
            "overload, rounded",
            (Knob("drive_db", 0, 60, 12, "how far it is overloaded"),),
            from_class("Distortion"),
        ),
        Effect("clip", "overload, cut off", (Knob("threshold_db", -60, 0, -6, "where"),), from_class("Clipping")),
        Effect(
            "bitcrush",
            "fewer steps of level",
            (Knob("bits", 1, 32, 8, "number of bits", "bit_depth"),),
            from_class("Bitcrush"),
        ),
        Effect(
            "resample",
            "down to another sampling rate and back",
            (Knob("rate_hz", 1000, 96000, 12000, "rate in between", moves=False),),
            make_resample,
            choices={"quality": ("clean", "linear", "steps")},
        ),
        Effect(
            "mp3",
            "what MP3 leaves of it",
            (Knob("loss", 0, 9.9, 2, "0 = best, 9.9 = worst", "vbr_quality", moves=False),),
            from_class("MP3Compressor"),
        ),
    )
}


def built_in(kind: str, where: str) -> Effect:
    """Return the effect of that kind; raise InputError with the nearest name when there is none."""
    if kind not in EFFECTS:
        raise InputError(f"{where}.effect: '{kind}' is no built-in effect; {nearest(kind, EFFECTS)}")
    return EFFECTS[kind]
