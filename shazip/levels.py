"""Levels 1 (fast) to 9 (small): names for model, lanes and contexts, each of them measured.

level -> Codec (archive.py): candidates of the choice by content, lanes of large blocks, contexts

`python -m benchmarks.levels` measures them into levels.tsv, which help and README show. No imports
that would make help slow.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, SupportsIndex

from shazip.settings import integer

NONE, TINY = "none", "tiny"  # models that levels name
DEFAULT_LEVEL = 6


@dataclass(frozen=True)
class Level:
    """What a level stands for."""

    network: str | None  # chosen where it pays (choice.py); None: that which suits the content
    lanes: int  # of large blocks; small ones have fewer in proportion (lanes.py)
    contexts: str | None = None  # of mixing; None: those that suit the content

    @property
    def words(self) -> str:
        """What it does, in a few words."""
        network = {NONE: "no network", None: "best network"}.get(self.network, self.network)
        contexts = f", {self.contexts} contexts" if self.contexts else ""
        return f"{network}{contexts}, {self.lanes} lane{'s' * (self.lanes > 1)}"


LEVELS = {
    1: Level(NONE, 32, "few"),
    2: Level(TINY, 32, "few"),
    3: Level(TINY, 32),
    4: Level(TINY, 8),
    5: Level(None, 32, "few"),
    6: Level(None, 8),
    7: Level(None, 4),
    8: Level(None, 2),
    9: Level(None, 1),
}

FILE = Path(__file__).with_name("levels.tsv")


class Figures(NamedTuple):
    """What a level makes of a file."""

    bpb: float
    compress: float  # kB/s
    decompress: float  # kB/s


@dataclass
class Measured:
    """What was measured last, as in levels.tsv: three kinds of lines, their fields cut by tabs."""

    files: dict[str, str] = field(default_factory=dict)  # by the kind that they stand for
    machine: dict[str, str] = field(default_factory=dict)
    figures: dict[tuple[int, str], Figures] = field(default_factory=dict)  # by level and kind

    def dumps(self) -> str:
        """Return the lines."""
        lines: list[tuple[str, ...]] = [("file", *pair) for pair in self.files.items()]
        lines += [("machine", *pair) for pair in self.machine.items()]
        lines += [
            (str(number), kind, *map(str, found)) for (number, kind), found in self.figures.items()
        ]
        return "".join("\t".join(line) + "\n" for line in lines)

    @classmethod
    def loads(cls, text: str) -> Measured:
        """Return what the lines say."""
        found = cls()
        for line in text.splitlines():
            name, key, *values = line.split("\t")
            if name == "file":
                found.files[key] = values[0]
            elif name == "machine":
                found.machine[key] = values[0]
            else:
                found.figures[int(name), key] = Figures(*map(float, values))
        return found

    def rows(self) -> list[list[str]]:
        """Return a row for each level: its flag, its words, bits per byte and speed by kind."""
        return [
            [
                f"-{number}",
                level.words,
                *(cell for kind in self.files for cell in self._cells(number, kind)),
            ]
            for number, level in LEVELS.items()
        ]

    def _cells(self, number: int, kind: str) -> tuple[str, str]:
        if (number, kind) not in self.figures:
            return "-", "-"
        bpb, *speeds = self.figures[number, kind]
        return f"{bpb:.3f}", " / ".join(f"{speed:.0f}" if speed else "-" for speed in speeds)


def level_of(number: SupportsIndex | None) -> Level:
    """Return the level of this number; None means the default. Raises TypeError, ValueError."""
    if number is None:
        number = DEFAULT_LEVEL
    return LEVELS[integer("level", number, min(LEVELS), max(LEVELS))]


def measured() -> Measured:
    """Return what was measured last."""
    return Measured.loads(FILE.read_text())
