"""The results of a benchmark, as kept in JSON; all figures shown come from them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Input:
    """One file of the benchmark."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Row:
    """One tool on one file. All lists hold one value for each round."""

    tool: str
    file: str
    size: int  # of the original
    version: str = ""
    note: str = ""
    failure: str = ""  # why there are no figures; empty if all rounds gave the original back
    packed: int = 0
    compress_seconds: tuple[float, ...] = ()
    decompress_seconds: tuple[float, ...] = ()
    peak: int = 0  # bytes, the larger of both directions; 0 where the system reports none
    model: int = 0  # bytes
    program: int = 0  # bytes; 0 where unknown
    trained_on: bool | None = False  # None: the model does not name its training data

    @property
    def bpb(self) -> float:
        """Bits per byte."""
        return 8 * self.packed / self.size

    @property
    def ratio(self) -> float:
        """original / compressed."""
        return self.size / self.packed

    @property
    def with_model(self) -> int:
        """The bytes of archive and model."""
        return self.packed + self.model

    @property
    def with_program(self) -> int | None:
        """The bytes of archive, model and program: the Hutter Prize's sum."""
        return self.packed + self.model + self.program if self.program else None


@dataclass(frozen=True)
class Point:
    """shazip or another tool at one input size, or with one number of lanes."""

    tool: str
    x: int  # bytes, or lanes
    size: int  # bytes measured in all
    packed: int
    seconds: float  # to compress them
    unpack_seconds: float = 0  # to decompress them; 0 if that was not measured

    @property
    def bpb(self) -> float:
        """Bits per byte."""
        return 8 * self.packed / self.size

    @property
    def speed(self) -> float:
        """kB/s of compression."""
        return self.size / self.seconds / 1000

    @property
    def unpack_speed(self) -> float:
        """kB/s of decompression."""
        return self.size / self.unpack_seconds / 1000


@dataclass(frozen=True)
class Results:
    """All of one run."""

    machine: Mapping[str, str]
    files: tuple[Input, ...]
    rows: tuple[Row, ...]
    by_size: tuple[Point, ...] = ()
    by_lanes: tuple[Point, ...] = ()
    stages: Mapping[str, float] = field(default_factory=dict)  # nanoseconds a byte

    def dumps(self) -> str:
        """Return the JSON text."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def loads(cls, text: str) -> Results:
        """Return the results that `dumps` wrote."""
        document = json.loads(text)
        kinds = {"files": Input, "rows": Row, "by_size": Point, "by_lanes": Point}
        for name, kind in kinds.items():
            document[name] = tuple(_load(kind, item) for item in document[name])
        return cls(**document)

    def rows_of(self, file: str) -> tuple[Row, ...]:
        """Return the rows of one file."""
        return tuple(row for row in self.rows if row.file == file)


def _load(kind: Any, item: dict[str, Any]) -> Any:
    known = {name.name for name in fields(kind)}
    return kind(
        **{k: tuple(v) if isinstance(v, list) else v for k, v in item.items() if k in known}
    )


def speed(size: int, seconds: tuple[float, ...]) -> tuple[float, float | None]:
    """Return the median speed in kB/s, and half the range over it; None for a single round."""
    middle = median(seconds)
    spread = (max(seconds) - min(seconds)) / 2 / middle if len(seconds) > 1 else None
    return size / middle / 1000, spread
