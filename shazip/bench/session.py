"""Runs the benchmark, shows its progress and collects the results."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from shazip.bench.curves import by_lanes, by_size, by_stage, pieces
from shazip.bench.live import LiveTable, Status
from shazip.bench.machine import describe
from shazip.bench.plan import Subject
from shazip.bench.results import Input, Point, Results, Row
from shazip.bench.tools import Library, Shazip, Tool
from shazip.bench.trial import Patience, run_trials


@dataclass(frozen=True)
class Extent:
    """The inputs of the curves."""

    sizes: tuple[int, ...] = (1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18)
    lanes: tuple[int, ...] = (1, 4, 16, 64, 256)
    lanes_size: int = 1 << 16
    pieces: int = 8  # of each size at most


QUICK = Extent((1 << 10, 1 << 12), (1, 4), 1 << 12, 1)


@dataclass
class Session:
    """One run and its results so far; `table` and `status` show the progress."""

    tools: Sequence[Tool]
    patience: Patience
    table: TextIO | None = None
    status: TextIO | None = None
    files: list[Input] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    by_size: list[Point] = field(default_factory=list)
    by_lanes: list[Point] = field(default_factory=list)
    stages: dict[str, float] = field(default_factory=dict)

    def measure(self, subject: Subject) -> None:
        """Compress and decompress one file with all tools."""
        table = LiveTable(self.table, subject.file) if self.table else None
        show = table.show if table else lambda rows, done: None
        with tempfile.TemporaryDirectory(prefix="shazip-bench-") as folder:
            path = Path(folder) / "file"
            path.write_bytes(subject.data)
            rows = run_trials(subject.file, path, self.tools, self.patience, show)
        if table:
            table.close(rows)
        self.files.append(subject.file)
        self.rows.extend(rows)

    def draw_curves(self, subject: Subject, extent: Extent = Extent()) -> None:
        """Measure libraries and shazip at several input sizes, shazip by lanes and by stage."""
        status = Status(self.status)
        shazip = next(tool for tool in self.tools if isinstance(tool, Shazip))
        tools = [tool for tool in self.tools if isinstance(tool, Library)]
        data = subject.data
        cuts = [(size, pieces(data, size, extent.pieces)) for size in extent.sizes]
        self.by_size.extend(by_size([*tools, shazip], cuts, status.show))
        self.by_lanes.extend(by_lanes(shazip, data[: extent.lanes_size], extent.lanes, status.show))
        self.stages.update(by_stage(shazip, data[: extent.lanes_size], status.show))
        status.show("")

    def results(self) -> Results:
        """Return all results."""
        return Results(
            describe(),
            tuple(self.files),
            tuple(self.rows),
            tuple(self.by_size),
            tuple(self.by_lanes),
            dict(self.stages),
        )
