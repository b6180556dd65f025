"""A SoundFont of a few kilobytes, written field by field, for tests of reading and playing."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

RATE = 22050
LOOP = 100  # frames of one period of the looped sine: 220.5 Hz


@dataclass
class TinyZone:
    """One instrument zone: generators by number, on the sample of that index."""

    sample: int
    generators: dict[int, int] = field(default_factory=dict)


def sine_pool(periods: int = 40) -> NDArray[np.int16]:
    """A sine of 220.5 Hz that can loop after each period."""
    frames = np.arange(LOOP * periods)
    return np.round(16000 * np.sin(2 * np.pi * frames / LOOP)).astype("<i2")


def tiny_soundfont(
    zones: list[TinyZone], samples: int = 1, preset: dict[int, int] | None = None, layers: int = 1
) -> bytes:
    """Return a font with one preset 0:5 "Tiny Sine" of one instrument with these zones; root key 57 (A3, +4 cents).

    `preset` holds the generators of the preset's zones, `layers` is how many of them play the instrument.
    """
    added = b"".join(struct.pack("<Hh", oper, amount) for oper, amount in {**(preset or {}), 41: 0}.items())
    pool = np.concatenate([np.concatenate([sine_pool(), np.zeros(46, "<i2")]) for _ in range(samples)])
    step = len(sine_pool()) + 46
    heads = b"".join(
        struct.pack(
            "<20sIIIIIBbHH",
            f"sine {index}".encode(),
            index * step,
            index * step + step - 46,
            index * step + 10 * LOOP,
            index * step + 20 * LOOP,
            RATE,
            57,
            0,
            0,
            1,
        )
        for index in range(samples)
    ) + struct.pack("<20sIIIIIBbHH", b"EOS", 0, 0, 0, 0, 0, 0, 0, 0, 0)
    gens, bags = b"", b""
    count = 0
    for zone in zones:
        bags += struct.pack("<HH", count, 0)
        ranges = {oper: amount for oper, amount in zone.generators.items() if oper in (43, 44)}
        for oper, amount in {**ranges, **zone.generators, 53: zone.sample}.items():
            gens += struct.pack("<Hh", oper, amount)
            count += 1
    bags += struct.pack("<HH", count, 0)
    gens += struct.pack("<Hh", 0, 0)
    pdta = [
        (
            b"phdr",
            struct.pack("<20sHHHIII", b"Tiny Sine", 5, 0, 0, 0, 0, 0)
            + struct.pack("<20sHHHIII", b"EOP", 0, 0, layers, 0, 0, 0),
        ),
        (b"pbag", b"".join(struct.pack("<HH", one * len(added) // 4, 0) for one in range(layers + 1))),
        (b"pmod", bytes(10)),
        (b"pgen", added * layers + struct.pack("<Hh", 0, 0)),
        (b"inst", struct.pack("<20sH", b"Tiny", 0) + struct.pack("<20sH", b"EOI", len(zones))),
        (b"ibag", bags),
        (b"imod", bytes(10)),
        (b"igen", gens),
        (b"shdr", heads),
    ]
    info = _list(b"INFO", [(b"ifil", struct.pack("<HH", 2, 1)), (b"INAM", _text("Tiny")), (b"ICOP", _text("CC0"))])
    body = b"sfbk" + info + _list(b"sdta", [(b"smpl", pool.astype("<i2").tobytes())]) + _list(b"pdta", pdta)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _text(text: str) -> bytes:
    data = text.encode() + b"\0"
    return data + b"\0" * (len(data) % 2)


def _list(name: bytes, chunks: list[tuple[bytes, bytes]]) -> bytes:
    body = name + b"".join(key + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for key, data in chunks)
    return b"LIST" + struct.pack("<I", len(body)) + body
