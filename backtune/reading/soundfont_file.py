"""SoundFont 2 files: presets, the zones that a key and a velocity sound, and their samples."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backtune.errors import InputError, nearest
from backtune.reading.riff import riff_chunks
from backtune.reading.soundfont_zone import Sample, Zone

MOST_TABLE_BYTES = 50_000_000  # 12 million generators; the largest fonts have 100 thousand
MOST_ZONES = 100_000  # of all presets: 100 MB; FluidR3 has 17 thousand
SF3_FLAG = 0x10  # sample type bit of Vorbis-compressed samples, which SoundFont 2 does not have
ROM_FLAG = 0x8000  # sample in the ROM of a sound card

# Records of the pdta chunk (SoundFont 2.04 specification, section 7)
_PRESET = np.dtype([("name", "S20"), ("program", "<u2"), ("bank", "<u2"), ("bag", "<u2"), ("rest", "<u4", 3)])
_BAG = np.dtype([("gen", "<u2"), ("mod", "<u2")])
_GEN = np.dtype([("oper", "<u2"), ("amount", "<i2")])
_INST = np.dtype([("name", "S20"), ("bag", "<u2")])
_SAMPLE = np.dtype(
    [
        ("name", "S20"),
        ("start", "<u4"),
        ("end", "<u4"),
        ("loop_start", "<u4"),
        ("loop_end", "<u4"),
        ("rate", "<u4"),
        ("key", "u1"),
        ("correction", "i1"),
        ("link", "<u2"),
        ("type", "<u2"),
    ]
)
_RECORDS = {"phdr": _PRESET, "pbag": _BAG, "pgen": _GEN, "inst": _INST, "ibag": _BAG, "igen": _GEN, "shdr": _SAMPLE}

INSTRUMENT, SAMPLE = 41, 53  # generators that name what a zone plays
LAST_GENERATOR = 60  # numbers above it mean nothing; merged into each zone they would fill the memory


@dataclass(frozen=True)
class Preset:
    """One playable sound: bank, program, name and its zones."""

    bank: int
    program: int
    name: str
    zones: tuple[Zone, ...]

    @property
    def label(self) -> str:
        """How the preset is asked for: bank:program."""
        return f"{self.bank}:{self.program}"


class SoundFontFile:
    """A SoundFont on disk; the sample pool is mapped, not loaded."""

    def __init__(self, path: Path) -> None:
        """Find the tables of `path`; raise InputError when it is no intact SoundFont 2."""
        self.path = path
        self._chunks = riff_chunks(path, "sfbk")
        if "smpl" not in self._chunks:
            raise InputError(f"{path}: damaged SoundFont (it holds no samples)")

    @cached_property
    def pool(self) -> NDArray[np.int16]:
        """All samples, 16-bit, one after the other, (N,); read from disk where they are used."""
        start, length = self._chunks["smpl"]
        return np.memmap(self.path, "<i2", "r", start, (length // 2,)) if length > 1 else np.zeros(0, np.int16)

    def information(self, chunk: str) -> str:
        """Return a text of the INFO list: INAM (name), ICOP (copyright), ICMT (comment)...; "" when missing."""
        return _text(self._bytes(chunk))

    @cached_property
    def _tables(self) -> dict[str, NDArray[np.void]]:
        tables = {}
        for name, record in _RECORDS.items():
            data = self._bytes(name)
            if len(data) % record.itemsize or len(data) < record.itemsize:
                raise InputError(f"{self.path}: damaged SoundFont (table {name} has {len(data)} bytes)")
            tables[name] = np.frombuffer(data, record)
        return tables

    def _bytes(self, chunk: str) -> bytes:
        start, length = self._chunks.get(chunk, (0, 0))
        if length > MOST_TABLE_BYTES:
            raise InputError(f"{self.path}: damaged SoundFont (table {chunk} has {length} bytes)")
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(length)

    @cached_property
    def samples(self) -> list[Sample | None]:
        """The samples by number; None for one that lies outside the pool, or in a sound card's ROM."""
        length = self._chunks["smpl"][1] // 2
        found: list[Sample | None] = []
        for row in self._tables["shdr"][:-1]:
            start, end, rate = int(row["start"]), int(row["end"]), int(row["rate"])
            if int(row["type"]) & SF3_FLAG:
                raise InputError(f"{self.path}: its samples are compressed (SF3); allowed: SoundFont 2 (.sf2)")
            usable = start < end <= length and 400 <= rate <= 384000 and not int(row["type"]) & ROM_FLAG
            loop = int(row["loop_start"]), int(row["loop_end"])
            key = int(row["key"]) if int(row["key"]) <= 127 else 60  # 255 = unpitched
            one = Sample(_text(row["name"]), start, end, *loop, rate, key, int(row["correction"]))
            found.append(one if usable else None)
        return found

    @cached_property
    def _instruments(self) -> list[list[Zone]]:
        found = []
        for ranges in self._zones("inst", "ibag", "igen", SAMPLE):
            zones = []
            for generators in ranges:
                number = generators.pop(SAMPLE) & 0xFFFF
                sample = self.samples[number] if number < len(self.samples) else None
                if sample is not None:
                    zones.append(Zone.of(sample, generators))
            found.append(zones)
        return found

    @cached_property
    def presets(self) -> list[Preset]:
        """The presets with their zones resolved, ordered by bank and program."""
        found, count = [], 0
        for row, layers in zip(self._tables["phdr"], self._zones("phdr", "pbag", "pgen", INSTRUMENT), strict=False):
            zones: list[Zone] = []
            for added in layers:
                number = added.pop(INSTRUMENT) & 0xFFFF
                played = self._instruments[number] if number < len(self._instruments) else []
                count += len(played)
                if count > MOST_ZONES:  # 24 kB of presets that share an instrument ask for 1.4 million
                    raise InputError(f"{self.path}: damaged SoundFont (its presets have more than {MOST_ZONES} zones)")
                zones += filter(None, (zone.within(added) for zone in played))
            found.append(Preset(int(row["bank"]), int(row["program"]), _text(row["name"]), tuple(zones)))
        return sorted(found, key=lambda preset: (preset.bank, preset.program))

    def preset(self, wanted: str) -> Preset:
        """Return the preset called "bank:program", "program" (bank 0) or by its name, case ignored.

        Raises InputError with the nearest name when there is none, or for a zone that asks for what cannot be played.
        """
        found = self._named(wanted)
        for zone in found.zones:
            if says := zone.beyond():
                raise InputError(
                    f"{self.path}: preset {found.label} '{found.name}', sample '{zone.sample.name}': {says}"
                )
        return found

    def _named(self, wanted: str) -> Preset:
        labels = {preset.label: preset for preset in reversed(self.presets)}
        label = wanted.strip() if ":" in wanted else f"0:{wanted.strip()}"
        if label in labels:
            return labels[label]
        names = {preset.name.lower(): preset for preset in reversed(self.presets)}
        if wanted.strip().lower() in names:
            return names[wanted.strip().lower()]
        shown = [f"{preset.label} {preset.name}" for preset in self.presets]
        hint = nearest(wanted, [preset.name for preset in self.presets]) if not wanted.strip()[:1].isdigit() else ""
        hint = hint if hint.startswith("did") else f"allowed: {', '.join(shown[:12])}{'...' if len(shown) > 12 else ''}"
        raise InputError(f"{self.path}: has no preset '{wanted[:40]}'; {hint}")

    def _zones(self, heads: str, bags: str, generators: str, last: int) -> list[list[dict[int, int]]]:
        """Return for each head the generators of its zones that end in `last`, the global zone's merged in."""
        bag, gen = self._tables[bags]["gen"].astype(int), self._tables[generators]
        oper, amount = gen["oper"].tolist(), gen["amount"].tolist()
        start = self._tables[heads]["bag"].astype(int)
        if start[-1] >= len(bag) or np.any(np.diff(start) < 0) or np.any(np.diff(bag) < 0) or bag[-1] > len(gen):
            raise InputError(f"{self.path}: damaged SoundFont (table {heads} or {bags} points outside the file)")
        found = []
        for first, stop in itertools.pairwise(start.tolist()):
            common: dict[int, int] = {}
            zones = []
            for number in range(first, stop):
                inside = range(bag[number], bag[number + 1])
                own = {oper[index]: amount[index] for index in inside if oper[index] <= LAST_GENERATOR}
                if last in own:
                    zones.append(common | own)
                elif number == first:
                    common = own
            found.append(zones)
        return found


def _text(raw: bytes) -> str:
    return raw.split(b"\0")[0].decode("latin-1").strip()
